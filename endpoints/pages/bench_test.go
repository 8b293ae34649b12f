package pages

import (
	"net/http"
	"testing"
)

// sink is the cheapest honest writer: net/http's own cost is not ours.
type sink struct{ header http.Header }

func (s *sink) Header() http.Header         { return s.header }
func (s *sink) WriteHeader(int)             {}
func (s *sink) Write(b []byte) (int, error) { return len(b), nil }

func BenchmarkLogin(b *testing.B) {
	r := newRenderer(b, Options{})
	v := LoginView{Form: testForm, Client: testClient, RedirectURI: testRedirect, Username: "alice@acme.test"}
	w := &sink{header: make(http.Header)}
	b.ReportAllocs()
	for b.Loop() {
		if err := r.Login(w, http.StatusOK, v); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkFormPost(b *testing.B) {
	r := newRenderer(b, Options{})
	v := FormPostView{Client: testClient, RedirectURI: testRedirect, Fields: []Field{{"code", "the-code"}, {"state", "state"}, {"iss", "https://id.test"}}}
	w := &sink{header: make(http.Header)}
	b.ReportAllocs()
	for b.Loop() {
		if err := r.FormPost(w, http.StatusOK, v); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkLocale(b *testing.B) {
	r := newRenderer(b, Options{})
	b.ReportAllocs()
	for b.Loop() {
		r.Locale("", "de-CH,de;q=0.9,en-US;q=0.8,en;q=0.7")
	}
}

func BenchmarkNew(b *testing.B) {
	for b.Loop() {
		if _, err := New(Options{}); err != nil {
			b.Fatal(err)
		}
	}
}
