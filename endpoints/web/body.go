package web

import (
	"mime"
	"net/http"
	"slices"
	"strings"
)

// AnyContentType in Route.ContentTypes takes bodies of every type, unread or
// judged by the handler (gateways forward the original request's Content-Type).
const AnyContentType = "*/*"

// limitBody refuses bodies of the wrong type or size before the handler runs
// and bounds what it can read. A request without a body passes whatever its
// Content-Type: nginx leaks the original one.
func limitBody(x *exchange, r *http.Request) error {
	if r.Body == nil || r.Body == http.NoBody || r.ContentLength == 0 {
		return nil
	}
	b := x.bound
	if r.ContentLength > b.limit {
		return &http.MaxBytesError{Limit: b.limit}
	}
	r.Body = http.MaxBytesReader(x.ResponseWriter, r.Body, b.limit)
	if safe(r.Method) || acceptable(r.Header["Content-Type"], b.types) {
		return nil
	}
	e := NewError(http.StatusUnsupportedMediaType, "REQ_002", "send the body as "+strings.Join(b.types, " or "))
	e.OAuth = "invalid_request"
	return e
}

func acceptable(header, types []string) bool {
	if types[0] == AnyContentType {
		return true
	}
	if len(header) != 1 {
		return false
	}
	if slices.Contains(types, header[0]) {
		return true
	}
	media, params, err := mime.ParseMediaType(header[0])
	if err != nil || !slices.Contains(types, media) {
		return false
	}
	charset := params["charset"]
	return charset == "" || strings.EqualFold(charset, "utf-8")
}
