package openapi

import (
	"maps"
	"net/http"
	"slices"
	"strconv"

	"github.com/signet-idp/signet/endpoints/web"
)

// failures adds the error answers: what the route declares, and what the frame
// answers by itself because of the route's rule, body, query and limits.
func (b *builder) failures(op *Operation, r *web.Route, method string) {
	f := failures{style: r.Style, statuses: b.o.Statuses, codes: map[int][]string{}}
	for _, entry := range r.Errors {
		f.declared(entry)
	}
	f.implied(r, method, op.RequestBody != nil)
	for _, status := range slices.Sorted(maps.Keys(f.codes)) {
		if op.Responses[strconv.Itoa(status)] != nil {
			continue // the route says itself what such an answer holds
		}
		codes := f.codes[status]
		slices.Sort(codes)
		a := &Response{Description: http.StatusText(status), Codes: slices.Compact(codes), Content: errorContent(r.Style, status, codes)}
		switch {
		case status == http.StatusTooManyRequests, status == http.StatusServiceUnavailable, status == http.StatusLocked:
			a.Headers = map[string]*Header{"Retry-After": {"Seconds to wait.", &Schema{Type: Types{"integer"}}}}
		case status == http.StatusUnauthorized && r.Style != web.Page:
			a.Headers = map[string]*Header{"WWW-Authenticate": {"What to authenticate with (RFC 9110 §11.6.1).", &Schema{Type: Types{"string"}}}}
		}
		op.Responses[strconv.Itoa(status)] = a
	}
}

type failures struct {
	style    web.Style
	statuses map[string]int
	codes    map[int][]string
}

// wire is a code in the route's style.
func (f *failures) wire(json, oauth string) string {
	if f.style == web.OAuth {
		return oauth
	}
	return json
}

func (f *failures) add(status int, code string) { f.codes[status] = append(f.codes[status], code) }

func (f *failures) declared(entry string) {
	status, code := web.SplitCode(entry)
	if status == 0 {
		if all := web.Statuses(f.style, code); len(all) > 0 {
			status = all[0]
		}
	}
	if changed := f.statuses[code]; changed != 0 {
		status = changed
	}
	f.add(status, code)
}

func (f *failures) implied(r *web.Route, method string, body bool) {
	f.add(http.StatusInternalServerError, f.wire("SRV_001", "server_error"))
	f.add(http.StatusServiceUnavailable, f.wire("SRV_002", "temporarily_unavailable"))
	invalid := f.wire("REQ_001", "invalid_request")
	if method != http.MethodGet && (body || r.Request == nil) {
		// Of every body, asked for or not, size and type are looked at.
		f.add(http.StatusRequestEntityTooLarge, invalid)
		f.add(http.StatusUnsupportedMediaType, f.wire("REQ_002", "invalid_request"))
	}
	if body || r.Auth.UsesBearer() { // ended early; two Authorization headers
		f.add(http.StatusBadRequest, invalid)
	}
	if (body || r.Query != nil) && f.style == web.JSON {
		f.add(http.StatusUnprocessableEntity, invalid)
	}
	if r.Idempotent && method == http.MethodPost {
		f.add(http.StatusUnprocessableEntity, invalid)
		f.add(http.StatusConflict, f.wire("REQ_004", "invalid_request"))
	}
	if r.Class(method) != "" {
		f.add(http.StatusTooManyRequests, f.wire("AUTH_004", "slow_down"))
	}
	if r.Auth.UsesBearer() {
		for _, code := range []string{"AUTH_002", "AUTH_005", "AUTH_006", "AUTH_011"} {
			f.add(http.StatusUnauthorized, f.wire(code, "invalid_token"))
		}
		if len(r.Auth.Scopes()) > 0 {
			f.add(http.StatusForbidden, f.wire("AUTH_010", "insufficient_scope"))
		}
	}
}

// Names of the schemas of errors.
const (
	errorName      = "Error"
	validationName = "ValidationError"
	oauthErrorName = "OAuthError"
	codeErrorName  = "WrongCodeError"
)

func errorContent(style web.Style, status int, codes []string) map[string]*Media {
	switch {
	case style == web.Page:
		return map[string]*Media{"text/html": {&Schema{Type: Types{"string"}}}}
	case style == web.OAuth:
		return map[string]*Media{"application/json": {&Schema{Ref: "#/components/schemas/" + oauthErrorName}}}
	case status == http.StatusUnprocessableEntity:
		return map[string]*Media{"application/json": {&Schema{Ref: "#/components/schemas/" + validationName}}}
	case slices.Contains(codes, "MFA_002"):
		return map[string]*Media{"application/json": {&Schema{Ref: "#/components/schemas/" + codeErrorName}}}
	}
	return map[string]*Media{"application/json": {&Schema{Ref: "#/components/schemas/" + errorName}}}
}

// errorSchemas are the bodies that package web writes.
func (b *builder) errorSchemas() {
	text := func(doc string) *Schema { return &Schema{Type: Types{"string"}, Description: doc} }
	all := b.doc.Components.Schemas
	common := func(detail *Schema) *Schema {
		return &Schema{
			Type: Types{"object"},
			Properties: map[string]*Schema{
				"detail": detail, "error_code": text("What happened, for programs."),
				"timestamp":  {Type: Types{"string"}, Format: "date-time"},
				"request_id": text("The request's X-Request-ID."),
				"error_id":   text("Names the log line of a 5xx; in no other answer."),
			},
			Required: []string{"detail", "error_code", "timestamp", "request_id"},
			order:    []string{"detail", "error_code", "timestamp", "request_id", "error_id"},
		}
	}
	all[errorName] = common(text("What happened, for people."))
	wrong := common(text("What happened, for people."))
	wrong.Properties["attempts_remaining"] = &Schema{Type: Types{"integer"}, Description: "How many more answers the challenge takes, with MFA_002."}
	wrong.Properties["verified"] = &Schema{Type: Types{"boolean"}, Description: "false, with MFA_002."}
	wrong.Properties["success"] = &Schema{Type: Types{"boolean"}, Description: "false, with MFA_002."}
	wrong.order = append(wrong.order, "attempts_remaining", "verified", "success")
	all[codeErrorName] = wrong
	all[validationName] = common(&Schema{Type: Types{"array"}, Description: "What is wrong, and where.", Items: &Schema{
		Type: Types{"object"},
		Properties: map[string]*Schema{
			"loc": {Type: Types{"array"}, Items: text(""), Description: `Where: ["body", "email"].`},
			"msg": text("What is wrong."), "type": text("The kind of error."),
		},
		Required: []string{"loc", "msg", "type"}, order: []string{"loc", "msg", "type"},
	}})
	all[oauthErrorName] = &Schema{
		Type: Types{"object"}, Description: "RFC 6749 §5.2.",
		Properties: map[string]*Schema{
			"error": text("What happened, for programs."), "error_description": text("What happened, for people."),
			"error_id": text("Names the log line of a 5xx."),
		},
		Required: []string{"error"}, order: []string{"error", "error_description", "error_id"},
	}
}
