package assertion

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"encoding/json"
	"encoding/pem"
	"errors"
	"fmt"
	"maps"
	"strings"
	"testing"
	"time"

	"github.com/go-jose/go-jose/v4"
	josejson "github.com/go-jose/go-jose/v4/json"
	"github.com/go-jose/go-jose/v4/jwt"

	"github.com/signet-idp/signet/internal/testkit/fakeclock"
	"github.com/signet-idp/signet/provider/oauth/internal/jwstest"
)

const (
	issuer = "https://id.example"
	token  = issuer + "/oauth2/token"
)

func now() time.Time { return time.Date(2026, 11, 24, 12, 0, 0, 0, time.UTC) }

// claims are those of a good assertion, changed; nil takes one out.
func claims(changes map[string]any) map[string]any {
	c := map[string]any{
		"iss": "orders", "sub": "orders", "aud": token, "jti": "id-1",
		"iat": now().Unix(), "exp": now().Add(time.Minute).Unix(),
	}
	maps.Copy(c, changes)
	maps.DeleteFunc(c, func(_ string, v any) bool { return v == nil })
	return c
}

func newVerifier(t testing.TB, keys KeySource, lifetime time.Duration) *Verifier {
	t.Helper()
	v, err := New(Config{Keys: keys, Audiences: []string{issuer, token}, Lifetime: lifetime, Clock: fakeclock.New(now())})
	if err != nil {
		t.Fatal(err)
	}
	return v
}

func TestVerifyAlgorithms(t *testing.T) {
	client := jwstest.New(t)
	v := newVerifier(t, &jwstest.Source{Set: client.Keys()}, 0)
	for _, algorithm := range []jose.SignatureAlgorithm{jose.RS256, jose.PS256, jose.ES256, jose.EdDSA} {
		raw := client.Sign(t, algorithm, nil, claims(nil))
		for _, pinned := range []jose.SignatureAlgorithm{"", algorithm} {
			got, err := v.Verify(t.Context(), Client{ID: "orders", Algorithm: pinned}, raw)
			want := Assertion{ClientID: "orders", ID: "id-1", ExpiresAt: now().Add(time.Minute)}
			if err != nil || got != want {
				t.Errorf("%s, pinned %q: %+v, %v", algorithm, pinned, got, err)
			}
		}
		other := jose.ES256
		if algorithm == other {
			other = jose.RS256
		}
		if _, err := v.Verify(t.Context(), Client{ID: "orders", Algorithm: other}, raw); !errors.Is(err, ErrAlgorithm) {
			t.Errorf("%s, pinned to %s: %v", algorithm, other, err)
		}
	}
	for _, algorithm := range []jose.SignatureAlgorithm{jose.RS384, jose.RS512, jose.PS384, jose.PS512} {
		raw := client.Sign(t, algorithm, nil, claims(nil))
		for _, pinned := range []jose.SignatureAlgorithm{"", algorithm} {
			if _, err := v.Verify(t.Context(), Client{ID: "orders", Algorithm: pinned}, raw); !errors.Is(err, ErrAlgorithm) {
				t.Errorf("%s: %v", algorithm, err)
			}
		}
	}
}

