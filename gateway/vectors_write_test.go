package gateway

import (
	"bytes"
	"crypto"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/hmac"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha256"
	"crypto/sha512"
	"crypto/x509"
	"encoding/base64"
	"encoding/json"
	"encoding/pem"
	"fmt"
	"maps"
	"os"
	"strings"
	"testing"

	"github.com/go-jose/go-jose/v4"
)

var b64 = base64.RawURLEncoding

// obj is a JSON object; raw text inside is kept as it is.
type obj = map[string]any

// scribe signs vectors, right ones and wrong ones: no library would write most
// of these.
type scribe struct {
	t    *testing.T
	keys map[string]crypto.Signer // by kid
	v    *vectors
}

const (
	vectorIssuer   = "https://id.example.test"
	vectorAudience = "https://api.example.test"
	vectorNow      = 1_800_000_000
)

func writeVectors(t *testing.T) {
	t.Helper()
	s := &scribe{t: t, keys: map[string]crypto.Signer{}, v: &vectors{
		About: []string{
			"Tokens, requests and revocation feeds with what a verifier must make of them.",
			"The packages in Go, Python and TypeScript pass this file; go test ./gateway -run TestVectors -update signs it anew.",
		},
		Issuer: vectorIssuer, Audience: vectorAudience, Now: vectorNow, Skew: 30, Named: map[string]string{},
	}}
	s.makeKeys()
	s.tokens()
	s.claims()
	s.revocations()
	s.routes()
	s.feeds()
	var out bytes.Buffer
	e := json.NewEncoder(&out)
	e.SetEscapeHTML(false)
	e.SetIndent("", " ")
	if err := e.Encode(s.v); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(vectorFile, out.Bytes(), 0o600); err != nil {
		t.Fatal(err)
	}
}

func must[T any](t *testing.T) func(T, error) T {
	t.Helper()
	return func(v T, err error) T {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
		return v
	}
}

// makeKeys makes the key sets: usual keys, and some that must not be used.
func (s *scribe) makeKeys() {
	ec := func(c elliptic.Curve) crypto.Signer {
		return must[*ecdsa.PrivateKey](s.t)(ecdsa.GenerateKey(c, rand.Reader))
	}
	_, ed, err := ed25519.GenerateKey(rand.Reader)
	if err != nil {
		s.t.Fatal(err)
	}
	rs := must[*rsa.PrivateKey](s.t)(rsa.GenerateKey(rand.Reader, 2048))
	s.keys = map[string]crypto.Signer{
		"es": ec(elliptic.P256()), "rs": rs, "ps": rs, "ed": ed, "free": ec(elliptic.P256()), "enc": ec(elliptic.P256()),
		"private": ec(elliptic.P256()), "nowhere": ec(elliptic.P256()), "feed": ec(elliptic.P256()), "stranger": ec(elliptic.P256()),
	}
	public := func(kid, alg, use string) json.RawMessage {
		return must[[]byte](s.t)(json.Marshal(jose.JSONWebKey{Key: s.keys[kid].Public(), KeyID: kid, Algorithm: alg, Use: use}))
	}
	s.v.JWKS = must[[]byte](s.t)(json.Marshal(obj{"keys": []any{
		public("es", "ES256", "sig"), public("rs", "RS256", "sig"), public("ps", "PS256", "sig"), public("ed", "EdDSA", "sig"),
		public("free", "", ""), public("enc", "ES256", "enc"),
		// What must not make the others useless, and opens nothing itself.
		obj{"kty": "oct", "kid": "shared", "k": b64.EncodeToString([]byte("a secret that everybody can read")), "alg": "HS256"},
		must[[]byte](s.t)(jose.JSONWebKey{Key: s.keys["private"], KeyID: "private", Algorithm: "ES256", Use: "sig"}.MarshalJSON()),
		obj{"kty": "LATTICE", "kid": "of the future", "x": "AAAA"},
		obj{"kty": "EC", "kid": "broken", "crv": "P-256", "x": "AA", "y": "AA"},
		obj{},
	}}))
	// The key for tokens is no key of the feed, nor the other way round.
	s.v.FeedJWKS = must[[]byte](s.t)(json.Marshal(obj{"keys": []any{public("feed", "ES256", "sig")}}))
}

