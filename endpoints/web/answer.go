package web

import (
	"errors"
	"net/http"
	"strconv"
	"time"

	"github.com/signet-idp/signet/provider/fault"
)

// answer writes err in the route's wire form, unless the handler has already
// begun to answer; then it is only logged.
func (f *frame) answer(x *exchange, r *http.Request, err error) {
	e := f.toError(err)
	if e.Status >= 500 {
		e.ID = f.ids.next()
	}
	x.err = e
	if x.status != 0 {
		return
	}
	h := x.Header()
	for name, values := range e.Header {
		h[name] = values
	}
	if e.RetryAfter > 0 {
		h.Set("Retry-After", strconv.FormatInt(int64((e.RetryAfter+time.Second-1)/time.Second), 10))
	}
	if c := e.challenge(x.bound.route.Style); c != "" {
		h.Set("WWW-Authenticate", c)
	}
	// An error is nobody's cached document, whatever the handler had set.
	h["Cache-Control"] = f.headers.noStore
	h.Del("ETag")
	h.Del("Last-Modified")
	h.Del("Content-Length")
	h.Del("Content-Encoding")
	switch x.bound.route.Style {
	case OAuth:
		writeOAuthError(x, e)
	case Page:
		f.writePageError(x, r, e)
	default:
		f.writeJSONError(x, e)
	}
}

// toError is toError with the statuses that options override.
func (f *frame) toError(err error) *Error {
	e := toError(err)
	if len(f.o.Statuses) == 0 {
		return e
	}
	if known, ok := errors.AsType[*fault.Error](err); ok {
		if status := f.o.Statuses[known.Code]; status != 0 {
			e.Status = status
		}
	}
	return e
}

// challenge returns the WWW-Authenticate value. A 401 always has one (RFC 9110
// §15.5.2).
func (e *Error) challenge(s Style) string {
	if e.Challenge != "" || e.Status != http.StatusUnauthorized || s == Page {
		return e.Challenge
	}
	if s == OAuth && e.OAuth == "invalid_client" {
		return `Basic realm="signet"`
	}
	return bearerChallenge("invalid_token", "")
}

// writeJSONError writes the legacy shape: detail is a text, or for 422 a list.
func (f *frame) writeJSONError(x *exchange, e *Error) {
	body := make(map[string]any, 5+len(e.Extra))
	for k, v := range e.Extra {
		body[k] = v
	}
	body["detail"] = e.Detail
	if e.Status == http.StatusUnprocessableEntity {
		body["detail"] = e.details()
	}
	body["error_code"] = e.jsonCode()
	body["timestamp"] = f.o.Times.Format(f.o.Clock.Now())
	body["request_id"] = x.requestID
	if e.ID != "" {
		body["error_id"] = e.ID
	}
	_ = WriteJSON(x, e.Status, body)
}

type detail struct {
	Loc  []string `json:"loc"`
	Msg  string   `json:"msg"`
	Type string   `json:"type"`
}

func (e *Error) details() []detail {
	if len(e.Fields) == 0 {
		return []detail{{Loc: []string{"body"}, Msg: e.Detail, Type: "value_error"}}
	}
	list := make([]detail, len(e.Fields))
	for i, f := range e.Fields {
		typ := f.Type
		if typ == "" {
			typ = "value_error"
		}
		list[i] = detail{Loc: location(f.Field), Msg: f.Message, Type: typ}
	}
	return list
}

// location is where a field is: in the body, unless its name begins with
// "query.", "path." or "header.".
func location(field string) []string {
	path := splitPath(field)
	if len(path) > 1 && (path[0] == "query" || path[0] == "path" || path[0] == "header") {
		return path
	}
	return append([]string{"body"}, path...)
}

func (e *Error) jsonCode() string {
	if e.Code != "" {
		return e.Code
	}
	switch e.Status {
	case http.StatusUnauthorized:
		return "AUTH_011"
	case http.StatusForbidden:
		return "AUTH_010"
	case http.StatusNotFound:
		return "REQ_003"
	case http.StatusConflict:
		return "REQ_004"
	case http.StatusUnsupportedMediaType:
		return "REQ_002"
	case http.StatusTooManyRequests:
		return "AUTH_004"
	case http.StatusServiceUnavailable:
		return "SRV_002"
	default:
		if e.Status >= 500 {
			return "SRV_001"
		}
		return "REQ_001"
	}
}

func writeOAuthError(x *exchange, e *Error) {
	body := make(map[string]any, 3+len(e.Extra))
	for k, v := range e.Extra {
		body[k] = v
	}
	body["error"] = e.oauthCode()
	if e.Detail != "" {
		body["error_description"] = e.Detail
	}
	if e.ID != "" {
		body["error_id"] = e.ID
	}
	_ = WriteJSON(x, e.Status, body)
}

func (e *Error) oauthCode() string {
	if e.OAuth != "" {
		return e.OAuth
	}
	switch {
	case e.Status == http.StatusUnauthorized:
		return "invalid_token"
	case e.Status == http.StatusForbidden:
		return "access_denied"
	case e.Status == http.StatusServiceUnavailable, e.Status == http.StatusTooManyRequests:
		return "temporarily_unavailable"
	case e.Status >= 500:
		return "server_error"
	default:
		return "invalid_request"
	}
}

func (f *frame) writePageError(x *exchange, r *http.Request, e *Error) {
	pages := f.o.Pages
	if own := x.bound.route.Pages; own != nil {
		pages = own
	}
	if pages != nil {
		pages.ErrorPage(x, r, e)
		if x.status != 0 {
			return
		}
	}
	h := x.Header()
	h.Set("Content-Type", "text/plain; charset=utf-8")
	x.WriteHeader(e.Status)
	text := e.Detail
	if e.ID != "" {
		text += " (error " + e.ID + ")"
	}
	_, _ = x.Write([]byte(text + "\n"))
}