func TestVerifyClaims(t *testing.T) {
	client := jwstest.New(t)
	v := newVerifier(t, &jwstest.Source{Set: client.Keys()}, 0)
	at := func(d time.Duration) int64 { return now().Add(d).Unix() }
	for _, tc := range []struct {
		name    string
		changes map[string]any
		want    error
	}{
		{"issuer as audience", map[string]any{"aud": issuer}, nil},
		{"audience in a list", map[string]any{"aud": []string{"https://other.example", issuer}}, nil},
		{"no iat", map[string]any{"iat": nil}, nil},
		{"times with fractions", map[string]any{"iat": float64(at(0)) + 0.5, "exp": float64(at(60)) + 0.5}, nil},
		{"clock 30 s ahead", map[string]any{"iat": at(30 * time.Second), "nbf": at(30 * time.Second), "exp": at(5*time.Minute + 30*time.Second)}, nil},
		{"an hour, and fresh", map[string]any{"iat": at(-299 * time.Second), "exp": at(time.Hour)}, nil}, // zitadel/oidc
		{"longest jti", map[string]any{"jti": strings.Repeat("j", MaxID)}, nil},
		{"unknown claims", map[string]any{"x": map[string]any{"y": 1}}, nil},

		{"other issuer", map[string]any{"iss": "billing"}, ErrIssuer},
		{"no issuer", map[string]any{"iss": nil}, ErrIssuer},
		{"issuer is a number", map[string]any{"iss": 1}, ErrClaim},
		{"other subject", map[string]any{"sub": "billing"}, ErrSubject},
		{"no subject", map[string]any{"sub": nil}, ErrSubject},
		{"other audience", map[string]any{"aud": "https://other.example"}, ErrAudience},
		{"audience longer by a slash", map[string]any{"aud": issuer + "/"}, ErrAudience},
		{"no audience", map[string]any{"aud": nil}, ErrAudience},
		{"empty list of audiences", map[string]any{"aud": []string{}}, ErrAudience},
		{"audience is an object", map[string]any{"aud": map[string]any{issuer: 1}}, ErrClaim},
		{"a number among the audiences", map[string]any{"aud": []any{issuer, 1}}, ErrClaim},
		{"very many audiences", map[string]any{"aud": append(make([]string, 32), issuer)}, ErrClaim},
		{"no exp", map[string]any{"exp": nil}, ErrNoExpiry},
		{"exp is a string", map[string]any{"exp": fmt.Sprint(at(60 * time.Second))}, ErrClaim},
		{"exp beyond all bounds", map[string]any{"exp": 1e300}, ErrClaim},
		{"negative exp", map[string]any{"exp": -1}, ErrClaim},
		{"expired", map[string]any{"exp": at(-time.Second)}, ErrExpired},
		{"expires now", map[string]any{"exp": at(0)}, ErrExpired},
		{"ten years", map[string]any{"iat": nil, "exp": at(87600 * time.Hour)}, ErrLifetime},
		{"a little too long", map[string]any{"iat": nil, "exp": at(5*time.Minute + 31*time.Second)}, ErrLifetime},
		{"long, and not fresh", map[string]any{"iat": at(-5 * time.Minute), "exp": at(time.Hour)}, ErrExpired},
		// What it was marked as used for is over by then.
		{"long, and near its end", map[string]any{"iat": at(-time.Hour), "exp": at(time.Minute)}, ErrExpired},
		{"not yet", map[string]any{"nbf": at(31 * time.Second)}, ErrNotYetValid},
		{"made in the future", map[string]any{"iat": at(31 * time.Second)}, ErrNotYetValid},
		{"iat is a string", map[string]any{"iat": "now"}, ErrClaim},
		{"no jti", map[string]any{"jti": nil}, ErrID},
		{"empty jti", map[string]any{"jti": ""}, ErrID},
		{"long jti", map[string]any{"jti": strings.Repeat("j", MaxID+1)}, ErrID},
		{"jti is a number", map[string]any{"jti": 1}, ErrClaim},
	} {
		t.Run(tc.name, func(t *testing.T) {
			t.Parallel()
			_, err := v.Verify(t.Context(), Client{ID: "orders"}, client.Sign(t, jose.EdDSA, nil, claims(tc.changes)))
			if !errors.Is(err, tc.want) {
				t.Fatalf("err = %v, want %v", err, tc.want)
			}
		})
	}
	t.Run("another client's", func(t *testing.T) {
		_, err := v.Verify(t.Context(), Client{ID: "billing"}, client.Sign(t, jose.EdDSA, nil, claims(nil)))
		if !errors.Is(err, ErrIssuer) {
			t.Fatal(err)
		}
	})
	t.Run("no client", func(t *testing.T) {
		_, err := v.Verify(t.Context(), Client{}, client.Sign(t, jose.EdDSA, nil, claims(map[string]any{"iss": "", "sub": ""})))
		if !errors.Is(err, ErrIssuer) {
			t.Fatal(err)
		}
	})
}

