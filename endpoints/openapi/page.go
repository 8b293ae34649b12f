package openapi

import (
	"bytes"
	_ "embed"
	"encoding/json"
	"fmt"
	"html/template"
	"maps"
	"net/http"
	"slices"
	"strings"
)

//go:embed templates/docs.html
var pageText string

// pageView is what the template shows.
type pageView struct {
	*Document
	Base   string // path of the issuer
	Groups []group
	Models []model
}

type group struct {
	Name, Anchor string
	Operations   []operationView
}

type operationView struct {
	*Operation
	Method, Path string
	Fields       []field // of the request body
	BodyType     string
	Answers      []answerView
	Curl         string
}

type answerView struct {
	Status string
	*Response
	Type template.HTML
}

type model struct {
	Name, Description string
	Fields            []field
}

// field is a row of a table of members.
type field struct {
	Name     string
	Type     template.HTML
	Doc      string
	Required bool
}

// render draws the page once.
func render(doc *Document, base string) ([]byte, error) {
	t, err := template.New("docs").Parse(pageText)
	if err != nil {
		return nil, fmt.Errorf("openapi: page: %w", err)
	}
	v := pageView{Document: doc, Base: base}
	for _, tag := range doc.Tags {
		v.Groups = append(v.Groups, group{Name: tag.Name, Anchor: anchor(tag.Name), Operations: operationsOf(doc, tag.Name)})
	}
	for _, name := range slices.Sorted(maps.Keys(doc.Components.Schemas)) {
		s := doc.Components.Schemas[name]
		v.Models = append(v.Models, model{Name: name, Description: s.Description, Fields: fields(s)})
	}
	var out bytes.Buffer
	if err := t.Execute(&out, v); err != nil {
		return nil, fmt.Errorf("openapi: page: %w", err)
	}
	return out.Bytes(), nil
}

func operationsOf(doc *Document, tag string) []operationView {
	var list []operationView
	for _, path := range slices.Sorted(maps.Keys(doc.Paths)) {
		for _, method := range []string{"GET", "POST", "PUT", "PATCH", "DELETE"} {
			op := *doc.Paths[path].slot(method)
			if op == nil || !slices.Contains(op.Tags, tag) || op.Tags[0] != tag {
				continue
			}
			list = append(list, viewOf(doc, op, method, path))
		}
	}
	return list
}

func viewOf(doc *Document, op *Operation, method, path string) operationView {
	v := operationView{Operation: op, Method: method, Path: path}
	var body *Schema
	if op.RequestBody != nil {
		v.BodyType = strings.Join(slices.Sorted(maps.Keys(op.RequestBody.Content)), ", ")
		for _, m := range op.RequestBody.Content {
			body = doc.resolve(m.Schema)
		}
		v.Fields = fields(body)
	}
	for _, status := range slices.Sorted(maps.Keys(op.Responses)) {
		a := answerView{Status: status, Response: op.Responses[status]}
		for _, m := range a.Content {
			a.Type = typeOf(m.Schema)
		}
		v.Answers = append(v.Answers, a)
	}
	v.Curl = curl(doc, v, body)
	return v
}

// resolve follows a reference into the components.
func (d *Document) resolve(s *Schema) *Schema {
	if name, ok := strings.CutPrefix(s.Ref, "#/components/schemas/"); ok {
		return d.Components.Schemas[name]
	}
	return s
}

func fields(s *Schema) []field {
	list := make([]field, 0, len(s.order))
	for _, name := range s.order {
		m := s.Properties[name]
		list = append(list, field{Name: name, Type: typeOf(m), Doc: m.Description, Required: slices.Contains(s.Required, name)})
	}
	return list
}

