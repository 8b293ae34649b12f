package mfa_test

import (
	"encoding/json"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/signet-idp/signet/internal/testkit/servers"
	"github.com/signet-idp/signet/internal/testkit/softkey"
	"github.com/signet-idp/signet/storage"
	"github.com/signet-idp/signet/test/harness"
)

// origin is where the pages are: passkeys need a host that is a name.
const origin = "http://localhost:8001"

func newPasskey(t *testing.T) *softkey.Passkey {
	t.Helper()
	p, err := softkey.New(origin)
	if err != nil {
		t.Fatal(err)
	}
	return p
}

// options are the webauthn_options of an answer.
func (a answer) options(t *testing.T) json.RawMessage {
	t.Helper()
	raw, err := json.Marshal(a.body["webauthn_options"])
	if err != nil || string(raw) == "null" {
		t.Fatalf("no webauthn_options: %s %v", a.raw, err)
	}
	return raw
}

// create and get answer what a browser would, options in hand.
func create(t *testing.T, p *softkey.Passkey, a answer) json.RawMessage {
	t.Helper()
	made, err := p.Create(a.options(t))
	if err != nil {
		t.Fatal(err)
	}
	return made
}

func get(t *testing.T, p *softkey.Passkey, a answer) json.RawMessage {
	t.Helper()
	proof, err := p.Get(a.options(t))
	if err != nil {
		t.Fatal(err)
	}
	return proof
}

// enrol sets a passkey up for whoever holds a bearer token, and returns its id
// and the token after it.
func (w *world) enrol(bearer, name string, p *softkey.Passkey) (id, token string) {
	w.t.Helper()
	a := w.want(w.post("/mfa/setup", bearer, m{"method_type": "webauthn"}), http.StatusOK, "")
	v := w.want(w.post("/mfa/verify", bearer, m{"challenge_id": a.text("challenge_id"), "webauthn_response": create(w.t, p, a), "device_name": name}), http.StatusOK, "")
	return a.text("method_id"), orSame(bearer, v)
}

// asked is a login that waits, with the options of its passkey challenge.
func (w *world) asked(email string) (token string, challenge answer) {
	w.t.Helper()
	p := w.pending(email)
	token = p.text("mfa_token")
	return token, w.want(w.post("/mfa/challenge", "", m{"mfa_token": token, "method_type": "webauthn"}), http.StatusOK, "")
}

// TestPasskeys walks the life of passkeys through the JSON API.
func TestPasskeys(t *testing.T) {
	t.Parallel()
	t.Run("SQLite", func(t *testing.T) {
		t.Parallel()
		lifeOfPasskeys(t, harness.Options{Contract: true, Issuer: origin})
	})
	t.Run("PostgreSQL", func(t *testing.T) {
		t.Parallel()
		lifeOfPasskeys(t, harness.Options{DatabaseURL: servers.Postgres(t), MasterKey: harness.MasterKey, Contract: true, Issuer: origin})
	})
}

