package keys_test

import (
	"encoding/json"
	"slices"
	"strings"
	"testing"

	"github.com/signet-idp/signet/keys"
)

func TestJWKSShape(t *testing.T) {
	m := allRings()
	var set struct {
		Keys []map[string]string `json:"keys"`
	}
	body := m.Snapshot().JWKS().Body
	if err := json.Unmarshal(body, &set); err != nil {
		t.Fatal(err)
	}
	if len(set.Keys) != 8 {
		t.Fatalf("%d keys, want active and next of four rings", len(set.Keys))
	}
	for _, k := range set.Keys {
		want := map[string]string{
			keys.RS256: "alg e kid kty n use", keys.PS256: "alg e kid kty n use",
			keys.ES256: "alg crv kid kty use x y", keys.EdDSA: "alg crv kid kty use x",
		}[k["alg"]]
		var names []string
		for name := range k {
			names = append(names, name)
		}
		slices.Sort(names)
		if got := strings.Join(names, " "); got != want || k["use"] != "sig" || len(k["kid"]) != 43 {
			t.Errorf("%s: members %q of %v", k["alg"], got, k)
		}
	}
	for _, k := range m.Snapshot().Keys() {
		text, err := k.PEM()
		if err != nil || !strings.HasPrefix(text, "-----BEGIN PUBLIC KEY-----\n") {
			t.Errorf("%q, %v", text, err)
		}
	}
	tag := m.Snapshot().JWKS().ETag
	if len(tag) != 24 || tag[0] != '"' || tag[23] != '"' {
		t.Errorf("ETag %s", tag)
	}
	first := set.Keys[0]["kid"]
	if s := signer(t, m, set.Keys[0]["alg"]); s.KID() != first {
		t.Error("the active key is not the first of its ring")
	}
}