// rawJSON is a part of a token as it is written.
func rawJSON(s *scribe, v any) []byte {
	if text, ok := v.(string); ok {
		return []byte(text)
	}
	return must[[]byte](s.t)(json.Marshal(v))
}

// sign writes a compact JWS; head and payload are objects, or text.
func (s *scribe) sign(kid, alg string, head, payload any) string {
	s.t.Helper()
	input := b64.EncodeToString(rawJSON(s, head)) + "." + b64.EncodeToString(rawJSON(s, payload))
	return input + "." + b64.EncodeToString(s.signature(kid, alg, []byte(input)))
}

func (s *scribe) signature(kid, alg string, input []byte) []byte {
	s.t.Helper()
	sum := sha256.Sum256(input)
	switch k := s.keys[kid].(type) {
	case *ecdsa.PrivateKey:
		r, v, err := ecdsa.Sign(rand.Reader, k, sum[:])
		if err != nil {
			s.t.Fatal(err)
		}
		return append(r.FillBytes(make([]byte, 32)), v.FillBytes(make([]byte, 32))...)
	case ed25519.PrivateKey:
		return ed25519.Sign(k, input)
	case *rsa.PrivateKey:
		if alg == "PS256" {
			return must[[]byte](s.t)(rsa.SignPSS(rand.Reader, k, crypto.SHA256, sum[:], &rsa.PSSOptions{SaltLength: rsa.PSSSaltLengthEqualsHash}))
		}
		if alg == "RS512" {
			long := sha512.Sum512(input)
			return must[[]byte](s.t)(rsa.SignPKCS1v15(rand.Reader, k, crypto.SHA512, long[:]))
		}
		return must[[]byte](s.t)(rsa.SignPKCS1v15(rand.Reader, k, crypto.SHA256, sum[:]))
	}
	s.t.Fatalf("no key %s", kid)
	return nil
}

// changed is a copy with some members set, or left out where nil.
func changed(of, by obj) obj {
	out := maps.Clone(of)
	for name, value := range by {
		if value == nil {
			delete(out, name)
		} else {
			out[name] = value
		}
	}
	return out
}

func head(change obj) obj { return changed(obj{"alg": "ES256", "kid": "es", "typ": "at+jwt"}, change) }

func payload(change obj) obj {
	return changed(obj{
		"iss": vectorIssuer, "sub": "ada", "aud": vectorAudience, "exp": vectorNow + 600, "iat": vectorNow, "nbf": vectorNow,
		"jti": "j1", "client_id": "web", "scope": "orders:read orders:write", "auth_time": vectorNow - 60, "acr": "aal1",
		"amr": []string{"pwd"}, "sid": "s1", "gid": "g1", "org_id": "o1", "org_slug": "acme",
		"roles": []string{"billing", "system:user"}, "pe": 7,
	}, change)
}

// text is an object with something written before its end.
func text(s *scribe, of obj, more string) string {
	b := rawJSON(s, of)
	return string(b[:len(b)-1]) + more + "}"
}

// answers are what the client is told for a reason.
var answers = map[string]struct {
	status            int
	code, description string
}{
	"valid":          {200, "", ""},
	"malformed":      {401, "invalid_token", "the token is not valid here"},
	"unknown_key":    {401, "invalid_token", "the token is not valid here"},
	"wrong_issuer":   {401, "invalid_token", "the token is not valid here"},
	"not_yet":        {401, "invalid_token", "the token is not valid here"},
	"wrong_audience": {401, "invalid_token", "the token is for another API"},
	"expired":        {401, "invalid_token", "the token has expired"},
}

func (s *scribe) token(name, raw, result string) {
	a := answers[result]
	s.v.Tokens = append(s.v.Tokens, tokenVector{Name: name, Token: raw, Result: result, Status: a.status, Error: a.code, Description: a.description})
}

// usual signs with the usual key.
func (s *scribe) usual(h, p any) string { return s.sign("es", "ES256", h, p) }