func lifeOfPasskeys(t *testing.T, o harness.Options) {
	w := newWorld(t, o, "SIGNET_LIFETIMES_RECENT_AUTH=1m")
	laptop, phone := newPasskey(t), newPasskey(t)
	first := w.login(ada, nil).text("access_token")
	setup := w.want(w.post("/mfa/setup", first, m{"method_type": "webauthn", "device_name": "Laptop"}), http.StatusOK, "")
	golden(t, "setup_webauthn", setup)
	done := w.want(w.post("/mfa/verify", first, m{"challenge_id": setup.text("challenge_id"), "webauthn_response": create(t, laptop, setup)}), http.StatusOK, "")
	golden(t, "verify_webauthn", done)
	token := done.text("access_token")
	if n := len(done.texts("backup_codes")); n != 10 {
		t.Fatalf("%d backup codes with the first factor", n)
	}

	// Several per person, each with its name.
	phoneID, token := w.enrol(token, "Telephone", phone)
	again := w.want(w.post("/mfa/setup", token, m{"method_type": "webauthn"}), http.StatusOK, "")
	twice := w.post("/mfa/verify", token, m{"challenge_id": again.text("challenge_id"), "webauthn_response": create(t, phone, again)})
	w.want(twice, http.StatusBadRequest, "REQ_001") // the same authenticator once more
	if !strings.Contains(string(twice.raw), "registered already") {
		t.Errorf("no reason: %s", twice.raw)
	}
	golden(t, "methods_webauthn", w.want(w.call(http.MethodGet, "/mfa/methods", token, nil), http.StatusOK, ""))
	if a := w.want(w.call(http.MethodPatch, "/mfa/methods/"+phoneID, token, m{"name": "Old telephone"}), http.StatusOK, ""); a.text("device_name") != "Old telephone" {
		t.Errorf("renamed: %s", a.raw)
	}

	// Either signs in, as a second factor.
	for _, p := range []*softkey.Passkey{laptop, phone} {
		mfaToken, c := w.asked(ada)
		proof := get(t, p, c)
		in := w.want(w.post("/mfa/verify", "", m{"mfa_token": mfaToken, "challenge_id": c.text("challenge_id"), "webauthn_response": string(proof)}), http.StatusOK, "")
		claims := harness.Claims(t, in.text("access_token"))
		if claims["acr"] != "aal2" || fmt.Sprint(claims["amr"]) != "[pwd hwk user mfa]" {
			t.Errorf("acr %v amr %v", claims["acr"], claims["amr"])
		}
		// Once.
		w.want(w.post("/mfa/verify", "", m{"mfa_token": mfaToken, "challenge_id": c.text("challenge_id"), "webauthn_response": proof}), http.StatusBadRequest, "MFA_003")
	}

	// A step up.
	w.clock.Advance(90 * time.Second)
	w.Sync(t)
	w.want(w.post("/mfa/setup", token, m{"method_type": "totp"}), http.StatusForbidden, "AUTH_014")
	c := w.want(w.post("/mfa/challenge", token, m{"method_id": phoneID}), http.StatusOK, "")
	up := w.want(w.post("/mfa/verify", token, m{"challenge_id": c.text("challenge_id"), "webauthn_response": get(t, phone, c)}), http.StatusOK, "")
	w.want(w.post("/mfa/setup", up.text("access_token"), m{"method_type": "totp"}), http.StatusOK, "")
}

