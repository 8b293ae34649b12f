package replicas_test

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"encoding/json"
	"net/http"
	"net/url"
	"testing"
	"time"

	"github.com/go-jose/go-jose/v4"
	"github.com/go-jose/go-jose/v4/jwt"

	"github.com/signet-idp/signet/provider/client"
	"github.com/signet-idp/signet/storage"
	"github.com/signet-idp/signet/test/harness"
)

// How often each race is run, and by how many.
const (
	rounds = 50
	racers = 32
)

// TestOneCodeOneWinner: of parallel redemptions of one code exactly one is
// answered with tokens, the others with invalid_grant, never with a 5xx
// (RFC 6749 §4.1.2, §10.5).
func TestOneCodeOneWinner(t *testing.T) {
	t.Parallel()
	engines(t, func(t *testing.T, w *world) {
		b, _ := w.at(0).SignedIn(t, w.person.ID)
		c := newCaller(t, racers)
		for round := range rounds {
			a, code := b.Silent("web", scopes, nil)
			form := redeemForm(a, code)
			got := parallel(racers, func(i int) answer { return c.post(t.Context(), w.at(i).URL+"/oauth2/token", form) })
			noServerErrors(t, "redeem", got)
			won := count(got, func(a answer) bool { return a.status == http.StatusOK && a.field("access_token") != "" })
			lost := count(got, func(a answer) bool {
				return a.status == http.StatusBadRequest && a.field("error") == "invalid_grant"
			})
			if won != 1 || lost != racers-1 {
				t.Fatalf("round %d: %d won and %d were told invalid_grant of %d", round, won, lost, racers)
			}
			// Those who came second uncovered a replay: what the code gave ends.
			for _, a := range got {
				if a.status == http.StatusOK {
					assertGrantEnded(t, w, a.field("access_token"))
				}
			}
		}
	})
}

func assertGrantEnded(t *testing.T, w *world, access string) {
	t.Helper()
	gid, _ := harness.Claims(t, access)["gid"].(string)
	g, err := w.at(0).Store.GrantByID(t.Context(), gid, time.Now())
	if err != nil || g.RevokedAt.IsZero() || g.RevokeReason != "code_replayed" {
		t.Fatalf("the replayed code's grant stands: %v %q %v", g.RevokedAt, g.RevokeReason, err)
	}
}

// TestOneRefreshOneStep: parallel refreshes with one token make one step of the
// generation, and each is answered with the same successor or invalid_grant.
func TestOneRefreshOneStep(t *testing.T) {
	t.Parallel()
	engines(t, func(t *testing.T, w *world) {
		l := w.login(t, w.at(0), w.person.ID, scopes, nil)
		gid, _ := harness.Claims(t, l.tokens.AccessToken)["gid"].(string)
		c := newCaller(t, racers)
		current, generation := l.tokens.RefreshToken, int64(1)
		for round := range rounds {
			got := parallel(racers, func(i int) answer {
				return c.post(t.Context(), w.at(i).URL+"/oauth2/token", refreshForm(current))
			})
			noServerErrors(t, "refresh", got)
			var successor string
			for _, a := range got {
				switch {
				case a.status == http.StatusBadRequest && a.field("error") == "invalid_grant":
				case a.status != http.StatusOK:
					t.Fatalf("round %d: %d %s", round, a.status, a.body)
				case successor == "":
					successor = a.field("refresh_token")
				case a.field("refresh_token") != successor:
					t.Fatalf("round %d: two successors", round)
				}
			}
			if successor == "" || successor == current {
				t.Fatalf("round %d: nobody won", round)
			}
			generation++
			g, err := w.at(round).Store.GrantByID(t.Context(), gid, time.Now())
			if err != nil || g.Generation != generation || !g.RevokedAt.IsZero() {
				t.Fatalf("round %d: generation %d, want %d, revoked %v, %v", round, g.Generation, generation, g.RevokedAt, err)
			}
			current = successor
		}
	})
}

// TestOneAssertionOneWinner: a client assertion's jti is good once (RFC 7523
// §3 (7)), whichever replica sees it first.
func TestOneAssertionOneWinner(t *testing.T) {
	t.Parallel()
	engines(t, func(t *testing.T, w *world) {
		key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
		if err != nil {
			t.Fatal(err)
		}
		set, err := json.Marshal(jose.JSONWebKeySet{Keys: []jose.JSONWebKey{{Key: key.Public(), KeyID: "k", Algorithm: "ES256", Use: "sig"}}})
		if err != nil {
			t.Fatal(err)
		}
		w.at(0).Service(t, "robot", "", storage.ClientMetadata{Scope: "orders:read", TokenEndpointAuthMethod: client.AuthPrivateKey, JWKS: set})
		w.sync(t)
		c := newCaller(t, racers)
		for round := range rounds / 5 {
			form := url.Values{
				"grant_type": {"client_credentials"}, "client_assertion_type": {"urn:ietf:params:oauth:client-assertion-type:jwt-bearer"},
				"client_assertion": {assertion(t, key, "robot", w.at(0).Issuer)},
			}
			got := parallel(racers, func(i int) answer { return c.post(t.Context(), w.at(i).URL+"/oauth2/token", form) })
			noServerErrors(t, "assertion", got)
			won := count(got, func(a answer) bool { return a.status == http.StatusOK })
			lost := count(got, func(a answer) bool {
				return a.status == http.StatusUnauthorized && a.field("error") == "invalid_client"
			})
			if won != 1 || lost != racers-1 {
				t.Fatalf("round %d: %d won, %d were refused; %+v", round, won, lost, got[0])
			}
		}
	})
}

