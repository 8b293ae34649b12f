package redirect

import (
	"errors"
	"net/url"
	"strings"
	"testing"
)

func TestMatch(t *testing.T) {
	const app, loop4, loop6, local = "https://app.example/cb?x=1", "http://127.0.0.1:9000/cb", "http://[::1]/cb?a=b", "http://localhost/cb"
	registered := []string{app, loop4, loop6, local, "https://127.0.0.1:9/cb", "com.example.app:/cb"}
	for _, tc := range []struct {
		name, requested string
		anyPort         bool
		want            bool
	}{
		{"equal", app, false, true},
		{"equal private-use", "com.example.app:/cb", false, true},
		{"query missing", "https://app.example/cb", true, false},
		{"query added", app + "&y=2", true, false},
		{"fragment added", app + "#x", true, false},
		{"host in another case", "https://APP.example/cb?x=1", true, false},
		{"default port written out", "https://app.example:443/cb?x=1", true, false},
		{"path normalised", "https://app.example/a/../cb?x=1", true, false},
		{"escape in the path", "https://app.example/%63b?x=1", true, false},
		{"trailing slash", local + "/", true, false},
		{"empty", "", true, false},
		{"loopback, equal", loop4, false, true},
		{"loopback, other port, not allowed", "http://127.0.0.1:9001/cb", false, false},
		{"loopback, other port", "http://127.0.0.1:51234/cb", true, true},
		{"loopback, no port", "http://127.0.0.1/cb", true, true},
		{"loopback, port where none was registered", "http://[::1]:8080/cb?a=b", true, true},
		{"localhost, other port", "http://localhost:3000/cb", true, true},
		{"loopback, https has a fixed port", "https://127.0.0.1:10/cb", true, false},
		{"loopback, other scheme", "https://127.0.0.1:9000/cb", true, false},
		{"loopback, other path", "http://127.0.0.1:9000/cb2", true, false},
		{"loopback, other query", "http://[::1]/cb?a=c", true, false},
		{"loopback, other address", "http://127.0.0.2:9000/cb", true, false},
		{"loopback, longer name", "http://127.0.0.1.evil.example/cb", true, false},
		{"loopback, localhost with a suffix", "http://localhost.evil.example/cb", true, false},
		{"loopback, user name", "http://127.0.0.1:80@evil.example/cb", true, false},
		{"loopback, user name without port", "http://127.0.0.1@evil.example/cb", true, false},
		{"loopback, user name before", "http://evil@127.0.0.1/cb", true, false},
		{"loopback, backslash", `http://127.0.0.1:80\evil.example/cb`, true, false},
		{"loopback, empty port", "http://127.0.0.1:/cb", true, false},
		{"loopback, port 0", "http://127.0.0.1:0/cb", true, false},
		{"loopback, port with zeros", "http://127.0.0.1:080/cb", true, false},
		{"loopback, port too large", "http://127.0.0.1:65536/cb", true, false},
		{"loopback, highest port", "http://127.0.0.1:65535/cb", true, true},
		{"loopback, sign", "http://127.0.0.1:+80/cb", true, false},
		{"loopback, two ports", "http://127.0.0.1:80:90/cb", true, false},
		{"loopback, other spelling of ::1", "http://[0:0:0:0:0:0:0:1]/cb?a=b", true, false},
		{"loopback, decimal address", "http://2130706433/cb", true, false},
		{"too long", "http://127.0.0.1/" + strings.Repeat("a", MaxLength), true, false},
	} {
		t.Run(tc.name, func(t *testing.T) {
			t.Parallel()
			if got := Match(registered, tc.requested, tc.anyPort); got != tc.want {
				t.Fatalf("Match(%q) = %v", tc.requested, got)
			}
		})
	}
	if Match(nil, "https://app.example", true) {
		t.Error("nothing is registered, and yet it matches")
	}
	// localhost and the literals are different hosts: a client that registered
	// one has not said that it listens on the other.
	if Match([]string{loop4}, "http://localhost:9000/cb", true) || Match([]string{local}, "http://127.0.0.1/cb", true) {
		t.Error("localhost and 127.0.0.1 were taken for one host")
	}
}

