package gateway

import (
	"crypto/sha256"
	"encoding/base64"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/go-jose/go-jose/v4"
)

func TestVerify(t *testing.T) {
	t.Parallel()
	f := newFake(t)
	v := f.verifier(nil)
	b64 := base64.RawURLEncoding
	good := f.token(nil)
	withHeader := func(head string) string {
		return b64.EncodeToString([]byte(head)) + "." + strings.SplitN(good, ".", 2)[1]
	}
	for _, tt := range []struct {
		name string
		raw  string
		want error
	}{
		{"good", good, nil},
		{"audience in a list", f.token(func(c map[string]any) { c["aud"] = []string{"x", audience} }), nil},
		{"just within the skew", f.token(func(c map[string]any) { c["exp"] = time.Now().Add(-20 * time.Second).Unix() }), nil},
		{"empty", "", ErrMalformed},
		{"two parts", "a.b", ErrMalformed},
		{"four parts", good + ".x", ErrMalformed},
		{"huge", strings.Repeat("a", maxToken+1), ErrMalformed},
		{"expired", f.token(func(c map[string]any) { c["exp"] = time.Now().Add(-time.Minute).Unix() }), ErrExpired},
		{"of tomorrow", f.token(func(c map[string]any) { c["nbf"] = time.Now().Add(time.Hour).Unix() }), ErrNotYet},
		{"another issuer", f.token(func(c map[string]any) { c["iss"] = "https://evil.test" }), ErrWrongIssuer},
		{"another audience", f.token(func(c map[string]any) { c["aud"] = "https://other.test" }), ErrWrongAudience},
		{"no expiry", f.token(func(c map[string]any) { delete(c, "exp") }), ErrMalformed},
		{"an expiry that is text", f.token(func(c map[string]any) { c["exp"] = "soon" }), ErrMalformed},
		{"no subject", f.token(func(c map[string]any) { delete(c, "sub") }), ErrMalformed},
		{"roles in a form of the future", f.token(func(c map[string]any) { c["roles_form"] = "tree" }), ErrMalformed},
		{"an ID token", f.tokenKey.sign(t, "JWT", f.claims()), ErrMalformed},
		{"no type", f.tokenKey.sign(t, "", f.claims()), ErrMalformed},
		{"a heartbeat's key", f.feedKey.sign(t, typeAccessToken, f.claims()), ErrUnknownKey},
		{"a stranger's key of that name", key{"t1", newKey(t, "").private}.sign(t, typeAccessToken, f.claims()), ErrMalformed},
		{"alg none", withHeader(`{"alg":"none","kid":"t1","typ":"at+jwt"}`), ErrMalformed},
		{"alg HS256", withHeader(`{"alg":"HS256","kid":"t1","typ":"at+jwt"}`), ErrMalformed},
		{"another alg than the key's", withHeader(`{"alg":"ES384","kid":"t1","typ":"at+jwt"}`), ErrMalformed},
		{"crit", withHeader(`{"alg":"ES256","kid":"t1","typ":"at+jwt","crit":["b64"],"b64":true}`), ErrMalformed},
		{"a key inside", withHeader(`{"alg":"ES256","kid":"t1","typ":"at+jwt","jwk":{}}`), ErrMalformed},
		{"signature changed", good[:len(good)-10] + "AAAA" + good[len(good)-6:], ErrMalformed},
		{"line break", good[:len(good)-4] + "\n" + good[len(good)-4:], ErrMalformed},
		{"padding", good + "=", ErrMalformed},
		{"payload changed", strings.Replace(good, ".", ".e", 1), ErrMalformed},
	} {
		t.Run(tt.name, func(t *testing.T) {
			for range 2 { // the second time from memory
				c, err := v.Verify(t.Context(), tt.raw)
				if !errors.Is(err, tt.want) || (err == nil) != (tt.want == nil) {
					t.Fatalf("got %v, want %v", err, tt.want)
				}
				if (c == nil) != (err != nil) {
					t.Fatal("claims and error, or neither")
				}
			}
		})
	}
}

// TestNonCanonical: the last character of base64 holds bits that no byte has;
// a lenient decoder takes several texts for one token.
func TestNonCanonical(t *testing.T) {
	t.Parallel()
	f := newFake(t)
	v := f.verifier(nil)
	good := f.token(nil)
	const alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"
	last := strings.IndexByte(alphabet, good[len(good)-1])
	other := good[:len(good)-1] + string(alphabet[last^1])
	if _, err := v.Verify(t.Context(), other); !errors.Is(err, ErrMalformed) {
		t.Fatal(err)
	}
	if _, err := v.Verify(t.Context(), good); err != nil {
		t.Fatal(err)
	}
}

func TestClaimsAreRead(t *testing.T) {
	t.Parallel()
	f := newFake(t)
	v := f.verifier(nil)
	c, err := v.Verify(t.Context(), f.token(func(m map[string]any) {
		m["permissions"] = []string{"read:invoice"}
		m["department"] = "sales"
		m["roles"], m["roles_form"] = []string{"admin", "org:billing"}, "bare"
	}))
	if err != nil {
		t.Fatal(err)
	}
	if c.Subject != "ada" || !c.HasScope("orders:write") || c.HasScope("orders") || !c.Person() || c.OrgSlug != "acme" || c.KeyID != "t1" {
		t.Errorf("%+v", c)
	}
	if !c.HasRole("system:admin") || !c.HasRole("billing") || c.HasRole("admin") || !c.HasPermission("read:invoice") {
		t.Errorf("%+v", c.Roles)
	}
	var more struct{ Department string }
	if err := c.Unmarshal(&more); err != nil || more.Department != "sales" {
		t.Error(more, err)
	}
}

