package session_test

import (
	"testing"

	"github.com/signet-idp/signet/storage"
	"github.com/signet-idp/signet/test/harness"
)

// BenchmarkFromCookie is what every request of a signed-in browser pays.
func BenchmarkFromCookie(b *testing.B) {
	in := harness.Start(b, harness.Options{})
	in.User(b, "alice@example.test", "correct horse battery")
	in.Client(b, "web", storage.ClientMetadata{TokenEndpointAuthMethod: "none", FirstParty: true})
	browser := in.NewBrowser(b)
	browser.Code(harness.NewAuthorization("web", "openid", nil), "alice@example.test", "correct horse battery")
	cookie := ""
	for _, c := range browser.Cookies() {
		if _, err := in.Sessions.FromCookie(b.Context(), c.Value); err == nil {
			cookie = c.Value
		}
	}
	if cookie == "" {
		b.Fatal("no session cookie")
	}
	b.ReportAllocs()
	for b.Loop() {
		if _, err := in.Sessions.FromCookie(b.Context(), cookie); err != nil {
			b.Fatal(err)
		}
	}
}
