// Package contract holds answers of a server against the OpenAPI document that
// the server itself hands out: a member, status, error code or content type
// that the document lacks is a problem, and so is one that it promises and the
// answer lacks.
//
//	checked := contract.Of(t, server.URL)       // reads /openapi.json
//	client := &http.Client{Transport: checked}  // every answer is checked
//
// A problem fails the test at once; Seen tells what was answered.
package contract

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"mime"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"

	"github.com/santhosh-tekuri/jsonschema/v6"
)

// Contract is a server's document, ready to judge. It is an http.RoundTripper
// and safe for concurrent use.
type Contract struct {
	tb    testing.TB
	base  http.RoundTripper
	root  string // path of the issuer
	paths []*path

	mu       sync.Mutex
	compiler *jsonschema.Compiler
	schemas  map[string]*jsonschema.Schema
	seen     map[string]map[int]int
}

type path struct {
	template   string
	segments   []string
	operations map[string]*operation // by method
	variables  int
}

type operation struct {
	ID        string               `json:"operationId"`
	Legacy    bool                 `json:"x-api-v1"`
	Responses map[string]*response `json:"responses"`
}

type response struct {
	Content map[string]any `json:"content"`
	Codes   []string       `json:"x-error-codes"`
}

const resource = "signet:///openapi.json"

// Of reads the document of the server at base. Problems fail tb.
func Of(tb testing.TB, base string) *Contract {
	tb.Helper()
	r, err := http.NewRequestWithContext(context.Background(), http.MethodGet, base+"/openapi.json", nil)
	if err != nil {
		tb.Fatal(err)
	}
	resp, err := http.DefaultClient.Do(r)
	if err != nil {
		tb.Fatal(err)
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body)
	if err != nil || resp.StatusCode != http.StatusOK {
		tb.Fatalf("contract: /openapi.json: %d %v", resp.StatusCode, err)
	}
	c, err := New(body)
	if err != nil {
		tb.Fatal(err)
	}
	c.tb = tb
	return c
}

// New reads a document. Without a test, RoundTrip returns problems as errors.
func New(document []byte) (*Contract, error) {
	var d struct {
		Servers []struct{ URL string }
		Paths   map[string]map[string]*operation
	}
	if err := json.Unmarshal(document, &d); err != nil {
		return nil, fmt.Errorf("contract: %w", err)
	}
	c := &Contract{base: http.DefaultTransport, schemas: map[string]*jsonschema.Schema{}, seen: map[string]map[int]int{}}
	if len(d.Servers) > 0 {
		u, err := url.Parse(d.Servers[0].URL)
		if err != nil {
			return nil, fmt.Errorf("contract: %w", err)
		}
		c.root = u.Path
	}
	for template, methods := range d.Paths {
		p := &path{template: template, segments: strings.Split(template, "/"), operations: map[string]*operation{}, variables: strings.Count(template, "{")}
		for method, op := range methods {
			p.operations[strings.ToUpper(method)] = op
		}
		c.paths = append(c.paths, p)
	}
	// Plain segments win over variables.
	slices.SortFunc(c.paths, func(a, b *path) int {
		if a.variables != b.variables {
			return a.variables - b.variables
		}
		return strings.Compare(a.template, b.template)
	})
	parsed, err := jsonschema.UnmarshalJSON(bytes.NewReader(document))
	if err != nil {
		return nil, fmt.Errorf("contract: %w", err)
	}
	closeAll(parsed)
	c.compiler = jsonschema.NewCompiler()
	c.compiler.DefaultDraft(jsonschema.Draft2020)
	c.compiler.AssertFormat()
	if err := c.compiler.AddResource(resource, parsed); err != nil {
		return nil, fmt.Errorf("contract: %w", err)
	}
	return c, nil
}

// closeAll closes every object schema of the document: what it does not name
// may not be there.
func closeAll(document any) {
	doc, _ := document.(map[string]any)
	components, _ := doc["components"].(map[string]any)
	schemas, _ := components["schemas"].(map[string]any)
	for _, s := range schemas {
		closeSchema(s)
	}
}

func closeSchema(schema any) {
	s, ok := schema.(map[string]any)
	if !ok {
		return
	}
	if properties, ok := s["properties"].(map[string]any); ok {
		if _, open := s["additionalProperties"]; !open {
			s["additionalProperties"] = false
		}
		for _, p := range properties {
			closeSchema(p)
		}
	}
	closeSchema(s["items"])
	closeSchema(s["additionalProperties"])
	anyOf, _ := s["anyOf"].([]any)
	for _, one := range anyOf {
		closeSchema(one)
	}
}

// RoundTrip implements http.RoundTripper.
func (c *Contract) RoundTrip(r *http.Request) (*http.Response, error) {
	resp, err := c.base.RoundTrip(r)
	if err != nil {
		return nil, err
	}
	if media, _, _ := mime.ParseMediaType(resp.Header.Get("Content-Type")); media == "text/event-stream" {
		return resp, nil
	}
	body, err := io.ReadAll(resp.Body)
	if err := resp.Body.Close(); err != nil {
		return nil, err
	}
	if err != nil {
		return nil, err
	}
	resp.Body = io.NopCloser(bytes.NewReader(body))
	if err := c.Check(r.Method, r.URL.Path, resp.StatusCode, resp.Header, body); err != nil {
		if c.tb == nil {
			return nil, err
		}
		c.tb.Errorf("%v\nthe answer was: %.2000s", err, body)
	}
	return resp, nil
}