func TestVerifyForm(t *testing.T) {
	client := jwstest.New(t)
	v := newVerifier(t, &jwstest.Source{Set: client.Keys()}, 0)
	payload, err := json.Marshal(claims(nil))
	if err != nil {
		t.Fatal(err)
	}
	good := string(payload)
	const header = `{"alg":"EdDSA","kid":"ed"}`
	signed := client.SignText(header, good)
	rsaPublic := pem.EncodeToMemory(&pem.Block{Type: "PUBLIC KEY", Bytes: must(x509.MarshalPKIXPublicKey(&client.RSA.PublicKey))})
	parts := strings.Split(signed, ".")
	for _, tc := range []struct {
		name, raw string
		want      error
	}{
		{"good", signed, nil},
		{"typ JWT", client.SignText(`{"alg":"EdDSA","typ":"jwt"}`, good), nil},
		{"typ of the draft", client.SignText(`{"alg":"EdDSA","typ":"client-authentication+jwt"}`, good), nil},
		{"key offered in the header is ignored", client.SignText(`{"alg":"EdDSA","jku":"https://evil.example","x5t":"AA"}`, good), nil},

		{"typ of an access token", client.SignText(`{"alg":"EdDSA","typ":"at+jwt"}`, good), ErrType},
		{"typ of a request object", client.SignText(`{"alg":"EdDSA","typ":"oauth-authz-req+jwt"}`, good), ErrType},
		{"none", jwstest.B64(`{"alg":"none"}`) + "." + jwstest.B64(good) + ".", ErrAlgorithm},
		{"none with a signature", client.SignText(`{"alg":"none"}`, good), ErrAlgorithm},
		{"None", client.SignText(`{"alg":"None"}`, good), ErrAlgorithm},
		{"empty alg", client.SignText(`{"alg":""}`, good), ErrAlgorithm},
		{"HS256 with the public key as PEM", jwstest.HMAC(`{"alg":"HS256","kid":"rsa"}`, good, rsaPublic), ErrAlgorithm},
		{"HS256 with the public key's bytes", jwstest.HMAC(`{"alg":"HS256","kid":"ed"}`, good, client.Ed[32:]), ErrAlgorithm},
		{"RS256 claimed for an Ed25519 signature", client.SignText(`{"alg":"RS256","kid":"rsa"}`, good), ErrSignature},
		{"RS256 with the name of an Ed25519 key", client.SignText(`{"alg":"RS256","kid":"ed"}`, good), ErrUnknownKey},
		{"signature of another text", parts[0] + "." + jwstest.B64(good+" ") + "." + parts[2], ErrSignature},
		{"no signature", parts[0] + "." + parts[1] + ".", ErrSignature},

		{"crit", client.SignText(`{"alg":"EdDSA","crit":["exp"],"exp":1}`, good), ErrMalformed},
		{"b64 false", client.SignText(`{"alg":"EdDSA","b64":false,"crit":["b64"]}`, good), ErrMalformed},
		{"b64 true", client.SignText(`{"alg":"EdDSA","b64":true}`, good), ErrMalformed},
		{"no alg", client.SignText(`{"kid":"ed"}`, good), ErrMalformed},
		{"alg is a list", client.SignText(`{"alg":["EdDSA"]}`, good), ErrMalformed},
		{"alg twice", client.SignText(`{"alg":"EdDSA","alg":"EdDSA"}`, good), ErrMalformed},
		{"Alg in another case", client.SignText(`{"Alg":"EdDSA"}`, good), ErrMalformed},
		{"kid is a number", client.SignText(`{"alg":"EdDSA","kid":1}`, good), ErrMalformed},
		{"very long kid", client.SignText(`{"alg":"EdDSA","kid":"`+strings.Repeat("k", 257)+`"}`, good), ErrMalformed},
		{"typ is null", client.SignText(`{"alg":"EdDSA","typ":null}`, good), ErrMalformed},
		{"claim twice", client.SignText(header, strings.Replace(good, "{", `{"iss":"orders",`, 1)), ErrMalformed},
		{"claim in another case", client.SignText(header, strings.Replace(good, `"jti"`, `"JTI"`, 1)), ErrID},
		{"deep claims", client.SignText(header, strings.Replace(good, "{", `{"x":`+strings.Repeat("[", 30)+strings.Repeat("]", 30)+`,`, 1)), ErrMalformed},
		{"payload is no object", client.SignText(header, `"text"`), ErrMalformed},
		{"payload is not UTF-8", client.SignText(header, "{\"iss\":\"\xff\"}"), ErrMalformed},
		{"bytes after the payload", client.SignText(header, good+"{}"), ErrMalformed},
		{"header is empty", "." + parts[1] + "." + parts[2], ErrMalformed},
		{"padding", parts[0] + "." + parts[1] + "." + parts[2] + "==", ErrMalformed},
		{"standard base64", parts[0] + "." + parts[1] + "." + strings.Repeat("+", len(parts[2])), ErrMalformed},
		{"line break", parts[0] + "\n." + parts[1] + "." + parts[2], ErrMalformed},
		{"space before", " " + signed, ErrMalformed},
		{"bits after the end", signed[:len(signed)-1] + nextBit(signed[len(signed)-1]), ErrMalformed},
		{"two parts", parts[0] + "." + parts[1], ErrMalformed},
		{"five parts, as encrypted tokens have", signed + ".a.b", ErrMalformed},
		{"JSON form", `{"payload":"` + parts[1] + `","protected":"` + parts[0] + `","signature":"` + parts[2] + `"}`, ErrMalformed},
		{"empty", "", ErrMalformed},
		{"too long", client.SignText(header, strings.Replace(good, "{", `{"x":"`+strings.Repeat("x", MaxSize)+`",`, 1)), ErrMalformed},
	} {
		t.Run(tc.name, func(t *testing.T) {
			t.Parallel()
			if _, err := v.Verify(t.Context(), Client{ID: "orders"}, tc.raw); !errors.Is(err, tc.want) {
				t.Fatalf("err = %v, want %v", err, tc.want)
			}
		})
	}
}