// TestRevocations: what each kind of entry kills, and what it leaves.
func TestRevocations(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		kind, value string
		want        error
	}{
		{kindJTI, "j1", ErrRevoked},
		{kindJTI, "j2", nil},
		{kindKID, "t1", ErrRevoked},
		{kindGrant, "g1", ErrRevoked},
		{kindSub, "ada", ErrRevoked},
		{kindSub, "bob", nil},
		{kindClient, "web", ErrRevoked},
		{kindOrg, "o1", ErrRevoked},
		{kindOrg, "o2", nil},
		{kindSID, "s1", ErrSessionEnded},
		{kindMember, "o1/ada", ErrStale},
		{kindMember, "/ada", ErrStale},
		{kindMember, "o2/ada", nil},
		{kindRole, "o1/billing", ErrStale},
		{kindRole, "/billing", nil},
		{kindRole, "/user", ErrStale},
		{kindRole, "o1/user", nil},
		{"all", "", ErrRevoked},
		{"device", "d1", ErrRevoked}, // of a newer server
	} {
		t.Run(tt.kind+" "+tt.value, func(t *testing.T) {
			t.Parallel()
			f := newFake(t)
			v := f.verifier(nil)
			raw := f.token(nil)
			if _, err := v.Verify(t.Context(), raw); err != nil {
				t.Fatal(err)
			}
			f.revoke(tt.kind, tt.value)
			until(t, "applied", func() bool { return v.Position() == 1 })
			if _, err := v.Verify(t.Context(), raw); !errors.Is(err, tt.want) || (err == nil) != (tt.want == nil) {
				t.Errorf("before: got %v, want %v", err, tt.want)
			}
			// A token of after is good, whatever was revoked, but for what kills always.
			later := f.token(func(c map[string]any) { c["pe"] = 1 })
			_, err := v.Verify(t.Context(), later)
			if always := tt.value == "j1" || tt.kind == kindKID; always != errors.Is(err, ErrRevoked) || !always && err != nil {
				t.Errorf("after: got %v", err)
			}
		})
	}
}

func TestUnknownKeyIsFetchedOnce(t *testing.T) {
	t.Parallel()
	f := newFake(t)
	v := f.verifier(nil)
	next := newKey(t, "t2")
	f.set(func() { f.tokenKeys = append(f.tokenKeys, next.public()) })
	// The first fetch was made by New; another is not due yet.
	v.keys.mu.Lock()
	v.keys.tried = time.Time{}
	v.keys.mu.Unlock()
	if _, err := v.Verify(t.Context(), next.sign(t, typeAccessToken, f.claims())); err != nil {
		t.Fatal(err)
	}
	for i := range 50 {
		raw := key{fmt.Sprintf("x%d", i), next.private}.sign(t, typeAccessToken, f.claims())
		if _, err := v.Verify(t.Context(), raw); !errors.Is(err, ErrUnknownKey) {
			t.Fatal(err)
		}
	}
	f.set(func() {
		if f.keyReads > 3 {
			t.Errorf("%d fetches", f.keyReads)
		}
	})
}

func TestCacheIsBounded(t *testing.T) {
	t.Parallel()
	c := newCache(1000)
	for i := range 100_000 {
		c.put(sha256.Sum256([]byte(fmt.Sprint(i))), &token{})
	}
	n := 0
	for i := range c.shards {
		n += len(c.shards[i].young) + len(c.shards[i].old)
	}
	if n > 1000 {
		t.Errorf("%d entries", n)
	}
	// What is used stays.
	used := sha256.Sum256([]byte("used"))
	c.put(used, &token{})
	for i := range 100_000 {
		c.put(sha256.Sum256([]byte(fmt.Sprint("more", i))), &token{})
		if c.get(used) == nil {
			t.Fatal("a token in use was dropped")
		}
	}
	if none := newCache(-1); none.get(used) != nil {
		t.Error("none remembers")
	}
}

func TestConfigIsChecked(t *testing.T) {
	t.Parallel()
	for _, c := range []Config{
		{},
		{Issuer: "https://id.example.com"},
		{Issuer: "http://id.example.com", Audience: "a"},
		{Issuer: "https://id.example.com?x", Audience: "a"},
		{Issuer: "https://id.example.com", Audience: "a", ClientID: "g"},
		{Issuer: "https://id.example.com", Audience: "a", Algorithms: []string{"none"}},
		{Issuer: "https://id.example.com", Audience: "a", Algorithms: []string{"HS256"}},
		{Issuer: "https://id.example.com", Audience: "a", Realm: "x\""},
	} {
		if _, err := New(t.Context(), c); err == nil {
			t.Errorf("%+v was accepted", c)
		}
	}
}

func FuzzVerify(f *testing.F) {
	fk := newFake(f)
	v := fk.verifier(func(c *Config) { c.Cache = -1 })
	good := fk.token(nil)
	f.Add(good)
	f.Add("a.b.c")
	f.Fuzz(func(t *testing.T, raw string) {
		if _, err := v.Verify(t.Context(), raw); err == nil && raw != good {
			// Only what the key has signed is accepted, and in one form.
			jws, perr := jose.ParseSignedCompact(raw, []jose.SignatureAlgorithm{jose.ES256})
			if perr != nil {
				t.Fatal("accepted what is no JWS")
			}
			if again, _ := jws.CompactSerialize(); again != raw {
				t.Fatal("accepted in another form")
			}
		}
	})
}
