package gate_test

import (
	"net/url"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"github.com/signet-idp/signet/provider/gate"
	"github.com/signet-idp/signet/storage"
)

func TestNormalHost(t *testing.T) {
	t.Parallel()
	for in, want := range map[string]string{
		"intranet.example.com": "intranet.example.com", "Intranet.Example.COM": "intranet.example.com", "a.test:8443": "a.test:8443",
		"a.test:443": "a.test", "a.test:80": "a.test:80", "localhost:80": "localhost", "localhost:3000": "localhost:3000",
		"127.0.0.1:8080": "127.0.0.1:8080", "[::1]:8080": "[::1]:8080", "[::1]": "[::1]", "[0:0::1]": "[::1]", "x": "x",
		"": "", "a b": "", "a.test/x": "", "a.test:": "a.test", "a.test:0": "", "a.test:65536": "", "a.test:08": "", "a.test:x": "",
		"-a.test": "", "a..test": "", "*.test": "", "a@b": "", "ü.test": "", "fe80::1%eth0": "", strings.Repeat("a", 64) + ".test": "",
		strings.Repeat("a.", 127) + "test": "", "a.test:80:80": "",
	} {
		if got := gate.NormalHost(in); got != want {
			t.Errorf("%q: %q, want %q", in, got, want)
		}
		if got := gate.NormalHost(want); got != want {
			t.Errorf("%q is not normal: %q", want, got)
		}
	}
}

func TestOrigin(t *testing.T) {
	t.Parallel()
	for _, tt := range [][3]string{
		{"https", "a.test", "https://a.test"},
		{"http", "a.test", "https://a.test"}, // a cookie over http would be for everybody on the way
		{"http", "localhost:3000", "http://localhost:3000"},
		{"https", "localhost:3000", "https://localhost:3000"},
		{"http", "127.0.0.2", "http://127.0.0.2"},
		{"http", "[::1]:1", "http://[::1]:1"},
		{"http", "app.localhost", "http://app.localhost"},
		{"http", "localhost.evil.test", "https://localhost.evil.test"},
		{"http", "127.0.0.1.evil.test", "https://127.0.0.1.evil.test"},
		{"javascript", "a.test", "https://a.test"},
	} {
		if got := gate.Origin(tt[0], tt[1]); got != tt[2] {
			t.Errorf("%s %s: %s", tt[0], tt[1], got)
		}
	}
}

// FuzzReturnPath: whatever is asked for, a browser stays on the host, and does
// not come back to signing in.
func FuzzReturnPath(f *testing.F) {
	for _, s := range []string{
		"/", "/a?b=c", "//evil.test", "/\\evil.test", "https://evil.test", "/.signet/login", "/a/../.signet/login", "/%2f%2fevil", "/\t/evil", "/a#b", "/%00", "/.//evil",
	} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, raw string) {
		got := gate.ReturnPath(raw)
		if got != raw && got != "/" {
			t.Fatalf("%q became %q", raw, got)
		}
		const origin = "https://intranet.example.com"
		u, err := url.Parse(origin + got)
		if err != nil || u.Scheme != "https" || u.Host != "intranet.example.com" || u.User != nil || u.Fragment != "" {
			t.Fatalf("%q leads to %v", raw, u)
		}
		if strings.HasPrefix(u.Path, "/.signet/") || strings.HasPrefix(got, "//") || strings.ContainsAny(got, "\\ \r\n\t") {
			t.Fatalf("%q is let through as %q", raw, got)
		}
		if gate.ReturnPath(got) != got {
			t.Fatalf("%q is not stable", got)
		}
	})
}

// fixed is randomness that is none.
type fixed byte

func (f fixed) Read(p []byte) (int, error) {
	for i := range p {
		p[i] = byte(f)
	}
	return len(p), nil
}

// TestState: a state is good for the browser, the gate and the origin that it
// was made for, unchanged, and for nothing else.
func TestState(t *testing.T) {
	t.Parallel()
	begin := func(t *testing.T, d *gate.Door, g *storage.Gate, origin, secret, path string) string {
		t.Helper()
		address, err := d.Begin(g, origin, secret, path)
		if err != nil {
			t.Fatal(err)
		}
		u, err := url.Parse(address)
		if err != nil {
			t.Fatal(err)
		}
		return u.Query().Get("state")
	}
	d := door(t)
	intranet := &storage.Gate{Name: "intranet", Browser: &storage.GateBrowser{Hosts: []string{"a.test", "b.test"}}}
	wiki := &storage.Gate{Name: "wiki", Browser: &storage.GateBrowser{Hosts: []string{"w.test"}}}
	mine, err := d.NewSecret()
	if err != nil {
		t.Fatal(err)
	}
	d.Rand = fixed(7)
	yours, err := d.NewSecret()
	if err != nil {
		t.Fatal(err)
	}
	rapid.Check(t, func(rt *rapid.T) {
		path := "/" + rapid.StringMatching(`[a-z/?=&%2]{0,200}`).Draw(rt, "path")
		state := begin(t, d, intranet, "https://a.test", mine, path)
		got, _, err := d.Returned(intranet, "https://a.test", mine, state)
		if err != nil || got != gate.ReturnPath(path) {
			rt.Fatalf("%q: %q %v", path, got, err)
		}
		i := rapid.IntRange(0, len(state)-1).Draw(rt, "at")
		bent := state[:i] + string(rapid.SampledFrom([]rune("Aa0_-=. ")).Draw(rt, "letter")) + state[i+1:]
		for _, c := range []struct {
			g                     *storage.Gate
			origin, secret, state string
		}{
			{intranet, "https://b.test", mine, state},
			{wiki, "https://a.test", mine, state},
			{intranet, "https://a.test", yours, state},
			{intranet, "https://a.test", mine, bent},
			{intranet, "https://a.test", mine, state[:i]},
			{intranet, "https://a.test", "", state},
		} {
			if c.state == state && c.secret == mine && c.g == intranet && c.origin == "https://a.test" {
				continue // bent into itself
			}
			if got, _, err := d.Returned(c.g, c.origin, c.secret, c.state); err == nil {
				rt.Fatalf("%+v is good: %q", c, got)
			}
		}
	})
}
