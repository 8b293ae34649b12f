package token_test

import (
	"encoding/base64"
	"encoding/json"
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/signet-idp/signet/internal/testkit/fakeclock"
	"github.com/signet-idp/signet/keys"
	"github.com/signet-idp/signet/keys/keytest"
	"github.com/signet-idp/signet/provider/revocation"
	"github.com/signet-idp/signet/provider/token"
)

// box seals by saying so: the tests here are about what is done with what opens.
type box struct{}

func (box) Seal(aad, plaintext []byte) []byte {
	return append([]byte("sealed for "+string(aad)+":"), plaintext...)
}

func (box) Open(aad, sealed []byte) ([]byte, error) {
	text, ok := strings.CutPrefix(string(sealed), "sealed for "+string(aad)+":")
	if !ok {
		return nil, errors.New("does not open")
	}
	return []byte(text), nil
}

// view answers what it is told to, about the reference it was asked.
type view struct {
	verdict revocation.Verdict
	stale   bool
	asked   revocation.TokenRef
}

func (v *view) Check(ref revocation.TokenRef) revocation.Verdict { v.asked = ref; return v.verdict }
func (v *view) Fresh(time.Duration) bool                         { return !v.stale }

type bench struct {
	clock    *fakeclock.Clock
	ring     token.Ring
	minter   *token.Minter
	view     *view
	verifier *token.Verifier
}

func newBench(t *testing.T) *bench {
	t.Helper()
	b := &bench{clock: fakeclock.New(time.Now().Truncate(time.Second)), view: &view{}}
	b.ring = token.NewRing(keytest.Manager(t, b.clock, keys.ES256))
	b.minter = token.NewMinter(b.ring, box{})
	var err error
	if b.verifier, err = token.NewVerifier(benchIssuer, b.ring, box{}, b.view, b.clock, time.Minute); err != nil {
		t.Fatal(err)
	}
	return b
}

// mint makes a token in both forms.
func (b *bench) mint(t *testing.T, c *token.Claims) map[string]string {
	t.Helper()
	jwt, err := b.minter.Mint(keys.ES256, c)
	if err != nil {
		t.Fatal(err)
	}
	opaque, err := b.minter.Seal(c)
	if err != nil {
		t.Fatal(err)
	}
	return map[string]string{"jwt": jwt, "opaque": opaque}
}

// TestBothForms: an opaque token says what a JWT says, and dies of the same.
func TestBothForms(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	c := usual(b.clock.Now())
	for _, bare := range []bool{false, true} {
		c.BareRoles = bare
		for form, raw := range b.mint(t, c) {
			for range 2 { // again from memory
				b.view.verdict, b.view.stale = revocation.OK, false
				v, err := b.verifier.Verify(raw)
				if err != nil {
					t.Fatalf("%s: %v", form, err)
				}
				if v.Subject != c.Subject || v.PE != c.PE || !v.HasScope("orders:read") || strings.Join(v.Roles, " ") != "billing system:user" ||
					v.BareRoles != bare || !v.Expiry.Equal(c.Expiry) || !v.AuthTime.Equal(c.AuthTime) {
					t.Fatalf("%s: %+v", form, v)
				}
				if ref := b.view.asked; ref.JTI != c.JTI || ref.SID != c.SID || ref.GID != c.GID || strings.Join(ref.Roles, " ") != "billing system:user" {
					t.Fatalf("%s: asked about %+v", form, ref)
				}
				for verdict, want := range map[revocation.Verdict]error{
					revocation.Stale: token.ErrStale, revocation.SessionEnded: token.ErrSessionEnded, revocation.Revoked: token.ErrRevoked,
				} {
					b.view.verdict = verdict
					if _, err := b.verifier.Verify(raw); !errors.Is(err, want) {
						t.Fatalf("%s: %v, want %v", form, err, want)
					}
				}
				b.view.verdict, b.view.stale = revocation.OK, true
				if _, err := b.verifier.Verify(raw); !errors.Is(err, token.ErrUnknownVerdict) {
					t.Fatalf("%s: %v", form, err)
				}
			}
		}
	}
}

func TestTimes(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	for form, raw := range b.mint(t, usual(b.clock.Now().Add(29*time.Second))) {
		if _, err := b.verifier.Verify(raw); err != nil {
			t.Fatalf("%s within the skew: %v", form, err)
		}
	}
	for form, raw := range b.mint(t, usual(b.clock.Now().Add(31*time.Second))) {
		if _, err := b.verifier.Verify(raw); !errors.Is(err, token.ErrNotYet) {
			t.Fatalf("%s from the future: %v", form, err)
		}
	}
	tokens := b.mint(t, usual(b.clock.Now()))
	b.clock.Advance(10*time.Minute + token.Skew - time.Second)
	for form, raw := range tokens {
		if _, err := b.verifier.Verify(raw); err != nil {
			t.Fatalf("%s: %v", form, err)
		}
	}
	b.clock.Advance(time.Second)
	for form, raw := range tokens {
		if _, err := b.verifier.Verify(raw); !errors.Is(err, token.ErrExpired) || token.Reason(err) != "expired" {
			t.Fatalf("%s: %v", form, err)
		}
	}
}

