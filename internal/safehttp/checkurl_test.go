package safehttp

import (
	"errors"
	"net/http"
	"net/netip"
	"strings"
	"testing"
)

func TestCheckURL(t *testing.T) {
	strict, open := newClient(t, Options{}), newClient(t, Options{AllowPrivate: true})
	for _, tc := range []struct {
		url          string
		strict, open error
	}{
		{"https://client.example/jwks.json?x=1", nil, nil},
		{"https://client.example:8443", nil, nil},
		{"https://1.1.1.1/", nil, nil},
		{"https://[2606:4700::1]/", nil, nil},
		{"https://127.0.0.1:9000/", ErrAddress, nil},
		{"https://[::1]/", ErrAddress, nil},
		{"https://10.0.0.1/", ErrAddress, nil},
		{"https://169.254.169.254/latest/meta-data/", ErrAddress, ErrAddress},
		{"https://[::ffff:169.254.169.254]/", ErrAddress, ErrAddress},
		{"https://localhost/", ErrAddress, nil},
		{"https://LocalHost.:8443/", ErrAddress, nil},
		{"https://a.b.localhost/", ErrAddress, nil},
		{"https://localhost.example/", nil, nil},
		{"http://client.example/", ErrURL, nil}, // refused when dialed
		{"http://127.0.0.1:9000/", ErrURL, nil},
		{"http://10.0.0.1/", ErrURL, nil}, // refused when dialed
		{"ftp://client.example/", ErrURL, ErrURL},
		{"file:///etc/passwd", ErrURL, ErrURL},
		{"javascript:alert(1)", ErrURL, ErrURL},
		{"https://user@client.example/", ErrURL, ErrURL},
		{"https://client.example/#x", ErrURL, ErrURL},
		{"https://client.example\\@evil.example/", ErrURL, ErrURL},
		{"https://client.example/a b", ErrURL, ErrURL},
		{"https://client.example/\r\nX: y", ErrURL, ErrURL},
		{"https://clïent.example/", ErrURL, ErrURL},
		{"https://", ErrURL, ErrURL},
		{"https:///x", ErrURL, ErrURL},
		{"https://:443/", ErrURL, ErrURL},
		{"https://client.example:/", ErrURL, ErrURL},
		{"https:client.example", ErrURL, ErrURL},
		{"//client.example/", ErrURL, ErrURL},
		{"/jwks.json", ErrURL, ErrURL},
		{"", ErrURL, ErrURL},
		{"https://client.example/" + strings.Repeat("a", maxURL), ErrURL, ErrURL},
	} {
		if _, err := strict.CheckURL(tc.url); !errors.Is(err, tc.strict) {
			t.Errorf("%.60q: %v, want %v", tc.url, err, tc.strict)
		}
		if _, err := open.CheckURL(tc.url); !errors.Is(err, tc.open) {
			t.Errorf("in development, %.60q: %v, want %v", tc.url, err, tc.open)
		}
	}
}

// FuzzCheckURL: what is accepted is what net/http would call, over https, and
// an address written out is a public one.
func FuzzCheckURL(f *testing.F) {
	c := newClient(f, Options{})
	f.Add("https://client.example:443/a?b")
	f.Add("https://[::ffff:7f00:1]/")
	f.Add("https://a@b/")
	f.Fuzz(func(t *testing.T, raw string) {
		u, err := c.CheckURL(raw)
		if err != nil {
			return
		}
		request, err := http.NewRequest(http.MethodGet, raw, nil)
		if err != nil {
			t.Fatalf("accepted %q, which net/http refuses: %v", raw, err)
		}
		if request.URL.Scheme != "https" || request.URL.User != nil || request.URL.Fragment != "" || request.URL.Host != u.Host {
			t.Fatalf("%q would call %v", raw, request.URL)
		}
		if addr, err := netip.ParseAddr(u.Hostname()); err == nil && scopeOf(addr) != public {
			t.Fatalf("accepted %q", raw)
		}
	})
}
