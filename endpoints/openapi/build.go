package openapi

import (
	"fmt"
	"net/http"
	"reflect"
	"slices"
	"strconv"
	"strings"

	"github.com/signet-idp/signet/endpoints/web"
)

// Options are what a document says beside the routes.
type Options struct {
	Issuer  string // base address
	Version string // of the server
	// Scopes are the scopes of the OAuth flows and what they allow.
	Scopes map[string]string
	// BareLists: lists are written as legacy.list_shape=array says.
	BareLists bool
	// Statuses are those that switches change, by error code.
	Statuses map[string]int
}

// Build writes the document of all routes that are not hidden. The same routes
// give the same bytes.
func Build(routes []web.Route, o Options) (*Document, error) {
	routes = slices.DeleteFunc(slices.Clone(routes), func(r web.Route) bool { return r.Hidden })
	var used []usage
	for i := range routes {
		used = append(used, usage{routes[i].Request, true}, usage{routes[i].Response, false}, usage{routes[i].Items, false})
		for _, t := range routes[i].Answers {
			used = append(used, usage{t, false})
		}
	}
	b := &builder{o: o, schemas: newSchemas(used)}
	b.doc = &Document{
		OpenAPI: Version, Dialect: "https://spec.openapis.org/oas/3.1/dialect/base",
		Info: Info{Title: "Signet", Version: o.Version, Description: about},
		Servers: []Server{
			{URL: o.Issuer, Description: "All operations."},
			{URL: o.Issuer + "/api/v1", Description: "The same operations for clients that are configured with this prefix; only those with x-api-v1: true."},
		},
		Paths:      map[string]*Path{},
		Components: Components{Schemas: b.schemas.components, SecuritySchemes: securitySchemes(o)},
	}
	b.errorSchemas()
	for i := range routes {
		if err := b.route(&routes[i]); err != nil {
			return nil, err
		}
	}
	return b.doc, nil
}

const about = `OAuth 2.0 and OpenID Connect provider with instant revocation.

Answers are JSON. Every documented member is always present: null when unknown, [] and {} when empty. Times are RFC 3339 in UTC. Members may be added; clients ignore what they do not know.

x-authorization names the rule that decides who may call, x-error-codes the codes an error answer can hold.`

type builder struct {
	o       Options
	doc     *Document
	schemas *schemas
}

func (b *builder) route(r *web.Route) error {
	path := plainPath(r.Path)
	item := b.doc.Paths[path]
	if item == nil {
		item = &Path{}
		b.doc.Paths[path] = item
	}
	for _, tag := range r.Tags {
		if !slices.Contains(b.doc.Tags, Tag{tag}) {
			b.doc.Tags = append(b.doc.Tags, Tag{tag})
		}
	}
	for _, method := range r.Methods {
		slot := item.slot(method)
		if slot == nil {
			return fmt.Errorf("openapi: route %q: method %s has no place in a document", r.Name, method)
		}
		*slot = b.operation(r, method)
	}
	return nil
}

func (b *builder) operation(r *web.Route, method string) *Operation {
	op := &Operation{
		OperationID: operationID(r, method), Summary: r.Summary, Tags: r.Tags,
		Parameters: b.parameters(r, method), Responses: map[string]*Response{},
		Security: security(r), Authorization: r.Auth.String(), Legacy: r.Legacy, RateClass: r.Class(method),
	}
	if r.Request != nil && method != http.MethodGet {
		op.RequestBody = b.requestBody(r)
	}
	b.successes(op, r, method)
	b.failures(op, r, method)
	return op
}

// operationID is the route's name. Of several methods POST has it, or the
// first; the others say how they are called.
func operationID(r *web.Route, method string) string {
	main := r.Methods[0]
	if slices.Contains(r.Methods, http.MethodPost) {
		main = http.MethodPost
	}
	if method == main {
		return r.Name
	}
	return r.Name + "By" + method[:1] + strings.ToLower(method[1:])
}

func (b *builder) requestBody(r *web.Route) *RequestBody {
	schema := b.schemas.of(r.Request, true)
	body := &RequestBody{Content: map[string]*Media{}, Required: len(b.resolve(schema).Required) > 0}
	for _, t := range r.BodyTypes() {
		if t == web.AnyContentType {
			t = "application/json"
			if r.Style == web.OAuth {
				t = "application/x-www-form-urlencoded"
			}
		}
		body.Content[t] = &Media{schema}
	}
	return body
}

// resolve follows a reference.
func (b *builder) resolve(s *Schema) *Schema {
	if name, ok := strings.CutPrefix(s.Ref, "#/components/schemas/"); ok {
		return b.doc.Components.Schemas[name]
	}
	return s
}