func (s *scribe) tokens() {
	good := s.usual(head(nil), payload(nil))
	parts := strings.Split(good, ".")
	s.token("good", good, "valid")
	for kid, alg := range map[string]string{"rs": "RS256", "ps": "PS256", "ed": "EdDSA", "free": "ES256"} {
		s.token(alg+" by the key "+kid, s.sign(kid, alg, head(obj{"alg": alg, "kid": kid}), payload(nil)), "valid")
	}
	s.token("type in full", s.usual(head(obj{"typ": "application/at+jwt"}), payload(nil)), "valid")
	s.token("type in another case", s.usual(head(obj{"typ": "AT+JWT"}), payload(nil)), "valid")
	s.token("a member that nobody knows", s.usual(head(obj{"cty": "x", "n": obj{"m": 1}}), payload(nil)), "valid")

	// Form.
	s.token("empty", "", "malformed")
	s.token("no dots", "abc", "malformed")
	s.token("two parts", parts[0]+"."+parts[1], "malformed")
	s.token("four parts", good+".x", "malformed")
	s.token("five parts, as an encrypted one has", good+".x.y", "malformed")
	s.token("an empty signature", parts[0]+"."+parts[1]+".", "malformed")
	s.token("an empty payload", parts[0]+".."+parts[2], "malformed")
	s.token("an empty header", "."+parts[1]+"."+parts[2], "malformed")
	s.token("padding", good+"=", "malformed")
	s.token("a line break at the end", good+"\n", "malformed")
	s.token("a line break inside", good[:len(good)-4]+"\n"+good[len(good)-4:], "malformed")
	s.token("a tab before", "\t"+good, "malformed")
	s.token("not base64", parts[0]+"."+parts[1]+"."+strings.Repeat("!", len(parts[2])), "malformed")
	s.token("the other alphabet", s.otherAlphabet(), "malformed")
	s.token("bits that no byte has, in the signature", parts[0]+"."+parts[1]+"."+nonCanonical(parts[2]), "malformed")
	s.token("bits that no byte has, in the header", s.nonCanonicalHeader(), "malformed")
	s.token("a byte that is no character of ASCII", good[:10]+"ä"+good[10:], "malformed")
	s.token("longer than is looked at", s.usual(head(nil), payload(obj{"long": strings.Repeat("x", maxToken)})), "malformed")
	s.token("the JSON serialization", `{"payload":"`+parts[1]+`","signatures":[{"protected":"`+parts[0]+`","signature":"`+parts[2]+`"}]}`, "malformed")

	// Signature and algorithm.
	flipped := must[[]byte](s.t)(b64.DecodeString(parts[2]))
	flipped[5] ^= 1
	s.token("a bit of the signature", parts[0]+"."+parts[1]+"."+b64.EncodeToString(flipped), "malformed")
	s.token("another payload under the signature", parts[0]+"."+b64.EncodeToString(rawJSON(s, payload(obj{"sub": "eve"})))+"."+parts[2], "malformed")
	s.token("a signature of zeros", parts[0]+"."+parts[1]+"."+b64.EncodeToString(make([]byte, 64)), "malformed")
	s.token("a signature as ASN.1 writes it", parts[0]+"."+parts[1]+"."+b64.EncodeToString(
		must[[]byte](s.t)(s.keys["es"].Sign(rand.Reader, sum256(parts[0]+"."+parts[1]), crypto.SHA256))), "malformed")
	none := b64.EncodeToString(rawJSON(s, head(obj{"alg": "none"}))) + "." + parts[1]
	s.token("alg none without a signature", none+".", "malformed")
	s.token("alg none with one", none+"."+parts[2], "malformed")
	s.token("alg none, in another case", b64.EncodeToString(rawJSON(s, head(obj{"alg": "nOnE"})))+"."+parts[1]+"."+parts[2], "malformed")
	s.token("no alg", s.usual(head(obj{"alg": nil}), payload(nil)), "malformed")
	s.token("alg that is a number", s.usual(head(obj{"alg": 256}), payload(nil)), "malformed")
	s.token("alg in another case", s.usual(head(obj{"alg": "es256"}), payload(nil)), "malformed")
	s.token("HS256 with the public key for a secret", s.symmetric("rs"), "malformed")
	s.token("HS256 with a shared key that the set holds", s.hmac("shared", []byte("a secret that everybody can read")), "malformed")
	s.token("another alg than the key's", s.sign("rs", "PS256", head(obj{"alg": "PS256", "kid": "rs"}), payload(nil)), "malformed")
	s.token("an alg that is not accepted", s.sign("rs", "RS512", head(obj{"alg": "RS512", "kid": "rs"}), payload(nil)), "malformed")
	s.token("an alg of another kind of key", s.sign("es", "ES256", head(obj{"alg": "RS256", "kid": "free"}), payload(nil)), "malformed")
	s.token("a stranger's key under a known name", s.sign("stranger", "ES256", head(nil), payload(nil)), "malformed")
	s.token("a key that is not there", s.sign("nowhere", "ES256", head(obj{"kid": "nowhere"}), payload(nil)), "unknown_key")
	s.token("the feed's key", s.sign("feed", "ES256", head(obj{"kid": "feed"}), payload(nil)), "unknown_key")
	s.token("a key for encryption", s.sign("enc", "ES256", head(obj{"kid": "enc"}), payload(nil)), "unknown_key")
	s.token("a key that is not public", s.sign("private", "ES256", head(obj{"kid": "private"}), payload(nil)), "unknown_key")
	s.token("a key that is broken", s.sign("nowhere", "ES256", head(obj{"kid": "broken"}), payload(nil)), "unknown_key")
	s.token("a key of a kind that nobody knows", s.sign("nowhere", "ES256", head(obj{"kid": "of the future"}), payload(nil)), "unknown_key")
	s.token("no kid", s.usual(head(obj{"kid": nil}), payload(nil)), "unknown_key")
	s.token("an empty kid", s.usual(head(obj{"kid": ""}), payload(nil)), "unknown_key")

	// Header.
	s.token("an ID token's type", s.usual(head(obj{"typ": "JWT"}), payload(nil)), "malformed")
	s.token("a logout token's type", s.usual(head(obj{"typ": "logout+jwt"}), payload(nil)), "malformed")
	s.token("a heartbeat's type", s.usual(head(obj{"typ": typeHeartbeat}), payload(nil)), "malformed")
	s.token("no type", s.usual(head(obj{"typ": nil}), payload(nil)), "malformed")
	jwk := must[[]byte](s.t)(json.Marshal(jose.JSONWebKey{Key: s.keys["stranger"].Public(), KeyID: "es", Algorithm: "ES256"}))
	for name, more := range map[string]obj{
		"crit": {"crit": []string{"b64"}, "b64": true}, "crit that names what is not there": {"crit": []string{"exp"}}, "an empty crit": {"crit": []string{}},
		"b64": {"b64": false}, "zip": {"zip": "DEF"}, "a key inside": {"jwk": json.RawMessage(jwk)}, "a key elsewhere": {"jku": "https://evil.test/jwks"},
		"a certificate inside": {"x5c": []string{"MIIB"}}, "a certificate elsewhere": {"x5u": "https://evil.test/cert"}, "crit that is null": {"crit": json.RawMessage("null")},
	} {
		s.token(name, s.usual(head(more), payload(nil)), "malformed")
	}
	s.token("a key inside that did sign", s.sign("stranger", "ES256", head(obj{"jwk": json.RawMessage(jwk)}), payload(nil)), "malformed")
	s.token("a header member twice", s.usual(text(s, head(nil), `,"alg":"ES256"`), payload(nil)), "malformed")
	s.token("a name twice within a header member", s.usual(text(s, head(nil), `,"x":[{"a":1,"a":2}]`), payload(nil)), "malformed")
	s.token("a header that is no object", s.usual(`["alg","ES256"]`, payload(nil)), "malformed")
	s.token("a header that is null", s.usual(`null`, payload(nil)), "malformed")
	s.token("a header with more after it", s.usual(text(s, head(nil), "")+"{}", payload(nil)), "malformed")
	s.token("a header with a byte order mark", s.usual("\ufeff"+text(s, head(nil), ""), payload(nil)), "malformed")
	s.token("a header of bytes that are no text", s.usual(text(s, head(nil), ",\"x\":\"\xff\""), payload(nil)), "malformed")
	s.token("a header in UTF-16", s.usual(utf16(text(s, head(nil), "")), payload(nil)), "malformed")
}

