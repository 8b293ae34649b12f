package web

import (
	"fmt"
	"net/http"
	"slices"
	"strings"
	"time"

	"github.com/gorilla/mux"
	"github.com/rs/cors"
)

// bound is a route made ready for one method: everything that can be worked out
// once is.
type bound struct {
	route    *Route
	method   string
	types    []string
	limit    int64
	timeout  time.Duration
	cors     *cors.Cors // nil: CORSNone
	observer RouteObserver
	checkCSR bool
	class    string // of the rate limit
}

// entry is one path with all its methods.
type entry struct {
	methods []*bound
	legacy  bool
	allow   []string // the Allow header, ready
	other   *bound   // what answers every method that has none of its own, or nil
	options *bound
	refused *bound // 405
}

func (e *entry) find(method string) *bound {
	for _, b := range e.methods {
		if b.method == method {
			return b
		}
	}
	return nil
}

// router finds the entry of a path. Fixed paths are one map lookup; mux, which
// tries one regular expression after another, sees only paths with variables,
// grouped by their first segment.
type router struct {
	fixed     map[string]*entry
	templates map[string]*entry
	mux       *mux.Router
	base      string // path of the issuer, taken off when a proxy leaves it on
	bare      bool
}

func newRouter(base string, bare bool) *router {
	return &router{
		fixed:     map[string]*entry{},
		templates: map[string]*entry{},
		mux:       mux.NewRouter().SkipClean(true),
		base:      base,
		bare:      bare,
	}
}

// entry is that of a path, made when it is not there.
func (rt *router) entry(path string) *entry {
	set := rt.fixed
	if strings.Contains(path, "{") {
		set = rt.templates
	}
	e := set[path]
	if e == nil {
		e = &entry{}
		set[path] = e
	}
	return e
}

func (rt *router) add(b *bound) {
	e := rt.entry(b.route.Path)
	e.methods = append(e.methods, b)
	e.legacy = e.legacy || b.route.Legacy
}

// build gives the templates to mux and readies what answers OPTIONS and 405.
func (rt *router) build(paths []string, derive func(e *entry, like *bound)) error {
	groups := map[string]*mux.Router{}
	for _, path := range paths {
		e := rt.fixed[path]
		if e == nil {
			e = rt.templates[path]
		}
		if e.allow != nil {
			continue
		}
		names := []string{http.MethodOptions}
		for _, b := range e.methods {
			names = append(names, b.method)
		}
		slices.Sort(names)
		e.allow = []string{strings.Join(names, ", ")}
		derive(e, e.methods[0])
		if rt.templates[path] == nil {
			continue
		}
		parent, rest := rt.mux, path
		if at := strings.IndexByte(path[1:], '/'); at > 0 && !strings.Contains(path[:at+1], "{") {
			head := path[:at+1]
			if groups[head] == nil {
				groups[head] = rt.mux.PathPrefix(head).Subrouter()
			}
			parent, rest = groups[head], path[at+1:]
		}
		if err := parent.Path(rest).Name(path).Handler(http.NotFoundHandler()).GetError(); err != nil {
			return fmt.Errorf("web: path %q: %w", path, err)
		}
	}
	return nil
}

// match returns the entry of the request's path and the path's variables; nil
// when there is none. The issuer's own path, /api/v1 and one trailing slash are taken off first: the
// same handler, never a redirect, which would drop a POST's body.
func (rt *router) match(r *http.Request) (*entry, map[string]string) {
	path, versioned := canonical(r.URL.Path, rt.base)
	e, vars := rt.lookup(r, path)
	if e == nil && rt.bare {
		if e, vars = rt.lookup(r, "/auth"+path); e != nil && !e.legacy {
			e = nil
		}
	}
	if e == nil || versioned && !e.legacy {
		return nil, nil
	}
	return e, vars
}

func (rt *router) lookup(r *http.Request, path string) (*entry, map[string]string) {
	if e := rt.fixed[path]; e != nil {
		return e, nil
	}
	if r.URL.Path != path {
		u, shallow := *r.URL, *r
		u.Path = path
		shallow.URL = &u
		r = &shallow
	}
	var m mux.RouteMatch
	if !rt.mux.Match(r, &m) || m.Route == nil {
		return nil, nil
	}
	return rt.templates[m.Route.GetName()], m.Vars
}

const versionPrefix = "/api/v1"

func canonical(path, base string) (string, bool) {
	versioned := false
	if rest, ok := strings.CutPrefix(path, base); ok && base != "" && (rest == "" || rest[0] == '/') {
		path = rest
	}
	if rest, ok := strings.CutPrefix(path, versionPrefix); ok && (rest == "" || rest[0] == '/') {
		path, versioned = rest, true
	}
	if n := len(path); n > 1 && path[n-1] == '/' {
		path = path[:n-1]
	}
	if path == "" {
		path = "/"
	}
	return path, versioned
}