func (b *builder) parameters(r *web.Route, method string) []Parameter {
	var list []Parameter
	for _, segment := range strings.Split(r.Path, "/") {
		if variable, ok := strings.CutPrefix(segment, "{"); ok {
			name, pattern, _ := strings.Cut(strings.TrimSuffix(variable, "}"), ":")
			list = append(list, Parameter{Name: name, In: "path", Required: true, Schema: variableSchema(name, pattern)})
		}
	}
	if r.Query != nil {
		query := b.schemas.object(elem(r.Query), true)
		for _, name := range query.order {
			s := query.Properties[name]
			doc := s.Description
			s.Description = ""
			list = append(list, Parameter{Name: name, In: "query", Description: doc, Required: slices.Contains(query.Required, name), Schema: s})
		}
	}
	text := &Schema{Type: Types{"string"}}
	if r.Idempotent && method == http.MethodPost {
		list = append(list, Parameter{
			Name: "Idempotency-Key", In: "header", Schema: &Schema{Type: Types{"string"}, MaxLength: web.MaxIdempotencyKey},
			Description: "Chosen by the caller, e.g. a UUID: a repetition within 24 hours gets the first answer again and does nothing.",
		})
	}
	if r.Tagged && method == http.MethodGet {
		list = append(list, Parameter{Name: "If-None-Match", In: "header", Description: "The ETag of an answer before: 304 if nothing has changed.", Schema: text})
	}
	return list
}

// variableSchema is the form of a path variable: ids are UUIDs, but for those
// of clients, which may have any name.
func variableSchema(name, pattern string) *Schema {
	s := &Schema{Type: Types{"string"}, Pattern: pattern}
	if pattern != "" {
		s.Pattern = "^(?:" + pattern + ")$"
	}
	if name != "client_id" && (name == "id" || strings.HasSuffix(name, "_id")) && pattern == "" {
		s.Format = "uuid"
	}
	return s
}

func (b *builder) successes(op *Operation, r *web.Route, method string) {
	status := r.Status
	if status == 0 {
		status = http.StatusOK
	}
	response := r.Response
	if b.o.BareLists && r.Items != nil {
		response = reflect.SliceOf(r.Items)
	}
	answer := b.success(r, method, status, response)
	op.Responses[strconv.Itoa(status)] = answer
	for status, t := range r.Answers {
		op.Responses[strconv.Itoa(status)] = b.success(r, method, status, t)
	}
	if r.Tagged && method == http.MethodGet {
		op.Responses["304"] = &Response{Description: "Nothing has changed since the answer with this ETag."}
	}
}

func (b *builder) success(r *web.Route, method string, status int, t reflect.Type) *Response {
	a := &Response{Description: http.StatusText(status), Headers: map[string]*Header{}}
	number := &Schema{Type: Types{"integer"}}
	text := &Schema{Type: Types{"string"}}
	switch {
	case t != nil:
		content := r.Produces
		if content == "" {
			content = "application/json"
		}
		a.Content = map[string]*Media{content: {b.schemas.of(t, false)}}
	case r.Produces != "":
		a.Content = map[string]*Media{r.Produces: {text}}
	}
	if r.Class(method) != "" {
		a.Headers["X-RateLimit-Limit"] = &Header{"Requests allowed in the present window.", number}
		a.Headers["X-RateLimit-Remaining"] = &Header{"How many of them are left.", number}
		a.Headers["X-RateLimit-Reset"] = &Header{"When the window ends, in seconds since 1970.", number}
	}
	if r.Tagged && method == http.MethodGet && status == http.StatusOK {
		a.Headers["ETag"] = &Header{"Names this state of the answer, for If-None-Match.", text}
	}
	if r.Idempotent && method == http.MethodPost {
		a.Headers["Idempotent-Replayed"] = &Header{"true when this is the answer to an earlier request with the same Idempotency-Key.", text}
	}
	if r.Items != nil || t != nil && t.Kind() == reflect.Slice {
		a.Headers["X-Total-Count"] = &Header{"Items of the whole list.", number}
		a.Headers["Link"] = &Header{"The next page (RFC 8288, rel=next).", text}
	}
	if len(a.Headers) == 0 {
		a.Headers = nil
	}
	return a
}

// plainPath is a route's path without the patterns of its variables.
func plainPath(path string) string {
	segments := strings.Split(path, "/")
	for i, s := range segments {
		if name, _, ok := strings.Cut(s, ":"); ok && strings.HasPrefix(s, "{") {
			segments[i] = name + "}"
		}
	}
	return strings.Join(segments, "/")
}