func sum256(s string) []byte { h := sha256.Sum256([]byte(s)); return h[:] }

func utf16(s string) string {
	var b strings.Builder
	for _, r := range s {
		b.WriteByte(byte(r))
		b.WriteByte(0)
	}
	return b.String()
}

const alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"

// nonCanonical sets a bit of the last character that belongs to no byte.
func nonCanonical(part string) string {
	last := strings.IndexByte(alphabet, part[len(part)-1])
	return part[:len(part)-1] + string(alphabet[last|1])
}

// nonCanonicalHeader is signed as it is written.
func (s *scribe) nonCanonicalHeader() string {
	h := rawJSON(s, head(nil))
	for len(h)%3 != 1 {
		h = append(h, ' ')
	}
	input := nonCanonical(b64.EncodeToString(h)) + "." + b64.EncodeToString(rawJSON(s, payload(nil)))
	return input + "." + b64.EncodeToString(s.signature("es", "ES256", []byte(input)))
}

// otherAlphabet is a token with + and / for - and _, signed as it is written.
func (s *scribe) otherAlphabet() string {
	input := b64.EncodeToString(rawJSON(s, head(nil))) + "." + base64.RawStdEncoding.EncodeToString(rawJSON(s, payload(obj{"x": "~~~???>>>"})))
	return input + "." + b64.EncodeToString(s.signature("es", "ES256", []byte(input)))
}