// Check judges one answer.
func (c *Contract) Check(method, address string, status int, header http.Header, body []byte) error {
	p, op, legacyPath := c.find(method, address)
	problem := func(format string, args ...any) error {
		return fmt.Errorf("contract: %s %s answered %d: %s", method, address, status, fmt.Sprintf(format, args...))
	}
	switch {
	case method == http.MethodOptions, status == http.StatusMisdirectedRequest:
		return nil
	case p == nil:
		if status == http.StatusNotFound && media(header) == "application/json" {
			return c.validate("#/components/schemas/Error", body, problem)
		}
		return nil // hidden from the document: pages, development
	case op == nil:
		if status != http.StatusMethodNotAllowed {
			return problem("the document has no such method")
		}
		return nil
	case legacyPath && !op.Legacy:
		if status != http.StatusNotFound {
			return problem("the document does not have it below /api/v1")
		}
		return nil
	}
	c.saw(op.ID, status)
	answer := op.Responses[strconv.Itoa(status)]
	if answer == nil {
		return problem("%s has no such status in the document, only %v", op.ID, slices.Sorted(maps.Keys(op.Responses)))
	}
	if method == http.MethodHead || status == http.StatusNotModified {
		return nil
	}
	if len(answer.Content) == 0 {
		if len(body) > 0 {
			return problem("%s has no body in the document", op.ID)
		}
		return nil
	}
	if len(body) == 0 && status >= 300 && status < 400 {
		return nil
	}
	got := media(header)
	if _, ok := answer.Content[got]; !ok {
		return problem("content type %q, in the document %v", got, slices.Sorted(maps.Keys(answer.Content)))
	}
	if got != "application/json" {
		return nil
	}
	pointer := "#/paths/" + escape(p.template) + "/" + strings.ToLower(method) + "/responses/" + strconv.Itoa(status) + "/content/application~1json/schema"
	if err := c.validate(pointer, body, problem); err != nil {
		return err
	}
	return checkCode(answer, body, problem)
}

// checkCode holds the error code against those of the status.
func checkCode(answer *response, body []byte, problem func(string, ...any) error) error {
	if len(answer.Codes) == 0 {
		return nil
	}
	var e struct {
		Code  string `json:"error_code"`
		OAuth string `json:"error"`
	}
	if err := json.Unmarshal(body, &e); err != nil {
		return problem("%v", err)
	}
	if !slices.Contains(answer.Codes, e.Code+e.OAuth) {
		return problem("code %s, in the document %v", e.Code+e.OAuth, answer.Codes)
	}
	return nil
}

func (c *Contract) validate(pointer string, body []byte, problem func(string, ...any) error) error {
	value, err := jsonschema.UnmarshalJSON(bytes.NewReader(body))
	if err != nil {
		return problem("not JSON: %v", err)
	}
	c.mu.Lock()
	s := c.schemas[pointer]
	if s == nil {
		if s, err = c.compiler.Compile(resource + pointer); err == nil {
			c.schemas[pointer] = s
		}
	}
	c.mu.Unlock()
	if err != nil {
		return problem("schema: %v", err)
	}
	if err := s.Validate(value); err != nil {
		return problem("%v", err)
	}
	return nil
}

// find returns the path and operation of an address as the server would route
// it.
func (c *Contract) find(method, address string) (*path, *operation, bool) {
	rest := strings.TrimPrefix(address, c.root)
	rest, legacyPath := strings.CutPrefix(rest, "/api/v1")
	if len(rest) > 1 {
		rest = strings.TrimSuffix(rest, "/")
	}
	if method == http.MethodHead {
		method = http.MethodGet
	}
	segments := strings.Split(rest, "/")
	for _, p := range c.paths {
		if p.matches(segments) {
			return p, p.operations[method], legacyPath
		}
	}
	return nil, nil, legacyPath
}

func (p *path) matches(segments []string) bool {
	return slices.EqualFunc(p.segments, segments, func(template, got string) bool {
		return template == got || strings.HasPrefix(template, "{") && got != ""
	})
}

func (c *Contract) saw(id string, status int) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.seen[id] == nil {
		c.seen[id] = map[int]int{}
	}
	c.seen[id][status]++
}

// Seen returns how often each operation answered with each status.
func (c *Contract) Seen() map[string]map[int]int {
	c.mu.Lock()
	defer c.mu.Unlock()
	out := make(map[string]map[int]int, len(c.seen))
	for id, statuses := range c.seen {
		out[id] = maps.Clone(statuses)
	}
	return out
}

func media(h http.Header) string {
	m, _, _ := mime.ParseMediaType(h.Get("Content-Type"))
	return m
}

// escape writes a path as one segment of a JSON pointer inside an address.
func escape(path string) string {
	return url.PathEscape(strings.NewReplacer("~", "~0", "/", "~1").Replace(path))
}