func TestAnyLoopbackPort(t *testing.T) {
	for _, tc := range []struct {
		applicationType string
		public, want    bool
	}{{"native", false, true}, {"native", true, true}, {"web", true, true}, {"", true, true}, {"web", false, false}, {"", false, false}} {
		if got := AnyLoopbackPort(tc.applicationType, tc.public); got != tc.want {
			t.Errorf("%+v: %v", tc, got)
		}
	}
}

func TestValidate(t *testing.T) {
	for _, tc := range []struct {
		uri         string
		web, native error
	}{
		{uri: "https://app.example"},
		{uri: "https://app.example/cb?x=1&y=%2F"},
		{uri: "https://app.example:8443/cb"},
		{uri: "https://xn--pp-uia.example/cb"},
		{uri: "https://192.0.2.1/cb"},
		{uri: "https://[2001:db8::1]:8443/cb"},
		{uri: "http://127.0.0.1/cb"},
		{uri: "http://127.0.0.1:9000/cb"},
		{uri: "http://[::1]:9000/cb"},
		{uri: "http://localhost:3000/api/auth/callback"},
		{"com.example.app:/cb", ErrScheme, nil},
		{"com.example.app://cb", ErrScheme, nil},
		{"com.example.app://host/cb", ErrScheme, nil},
		{"com.example.app:cb", ErrScheme, ErrSyntax},
		{"com.example.app:", ErrScheme, ErrSyntax},
		{"com.example.app://user@host/cb", ErrScheme, ErrUserinfo},
		{"myapp:/cb", ErrScheme, ErrScheme},
		{"javascript:alert(1)", ErrScheme, ErrScheme},
		{"data:text/html,x", ErrScheme, ErrScheme},
		{"vbscript:x", ErrScheme, ErrScheme},
		{"file:///etc/passwd", ErrScheme, ErrScheme},
		{"blob:https://app.example/x", ErrScheme, ErrScheme},
		{"urn:ietf:wg:oauth:2.0:oob", ErrScheme, ErrScheme},
		{"http://app.example/cb", ErrPlainHTTP, ErrPlainHTTP},
		{"http://127.0.0.2/cb", ErrPlainHTTP, ErrPlainHTTP},
		{"http://127.0.0.1.evil.example/cb", ErrPlainHTTP, ErrPlainHTTP},
		{"http://localhost.evil.example/cb", ErrPlainHTTP, ErrPlainHTTP},
		{"http://LOCALHOST/cb", ErrPlainHTTP, ErrPlainHTTP},
		{"http://127.0.0.1:80@evil.example/cb", ErrUserinfo, ErrUserinfo},
		{"https://user:pw@app.example/cb", ErrUserinfo, ErrUserinfo},
		{"https://@app.example/cb", ErrUserinfo, ErrUserinfo},
		{"https://app.example/cb#", ErrFragment, ErrFragment},
		{"https://app.example/cb#x", ErrFragment, ErrFragment},
		{"https://*.app.example/cb", ErrWildcard, ErrWildcard},
		{"https://app.example/*", ErrWildcard, ErrWildcard},
		{"HTTPS://app.example/cb", ErrSyntax, ErrSyntax},
		{"https:/app.example/cb", ErrSyntax, ErrSyntax},
		{"https:app.example", ErrSyntax, ErrSyntax},
		{"//app.example/cb", ErrSyntax, ErrSyntax},
		{"/cb", ErrSyntax, ErrSyntax},
		{"app.example/cb", ErrSyntax, ErrSyntax},
		{`https:\\app.example\cb`, ErrSyntax, ErrSyntax},
		{`https://app.example\@evil.example/cb`, ErrSyntax, ErrSyntax},
		{"https://app.example/c b", ErrSyntax, ErrSyntax},
		{"https://app.example/cb\n", ErrSyntax, ErrSyntax},
		{"https://äpp.example/cb", ErrSyntax, ErrSyntax},
		{"https://app.example/%zz", ErrSyntax, ErrSyntax},
		{"https://app.example/%4", ErrSyntax, ErrSyntax},
		{"https:///cb", ErrHost, ErrHost},
		{"https://", ErrHost, ErrHost},
		{"https://:443/cb", ErrHost, ErrHost},
		{"https://app.example:/cb", ErrHost, ErrHost},
		{"https://app.example:0/cb", ErrHost, ErrHost},
		{"https://app.example:99999/cb", ErrHost, ErrHost},
		{"https://app%2eexample/cb", ErrHost, ErrHost},
		{"https://a,b/cb", ErrHost, ErrHost},
		{"https://[::1/cb", ErrHost, ErrHost},
		{"https://[::1]x/cb", ErrHost, ErrHost},
		{"https://[fe80::1%25eth0]/cb", ErrHost, ErrHost},
		{"", ErrLength, ErrLength},
		{"https://app.example/" + strings.Repeat("a", MaxLength), ErrLength, ErrLength},
	} {
		name := tc.uri
		if len(name) > 60 {
			name = "long"
		}
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			if err := Validate(tc.uri, "web"); !errors.Is(err, tc.web) {
				t.Errorf("web: %v, want %v", err, tc.web)
			}
			if err := Validate(tc.uri, Native); !errors.Is(err, tc.native) {
				t.Errorf("native: %v, want %v", err, tc.native)
			}
		})
	}
}

