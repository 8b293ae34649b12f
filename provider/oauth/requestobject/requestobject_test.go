package requestobject

import (
	"context"
	"encoding/json"
	"errors"
	"maps"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/go-jose/go-jose/v4"
	"github.com/google/go-cmp/cmp"

	"github.com/signet-idp/signet/internal/testkit/fakeclock"
	"github.com/signet-idp/signet/provider/oauth/internal/jwstest"
	"github.com/signet-idp/signet/provider/oauth/params"
)

const issuer = "https://id.example"

func now() time.Time { return time.Date(2026, 11, 24, 12, 0, 0, 0, time.UTC) }

// claims are those of a good request object, changed; nil takes one out, null()
// is a JSON null.
func claims(changes map[string]any) map[string]any {
	c := map[string]any{
		"iss": "web", "aud": issuer, "exp": now().Add(time.Minute).Unix(),
		"client_id": "web", "response_type": "code",
	}
	maps.Copy(c, changes)
	maps.DeleteFunc(c, func(_ string, v any) bool { return v == nil })
	return c
}

func null() json.RawMessage { return json.RawMessage("null") }

func newVerifier(t testing.TB, keys KeySource, requireExpiry bool) *Verifier {
	t.Helper()
	v, err := New(Config{Keys: keys, Audiences: []string{issuer}, RequireExpiry: requireExpiry, Clock: fakeclock.New(now())})
	if err != nil {
		t.Fatal(err)
	}
	return v
}

func TestVerify(t *testing.T) {
	client := jwstest.New(t)
	v := newVerifier(t, &jwstest.Source{Set: client.Keys()}, false)
	base := func(more url.Values) url.Values {
		values := url.Values{"client_id": {"web"}, "response_type": {"code"}}
		maps.Copy(values, more)
		return values
	}
	at := func(d time.Duration) int64 { return now().Add(d).Unix() }
	for _, tc := range []struct {
		name    string
		changes map[string]any
		params  url.Values
		want    error
	}{
		{name: "plain", params: base(nil)},
		{name: "numbers", changes: map[string]any{"max_age": 3600, "x": json.RawMessage("1.50")}, params: base(url.Values{"max_age": {"3600"}, "x": {"1.50"}})},
		{name: "large number", changes: map[string]any{"x": json.RawMessage("12345678901234567890")}, params: base(url.Values{"x": {"12345678901234567890"}})},
		{name: "booleans", changes: map[string]any{"x": true, "y": false}, params: base(url.Values{"x": {"true"}, "y": {"false"}})},
		{name: "null is absent", changes: map[string]any{"state": null()}, params: base(nil)},
		{name: "empty is absent", changes: map[string]any{"state": ""}, params: base(nil)},
		{
			name:    "claims object",
			changes: map[string]any{"claims": json.RawMessage(`{"userinfo": {"email": {"essential": true}},` + "\n" + `"id_token": null}`)},
			params:  base(url.Values{"claims": {`{"userinfo":{"email":{"essential":true}},"id_token":null}`}}),
		},
		{name: "claims as text", changes: map[string]any{"claims": `{"userinfo":{}}`}, params: base(url.Values{"claims": {`{"userinfo":{}}`}})},
		{name: "one resource", changes: map[string]any{"resource": "urn:a"}, params: base(url.Values{"resource": {"urn:a"}})},
		{name: "list of resources", changes: map[string]any{"resource": []string{"urn:b", "urn:a"}}, params: base(url.Values{"resource": {"urn:b", "urn:a"}})},
		{name: "list of something else", changes: map[string]any{"authorization_details": json.RawMessage(`[{"type": "x"}]`)}, params: base(url.Values{"authorization_details": {`[{"type":"x"}]`}})},
		{name: "claims about the object are left out", changes: map[string]any{"jti": "x", "nbf": at(0), "iat": at(0), "sub": "alice"}, params: base(nil)},
		{name: "no exp", changes: map[string]any{"exp": nil}, params: base(nil)},
		{name: "no client_id", changes: map[string]any{"client_id": nil}, params: url.Values{"response_type": {"code"}}},
		{name: "audience in a list", changes: map[string]any{"aud": []string{issuer, "x"}}, params: base(nil)},

		{name: "other issuer", changes: map[string]any{"iss": "spa"}, want: ErrIssuer},
		{name: "no issuer", changes: map[string]any{"iss": nil}, want: ErrIssuer},
		{name: "other audience", changes: map[string]any{"aud": "https://other.example"}, want: ErrAudience},
		{name: "no audience", changes: map[string]any{"aud": nil}, want: ErrAudience},
		{name: "other client_id", changes: map[string]any{"client_id": "spa"}, want: ErrClientID},
		{name: "client_id null", changes: map[string]any{"client_id": null()}, want: ErrClaim},
		{name: "a client assertion", changes: map[string]any{"sub": "web"}, want: ErrSubject},
		{name: "expired", changes: map[string]any{"exp": at(0)}, want: ErrExpired},
		{name: "exp is a string", changes: map[string]any{"exp": "1"}, want: ErrClaim},
		{name: "not yet", changes: map[string]any{"nbf": at(31 * time.Second)}, want: ErrNotYetValid},
		{name: "request inside", changes: map[string]any{"request": "a.b.c"}, want: ErrNested},
		{name: "request_uri inside", changes: map[string]any{"request_uri": "https://web.example/r"}, want: ErrNested},
		{name: "empty request_uri inside", changes: map[string]any{"request_uri": null()}, want: ErrNested},
		{name: "a number among the resources", changes: map[string]any{"resource": []any{"urn:a", 1}}, want: ErrClaim},
	} {
		t.Run(tc.name, func(t *testing.T) {
			t.Parallel()
			form, err := v.Verify(t.Context(), Client{ID: "web"}, client.Sign(t, jose.EdDSA, nil, claims(tc.changes)))
			if !errors.Is(err, tc.want) {
				t.Fatalf("err = %v, want %v", err, tc.want)
			}
			if tc.want != nil && len(form.Names()) != 0 {
				t.Fatalf("refused, and yet it gave %v", form.Names())
			}
			if tc.want == nil {
				if diff := cmp.Diff(tc.params, form.Values()); diff != "" {
					t.Fatal(diff)
				}
			}
		})
	}
}

