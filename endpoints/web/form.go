package web

import (
	"net/http"
	"net/url"
	"slices"
	"strings"
	"unicode/utf8"

	"github.com/signet-idp/signet/provider/fault"
)

const maxParameters = 64

// Form is a set of parameters with one value each (RFC 6749 §3.1: none may
// appear twice), except those named repeatable.
type Form struct{ values url.Values }

// ParseForm reads a form body; the query is not mixed in. At most 64
// parameters, valid UTF-8 without NUL, one value per name except for those in
// repeatable ("resource", RFC 8707). Errors are fault.Malformed.
func ParseForm(r *http.Request, repeatable ...string) (Form, error) {
	body, err := ReadBody(r)
	if err != nil {
		return Form{}, err
	}
	return parseParameters(string(body), repeatable)
}

// ParseQuery is ParseForm for the query of the URL.
func ParseQuery(r *http.Request, repeatable ...string) (Form, error) {
	return parseParameters(r.URL.RawQuery, repeatable)
}

func parseParameters(raw string, repeatable []string) (Form, error) {
	if strings.Count(raw, "&") >= maxParameters {
		return Form{}, fault.New(fault.Malformed, "too many parameters")
	}
	values, err := url.ParseQuery(raw)
	if err != nil {
		return Form{}, fault.New(fault.Malformed, "the parameters are not properly encoded") // the cause quotes input
	}
	for name, list := range values {
		if len(list) > 1 && !slices.Contains(repeatable, name) {
			return Form{}, fault.New(fault.Malformed, parameter(name)+" appears more than once")
		}
		if !clean(name) {
			return Form{}, fault.New(fault.Malformed, "a parameter's name holds a forbidden character")
		}
		for _, v := range list {
			if !clean(v) {
				return Form{}, fault.New(fault.Malformed, parameter(name)+" holds a forbidden character")
			}
		}
	}
	return Form{values: values}, nil
}

func parameter(name string) string {
	if plainName(name) {
		return "the parameter " + name
	}
	return "a parameter"
}

func clean(s string) bool { return utf8.ValidString(s) && strings.IndexByte(s, 0) < 0 }

// Get returns the value of name; empty when absent.
func (f Form) Get(name string) string { return f.values.Get(name) }

// Has reports whether name was sent, be it empty.
func (f Form) Has(name string) bool { return f.values.Has(name) }

// All returns every value of a repeatable parameter.
func (f Form) All(name string) []string { return f.values[name] }

// Values returns the parameters as net/url has them; do not change them.
func (f Form) Values() url.Values { return f.values }