// symmetric signs with the text of a public key, as who confuses kinds of keys
// would check.
func (s *scribe) symmetric(kid string) string {
	der := must[[]byte](s.t)(x509.MarshalPKIXPublicKey(s.keys[kid].Public()))
	return s.hmac(kid, pem.EncodeToMemory(&pem.Block{Type: "PUBLIC KEY", Bytes: der}))
}

func (s *scribe) hmac(kid string, secret []byte) string {
	input := b64.EncodeToString(rawJSON(s, head(obj{"alg": "HS256", "kid": kid}))) + "." + b64.EncodeToString(rawJSON(s, payload(nil)))
	m := hmac.New(sha256.New, secret)
	m.Write([]byte(input))
	return input + "." + b64.EncodeToString(m.Sum(nil))
}

func (s *scribe) claims() {
	p := func(name string, change obj, result string) {
		s.token(name, s.usual(head(nil), payload(change)), result)
	}
	null := json.RawMessage("null")
	p("audience in a list", obj{"aud": []string{"x", vectorAudience}}, "valid")
	p("an audience that is not ours", obj{"aud": "https://other.test"}, "wrong_audience")
	p("several audiences, none ours", obj{"aud": []string{"https://other.test", vectorAudience + "/"}}, "wrong_audience")
	p("an audience that begins like ours", obj{"aud": vectorAudience + "/x"}, "wrong_audience")
	p("an audience in another case", obj{"aud": strings.ToUpper(vectorAudience)}, "wrong_audience")
	p("no audience", obj{"aud": nil}, "malformed")
	p("an empty list of audiences", obj{"aud": []string{}}, "malformed")
	p("an audience that is a number", obj{"aud": 5}, "malformed")
	p("a number among the audiences", obj{"aud": []any{vectorAudience, 5}}, "malformed")
	p("another issuer", obj{"iss": "https://evil.test"}, "wrong_issuer")
	p("the issuer with a slash", obj{"iss": vectorIssuer + "/"}, "wrong_issuer")
	p("no issuer", obj{"iss": nil}, "malformed")
	p("another issuer and another audience", obj{"iss": "https://evil.test", "aud": "x"}, "wrong_issuer")
	p("expired", obj{"exp": vectorNow - 31}, "expired")
	p("expired to the second, with the skew", obj{"exp": vectorNow - 30}, "expired")
	p("expired, within the skew", obj{"exp": vectorNow - 29}, "valid")
	p("expired and for another API", obj{"exp": vectorNow - 3600, "aud": "x"}, "wrong_audience")
	p("no expiry", obj{"exp": nil}, "malformed")
	p("an expiry that is null", obj{"exp": null}, "malformed")
	p("an expiry that is text", obj{"exp": "1800000600"}, "malformed")
	p("an expiry with a fraction", obj{"exp": json.RawMessage("1800000600.5")}, "malformed")
	p("an expiry with an exponent", obj{"exp": json.RawMessage("18e8")}, "malformed")
	p("an expiry that is true", obj{"exp": true}, "malformed")
	p("an expiry of 0", obj{"exp": 0}, "malformed")
	p("an expiry beyond all calendars", obj{"exp": json.RawMessage("9007199254740991")}, "malformed")
	p("an expiry beyond all numbers", obj{"exp": json.RawMessage("1" + strings.Repeat("0", 400))}, "malformed")
	p("not valid yet", obj{"nbf": vectorNow + 31}, "not_yet")
	p("not valid yet, within the skew", obj{"nbf": vectorNow + 30}, "valid")
	p("issued in the future", obj{"iat": vectorNow + 3600}, "not_yet")
	p("without nbf", obj{"nbf": nil}, "valid")
	p("without iat and nbf", obj{"iat": nil, "nbf": nil}, "valid")
	p("a start that is text", obj{"nbf": "now"}, "malformed")
	p("a start with a fraction", obj{"nbf": json.RawMessage("1.5")}, "malformed")
	p("no subject", obj{"sub": nil}, "malformed")
	p("an empty subject", obj{"sub": ""}, "malformed")
	p("a subject that is a number", obj{"sub": 7}, "malformed")
	p("no jti", obj{"jti": nil}, "malformed")
	p("scope in a list", obj{"scope": []string{"orders:read"}}, "malformed")
	p("roles in one text", obj{"roles": "billing"}, "malformed")
	p("null among the roles", obj{"roles": []any{"billing", nil}}, "malformed")
	p("null among the audiences", obj{"aud": []any{vectorAudience, nil}}, "malformed")
	p("an audience that is null", obj{"aud": null}, "malformed")
	p("a position that other languages round", obj{"pe": json.RawMessage("9007199254740993")}, "malformed")
	p("a name twice within a claim", obj{"x": json.RawMessage(`{"a":1,"a":2}`)}, "valid")
	p("roles that are no text", obj{"roles": []any{"billing", 5}}, "malformed")
	p("roles in a form of the future", obj{"roles_form": "tree"}, "malformed")
	p("a position that is text", obj{"pe": "7"}, "malformed")
	for name, t := range map[string]string{
		"a claim twice": text(s, payload(nil), `,"sub":"eve"`), "an unknown claim twice": text(s, payload(nil), `,"x":1,"x":2`),
		"a claim twice, once escaped": text(s, payload(nil), `,"su\u0062":"eve"`),
		"claims that are a list":      `[]`, "claims that are null": `null`, "claims that are no JSON": `{"iss":`,
		"claims with more after them": text(s, payload(nil), "") + " {}", "claims in bytes that are no text": text(s, payload(nil), ",\"x\":\"\xff\""),
		"a number that is none": text(s, payload(nil), `,"x":NaN`), "a byte order mark": "\ufeff" + text(s, payload(nil), ""),
	} {
		s.token(name, s.usual(head(nil), t), "malformed")
	}
	p("a claim in another case is another claim", obj{"EXP": 1, "Roles": []string{"owner"}, "SUB": 5}, "valid")
	p("space around the claims", nil, "valid")
	s.v.Tokens[len(s.v.Tokens)-1].Token = s.usual(head(nil), " \n"+text(s, payload(nil), "")+"\t ")

	read := func(name string, change obj) {
		p("read: "+name, change, "valid")
		t := &s.v.Tokens[len(s.v.Tokens)-1]
		c, err := parseClaims(rawJSON(s, payload(change)), "es")
		if err != nil {
			s.t.Fatal(err)
		}
		t.Claims = claimsOf(c)
	}
	read("all", obj{"permissions": []string{"read:invoice"}, "department": "sales"})
	read("a service's", obj{"sub": "job", "client_id": "job", "sid": nil, "gid": nil, "auth_time": nil, "acr": nil, "amr": nil, "org_id": nil, "org_slug": nil, "roles": nil, "scope": nil})
	read("nulls", obj{"nbf": null, "sid": null, "roles": null, "amr": null, "auth_time": null, "scope": null, "permissions": null, "pe": null})
	read("no permissions is not the same as not told", obj{"permissions": []string{}})
	read("several audiences, spaces in the scope", obj{"aud": []string{"x", vectorAudience}, "scope": "  a  b "})
	read("roles as an older system writes them", obj{"roles": []string{"admin", "org:billing"}, "roles_form": "bare"})
	read("names in other scripts", obj{"sub": "日本", "org_slug": "größe"})
	read("scopes are between spaces only", obj{"scope": "a\tb c\u00a0d e\u001ff g"})
	read("half a character", obj{"sub": json.RawMessage(`"a\ud800b"`), "roles": json.RawMessage(`["\udc00"]`)})
	read("a sign-in before all time", obj{"auth_time": -5})
}