func TestVerifyBounds(t *testing.T) {
	client := jwstest.New(t)
	v := newVerifier(t, &jwstest.Source{Set: client.Keys()}, false)
	for name, changes := range map[string]map[string]any{
		"NUL":                     {"state": "a\x00b"},
		"line break":              {"state": "a\nb"},
		"long value":              {"state": strings.Repeat("s", params.MaxValue+1)},
		"long name":               {strings.Repeat("n", params.MaxName+1): "x"},
		"names differing by case": {"State": "a", "state": "b"},
	} {
		_, err := v.Verify(t.Context(), Client{ID: "web"}, client.Sign(t, jose.EdDSA, nil, claims(changes)))
		var refused *params.Error
		if !errors.As(err, &refused) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestVerifySignature(t *testing.T) {
	client := jwstest.New(t)
	v := newVerifier(t, &jwstest.Source{Set: client.Keys()}, false)
	payload, err := json.Marshal(claims(nil))
	if err != nil {
		t.Fatal(err)
	}
	signed := client.SignText(`{"alg":"EdDSA"}`, string(payload))
	parts := strings.Split(signed, ".")
	for _, tc := range []struct {
		name, raw string
		algorithm jose.SignatureAlgorithm
		want      error
	}{
		{name: "good", raw: signed},
		{name: "typ", raw: client.SignText(`{"alg":"EdDSA","typ":"oauth-authz-req+jwt"}`, string(payload))},
		{name: "RS256", raw: client.Sign(t, jose.RS256, nil, claims(nil)), algorithm: jose.RS256},
		{name: "pinned to another", raw: signed, algorithm: jose.RS256, want: ErrAlgorithm},
		{name: "none", raw: jwstest.B64(`{"alg":"none"}`) + "." + parts[1] + ".", want: ErrAlgorithm},
		{name: "none, pinned by a careless registration", raw: jwstest.B64(`{"alg":"none"}`) + "." + parts[1] + ".", algorithm: "none", want: ErrAlgorithm},
		{name: "HS256 with the public key", raw: jwstest.HMAC(`{"alg":"HS256"}`, string(payload), client.Ed[32:]), algorithm: "HS256", want: ErrAlgorithm},
		{name: "typ of an assertion", raw: client.SignText(`{"alg":"EdDSA","typ":"client-authentication+jwt"}`, string(payload)), want: ErrType},
		{name: "forged", raw: parts[0] + "." + jwstest.B64(string(payload)+" ") + "." + parts[2], want: ErrSignature},
		{name: "encrypted", raw: "a.b.c.d.e", want: ErrMalformed},
		{name: "too long", raw: client.SignText(`{"alg":"EdDSA"}`, `{"x":"`+strings.Repeat("x", params.MaxRequestObject)+`"}`), want: ErrMalformed},
	} {
		t.Run(tc.name, func(t *testing.T) {
			t.Parallel()
			_, err := v.Verify(t.Context(), Client{ID: "web", Algorithm: tc.algorithm}, tc.raw)
			if !errors.Is(err, tc.want) {
				t.Fatalf("err = %v, want %v", err, tc.want)
			}
		})
	}
	if _, err := v.Verify(t.Context(), Client{}, client.Sign(t, jose.EdDSA, nil, claims(map[string]any{"iss": "", "client_id": nil}))); !errors.Is(err, ErrIssuer) {
		t.Errorf("no client: %v", err)
	}
}

func TestRequireExpiry(t *testing.T) {
	client := jwstest.New(t)
	v := newVerifier(t, &jwstest.Source{Set: client.Keys()}, true)
	if _, err := v.Verify(t.Context(), Client{ID: "web"}, client.Sign(t, jose.EdDSA, nil, claims(map[string]any{"exp": nil}))); !errors.Is(err, ErrNoExpiry) {
		t.Error(err)
	}
	if _, err := New(Config{}); err == nil {
		t.Error("a verifier without keys")
	}
}

// FuzzVerify: whatever a client signs, accepted parameters are within the
// bounds of a form, none nests another request, and each string among them is
// the one encoding/json reads.
func FuzzVerify(f *testing.F) {
	client := jwstest.New(f)
	v := newVerifier(f, &jwstest.Source{Set: client.Keys()}, false)
	good, err := json.Marshal(claims(map[string]any{"max_age": 0, "claims": map[string]any{"userinfo": nil}, "resource": []string{"urn:a"}}))
	if err != nil {
		f.Fatal(err)
	}
	f.Add(`{"alg":"EdDSA","kid":"ed"}`, string(good))
	f.Add(`{"alg":"EdDSA"}`, strings.Replace(string(good), "{", `{"request":null,"x":[1,{"y":[]}],"z":1e2,`, 1))
	f.Fuzz(func(t *testing.T, header, payload string) {
		form, err := v.Verify(context.Background(), Client{ID: "web"}, client.SignText(header, payload))
		if err != nil {
			return
		}
		theirs := map[string]any{}
		if err := json.Unmarshal([]byte(payload), &theirs); err != nil {
			t.Fatalf("accepted %q: %v", payload, err)
		}
		if theirs["iss"] != "web" {
			t.Fatalf("accepted the issuer %v", theirs["iss"])
		}
		if form.Has("request") || form.Has("request_uri") || form.Has("exp") {
			t.Fatalf("%q gave %v", payload, form.Names())
		}
		if _, err := params.FromValues(form.Values()); err != nil {
			t.Fatalf("out of bounds: %v", err)
		}
		for _, name := range form.Names() {
			switch want := theirs[name].(type) {
			case string:
				if form.Get(name) != want {
					t.Fatalf("%q: %q, want %q", name, form.Get(name), want)
				}
			case nil:
				t.Fatalf("%q came from nowhere", name)
			case []any:
				if name == "resource" {
					continue
				}
				sameJSON(t, form.Get(name), want)
			default:
				sameJSON(t, form.Get(name), want)
			}
		}
	})
}

// sameJSON: the text of a parameter reads back as the value it was made from.
func sameJSON(t *testing.T, text string, want any) {
	t.Helper()
	var got any
	if err := json.Unmarshal([]byte(text), &got); err != nil {
		t.Fatalf("%q is no JSON: %v", text, err)
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Fatal(diff)
	}
}