// typeOf says a schema's type in words; names of components are links.
func typeOf(s *Schema) template.HTML {
	switch {
	case s == nil:
		return ""
	case s.Ref != "":
		name := template.HTMLEscapeString(s.Ref[strings.LastIndexByte(s.Ref, '/')+1:])
		return template.HTML(`<a href="#schema-` + name + `">` + name + `</a>`) //nolint:gosec // escaped
	case len(s.AnyOf) > 0:
		var parts []string
		for _, one := range s.AnyOf {
			parts = append(parts, string(typeOf(one)))
		}
		return template.HTML(strings.Join(parts, " or ")) //nolint:gosec // made of escaped parts
	case len(s.Enum) > 0:
		return template.HTML(template.HTMLEscapeString(strings.Join(s.Enum, " | "))) //nolint:gosec // escaped
	case s.Items != nil:
		return "list of " + typeOf(s.Items) + nullSuffix(s)
	case s.Additional != nil:
		return "map of " + typeOf(s.Additional) + nullSuffix(s)
	case len(s.Type) == 0:
		return "any"
	case s.Format != "":
		return template.HTML(template.HTMLEscapeString(s.Type[0]+" ("+s.Format+")")) + nullSuffix(s) //nolint:gosec // escaped
	}
	return template.HTML(template.HTMLEscapeString(strings.Join(s.Type, " or "))) //nolint:gosec // escaped
}

func nullSuffix(s *Schema) template.HTML {
	if slices.Contains(s.Type, "null") {
		return " or null"
	}
	return ""
}

// curl is an example to copy.
func curl(doc *Document, v operationView, body *Schema) string {
	var b strings.Builder
	b.WriteString("curl")
	if v.Method != http.MethodGet && (v.Method != http.MethodPost || body == nil) {
		b.WriteString(" -X " + v.Method)
	}
	b.WriteString(" '" + doc.Servers[0].URL + v.Path + "'")
	if len(v.Security) > 0 {
		way := v.Security[0]
		switch {
		case way[schemeBearer] != nil:
			b.WriteString(" \\\n  -H \"Authorization: Bearer $TOKEN\"")
		case way[schemeClient] != nil:
			b.WriteString(" \\\n  -u \"$CLIENT_ID:$CLIENT_SECRET\"")
		}
	}
	if body == nil {
		return b.String()
	}
	if strings.Contains(v.BodyType, "form") && !strings.Contains(v.BodyType, "json") {
		for _, name := range shown(body) {
			fmt.Fprintf(&b, " \\\n  --data-urlencode '%s=%v'", name, example(body.Properties[name]))
		}
		return b.String()
	}
	sample := map[string]any{}
	for _, name := range shown(body) {
		sample[name] = example(body.Properties[name])
	}
	text, err := json.Marshal(sample)
	if err != nil {
		return b.String()
	}
	b.WriteString(" \\\n  -H 'Content-Type: application/json' \\\n  -d '" + strings.ReplaceAll(string(text), "'", `'\''`) + "'")
	return b.String()
}

// shown are the members an example holds: the required ones, or the first few.
func shown(s *Schema) []string {
	if len(s.Required) > 0 {
		return s.Required
	}
	names := slices.DeleteFunc(slices.Clone(s.order), func(name string) bool { return s.Properties[name].AliasOf != "" })
	return names[:min(len(names), 2)]
}

func example(s *Schema) any {
	switch {
	case len(s.Examples) > 0:
		return s.Examples[0]
	case len(s.Enum) > 0:
		return s.Enum[0]
	case len(s.Type) == 0:
		return nil
	case s.Type[0] == "boolean":
		return true
	case s.Type[0] == "integer", s.Type[0] == "number":
		return 1
	case s.Type[0] == "array":
		return []any{}
	case s.Type[0] == "object":
		return map[string]any{}
	case s.Format == "uuid":
		return "0190a4c8-0000-7000-8000-000000000000"
	}
	return "…"
}

// anchor is a name as the fragment of an address.
func anchor(name string) string {
	return strings.Map(func(r rune) rune {
		switch {
		case 'a' <= r && r <= 'z', '0' <= r && r <= '9':
			return r
		default:
			return '-'
		}
	}, strings.ToLower(name))
}
