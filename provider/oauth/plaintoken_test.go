package oauth_test

import (
	"crypto/sha512"
	"encoding/base64"
	"net/http"
	"net/url"
	"testing"

	"github.com/signet-idp/signet/storage"
	"github.com/signet-idp/signet/test/harness"
)

func tokenDefects() []defect {
	return []defect{
		{"D13 an id_token_hint by Ed25519 is refused", edHint},
		{"D13 an id_token_hint of a retired key is refused", retiredHint},
		{"D14 an ID token introspects as an access token", introspectIDToken},
		{"D15 a revocation that failed is told 200", failedRevocation},
		{"rat is in the ID token", ratLeaks},
		{"at_hash by Ed25519 is of SHA-256", edHalfHash},
		{"an access token for nobody in particular", emptyAudience},
		{"a stranger introspects", strangerIntrospects},
	}
}

// hinted asks again without a page, naming the person by an ID token.
func hinted(t *testing.T, b *harness.Browser, id, hint string) harness.Page {
	t.Helper()
	return b.Get(harness.NewAuthorization(id, allScopes, map[string]string{"id_token_hint": hint, "prompt": "none"}).Path())
}

// withIDToken signs in at a client whose ID tokens are of alg.
func withIDToken(t *testing.T, p party, alg string) (b *harness.Browser, id string, tokens answer) {
	t.Helper()
	id, _ = p.register(t, storage.ClientMetadata{TokenEndpointAuthMethod: "none", IDTokenSignedResponseAlg: alg})
	b = p.signIn(t)
	a := harness.NewAuthorization(id, allScopes, nil)
	tokens = ask(t, p, tokenPath, redemption(a, harness.CodeOf(t, b.Get(a.Path()))), id, "")
	if tokens.status != http.StatusOK {
		t.Fatalf("redeem: %s", tokens.text)
	}
	return b, id, tokens
}

func edHint(t *testing.T, p party) bool {
	b, id, tokens := withIDToken(t, p, "EdDSA")
	return !gaveCode(hinted(t, b, id, tokens.token("id_token")))
}

func retiredHint(t *testing.T, p party) bool {
	b, id, tokens := withIDToken(t, p, "ES256")
	p.rotate(t, "ES256")
	return !gaveCode(hinted(t, b, id, tokens.token("id_token")))
}

func introspectIDToken(t *testing.T, p party) bool {
	id, secret := p.register(t, storage.ClientMetadata{})
	a := harness.NewAuthorization(id, allScopes, nil)
	tokens := ask(t, p, tokenPath, redemption(a, harness.CodeOf(t, p.signIn(t).Get(a.Path()))), id, secret)
	if got := ask(t, p, introspectPath, url.Values{"token": {tokens.token("access_token")}}, id, secret); got.body["active"] != true {
		t.Fatalf("the access token: %d %s", got.status, got.text)
	}
	return ask(t, p, introspectPath, url.Values{"token": {tokens.token("id_token")}}, id, secret).body["active"] == true
}

// failedRevocation: the client would believe the token dead.
func failedRevocation(t *testing.T, p party) bool {
	id := public(t, p)
	token := obtain(t, p, id).token("refresh_token")
	p.cut(t)
	return ask(t, p, revokePath, url.Values{"token": {token}}, id, "").status != http.StatusServiceUnavailable
}

func ratLeaks(t *testing.T, p party) bool {
	_, there := harness.Claims(t, obtain(t, p, public(t, p)).token("id_token"))["rat"]
	return there
}

// edHalfHash: Ed25519 goes with SHA-512 (what the OpenID conformance suite
// expects).
func edHalfHash(t *testing.T, p party) bool {
	_, _, tokens := withIDToken(t, p, "EdDSA")
	sum := sha512.Sum512([]byte(tokens.token("access_token")))
	return harness.Claims(t, tokens.token("id_token"))["at_hash"] != base64.RawURLEncoding.EncodeToString(sum[:32])
}

// emptyAudience: RFC 9068 §2.2 requires aud to name somebody.
func emptyAudience(t *testing.T, p party) bool {
	aud := harness.Claims(t, obtain(t, p, public(t, p)).token("access_token"))["aud"]
	list, isList := aud.([]any)
	return aud == nil || aud == "" || isList && len(list) == 0
}

// strangerIntrospects: any client may ask about any token.
func strangerIntrospects(t *testing.T, p party) bool {
	token := obtain(t, p, public(t, p)).token("access_token")
	stranger, secret := p.register(t, storage.ClientMetadata{})
	got := ask(t, p, introspectPath, url.Values{"token": {token}}, stranger, secret)
	if got.status != http.StatusOK {
		t.Fatalf("introspect: %d %s", got.status, got.text)
	}
	return got.body["active"] == true
}
