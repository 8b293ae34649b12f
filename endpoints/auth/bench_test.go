package auth_test

import (
	"net/http"
	"net/http/httptest"
	"net/url"
	"testing"

	"github.com/signet-idp/signet/storage"
	"github.com/signet-idp/signet/test/harness"
)

// sink is the cheapest honest writer: net/http's own cost is not ours.
type sink struct {
	header http.Header
	status int
}

func (s *sink) Header() http.Header         { return s.header }
func (s *sink) WriteHeader(status int)      { s.status = status }
func (s *sink) Write(b []byte) (int, error) { return len(b), nil }

// BenchmarkValidate is POST /auth/validate through the whole frame: "again" a
// token just verified, "new" each once.
func BenchmarkValidate(b *testing.B) {
	in := harness.Start(b, harness.Options{})
	_, secret := in.Service(b, "orders", "", storage.ClientMetadata{Scope: "orders:read"})
	mint := func() string {
		return in.Token(b, "orders", secret, url.Values{"grant_type": {"client_credentials"}}).AccessToken
	}
	validate := func(b *testing.B, token string) {
		w := &sink{header: http.Header{}}
		r := httptest.NewRequest(http.MethodPost, in.Issuer+"/auth/validate", nil)
		r.Header.Set("Authorization", "Bearer "+token)
		in.Handler.ServeHTTP(w, r)
		if w.status != http.StatusOK {
			b.Fatal(w.status)
		}
	}
	b.Run("again", func(b *testing.B) {
		token := mint()
		b.ReportAllocs()
		for b.Loop() {
			validate(b, token)
		}
	})
	b.Run("new", func(b *testing.B) {
		var tokens []string
		b.ReportAllocs()
		for n := 0; b.Loop(); n++ {
			if n == len(tokens) {
				b.StopTimer()
				for range 500 {
					tokens = append(tokens, mint())
				}
				b.StartTimer()
			}
			validate(b, tokens[n])
		}
	})
}