// nextBit sets the lowest bit of a base64url digit, which at the end of 64
// bytes is beyond them.
func nextBit(digit byte) string {
	const alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"
	return string(alphabet[strings.IndexByte(alphabet, digit)|1])
}

func TestVerifyKeys(t *testing.T) {
	client, stranger := jwstest.New(t), jwstest.New(t)
	ed := func(c *jwstest.Client, kid string) jose.JSONWebKey {
		return jose.JSONWebKey{Key: c.Ed.Public(), KeyID: kid}
	}
	weak, err := rsa.GenerateKey(rand.Reader, 1024)
	if err != nil {
		t.Fatal(err)
	}
	p384, err := ecdsa.GenerateKey(elliptic.P384(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	named := client.Sign(t, jose.EdDSA, nil, claims(nil))
	unnamed := client.Sign(t, jose.EdDSA, map[string]any{"kid": nil}, claims(nil))
	for _, tc := range []struct {
		name       string
		set, newer []jose.JSONWebKey
		raw        string
		want       error
		forced     int
	}{
		{name: "named", set: []jose.JSONWebKey{ed(client, "ed"), ed(stranger, "b")}, raw: named},
		{name: "unnamed, one key", set: []jose.JSONWebKey{ed(client, "ed")}, raw: unnamed},
		{name: "unnamed, one key of the kind", set: client.Keys(), raw: unnamed},
		{name: "unnamed, two keys", set: []jose.JSONWebKey{ed(client, "a"), ed(stranger, "b")}, raw: unnamed, want: ErrManyKeys},
		{name: "the name of another key", set: []jose.JSONWebKey{ed(client, "x"), ed(stranger, "ed")}, raw: named, want: ErrSignature},
		{name: "unknown name", set: []jose.JSONWebKey{ed(client, "x")}, raw: named, want: ErrUnknownKey, forced: 1},
		{name: "named, but the key has no name", set: []jose.JSONWebKey{ed(client, "")}, raw: named, want: ErrUnknownKey, forced: 1},
		{name: "rolled keys", set: []jose.JSONWebKey{ed(stranger, "old")}, newer: []jose.JSONWebKey{ed(client, "ed")}, raw: named, forced: 1},
		{name: "same name for keys of two kinds", set: []jose.JSONWebKey{ed(client, "ed"), {Key: &client.EC.PublicKey, KeyID: "ed"}}, raw: named},
		{name: "same name twice", set: []jose.JSONWebKey{ed(client, "ed"), ed(stranger, "ed")}, raw: named, want: ErrManyKeys},
		{name: "stranger's key", set: []jose.JSONWebKey{ed(stranger, "ed")}, raw: named, want: ErrSignature},
		{name: "key for encryption", set: []jose.JSONWebKey{{Key: client.Ed.Public(), KeyID: "ed", Use: "enc"}}, raw: named, want: ErrUnknownKey, forced: 1},
		{name: "key for another algorithm", set: []jose.JSONWebKey{{Key: client.Ed.Public(), KeyID: "ed", Algorithm: "ES256"}}, raw: named, want: ErrUnknownKey, forced: 1},
		{name: "weak RSA key", set: []jose.JSONWebKey{{Key: &weak.PublicKey, KeyID: "rsa"}}, raw: client.Sign(t, jose.RS256, nil, claims(nil)), want: ErrUnknownKey, forced: 1},
		{name: "ES256 with a key on P-384", set: []jose.JSONWebKey{{Key: &p384.PublicKey, KeyID: "ec"}}, raw: client.Sign(t, jose.ES256, nil, claims(nil)), want: ErrUnknownKey, forced: 1},
		{name: "private key in the set", set: []jose.JSONWebKey{{Key: client.Ed, KeyID: "ed"}}, raw: named, want: ErrUnknownKey, forced: 1},
		{name: "secret in the set", set: []jose.JSONWebKey{{Key: []byte("secret"), KeyID: "ed"}}, raw: named, want: ErrUnknownKey, forced: 1},
		{name: "no keys", raw: named, want: ErrUnknownKey, forced: 1},
	} {
		t.Run(tc.name, func(t *testing.T) {
			t.Parallel()
			source := &jwstest.Source{Set: tc.set, Newer: tc.newer}
			_, err := newVerifier(t, source, 0).Verify(context.Background(), Client{ID: "orders"}, tc.raw)
			if !errors.Is(err, tc.want) {
				t.Fatalf("err = %v, want %v", err, tc.want)
			}
			if source.Forced() != tc.forced {
				t.Fatalf("looked again %d times, want %d", source.Forced(), tc.forced)
			}
		})
	}
	t.Run("source out of reach", func(t *testing.T) {
		away := errors.New("away")
		_, err := newVerifier(t, &jwstest.Source{Err: away}, 0).Verify(context.Background(), Client{ID: "orders"}, named)
		if !errors.Is(err, ErrKeySource) || !errors.Is(err, away) {
			t.Fatal(err)
		}
	})
}

func TestLifetime(t *testing.T) {
	client := jwstest.New(t)
	source := &jwstest.Source{Set: client.Keys()}
	raw := client.Sign(t, jose.EdDSA, nil, claims(map[string]any{"iat": nil, "exp": now().Add(10 * time.Minute).Unix()}))
	if _, err := newVerifier(t, source, 10*time.Minute).Verify(t.Context(), Client{ID: "orders"}, raw); err != nil {
		t.Error(err)
	}
	if _, err := newVerifier(t, source, time.Minute).Verify(t.Context(), Client{ID: "orders"}, raw); !errors.Is(err, ErrLifetime) {
		t.Error(err)
	}
	long := client.Sign(t, jose.EdDSA, nil, claims(map[string]any{"exp": now().Add(time.Hour).Unix()}))
	if got, err := newVerifier(t, source, time.Minute).Verify(t.Context(), Client{ID: "orders"}, long); err != nil || !got.ExpiresAt.Equal(now().Add(time.Minute)) {
		t.Errorf("ends %v, %v", got.ExpiresAt, err)
	}
	for name, c := range map[string]Config{
		"no keys":     {Audiences: []string{issuer}, Clock: fakeclock.New(now())},
		"no audience": {Keys: source, Clock: fakeclock.New(now())},
		"no clock":    {Keys: source, Audiences: []string{issuer}},
		"too long":    {Keys: source, Audiences: []string{issuer}, Clock: fakeclock.New(now()), Lifetime: 11 * time.Minute},
	} {
		if _, err := New(c); err == nil {
			t.Errorf("%s: accepted", name)
		}
	}
}

func TestUnverifiedClientID(t *testing.T) {
	client := jwstest.New(t)
	if id, err := UnverifiedClientID(client.Sign(t, jose.EdDSA, nil, claims(nil))); err != nil || id != "orders" {
		t.Errorf("%q, %v", id, err)
	}
	if _, err := UnverifiedClientID(client.Sign(t, jose.EdDSA, nil, claims(map[string]any{"sub": nil}))); !errors.Is(err, ErrSubject) {
		t.Error(err)
	}
	if _, err := UnverifiedClientID("a.b.c"); !errors.Is(err, ErrMalformed) {
		t.Error(err)
	}
}

// FuzzVerify: only what the client has signed is accepted, and what is accepted
// is a canonical token that go-jose verifies too.
func FuzzVerify(f *testing.F) {
	client := jwstest.New(f)
	v := newVerifier(f, &jwstest.Source{Set: client.Keys()}, 0)
	good := map[string]bool{}
	for _, algorithm := range []jose.SignatureAlgorithm{jose.RS256, jose.PS256, jose.EdDSA} {
		raw := client.Sign(f, algorithm, nil, claims(nil))
		good[raw] = true
		f.Add(raw)
	}
	f.Add(client.SignText(`{"alg":"EdDSA","typ":"JWT","crit":[]}`, `{"iss":"orders"}`))
	f.Add(jwstest.B64(`{"alg":"none"}`) + "." + jwstest.B64(`{"iss":"orders","sub":"orders","aud":"`+issuer+`","exp":1,"jti":"x"}`) + ".")
	f.Fuzz(func(t *testing.T, raw string) {
		if _, err := v.Verify(t.Context(), Client{ID: "orders"}, raw); err == nil && !good[raw] {
			t.Fatalf("a forgery was accepted: %q", raw)
		}
	})
}

// FuzzVerifyPayload: whatever a client signs, accepted claims are what go-jose
// reads, too, and the assertion is within its bounds.
func FuzzVerifyPayload(f *testing.F) {
	client := jwstest.New(f)
	v := newVerifier(f, &jwstest.Source{Set: client.Keys()}, 0)
	good, err := json.Marshal(claims(nil))
	if err != nil {
		f.Fatal(err)
	}
	f.Add(`{"alg":"EdDSA","kid":"ed"}`, string(good))
	f.Add(`{"alg":"EdDSA","typ":"JWT"}`, strings.Replace(string(good), "{", `{"nbf":1.5e9,"aud2":["x"],`, 1))
	f.Fuzz(func(t *testing.T, header, payload string) {
		assertion, err := v.Verify(t.Context(), Client{ID: "orders"}, client.SignText(header, payload))
		if err != nil {
			return
		}
		var theirs jwt.Claims
		if err := josejson.Unmarshal([]byte(payload), &theirs); err != nil {
			t.Fatalf("accepted %q: %v", payload, err)
		}
		if theirs.Issuer != "orders" || theirs.Subject != "orders" || theirs.ID != assertion.ID || len(assertion.ID) > MaxID {
			t.Fatalf("%q gave %+v", payload, assertion)
		}
		if !theirs.Audience.Contains(issuer) && !theirs.Audience.Contains(token) {
			t.Fatalf("%q is for %q", payload, theirs.Audience)
		}
		if left := assertion.ExpiresAt.Sub(now()); left <= 0 || left > DefaultLifetime+skew {
			t.Fatalf("%q lives %v", payload, left)
		}
	})
}

func BenchmarkVerify(b *testing.B) {
	client := jwstest.New(b)
	v := newVerifier(b, &jwstest.Source{Set: client.Keys()}, 0)
	for _, algorithm := range []jose.SignatureAlgorithm{jose.RS256, jose.ES256, jose.EdDSA} {
		raw := client.Sign(b, algorithm, nil, claims(nil))
		b.Run(string(algorithm), func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				if _, err := v.Verify(context.Background(), Client{ID: "orders"}, raw); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}

func must[T any](v T, err error) T {
	if err != nil {
		panic(err)
	}
	return v
}
