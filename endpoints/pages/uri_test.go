package pages

import (
	"errors"
	"net/url"
	"strings"
	"testing"
)

func TestParseTarget(t *testing.T) {
	for _, c := range []struct {
		name, uri, source string
		page              bool // needs the redirecting page
	}{
		{"web", "https://app.test/cb?x=1#y", "https://app.test", false},
		{"port", "https://app.test:8443/cb", "https://app.test:8443", false},
		{"loopback", "http://127.0.0.1:9000/callback", "http://127.0.0.1:9000", false},
		{"scheme in capitals", "HTTPS://App.test/cb", "https://App.test", false},
		{"IPv6 has no word in CSP", "http://[::1]:9000/cb", "", true},
		{"neither has a host outside ASCII", "https://bücher.test/cb", "", true},
		{"private-use scheme", "com.example.app:/cb", "com.example.app:", true},
		{"private-use scheme with authority", "myapp://cb", "myapp:", true},
		{"none", "", "", false},
	} {
		t.Run(c.name, func(t *testing.T) {
			got, err := parseTarget(c.uri)
			if err != nil || got.source != c.source {
				t.Errorf("parseTarget(%q) = %q, %v, want %q", c.uri, got.source, err, c.source)
			}
			if NeedsRedirectPage(c.uri) != c.page {
				t.Errorf("NeedsRedirectPage(%q) = %v", c.uri, !c.page)
			}
		})
	}
}

func TestParseTargetRefuses(t *testing.T) {
	for _, uri := range []string{
		"javascript:alert(1)", "JavaScript:alert(1)", "data:text/html,x", "vbscript:x", "file:///etc/passwd", "blob:https://app.test/1",
		"about:blank", "view-source:https://app.test", "filesystem:https://app.test/",
		"//app.test/cb", "/cb", "cb", "https:///cb", "https://user:pass@app.test/", "https://app.test@evil.test/",
		"java\nscript:alert(1)", "https://app.test/\r\nSet-Cookie: a=b", "https://app.test/\x00", "\x01javascript:alert(1)",
		" javascript:alert(1)", "https://app test/", "https://app.test:port/", "https://%zz/",
		"https://app.test/" + strings.Repeat("a", maxURI),
	} {
		if got, err := parseTarget(uri); !errors.Is(err, ErrUnsafeURI) {
			t.Errorf("parseTarget(%.60q) = %+v, %v", uri, got, err)
		}
	}
}

func TestClientLinks(t *testing.T) {
	for _, c := range []struct{ uri, web, logo string }{
		{"https://app.test/x", "https://app.test/x", "https://app.test/x"},
		{"http://localhost:1/x", "http://localhost:1/x", "http://localhost:1/x"},
		{"http://127.0.0.1/x", "http://127.0.0.1/x", "http://127.0.0.1/x"},
		{"http://app.test/x", "http://app.test/x", ""}, // mixed content
		{"http://[::1]/x", "http://[::1]/x", ""},       // CSP cannot name it
		{"data:image/png;base64,AAAA", "", ""},
		{"javascript:alert(1)", "", ""},
		{"mailto:a@app.test", "", ""},
		{"com.example.app:/x", "", ""},
		{"", "", ""},
		{"https://app.test/" + strings.Repeat("a", 3000), "", ""},
	} {
		if got := webURI(c.uri); got != c.web {
			t.Errorf("webURI(%.40q) = %q, want %q", c.uri, got, c.web)
		}
		if got := logoURI(c.uri); got != c.logo {
			t.Errorf("logoURI(%.40q) = %q, want %q", c.uri, got, c.logo)
		}
	}
}

// FuzzParseTarget holds what is let through to what a browser needs: no way
// out of a header or a CSP directive, and the origin that net/url sees.
func FuzzParseTarget(f *testing.F) {
	for _, s := range []string{"https://app.test/cb", "com.example.app:/cb", "https://app.test;script-src *", "https://a,b/", "https://[::1]:1/", "x:y z", "https://app.test:/"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, uri string) {
		got, err := parseTarget(uri)
		if err != nil || uri == "" {
			return
		}
		for _, c := range []byte(got.uri) {
			if c <= ' ' || c > '~' || c == '"' || c == '<' || c == '>' {
				t.Fatalf("%q lets %q through", uri, c)
			}
		}
		if strings.ContainsAny(got.source, "; ,*'\"") {
			t.Fatalf("%q gives the CSP source %q", uri, got.source)
		}
		u, err := url.Parse(got.uri)
		if err != nil {
			t.Fatalf("%q became %q: %v", uri, got.uri, err)
		}
		if web := u.Scheme == "http" || u.Scheme == "https"; web && got.source != "" && got.source != u.Scheme+"://"+u.Host {
			t.Fatalf("%q: source %q for host %q", uri, got.source, u.Host)
		}
	})
}
