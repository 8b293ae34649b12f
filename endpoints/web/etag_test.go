package web

import (
	"net/http"
	"strings"
	"testing"

	"github.com/signet-idp/signet/provider/fault"
)

func TestTaggedAnswers(t *testing.T) {
	f := mount(t, nil, Route{
		Name: "x", Methods: []string{http.MethodGet, http.MethodPost}, Path: "/x", Auth: Public(), Tagged: true,
		Handler: func(w http.ResponseWriter, r *http.Request) error {
			return WriteJSONTagged(w, r, http.StatusOK, map[string]int{"n": 1})
		},
	})
	first := f.do(http.MethodGet, "/x", "")
	tag := first.Header().Get("ETag")
	if first.Code != http.StatusOK || first.Body.String() != "{\"n\":1}\n" || len(tag) != 18 || strings.HasPrefix(tag, "W/") {
		t.Fatalf("%d %q ETag %s", first.Code, first.Body, tag)
	}
	for _, c := range []struct {
		name, method, header string
		status               int
	}{
		{"the tag", http.MethodGet, tag, http.StatusNotModified},
		{"weakened by a proxy", http.MethodGet, "W/" + tag, http.StatusNotModified},
		{"among others", http.MethodGet, `"other", ` + tag, http.StatusNotModified},
		{"any", http.MethodHead, "*", http.StatusNotModified},
		{"another", http.MethodGet, `"other"`, http.StatusOK},
		{"without quotes", http.MethodGet, strings.Trim(tag, `"`), http.StatusOK},
		{"an unsafe method", http.MethodPost, tag, http.StatusOK},
	} {
		w := f.do(c.method, "/x", "", "If-None-Match", c.header)
		if w.Code != c.status || w.Header().Get("ETag") != tag || w.Header().Get("Vary") != "Authorization" ||
			w.Header().Get("Cache-Control") != "private, no-cache" {
			t.Errorf("%s: %d %v", c.name, w.Code, w.Header())
		}
		if c.status == http.StatusNotModified && w.Body.Len() > 0 {
			t.Errorf("%s: 304 with a body", c.name)
		}
	}
}

func TestCompatibleErrors(t *testing.T) {
	taken := Route{
		Name: "x", Methods: []string{http.MethodPost}, Path: "/x", Auth: Public(),
		Handler: func(http.ResponseWriter, *http.Request) error {
			return fault.New(fault.EmailTaken, "this address is already registered")
		},
	}
	w := mount(t, nil, taken).do(http.MethodPost, "/x", "")
	if w.Code != http.StatusConflict || !strings.Contains(w.Body.String(), `:05.000000Z"`) {
		t.Errorf("without switches: %d %s", w.Code, w.Body)
	}
	w = mount(t, func(o *Options) {
		o.Times.Offset, o.Statuses = true, map[fault.Code]int{fault.EmailTaken: http.StatusBadRequest}
	}, taken).do(http.MethodPost, "/x", "")
	if w.Code != http.StatusBadRequest || !strings.Contains(w.Body.String(), "USER_002") || !strings.Contains(w.Body.String(), `:05.000000+00:00"`) {
		t.Errorf("with switches: %d %s", w.Code, w.Body)
	}
}
