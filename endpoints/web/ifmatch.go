package web

import (
	"net/http"
	"strconv"
	"strings"

	"github.com/signet-idp/signet/provider/fault"
)

// IfMatch is the version that a change is meant for: that of the tag in If-Match
// (RFC 9110 §13.1.1), 0 for any, also without one. Versions are tags as numbers,
// such as "7".
func IfMatch(r *http.Request) (int64, error) {
	values := r.Header.Values("If-Match")
	if len(values) == 0 || len(values) == 1 && values[0] == "*" {
		return 0, nil
	}
	tag := strings.TrimSpace(values[0])
	if len(values) == 1 && len(tag) > 2 && tag[0] == '"' && tag[len(tag)-1] == '"' {
		if n, err := strconv.ParseInt(tag[1:len(tag)-1], 10, 64); err == nil && n > 0 {
			return n, nil
		}
	}
	return 0, fault.New(fault.Outdated, `If-Match is the ETag of an answer before, such as "7"`)
}
