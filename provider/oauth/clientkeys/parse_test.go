package clientkeys

import (
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/go-jose/go-jose/v4"

	"github.com/signet-idp/signet/provider/oauth/internal/jws"
	"github.com/signet-idp/signet/provider/oauth/internal/jwstest"
)

// set writes a JWK Set of the given keys.
func set(t testing.TB, keys ...jose.JSONWebKey) []byte {
	t.Helper()
	raw, err := json.Marshal(jose.JSONWebKeySet{Keys: keys})
	if err != nil {
		t.Fatal(err)
	}
	return raw
}

func TestParse(t *testing.T) {
	client := jwstest.New(t)
	good := string(set(t, client.Keys()...))
	ed := string(set(t, jose.JSONWebKey{Key: client.Ed.Public(), KeyID: "ed"}))
	edKey := strings.TrimSuffix(strings.TrimPrefix(ed, `{"keys":[`), `]}`)
	for _, tc := range []struct {
		name, raw string
		keys      int
		want      error
	}{
		{name: "all kinds", raw: good, keys: 3},
		{name: "other members", raw: `{"x":1,"keys":[` + edKey + `]}`, keys: 1},
		{name: "32 keys", raw: `{"keys":[` + strings.Repeat(edKey+",", 31) + edKey + `]}`, keys: 32},
		{name: "unknown kind left out", raw: `{"keys":[{"kty":"XX","kid":"a"},` + edKey + `]}`, keys: 1},
		{name: "unknown curve left out", raw: `{"keys":[{"kty":"OKP","crv":"X25519","x":"AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA"},` + edKey + `]}`, keys: 1},
		{name: "point off the curve left out", raw: `{"keys":[{"kty":"EC","crv":"P-256","x":"` + strings.Repeat("A", 42) + `E","y":"` + strings.Repeat("A", 42) + `E"},` + edKey + `]}`, keys: 1},
		{name: "for encryption left out", raw: string(set(t, jose.JSONWebKey{Key: client.Ed.Public(), Use: "enc"}, jose.JSONWebKey{Key: client.Ed.Public()})), keys: 1},
		{name: "for another algorithm left out", raw: string(set(t, jose.JSONWebKey{Key: &client.RSA.PublicKey, Algorithm: "RS512"}, jose.JSONWebKey{Key: client.Ed.Public()})), keys: 1},

		{name: "33 keys", raw: `{"keys":[` + strings.Repeat(edKey+",", 32) + edKey + `]}`, want: ErrMalformed},
		{name: "private RSA key", raw: string(set(t, jose.JSONWebKey{Key: client.RSA})), want: ErrPrivate},
		{name: "private EC key", raw: string(set(t, jose.JSONWebKey{Key: client.EC})), want: ErrPrivate},
		{name: "private Ed25519 key beside a public one", raw: string(set(t, jose.JSONWebKey{Key: client.Ed.Public()}, jose.JSONWebKey{Key: client.Ed})), want: ErrPrivate},
		{name: "private key of an unknown kind", raw: `{"keys":[{"kty":"AKP","alg":"ML-DSA-44","priv":"AA"}]}`, want: ErrPrivate},
		{name: "symmetric key", raw: string(set(t, jose.JSONWebKey{Key: []byte("secret")})), want: ErrPrivate},
		{name: "symmetric key without its value", raw: `{"keys":[{"kty":"oct"}]}`, want: ErrPrivate},
		{name: "no keys", raw: `{"keys":[]}`, want: ErrEmpty},
		{name: "nothing usable", raw: `{"keys":[{"kty":"XX"}]}`, want: ErrEmpty},
		{name: "no member keys", raw: `{}`, want: ErrMalformed},
		{name: "keys is null", raw: `{"keys":null}`, want: ErrMalformed},
		{name: "keys is an object", raw: `{"keys":{}}`, want: ErrMalformed},
		{name: "keys twice", raw: `{"keys":[` + edKey + `],"keys":[]}`, want: ErrMalformed},
		{name: "kty twice", raw: `{"keys":[{"kty":"oct","kty":"OKP"}]}`, want: ErrMalformed},
		{name: "a key that is a string", raw: `{"keys":["x"]}`, want: ErrMalformed},
		{name: "a bare key", raw: edKey, want: ErrMalformed},
		{name: "HTML", raw: `<html>`, want: ErrMalformed},
		{name: "empty", raw: ``, want: ErrMalformed},
		{name: "too long", raw: good + strings.Repeat(" ", MaxSize), want: ErrMalformed},
	} {
		t.Run(tc.name, func(t *testing.T) {
			t.Parallel()
			keys, err := Parse([]byte(tc.raw))
			if !errors.Is(err, tc.want) || len(keys.Keys) != tc.keys {
				t.Fatalf("%d keys, %v; want %d, %v", len(keys.Keys), err, tc.keys, tc.want)
			}
			if err != nil && strings.Contains(err.Error(), "secret") {
				t.Fatalf("the error holds the key: %v", err)
			}
		})
	}
}

// FuzzParse: whatever comes, what is kept are public keys that can verify a
// signature, and the set written again is read the same.
func FuzzParse(f *testing.F) {
	client := jwstest.New(f)
	f.Add(set(f, client.Keys()...))
	f.Add(set(f, jose.JSONWebKey{Key: client.EC}))
	f.Add([]byte(`{"keys":[{"kty":"oct","k":"AA"},{"kty":"RSA","n":"AQAB","e":"AQAB"}]}`))
	f.Fuzz(func(t *testing.T, raw []byte) {
		keys, err := Parse(raw)
		if err != nil {
			return
		}
		if len(keys.Keys) == 0 || len(keys.Keys) > MaxKeys {
			t.Fatalf("%d keys", len(keys.Keys))
		}
		for _, key := range keys.Keys {
			usable := false
			for _, algorithm := range jws.Algorithms() {
				usable = usable || jws.Usable(key, algorithm)
			}
			if !usable || !key.IsPublic() || !key.Valid() {
				t.Fatalf("kept %s", fmt.Sprintf("%T", key.Key))
			}
		}
		again, err := json.Marshal(keys)
		if err != nil {
			t.Fatal(err)
		}
		reread, err := Parse(again)
		if err != nil || len(reread.Keys) != len(keys.Keys) {
			t.Fatalf("%s gave %d keys, %v", again, len(reread.Keys), err)
		}
	})
}
