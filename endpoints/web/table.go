package web

import (
	"errors"
	"fmt"
	"net/http"
	"regexp"
	"slices"
	"strings"
)

// Table is the list of all routes. Endpoint packages Add to it; Mount makes it
// the server's handler.
type Table struct {
	routes []Route
}

// NewTable returns an empty table.
func NewTable() *Table { return &Table{} }

// Add appends routes; mistakes are reported by Mount.
func (t *Table) Add(routes ...Route) { t.routes = append(t.routes, routes...) }

// Routes returns a copy of the rows, in order: for the API document and tests.
func (t *Table) Routes() []Route { return slices.Clone(t.routes) }

// Mount checks the table and returns the handler that serves it. Every mistake
// in the table is named: a route without an authorization rule, without a
// handler, with a duplicate name or method and path.
func (t *Table) Mount(o Options) (http.Handler, error) {
	if err := t.check(); err != nil {
		return nil, err
	}
	return newFrame(t.routes, o)
}

var pathForm = regexp.MustCompile(`^(/|(/([A-Za-z0-9._~-]+|\{[a-z_]+(:[^{}]+)?\}))+)$`)

func (t *Table) check() error {
	var errs []error
	names, served, spelled := map[string]bool{}, map[string]string{}, map[string]string{}
	for i := range t.routes {
		r := &t.routes[i]
		bad := func(format string, args ...any) {
			errs = append(errs, fmt.Errorf("web: route %q (%s): %s", r.Name, r.Path, fmt.Sprintf(format, args...)))
		}
		if r.Auth.IsZero() {
			bad("no authorization rule")
		}
		if r.Auth.rule == ruleHandler && r.Auth.why == "" {
			bad("HandlerChecks needs a reason")
		}
		if (r.Handler == nil) == (r.Prepared == nil) {
			bad("exactly one of Handler and Prepared is needed")
		}
		if r.Prepared != nil && (r.Auth.rule != rulePublic || len(r.Methods) != 1 || r.Methods[0] != http.MethodGet || strings.Contains(r.Path, "{")) {
			bad("a prepared document is a public GET on a fixed path")
		}
		if r.Name == "" || names[r.Name] {
			bad("the name is empty or taken")
		}
		names[r.Name] = true
		if !pathForm.MatchString(r.Path) {
			bad("the path must begin with / , not end with one, and hold only plain segments and {variables}")
		}
		form := variables.ReplaceAllString(r.Path, "{}")
		if other, ok := spelled[form]; ok && other != r.Path {
			bad("%s is the same path with other variables", other)
		}
		spelled[form] = r.Path
		if len(r.Methods) == 0 {
			bad("no method")
		}
		for _, m := range r.Methods {
			if m != strings.ToUpper(m) || m == http.MethodHead || m == http.MethodOptions {
				bad("method %q: upper case, and HEAD and OPTIONS come by themselves", m)
			}
			key := m + " " + form
			if other, dup := served[key]; dup {
				bad("%s is served by %q already", key, other)
			}
			served[key] = r.Name
		}
	}
	return errors.Join(errs...)
}

var variables = regexp.MustCompile(`\{[^{}]+\}`)