// TestRefusals: whoever could seal or sign anything would still have to say the
// right things.
func TestRefusals(t *testing.T) {
	t.Parallel()
	b := newBench(t)
	now := b.clock.Now()
	good := func() map[string]any {
		return map[string]any{
			"iss": benchIssuer, "sub": "u", "aud": benchIssuer, "exp": now.Add(time.Minute).Unix(), "iat": now.Unix(), "nbf": now.Unix(),
			"jti": "j", "client_id": "c", "scope": "openid", "roles": []string{"admin"}, "pe": 1,
		}
	}
	seal := func(claims any) string {
		raw, err := json.Marshal(claims)
		if err != nil {
			t.Fatal(err)
		}
		return token.OpaquePrefix + base64.RawURLEncoding.EncodeToString(box{}.Seal([]byte(token.TypeAccessToken), raw))
	}
	for _, c := range []struct {
		name   string
		change func(m map[string]any)
		want   error
	}{
		{"good", func(map[string]any) {}, nil},
		{"another issuer", func(m map[string]any) { m["iss"] = "https://evil.test" }, token.ErrWrongIssuer},
		{"no exp", func(m map[string]any) { delete(m, "exp") }, token.ErrMalformed},
		{"exp zero", func(m map[string]any) { m["exp"] = 0 }, token.ErrMalformed},
		{"exp beyond all", func(m map[string]any) { m["exp"] = int64(1) << 60 }, token.ErrMalformed},
		{"no sub", func(m map[string]any) { delete(m, "sub") }, token.ErrMalformed},
		{"no jti", func(m map[string]any) { delete(m, "jti") }, token.ErrMalformed},
		{"no aud", func(m map[string]any) { m["aud"] = []string{} }, token.ErrMalformed},
		{"roles in an unknown form", func(m map[string]any) { m["roles_form"] = "system" }, token.ErrMalformed},
		{"roles no list", func(m map[string]any) { m["roles"] = "admin" }, token.ErrMalformed},
	} {
		m := good()
		c.change(m)
		v, err := b.verifier.Verify(seal(m))
		if !errors.Is(err, c.want) || c.want == nil && err != nil {
			t.Errorf("%s: %v, want %v", c.name, err, c.want)
		}
		if c.want == nil && strings.Join(v.Roles, " ") != "admin" {
			t.Errorf("%s: unmarked roles read as %v", c.name, v.Roles)
		}
	}
	whole := seal(good())
	for name, raw := range map[string]string{
		"nothing": "", "prefix alone": "sgt_", "text": "hello", "a dot": "a.b.c", "line break": whole[:20] + "\n" + whole[20:], "padded": whole + "=",
		"prefix twice": "sgt_" + whole, "too long": "sgt_" + strings.Repeat("A", 20_000), "another alphabet": strings.Replace(whole, whole[10:11], "+", 1),
		"for another purpose": token.OpaquePrefix + base64.RawURLEncoding.EncodeToString(box{}.Seal([]byte("other"), []byte("{}"))),
	} {
		if _, err := b.verifier.Verify(raw); !errors.Is(err, token.ErrMalformed) {
			t.Errorf("%s: %v", name, err)
		}
	}
	plain, err := token.NewVerifier(benchIssuer, b.ring, nil, b.view, b.clock, time.Minute)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := plain.Verify(whole); !errors.Is(err, token.ErrMalformed) {
		t.Errorf("without an opener: %v", err)
	}
	if _, err := token.NewMinter(b.ring, nil).Seal(usual(now)); err == nil {
		t.Error("sealed with nothing")
	}
}

// FuzzVerify: no text at all makes the verifier panic or accept what it did not
// make.
func FuzzVerify(f *testing.F) {
	clk := fakeclock.New(time.Now())
	v, err := token.NewVerifier(benchIssuer, token.NewRing(keytest.Manager(f, clk, keys.ES256)), box{}, calm{}, clk, time.Minute)
	if err != nil {
		f.Fatal(err)
	}
	for _, s := range []string{"", "sgt_", "sgt_AAAA", "a.b.c", "eyJhbGciOiJub25lIn0.e30.", "sgt_\n"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, raw string) {
		if got, err := v.Verify(raw); err == nil && got.Issuer != benchIssuer {
			t.Fatalf("accepted %q", raw)
		}
	})
}
