package openapi

import "encoding/json"

// Version is the version of OpenAPI that documents are written in.
const Version = "3.1.1"

// Document is an OpenAPI document (OpenAPI 3.1 §4.8.1), as far as ours needs.
type Document struct {
	OpenAPI    string           `json:"openapi"`
	Info       Info             `json:"info"`
	Servers    []Server         `json:"servers"`
	Tags       []Tag            `json:"tags"`
	Paths      map[string]*Path `json:"paths"`
	Components Components       `json:"components"`
	Dialect    string           `json:"jsonSchemaDialect"`
}

// Info says what the document is about.
type Info struct {
	Title       string `json:"title"`
	Description string `json:"description"`
	Version     string `json:"version"`
}

// Server is a base address.
type Server struct {
	URL         string `json:"url"`
	Description string `json:"description"`
}

// Tag is a group of operations.
type Tag struct {
	Name string `json:"name"`
}

// Path holds the operations of one path.
type Path struct {
	Get    *Operation `json:"get,omitempty"`
	Put    *Operation `json:"put,omitempty"`
	Post   *Operation `json:"post,omitempty"`
	Delete *Operation `json:"delete,omitempty"`
	Patch  *Operation `json:"patch,omitempty"`
}

// Operation is one method of one path.
type Operation struct {
	OperationID string               `json:"operationId"`
	Summary     string               `json:"summary"`
	Description string               `json:"description,omitempty"`
	Tags        []string             `json:"tags,omitempty"`
	Parameters  []Parameter          `json:"parameters,omitempty"`
	RequestBody *RequestBody         `json:"requestBody,omitempty"`
	Responses   map[string]*Response `json:"responses"`
	// Security lists alternatives; empty: nothing is asked for.
	Security []map[string][]string `json:"security"`
	// Authorization names the rule of the route table.
	Authorization string `json:"x-authorization"`
	// Legacy says that the operation is also served below /api/v1.
	Legacy bool `json:"x-api-v1"`
	// RateClass is the class of its rate limit.
	RateClass string `json:"x-rate-limit,omitempty"`
}

// Parameter is a variable of the path, a query parameter or a header.
type Parameter struct {
	Name        string  `json:"name"`
	In          string  `json:"in"`
	Description string  `json:"description,omitempty"`
	Required    bool    `json:"required,omitempty"`
	Schema      *Schema `json:"schema"`
}

// RequestBody is what a request carries, by content type.
type RequestBody struct {
	Required bool              `json:"required"`
	Content  map[string]*Media `json:"content"`
}

// Media is a body of one content type.
type Media struct {
	Schema *Schema `json:"schema"`
}

// Response is an answer.
type Response struct {
	Description string             `json:"description"`
	Headers     map[string]*Header `json:"headers,omitempty"`
	Content     map[string]*Media  `json:"content,omitempty"`
	// Codes are the error codes that come with this status.
	Codes []string `json:"x-error-codes,omitempty"`
}

// Header is a header of an answer.
type Header struct {
	Description string  `json:"description"`
	Schema      *Schema `json:"schema"`
}

// Components are shared by the operations.
type Components struct {
	Schemas         map[string]*Schema         `json:"schemas"`
	SecuritySchemes map[string]*SecurityScheme `json:"securitySchemes"`
}

// SecurityScheme is one way to say who calls.
type SecurityScheme struct {
	Type         string           `json:"type"`
	Description  string           `json:"description"`
	Scheme       string           `json:"scheme,omitempty"`
	BearerFormat string           `json:"bearerFormat,omitempty"`
	In           string           `json:"in,omitempty"`
	Name         string           `json:"name,omitempty"`
	Flows        map[string]*Flow `json:"flows,omitempty"`
}

// Flow is an OAuth flow.
type Flow struct {
	AuthorizationURL string            `json:"authorizationUrl,omitempty"`
	TokenURL         string            `json:"tokenUrl"`
	RefreshURL       string            `json:"refreshUrl,omitempty"`
	Scopes           map[string]string `json:"scopes"`
}

// Schema is a JSON Schema. The zero value allows anything.
type Schema struct {
	Ref         string             `json:"$ref,omitempty"`
	Type        Types              `json:"type,omitempty"`
	Format      string             `json:"format,omitempty"`
	Description string             `json:"description,omitempty"`
	Enum        []string           `json:"enum,omitempty"`
	Pattern     string             `json:"pattern,omitempty"`
	Minimum     *int64             `json:"minimum,omitempty"`
	Maximum     *int64             `json:"maximum,omitempty"`
	MaxLength   int                `json:"maxLength,omitempty"`
	Examples    []any              `json:"examples,omitempty"`
	Items       *Schema            `json:"items,omitempty"`
	AnyOf       []*Schema          `json:"anyOf,omitempty"`
	Properties  map[string]*Schema `json:"properties,omitempty"`
	Required    []string           `json:"required,omitempty"`
	// Additional is the schema of members that Properties does not name.
	Additional *Schema `json:"additionalProperties,omitempty"`
	// AliasOf is the member of a request that this one is another name for.
	AliasOf string `json:"x-alias-of,omitempty"`

	order []string // of Properties, as the type declares them
}

// Types are the types a value may have.
type Types []string

// MarshalJSON writes one type as a text, several as a list.
func (t Types) MarshalJSON() ([]byte, error) {
	if len(t) == 1 {
		return json.Marshal(t[0])
	}
	return json.Marshal([]string(t))
}

// operations of a path, by method in upper case.
func (p *Path) slot(method string) **Operation {
	switch method {
	case "GET":
		return &p.Get
	case "PUT":
		return &p.Put
	case "POST":
		return &p.Post
	case "DELETE":
		return &p.Delete
	case "PATCH":
		return &p.Patch
	}
	return nil
}
