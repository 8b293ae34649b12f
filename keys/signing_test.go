package keys_test

import (
	"context"
	"crypto"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"errors"
	"strings"
	"sync"
	"testing"

	jose "github.com/go-jose/go-jose/v4"

	"github.com/signet-idp/signet/keys"
	"github.com/signet-idp/signet/keys/keytest"
)

var allAlgorithms = []string{keys.RS256, keys.PS256, keys.ES256, keys.EdDSA}

// allRings is a Manager with every ring, made once: RSA keys are slow to make.
var allRings = sync.OnceValue(func() *keys.Manager {
	store, c := keytest.NewStore(), start()
	text, err := keys.GenerateMaster(rand.Reader)
	if err != nil {
		panic(err)
	}
	master, err := keys.ParseMaster(text)
	if err != nil {
		panic(err)
	}
	m, err := keys.NewManager(keys.Options{
		Store: store, Master: master, Clock: c, Config: keys.Config{Algorithms: allAlgorithms},
	})
	if err == nil {
		err = m.Load(context.Background())
	}
	if err != nil {
		panic(err)
	}
	return m
})

func signer(t testing.TB, m *keys.Manager, alg string) *keys.Signer {
	t.Helper()
	s, err := m.Snapshot().Signer(alg)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// joseVerify is the oracle: go-jose v4 with the key pinned to one algorithm.
func joseVerify(compact, alg string, public crypto.PublicKey) ([]byte, *jose.JSONWebSignature, error) {
	parsed, err := jose.ParseSignedCompact(compact, []jose.SignatureAlgorithm{jose.SignatureAlgorithm(alg)})
	if err != nil {
		return nil, nil, err
	}
	payload, err := parsed.Verify(public)
	return payload, parsed, err
}

func publicOf(m *keys.Manager, kid string) crypto.PublicKey {
	for _, k := range m.Snapshot().Keys() {
		if k.KID == kid {
			return k.Public()
		}
	}
	return nil
}

func TestSignAndVerify(t *testing.T) {
	m := allRings()
	payload := []byte(`{"sub":"alice"}`)
	for _, alg := range allAlgorithms {
		t.Run(alg, func(t *testing.T) {
			s := signer(t, m, alg)
			for range 8 { // ECDSA: both kinds of s turn up
				token, err := s.Sign("at+jwt", payload)
				if err != nil {
					t.Fatal(err)
				}
				got, err := m.Snapshot().Verify(token, "JWT", "AT+jwt")
				if err != nil {
					t.Fatal(err)
				}
				wantHeader := `{"alg":"` + alg + `","kid":"` + s.KID() + `","typ":"at+jwt"}`
				if string(got.Payload) != string(payload) || string(got.Header) != wantHeader ||
					got.KID != s.KID() || got.Algorithm != alg || got.Type != "AT+jwt" {
					t.Fatalf("got %+v", got)
				}
				oracle, parsed, err := joseVerify(token, alg, publicOf(m, s.KID()))
				if err != nil || string(oracle) != string(payload) || parsed.Signatures[0].Protected.KeyID != s.KID() {
					t.Fatalf("go-jose: %q, %v", oracle, err)
				}
			}
		})
	}
}

func TestEachUseHasKeysOfItsOwn(t *testing.T) {
	m := allRings()
	snap := m.Snapshot()
	feed, err := snap.FeedSigner()
	if err != nil {
		t.Fatal(err)
	}
	checkpoint, err := snap.CheckpointSigner()
	if err != nil {
		t.Fatal(err)
	}
	verify := map[string]func(string, ...string) (keys.JWS, error){
		"sig": snap.Verify, "hint": snap.VerifyHint, "feed": snap.VerifyFeed, "checkpoint": snap.VerifyCheckpoint,
	}
	for _, c := range []struct {
		signer *keys.Signer
		good   []string
	}{
		{signer(t, m, keys.ES256), []string{"sig", "hint"}},
		{feed, []string{"feed"}},
		{checkpoint, []string{"checkpoint"}},
	} {
		token, err := c.signer.Sign("x+jwt", []byte("{}"))
		if err != nil {
			t.Fatal(err)
		}
		for use, f := range verify {
			_, err := f(token, "x+jwt")
			if strings.Contains(strings.Join(c.good, " "), use) {
				if err != nil {
					t.Errorf("%v: own key refused by %s: %v", c.good, use, err)
				}
			} else if !errors.Is(err, keys.ErrUnknownKey) {
				t.Errorf("%v: key accepted by %s: %v", c.good, use, err)
			}
		}
	}
	jwks := string(snap.JWKS().Body)
	if strings.Contains(jwks, feed.KID()) || strings.Contains(jwks, checkpoint.KID()) {
		t.Error("JWKS shows a feed or checkpoint key")
	}
	if !strings.Contains(string(snap.FeedJWKS().Body), feed.KID()) {
		t.Error("feed JWKS lacks the feed key")
	}
}

// forge signs any header with the right key, as only a broken signer would.
func forge(t testing.TB, s *keys.Signer, header string, payload []byte) string {
	t.Helper()
	header = strings.NewReplacer("KID", s.KID(), "ALG", s.Algorithm()).Replace(header)
	input := base64.RawURLEncoding.EncodeToString([]byte(header)) + "." + base64.RawURLEncoding.EncodeToString(payload)
	sig, err := keys.SignRaw(s.Algorithm(), s.Private(), []byte(input))
	if err != nil {
		t.Fatal(err)
	}
	return input + "." + base64.RawURLEncoding.EncodeToString(sig)
}

func TestVerifyIsStrict(t *testing.T) {
	m := allRings()
	es, rs := signer(t, m, keys.ES256), signer(t, m, keys.RS256)
	good := `{"alg":"ALG","kid":"KID","typ":"at+jwt"}`
	payload := []byte(`{"sub":"alice"}`)
	token := forge(t, es, good, payload)
	parts := strings.Split(token, ".")
	join := func(p ...string) string { return strings.Join(p, ".") }
	header := func(h string) string { return forge(t, es, h, payload) }

	for _, c := range []struct {
		name, token string
		want        error
	}{
		{"good", token, nil},
		{"members in another order", header(`{"typ":"at+jwt","kid":"KID","alg":"ALG"}`), nil},
		{"typ with prefix and in capitals", header(`{"alg":"ALG","kid":"KID","typ":"Application/AT+JWT"}`), nil},

		{"empty", "", keys.ErrMalformed},
		{"dots only", "..", keys.ErrMalformed},
		{"two parts", join(parts[:2]...), keys.ErrMalformed},
		{"four parts", token + ".AA", keys.ErrMalformed},
		{"five parts", token + ".AA.AA", keys.ErrMalformed},
		{"no header", join("", parts[1], parts[2]), keys.ErrMalformed},
		{"no payload", join(parts[0], "", parts[2]), keys.ErrMalformed},
		{"no signature", join(parts[0], parts[1], ""), keys.ErrMalformed},
		{"padding", join(parts[0], parts[1], parts[2]+"=="), keys.ErrMalformed},
		{"padded payload", join(parts[0], parts[1]+"=", parts[2]), keys.ErrMalformed},
		{"line break in payload", join(parts[0], parts[1]+"\n", parts[2]), keys.ErrMalformed},
		{"line break in signature", join(parts[0], parts[1], parts[2]+"\r\n"), keys.ErrMalformed},
		{"line break in header", join(parts[0]+"\n", parts[1], parts[2]), keys.ErrMalformed},
		{"space around", " " + token, keys.ErrMalformed},
		{"standard alphabet", join(parts[0], parts[1], "+"+parts[2][1:]), keys.ErrMalformed},
		{"trailing bits", join(parts[0], parts[1], parts[2][:85]+nextBase64(parts[2][85])), keys.ErrMalformed},
		{"too long", token + strings.Repeat("A", keys.MaxJWS), keys.ErrMalformed},
		{"JSON serialization", `{"payload":"` + parts[1] + `"}`, keys.ErrMalformed},
		{"header too long", header(`{"alg":"ALG","kid":"KID","typ":"` + strings.Repeat("a", 300) + `"}`), keys.ErrMalformed},

		{"alg none", join(b64(`{"alg":"none","kid":"`+es.KID()+`","typ":"at+jwt"}`), parts[1], parts[2]), keys.ErrAlgorithm},
		{"alg HS256", header(`{"alg":"HS256","kid":"KID","typ":"at+jwt"}`), keys.ErrAlgorithm},
		{"alg of another key", header(`{"alg":"RS256","kid":"KID","typ":"at+jwt"}`), keys.ErrAlgorithm},
		{"alg in lower case", header(`{"alg":"es256","kid":"KID","typ":"at+jwt"}`), keys.ErrAlgorithm},
		{"RS256 key as PS256", forge(t, rs, `{"alg":"PS256","kid":"KID","typ":"at+jwt"}`, payload), keys.ErrAlgorithm},
		{"kid of another key", header(`{"alg":"RS256","kid":"` + rs.KID() + `","typ":"at+jwt"}`), keys.ErrSignature},
		{"unknown kid", header(`{"alg":"ALG","kid":"nobody","typ":"at+jwt"}`), keys.ErrUnknownKey},
		{"no kid", header(`{"alg":"ALG","typ":"at+jwt"}`), keys.ErrMalformed},
		{"empty kid", header(`{"alg":"ALG","kid":"","typ":"at+jwt"}`), keys.ErrMalformed},
		{"kid is a number", header(`{"alg":"ALG","kid":1,"typ":"at+jwt"}`), keys.ErrMalformed},
		{"no alg", header(`{"kid":"KID","typ":"at+jwt"}`), keys.ErrMalformed},
		{"no typ", header(`{"alg":"ALG","kid":"KID"}`), keys.ErrMalformed},
		{"other typ", header(`{"alg":"ALG","kid":"KID","typ":"JWT"}`), keys.ErrType},
		{"typ with another prefix", header(`{"alg":"ALG","kid":"KID","typ":"text/at+jwt"}`), keys.ErrType},
		{"typ is the prefix only", header(`{"alg":"ALG","kid":"KID","typ":"application/"}`), keys.ErrType},
		{"crit", header(`{"alg":"ALG","kid":"KID","typ":"at+jwt","crit":["exp"]}`), keys.ErrMalformed},
		{"empty crit", header(`{"alg":"ALG","kid":"KID","typ":"at+jwt","crit":[]}`), keys.ErrMalformed},
		{"b64", header(`{"alg":"ALG","kid":"KID","typ":"at+jwt","b64":false}`), keys.ErrMalformed},
		{"jku", header(`{"alg":"ALG","kid":"KID","typ":"at+jwt","jku":"https"}`), keys.ErrMalformed},
		{"jwk", header(`{"alg":"ALG","kid":"KID","typ":"at+jwt","jwk":{}}`), keys.ErrMalformed},
		{"x5u", header(`{"alg":"ALG","kid":"KID","typ":"at+jwt","x5u":"https"}`), keys.ErrMalformed},
		{"zip", header(`{"alg":"ALG","kid":"KID","typ":"at+jwt","zip":"DEF"}`), keys.ErrMalformed},
		{"duplicate alg", header(`{"alg":"ALG","alg":"ALG","kid":"KID","typ":"at+jwt"}`), keys.ErrMalformed},
		{"duplicate typ", header(`{"alg":"ALG","kid":"KID","typ":"at+jwt","typ":"JWT"}`), keys.ErrMalformed},
		{"duplicate instead of kid", header(`{"alg":"ALG","typ":"at+jwt","typ":"at+jwt"}`), keys.ErrMalformed},
		{"name in capitals", header(`{"ALG":"ALG","kid":"KID","typ":"at+jwt"}`), keys.ErrMalformed},
		{"escape in name", header(`{"\u0061lg":"ALG","kid":"KID","typ":"at+jwt"}`), keys.ErrMalformed},
		{"escape in value", header(`{"alg":"ALG","kid":"KID","typ":"at\u002bjwt"}`), keys.ErrMalformed},
		{"white space", header(`{"alg": "ALG","kid":"KID","typ":"at+jwt"}`), keys.ErrMalformed},
		{"text behind", header(good + "{}"), keys.ErrMalformed},
		{"array", header(`[` + good + `]`), keys.ErrMalformed},
		{"null", header(`null`), keys.ErrMalformed},
		{"comma at the end", header(`{"alg":"ALG","kid":"KID","typ":"at+jwt",}`), keys.ErrMalformed},
		{"open object", header(`{"alg":"ALG","kid":"KID","typ":"at+jwt"`), keys.ErrMalformed},

		{"payload changed", join(parts[0], b64(`{"sub":"mallory"}`), parts[2]), keys.ErrSignature},
		{"signature of zeros", join(parts[0], parts[1], b64(string(make([]byte, 64)))), keys.ErrSignature},
		{"signature too short", join(parts[0], parts[1], b64(string(make([]byte, 63)))), keys.ErrSignature},
		{"signature too long", join(parts[0], parts[1], b64(string(make([]byte, 65)))), keys.ErrSignature},
		{"signature huge", join(parts[0], parts[1], strings.Repeat("A", 4000)), keys.ErrSignature},
		{"signature in ASN.1", asn1Token(t, es, parts), keys.ErrSignature},
		{"signature with the other s", join(parts[0], parts[1], otherS(t, parts[2])), keys.ErrSignature},
	} {
		t.Run(c.name, func(t *testing.T) {
			_, err := m.Snapshot().Verify(c.token, "at+jwt")
			if !errors.Is(err, c.want) || c.want == nil && err != nil {
				t.Fatalf("error %v, want %v", err, c.want)
			}
		})
	}
	if _, err := m.Snapshot().Verify(token); !errors.Is(err, keys.ErrType) {
		t.Fatalf("without a wanted typ: %v", err)
	}
}

// The higher s is a signature by everybody else's rules; ours allow one text.
func TestOtherSWouldVerifyElsewhere(t *testing.T) {
	m := allRings()
	s := signer(t, m, keys.ES256)
	token, err := s.Sign("at+jwt", []byte("{}"))
	if err != nil {
		t.Fatal(err)
	}
	parts := strings.Split(token, ".")
	other := parts[0] + "." + parts[1] + "." + otherS(t, parts[2])
	if _, _, err := joseVerify(other, keys.ES256, publicOf(m, s.KID())); err != nil {
		t.Fatalf("not the mirrored signature: %v", err)
	}
}

func b64(s string) string { return base64.RawURLEncoding.EncodeToString([]byte(s)) }

// nextBase64 differs from c in the last bit only.
func nextBase64(c byte) string {
	const alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"
	return string(alphabet[strings.IndexByte(alphabet, c)^1])
}

func asn1Token(t *testing.T, s *keys.Signer, parts []string) string {
	t.Helper()
	digest := sha256.Sum256([]byte(parts[0] + "." + parts[1]))
	der, err := ecdsa.SignASN1(rand.Reader, s.Private().(*ecdsa.PrivateKey), digest[:])
	if err != nil {
		t.Fatal(err)
	}
	return parts[0] + "." + parts[1] + "." + b64(string(der))
}

func otherS(t *testing.T, signature string) string {
	t.Helper()
	raw, err := base64.RawURLEncoding.DecodeString(signature)
	if err != nil {
		t.Fatal(err)
	}
	n := elliptic.P256().Params().N.Bytes()
	borrow := 0
	for i := 31; i >= 0; i-- {
		d := int(n[i]) - int(raw[32+i]) - borrow
		borrow = 0
		if d < 0 {
			d, borrow = d+256, 1
		}
		raw[32+i] = byte(d)
	}
	return b64(string(raw))
}

func TestSignerRefusesATypeItCannotWrite(t *testing.T) {
	s := signer(t, allRings(), keys.EdDSA)
	for _, typ := range []string{"", `a"b`, "a b", "a\\b", "ü", strings.Repeat("a", 65)} {
		if _, err := s.Sign(typ, []byte("{}")); !errors.Is(err, keys.ErrType) {
			t.Errorf("%q: %v", typ, err)
		}
	}
	for i := range 100 { // more types than a signer keeps prepared
		typ := "t" + strings.Repeat("x", i%60)
		token, err := s.Sign(typ, []byte("{}"))
		if err != nil {
			t.Fatal(err)
		}
		if _, err := allRings().Snapshot().Verify(token, typ); err != nil {
			t.Fatal(err)
		}
	}
}

func TestRawFromDERRefusesOtherThings(t *testing.T) {
	for _, der := range [][]byte{
		nil,
		{0x30, 0},
		{0x30, 3, 2, 1, 1},
		[]byte("not a signature"),
		append([]byte{0x30, 40, 2, 33, 1}, make([]byte, 37)...),
	} {
		if _, err := keys.RawFromDER(der); !errors.Is(err, keys.ErrSignature) {
			t.Errorf("%x: %v", der, err)
		}
	}
}