// TestPasskeysRefused: what is malformed or made for elsewhere is told with its
// reason; what is another's is not there; what is over is over.
func TestPasskeysRefused(t *testing.T) {
	t.Parallel()
	w := newWorld(t, harness.Options{Contract: true, Issuer: origin}, "SIGNET_LIMITS_LOCK_FAILURES=1000", "SIGNET_LIFETIMES_ACCESS_TOKEN=1h")
	key := newPasskey(t)
	_, token := w.enrol(w.login(ada, nil).text("access_token"), "Laptop", key)
	his := newPasskey(t)
	_, bobs := w.enrol(w.login(bob, nil).text("access_token"), "His", his)

	elsewhere, err := softkey.New("http://localhost.evil.test:8001")
	if err != nil {
		t.Fatal(err)
	}
	spoil := func(member string, to any) func(answer) any {
		return func(c answer) any {
			var whole m
			if err := json.Unmarshal(get(t, key, c), &whole); err != nil {
				t.Fatal(err)
			}
			whole["response"].(m)[member] = to
			return whole
		}
	}
	for name, c := range map[string]struct {
		answer func(answer) any
		reason string
	}{
		"no object":       {func(answer) any { return 7 }, "malformed"},
		"half of one":     {func(answer) any { return `{"id":` }, "toJSON"},
		"empty":           {func(answer) any { return m{} }, "malformed"},
		"no signature":    {spoil("signature", ""), ""},
		"other signature": {spoil("signature", "AAAA"), "bad signature"},
		"other data":      {spoil("authenticatorData", "AAAA"), "malformed"},
		"too large":       {spoil("signature", strings.Repeat("A", 70<<10)), "too large"},
		"another's":       {func(c answer) any { return get(t, his, c) }, "unknown credential"},
		"another site's":  {func(c answer) any { elsewhere.Adopt(key); return get(t, elsewhere, c) }, "wrong origin"},
	} {
		mfaToken, ch := w.asked(ada)
		a := w.post("/mfa/verify", "", m{"mfa_token": mfaToken, "challenge_id": ch.text("challenge_id"), "webauthn_response": c.answer(ch)})
		if a.status != http.StatusBadRequest || a.text("error_code") != "REQ_001" || !strings.Contains(a.text("detail"), c.reason) {
			t.Errorf("%s: %d %s, want 400 with %q", name, a.status, a.raw, c.reason)
		}
	}

	// Another's challenge, and one of another login.
	mine := w.want(w.post("/mfa/challenge", token, m{"method_type": "webauthn"}), http.StatusOK, "")
	w.want(w.post("/mfa/verify", bobs, m{"challenge_id": mine.text("challenge_id"), "webauthn_response": get(t, his, mine)}), http.StatusNotFound, "REQ_003")
	mfaToken, ch := w.asked(ada)
	w.want(w.post("/mfa/verify", "", m{"mfa_token": mfaToken, "challenge_id": mine.text("challenge_id"), "webauthn_response": get(t, key, mine)}), http.StatusNotFound, "REQ_003")
	// One that has expired; the login itself has too, and a session's has not.
	w.clock.Advance(6 * time.Minute)
	w.Sync(t)
	w.want(w.post("/mfa/verify", token, m{"challenge_id": mine.text("challenge_id"), "webauthn_response": get(t, key, mine)}), http.StatusBadRequest, "MFA_003")
	w.want(w.post("/mfa/verify", "", m{"mfa_token": mfaToken, "challenge_id": ch.text("challenge_id"), "webauthn_response": get(t, key, ch)}), http.StatusBadRequest, "MFA_003")
	// A credential that somebody else has registered.
	token = orSame(token, w.stepUp(token, key))
	begun := w.want(w.post("/mfa/setup", token, m{"method_type": "webauthn"}), http.StatusOK, "")
	a := w.post("/mfa/verify", token, m{"challenge_id": begun.text("challenge_id"), "webauthn_response": create(t, his, begun)})
	if a.status != http.StatusConflict {
		t.Errorf("another's credential: %d %s", a.status, a.raw)
	}
}

func (w *world) stepUp(token string, key *softkey.Passkey) answer {
	w.t.Helper()
	c := w.want(w.post("/mfa/challenge", token, m{"method_type": "webauthn"}), http.StatusOK, "")
	return w.want(w.post("/mfa/verify", token, m{"challenge_id": c.text("challenge_id"), "webauthn_response": get(w.t, key, c)}), http.StatusOK, "")
}

// TestPasskeyCopied: a counter that goes back lets nobody in, and is on record.
func TestPasskeyCopied(t *testing.T) {
	t.Parallel()
	w := newWorld(t, harness.Options{Contract: true, Issuer: origin})
	key := newPasskey(t)
	key.Counter = 10
	w.enrol(w.login(ada, nil).text("access_token"), "Laptop", key)
	in := func() answer {
		mfaToken, c := w.asked(ada)
		return w.post("/mfa/verify", "", m{"mfa_token": mfaToken, "challenge_id": c.text("challenge_id"), "webauthn_response": get(t, key, c)})
	}
	w.want(in(), http.StatusOK, "")
	key.Counter = 3
	golden(t, "passkey_copied", w.want(in(), http.StatusBadRequest, "REQ_001"))
	key.Counter = 11 // the original goes on: what it counted is known
	w.want(in(), http.StatusOK, "")
	if _, err := w.Sequencer.Tick(t.Context()); err != nil {
		t.Fatal(err)
	}
	list, err := w.Store.QueryEvents(t.Context(), storage.EventQuery{Subject: w.adaID, Types: []string{"mfa.verification_failed"}, Limit: 10})
	if err != nil || !slices.ContainsFunc(list, func(e storage.Event) bool { return strings.Contains(string(e.Data), `"counter_went_back"`) }) {
		t.Fatalf("events: %+v %v", list, err)
	}
}