// named signs a token that other vectors name.
func (s *scribe) named(name string, change obj) {
	s.v.Named[name] = s.usual(head(nil), payload(change))
}

func (s *scribe) entry(seq int64, kind, value string) obj {
	h := hashOf(kind, value)
	return obj{"seq": seq, "kind": kind, "value": b64.EncodeToString(h[:]), "exp": vectorNow + 900}
}

func (s *scribe) revocations() {
	s.named("person", nil)
	s.named("later", obj{"pe": 8})
	s.named("service", obj{"sub": "job", "client_id": "job", "sid": nil, "gid": nil, "org_id": nil, "org_slug": nil, "roles": []string{"system:user"}})
	for _, tt := range []struct{ kind, value, person, later, service string }{
		{kindJTI, "j1", "revoked", "revoked", "revoked"},
		{kindJTI, "j2", "valid", "valid", "valid"},
		{kindKID, "es", "revoked", "revoked", "revoked"},
		{kindKID, "rs", "valid", "valid", "valid"},
		{kindGrant, "g1", "revoked", "valid", "valid"},
		{kindGrant, "", "valid", "valid", "valid"},
		{kindSID, "s1", "session_ended", "valid", "valid"},
		{kindSID, "g1", "valid", "valid", "valid"},
		{kindSub, "ada", "revoked", "valid", "valid"},
		{kindSub, "job", "valid", "valid", "revoked"},
		{kindClient, "web", "revoked", "valid", "valid"},
		{kindClient, "job", "valid", "valid", "revoked"},
		{kindOrg, "o1", "revoked", "valid", "valid"},
		{kindOrg, "o2", "valid", "valid", "valid"},
		{kindOrg, "", "valid", "valid", "valid"},
		{kindMember, "o1/ada", "stale_permissions", "valid", "valid"},
		{kindMember, "/ada", "stale_permissions", "valid", "valid"},
		{kindMember, "o2/ada", "valid", "valid", "valid"},
		{kindMember, "/job", "valid", "valid", "stale_permissions"},
		{kindRole, "o1/billing", "stale_permissions", "valid", "valid"},
		{kindRole, "/billing", "valid", "valid", "valid"},
		{kindRole, "/user", "stale_permissions", "valid", "stale_permissions"},
		{kindRole, "o1/user", "valid", "valid", "valid"},
		{"all", "", "revoked", "valid", "revoked"},
		{"device", "d1", "revoked", "valid", "revoked"}, // of a newer server
	} {
		for name, want := range map[string]string{"person": tt.person, "later": tt.later, "service": tt.service} {
			s.v.Kills = append(s.v.Kills, killVector{
				Name: fmt.Sprintf("%s %q, %s", tt.kind, tt.value, name), Entry: rawJSON(s, s.entry(8, tt.kind, tt.value)),
				Plain: tt.value, Token: name, Result: want,
			})
		}
	}
}