// FuzzMatch: an accepted URI is byte-equal to the registered one, or both are
// http URIs of one loopback host that differ in nothing but the port, as
// net/url reads them.
func FuzzMatch(f *testing.F) {
	f.Add("http://127.0.0.1:9000/cb", "http://127.0.0.1:1/cb")
	f.Add("http://localhost/cb?a", "http://localhost:80@evil.example/cb?a")
	f.Add("http://[::1]", "http://[::1]:8080")
	f.Fuzz(func(t *testing.T, registered, requested string) {
		if Validate(registered, Native) != nil {
			return
		}
		uris := []string{registered}
		if !Match(uris, requested, true) {
			if requested == registered {
				t.Fatalf("%q does not match itself", registered)
			}
			return
		}
		if requested == registered {
			return
		}
		if Match(uris, requested, false) {
			t.Fatalf("%q matches %q without leave", requested, registered)
		}
		a, errA := url.Parse(registered)
		b, errB := url.Parse(requested)
		if errA != nil || errB != nil {
			t.Fatal(errA, errB)
		}
		if host := b.Hostname(); host != "127.0.0.1" && host != "::1" && host != "localhost" {
			t.Fatalf("%q leads to %q", requested, host)
		}
		if a.Scheme != "http" || b.Scheme != "http" || a.Hostname() != b.Hostname() || b.User != nil {
			t.Fatalf("%q matches %q", requested, registered)
		}
		a.Host, b.Host = "", ""
		if a.String() != b.String() {
			t.Fatalf("%q matches %q", requested, registered)
		}
		if !Match([]string{requested}, registered, true) {
			t.Fatalf("%q and %q match one way only", requested, registered)
		}
	})
}

// FuzzValidate: what may be registered is, for net/url, an absolute URI with a
// host or a private-use scheme, and without user name and fragment.
func FuzzValidate(f *testing.F) {
	f.Add("https://app.example/cb?x")
	f.Add("com.example.app:/cb")
	f.Add("http://[::1]:9000/cb")
	f.Fuzz(func(t *testing.T, uri string) {
		if Validate(uri, Native) != nil {
			if Validate(uri, "web") == nil {
				t.Fatalf("%q is good for web and not for native", uri)
			}
			return
		}
		u, err := url.Parse(uri)
		if err != nil {
			t.Fatalf("accepted %q, which net/url refuses: %v", uri, err)
		}
		if u.User != nil || u.Fragment != "" || !u.IsAbs() || strings.ContainsAny(uri, "*#\\\n ") {
			t.Fatalf("accepted %q", uri)
		}
		switch host := u.Hostname(); u.Scheme {
		case "https":
			if host == "" {
				t.Fatalf("accepted %q without a host", uri)
			}
		case "http":
			if host != "127.0.0.1" && host != "::1" && host != "localhost" {
				t.Fatalf("accepted %q", uri)
			}
		default:
			if !strings.Contains(u.Scheme, ".") || Validate(uri, "web") == nil {
				t.Fatalf("accepted %q", uri)
			}
		}
	})
}

func BenchmarkMatch(b *testing.B) {
	registered := []string{"https://app.example/cb", "http://127.0.0.1/cb"}
	b.ReportAllocs()
	for b.Loop() {
		if !Match(registered, "http://127.0.0.1:51234/cb", true) {
			b.Fatal("no match")
		}
	}
}
