package passkey_test

import (
	"bytes"
	"crypto/rand"
	"encoding/json"
	"errors"
	"flag"
	"os"
	"path/filepath"
	"testing"
	"testing/iotest"

	"github.com/google/go-cmp/cmp"

	"github.com/signet-idp/signet/internal/testkit/fakeclock"
	"github.com/signet-idp/signet/provider/mfa/passkey"
)

var update = flag.Bool("update", false, "rewrite the golden files")

func TestNew(t *testing.T) {
	for name, c := range map[string]struct {
		rpID, origin string
		ok           bool
	}{
		"its own domain":    {"id.acme.test", "https://id.acme.test", true},
		"a domain above":    {"acme.test", "https://id.acme.test", true},
		"a port":            {"acme.test", "https://acme.test:8443", true},
		"development":       {"localhost", "http://localhost:8001", true},
		"below localhost":   {"id.localhost", "http://id.localhost:8001", true},
		"address":           {"127.0.0.1", "http://127.0.0.1:8001", false},
		"no TLS":            {"acme.test", "http://acme.test", false},
		"sister":            {"blog.acme.test", "https://id.acme.test", false},
		"same letters":      {"acme.test", "https://notacme.test", false},
		"path":              {"acme.test", "https://acme.test/auth", false},
		"slash":             {"acme.test", "https://acme.test/", false},
		"capitals":          {"acme.test", "https://Acme.test", false},
		"no scheme":         {"acme.test", "acme.test", false},
		"no RP id":          {"", "https://acme.test", false},
		"RP id is an issue": {"https://acme.test", "https://acme.test", false},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := passkey.New(passkey.Config{
				RPID: c.rpID, RPDisplayName: "Acme", Origins: []string{c.origin}, Clock: fakeclock.New(epoch), Rand: rand.Reader,
			})
			if (err == nil) != c.ok {
				t.Error(err)
			}
		})
	}
	for name, c := range map[string]passkey.Config{
		"no origin": {RPID: rpID, RPDisplayName: "Acme", Clock: fakeclock.New(epoch), Rand: rand.Reader},
		"no clock":  {RPID: rpID, RPDisplayName: "Acme", Origins: []string{origin}, Rand: rand.Reader},
		"no rand":   {RPID: rpID, RPDisplayName: "Acme", Origins: []string{origin}, Clock: fakeclock.New(epoch)},
		"no name":   {RPID: rpID, Origins: []string{origin}, Clock: fakeclock.New(epoch), Rand: rand.Reader},
	} {
		if _, err := passkey.New(c); err == nil {
			t.Errorf("%s: accepted", name)
		}
	}
}

// TestOptions shows what a browser gets.
func TestOptions(t *testing.T) {
	party, err := passkey.New(passkey.Config{
		RPID: rpID, RPDisplayName: "Acme", Origins: []string{origin}, Clock: fakeclock.New(epoch),
		Rand: bytes.NewReader(bytes.Repeat([]byte("0123456789abcdef"), 10)),
	})
	if err != nil {
		t.Fatal(err)
	}
	alice := person("alice")
	options := map[string]json.RawMessage{}
	var state []byte
	if options["register-first"], _, err = party.Register(t.Context(), alice); err != nil {
		t.Fatal(err)
	}
	alice.Credentials = []passkey.Credential{
		{ID: []byte("first"), Transports: []string{"internal", "hybrid"}},
		{ID: []byte("second")},
	}
	if options["register-third"], _, err = party.Register(t.Context(), alice); err != nil {
		t.Fatal(err)
	}
	if options["assert"], state, err = party.Assert(t.Context(), alice); err != nil {
		t.Fatal(err)
	}
	options["assert-state"] = state
	if options["discover"], _, err = party.Discover(t.Context()); err != nil {
		t.Fatal(err)
	}
	for name, got := range options {
		var pretty bytes.Buffer
		if err := json.Indent(&pretty, got, "", "  "); err != nil {
			t.Fatal(err)
		}
		pretty.WriteByte('\n')
		file := filepath.Join("testdata", name+".json")
		if *update {
			if err := os.WriteFile(file, pretty.Bytes(), 0o644); err != nil {
				t.Fatal(err)
			}
		}
		want, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(string(want), pretty.String()); diff != "" {
			t.Errorf("differs from %s (run with -update when meant):\n%s", file, diff)
		}
	}
}

func TestNoRandomness(t *testing.T) {
	broken := errors.New("no entropy")
	party, err := passkey.New(passkey.Config{
		RPID: rpID, RPDisplayName: "Acme", Origins: []string{origin}, Clock: fakeclock.New(epoch), Rand: iotest.ErrReader(broken),
	})
	if err != nil {
		t.Fatal(err)
	}
	if _, _, err := party.Discover(t.Context()); !errors.Is(err, broken) {
		t.Error(err)
	}
}

// TestHandle: one that browsers would refuse is told before they do.
func TestHandle(t *testing.T) {
	f := newFixture(t)
	for _, handle := range [][]byte{nil, make([]byte, 65)} {
		if _, _, err := f.Register(t.Context(), passkey.Person{Handle: handle, Name: "x"}); err == nil {
			t.Errorf("%d bytes accepted", len(handle))
		}
	}
}