func assertion(t *testing.T, key *ecdsa.PrivateKey, clientID, audience string) string {
	t.Helper()
	signer, err := jose.NewSigner(jose.SigningKey{Algorithm: jose.ES256, Key: jose.JSONWebKey{Key: key, KeyID: "k"}}, (&jose.SignerOptions{}).WithType("JWT"))
	if err != nil {
		t.Fatal(err)
	}
	now := time.Now()
	text, err := jwt.Signed(signer).Claims(jwt.Claims{
		Issuer: clientID, Subject: clientID, Audience: jwt.Audience{audience}, ID: storage.NewID(),
		IssuedAt: jwt.NewNumericDate(now), Expiry: jwt.NewNumericDate(now.Add(time.Minute)),
	}).Serialize()
	if err != nil {
		t.Fatal(err)
	}
	return text
}

// TestOneLoginOneCode: a login transaction that one browser sends many times at
// once gives one code; the others are told that it was used, or sent on.
func TestOneLoginOneCode(t *testing.T) {
	t.Parallel()
	engines(t, func(t *testing.T, w *world) {
		const clicks = 4 // a password's hash takes a while
		in := w.at(0)
		for range 5 {
			b := in.NewBrowser(t)
			a := harness.NewAuthorization("web", "openid", nil)
			page := b.Get(a.Path())
			action, fields := page.Form()
			fields.Set("username", "alice@example.test")
			fields.Set("password", password)
			fields.Set("action", "login")
			cookies := b.Cookies()
			c := newCaller(t, clicks)
			got := parallel(clicks, func(i int) answer { return c.post(t.Context(), w.at(i).URL+action, fields, cookies...) })
			noServerErrors(t, "login", got)
			codes := count(got, func(a answer) bool {
				at, err := url.Parse(a.header.Get("Location"))
				return err == nil && a.status == http.StatusSeeOther && at.Query().Get("code") != ""
			})
			if codes != 1 {
				for _, a := range got {
					t.Log(a.status, a.header.Get("Location"))
				}
				t.Fatalf("%d codes of one login", codes)
			}
		}
	})
}

// TestOneLogout: a logout asked for many times at once ends the session once,
// with one event and one entry in the feed, and answers all alike.
func TestOneLogout(t *testing.T) {
	t.Parallel()
	engines(t, func(t *testing.T, w *world) {
		for range 5 {
			l := w.login(t, w.at(0), w.person.ID, "openid", nil)
			cookies := l.browser.Cookies()
			address := "/oauth2/logout?" + url.Values{"id_token_hint": {l.tokens.IDToken}}.Encode()
			c := newCaller(t, racers)
			got := parallel(racers, func(i int) answer { return c.get(t.Context(), w.at(i).URL+address, cookies...) })
			noServerErrors(t, "logout", got)
			if n := count(got, func(a answer) bool { return a.status == http.StatusOK }); n != racers {
				t.Fatalf("%d of %d were told that they are signed out", n, racers)
			}
			if n := eventsOf(t, w.at(0), "user.logout", l.session.ID); n != 1 {
				t.Fatalf("%d events of one logout", n)
			}
			if n := entriesOf(t, w.at(0), storage.RevokeSID, l.session.ID); n != 1 {
				t.Fatalf("%d feed entries of one logout", n)
			}
		}
	})
}

// eventsOf counts the events of a type that name a session, once all are
// sequenced.
func eventsOf(t *testing.T, in *harness.Instance, kind, sessionID string) (n int) {
	t.Helper()
	for _, e := range log(t, in) {
		var data map[string]any
		if err := json.Unmarshal(e.Data, &data); err != nil {
			t.Fatal(err)
		}
		if e.Type == kind && data["session_id"] == sessionID {
			n++
		}
	}
	return n
}

// log reads the whole event log when nothing waits to be sequenced any more.
func log(t *testing.T, in *harness.Instance) []storage.Event {
	t.Helper()
	ctx := context.Background()
	harness.Eventually(t, 10*time.Second, "all events are sequenced", func() bool {
		waiting, err := in.Store.UnsequencedEvents(ctx, 1)
		if err != nil {
			t.Fatal(err)
		}
		return len(waiting) == 0
	})
	var all []storage.Event
	for after := int64(0); ; after = all[len(all)-1].Seq {
		page, err := in.Store.EventsAfter(ctx, after, 500)
		if err != nil {
			t.Fatal(err)
		}
		if all = append(all, page...); len(page) == 0 {
			return all
		}
	}
}

func entriesOf(t *testing.T, in *harness.Instance, kind storage.RevocationKind, value string) (n int) {
	t.Helper()
	list, err := in.Store.RevocationsAfter(context.Background(), 0, 1<<20)
	if err != nil {
		t.Fatal(err)
	}
	for _, r := range list {
		if r.Kind == kind && r.Value == value {
			n++
		}
	}
	return n
}