func (s *scribe) routes() {
	s.named("old", obj{"auth_time": vectorNow - 3600, "acr": "aal2"})
	s.named("expired", obj{"exp": vectorNow - 60})
	s.named("tells", obj{"permissions": []string{"read:invoice", "pay:invoice"}})
	const (
		realm    = `Bearer realm="signet"`
		invalid  = realm + `, error="invalid_token", error_description="`
		lacks    = realm + `, error="insufficient_scope", error_description="the token lacks `
		stronger = realm + `, error="insufficient_user_authentication", error_description="a stronger or more recent authentication is required"`
		person   = "Bearer ${person}"
	)
	for _, v := range []routeVector{
		{"good", []string{person}, requirement{}, 200, "", ""},
		{"the scheme in another case", []string{"bEARER ${person}"}, requirement{}, 200, "", ""},
		{"spaces around the token", []string{"Bearer   ${person}  "}, requirement{}, 200, "", ""},
		{"nothing", nil, requirement{}, 401, realm, "invalid_token"},
		{"another scheme", []string{"Basic YTpi"}, requirement{}, 401, realm, "invalid_token"},
		{"a scheme alone", []string{"Bearer"}, requirement{}, 401, realm, "invalid_token"},
		{"a scheme and an empty token", []string{"Bearer "}, requirement{}, 401, invalid + `the token is not valid here"`, "invalid_token"},
		{"no token", []string{"Bearer x"}, requirement{}, 401, invalid + `the token is not valid here"`, "invalid_token"},
		{"two tokens", []string{"Bearer ${person} ${person}"}, requirement{}, 401, invalid + `the token is not valid here"`, "invalid_token"},
		{"expired", []string{"Bearer ${expired}"}, requirement{}, 401, invalid + `the token has expired"`, "invalid_token"},
		{"expired and without the scope", []string{"Bearer ${expired}"}, requirement{Scopes: []string{"x"}}, 401, invalid + `the token has expired"`, "invalid_token"},
		{"scopes", []string{person}, requirement{Scopes: []string{"orders:write", "orders:read"}}, 200, "", ""},
		{
			"one scope is missing",
			[]string{person},
			requirement{Scopes: []string{"orders:read", "orders:delete"}},
			403,
			lacks + `scope orders:read orders:delete", scope="orders:read orders:delete"`, "insufficient_scope",
		},
		{"the beginning of a scope", []string{person}, requirement{Scopes: []string{"orders"}}, 403, lacks + `scope orders", scope="orders"`, "insufficient_scope"},
		{"one of two roles", []string{person}, requirement{Roles: []string{"owner", "billing"}}, 200, "", ""},
		{"no role of two", []string{person}, requirement{Roles: []string{"owner", "admin"}}, 403, lacks + `role owner or admin"`, "insufficient_scope"},
		{"a system role", []string{person}, requirement{Roles: []string{"system:user"}}, 200, "", ""},
		{"a system role is none of an organization", []string{person}, requirement{Roles: []string{"user"}}, 403, lacks + `role user"`, "insufficient_scope"},
		{"organization by id", []string{person}, requirement{Organization: "o1"}, 200, "", ""},
		{"organization by slug", []string{person}, requirement{Organization: "acme"}, 200, "", ""},
		{"another organization", []string{person}, requirement{Organization: "globex"}, 403, lacks + `the organization"`, "insufficient_scope"},
		{"no organization", []string{"Bearer ${service}"}, requirement{Organization: "acme"}, 403, lacks + `the organization"`, "insufficient_scope"},
		{
			"another organization, and a scope to ask for",
			[]string{person},
			requirement{Scopes: []string{"orders:read"}, Organization: "globex"},
			403,
			lacks + `the organization", scope="orders:read"`, "insufficient_scope",
		},
		{"permissions", []string{"Bearer ${tells}"}, requirement{Permissions: []string{"pay:invoice", "read:invoice"}}, 200, "", ""},
		{"a permission it lacks", []string{"Bearer ${tells}"}, requirement{Permissions: []string{"read:invoice", "void:invoice"}}, 403, lacks + `permission read:invoice void:invoice"`, "insufficient_scope"},
		{"level reached", []string{person}, requirement{ACR: "aal1"}, 200, "", ""},
		{"level surpassed", []string{"Bearer ${old}"}, requirement{ACR: "aal1"}, 200, "", ""},
		{"level not reached", []string{person}, requirement{ACR: "aal2"}, 401, stronger + `, acr_values="aal2"`, "insufficient_user_authentication"},
		{"a level of one's own", []string{person}, requirement{ACR: "urn:gold"}, 401, stronger + `, acr_values="urn:gold"`, "insufficient_user_authentication"},
		{"recent", []string{person}, requirement{MaxAge: 60}, 200, "", ""},
		{"too long ago", []string{"Bearer ${old}"}, requirement{MaxAge: 600}, 401, stronger + `, max_age="600"`, "insufficient_user_authentication"},
		{"both", []string{"Bearer ${old}"}, requirement{ACR: "aal3", MaxAge: 600}, 401, stronger + `, acr_values="aal3", max_age="600"`, "insufficient_user_authentication"},
		{"scope before level", []string{person}, requirement{Scopes: []string{"x"}, ACR: "aal3"}, 403, lacks + `scope x", scope="x"`, "insufficient_scope"},
		{"what needs quoting", []string{person}, requirement{Scopes: []string{`a"b\c`, "ü"}}, 403, lacks + `scope abc ", scope="abc "`, "insufficient_scope"},
		{"staler than allowed", []string{person}, requirement{OnStale: "refuse"}, 503, "", "temporarily_unavailable"},
		{"staler than allowed, and expired", []string{"Bearer ${expired}"}, requirement{OnStale: "refuse"}, 401, invalid + `the token has expired"`, "invalid_token"},
		{"staler than allowed, and accepted", []string{person}, requirement{OnStale: "accept"}, 200, "", ""},
	} {
		if v.Authorization == nil {
			v.Authorization = []string{}
		}
		s.v.Routes = append(s.v.Routes, v)
	}
}
