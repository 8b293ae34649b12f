package web

import (
	"net/http"
	"slices"
	"strconv"
	"strings"

	"github.com/signet-idp/signet/provider/fault"
)

// SplitCode reads an entry of Route.Errors: a code of the wire, or a status and
// a code ("400 AUTH_011") where the code has another status than usual.
func SplitCode(entry string) (status int, code string) {
	before, after, ok := strings.Cut(entry, " ")
	if !ok {
		return 0, entry
	}
	status, _ = strconv.Atoi(before)
	return status, after
}

// Statuses lists the statuses a code of the wire comes with, the usual one
// first; none for a code that is not known.
func Statuses(s Style, code string) []int {
	if s == OAuth {
		return oauthStatuses(code)
	}
	switch code {
	case "REQ_001":
		return []int{http.StatusUnprocessableEntity, http.StatusBadRequest, http.StatusRequestEntityTooLarge}
	case "REQ_002":
		return []int{http.StatusUnsupportedMediaType}
	case "REQ_005":
		return []int{http.StatusMethodNotAllowed}
	case "REQ_006":
		return []int{http.StatusMisdirectedRequest}
	case "AUTH_011":
		return []int{http.StatusUnauthorized, http.StatusBadRequest}
	}
	var out []int
	for c := fault.Internal; c < fault.Codes; c++ {
		if m := meanings(c); m.code == code && !slices.Contains(out, m.status) {
			out = append(out, m.status)
		}
	}
	return out
}

// oauthStatuses are those of RFC 6749 §5.2, RFC 6750 §3.1, RFC 8707 §2 and RFC
// 9470 §3.
func oauthStatuses(code string) []int {
	switch code {
	case "invalid_request", "invalid_grant", "unauthorized_client", "unsupported_grant_type", "invalid_scope", "invalid_target":
		return []int{http.StatusBadRequest}
	case "invalid_client", "invalid_token", "insufficient_user_authentication":
		return []int{http.StatusUnauthorized}
	case "insufficient_scope", "access_denied":
		return []int{http.StatusForbidden}
	case "slow_down":
		return []int{http.StatusTooManyRequests}
	case "server_error":
		return []int{http.StatusInternalServerError}
	case "temporarily_unavailable":
		return []int{http.StatusServiceUnavailable}
	}
	return nil
}
