package mfa_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/signet-idp/signet/internal/testkit/mmdb"
	"github.com/signet-idp/signet/internal/testkit/servers"
	"github.com/signet-idp/signet/provider/access"
	"github.com/signet-idp/signet/provider/mfa"
	"github.com/signet-idp/signet/provider/user"
	"github.com/signet-idp/signet/storage"
	"github.com/signet-idp/signet/test/harness"
)

// Addresses, and where the test's database says that they are.
const (
	berlin  = "192.0.2.7"
	sydney  = "198.51.100.7"
	france  = "203.0.113.7"
	firefox = "Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0"
	chrome  = "Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/140.0.0.0 Safari/537.36"
)

func newTraveller(t *testing.T, o harness.Options) *world {
	t.Helper()
	place := func(country string, lat, long float64) mmdb.Map {
		return mmdb.Map{"country": mmdb.Map{"iso_code": country}, "location": mmdb.Map{"latitude": lat, "longitude": long}}
	}
	return newWorld(t, o, "SIGNET_TRUSTED_PROXIES=127.0.0.0/8", "SIGNET_GEO_DATABASE="+mmdb.Write(t, map[string]mmdb.Map{
		"192.0.2.0/24": place("DE", 52.52, 13.405), "198.51.100.0/24": place("AU", -33.868, 151.209),
		"203.0.113.0/24": {"country": mmdb.Map{"iso_code": "FR"}},
	}))
}

// from sends a request from an address, by a program.
func (w *world) from(address, agent, path string, body m) answer {
	w.t.Helper()
	raw, err := json.Marshal(body)
	if err != nil {
		w.t.Fatal(err)
	}
	r, err := http.NewRequestWithContext(w.t.Context(), http.MethodPost, w.URL+path, bytes.NewReader(raw))
	if err != nil {
		w.t.Fatal(err)
	}
	for name, value := range map[string]string{"Content-Type": "application/json", "X-Forwarded-For": address, "User-Agent": agent} {
		r.Header.Set(name, value)
	}
	resp, err := w.HTTP.Do(r)
	if err != nil {
		w.t.Fatal(err)
	}
	defer resp.Body.Close()
	a := answer{status: resp.StatusCode, header: resp.Header}
	if a.raw, err = io.ReadAll(resp.Body); err != nil {
		w.t.Fatal(err)
	}
	_ = json.Unmarshal(a.raw, &a.body)
	return a
}

// signals are the new ones of a person since they were asked for last.
func (w *world) signals(userID string, seen *int) []string {
	w.t.Helper()
	for {
		n, err := w.Sequencer.Tick(w.t.Context())
		if err != nil {
			w.t.Fatal(err)
		}
		if n == 0 {
			break
		}
	}
	list, err := w.Store.QueryEvents(w.t.Context(), storage.EventQuery{Subject: userID, Types: []string{"auth.suspicious_activity"}, Limit: 100})
	if err != nil {
		w.t.Fatal(err)
	}
	var out []string
	for _, e := range list[:len(list)-*seen] { // the newest first
		var data struct{ Reason, Severity string }
		if err := json.Unmarshal(e.Data, &data); err != nil {
			w.t.Fatal(err)
		}
		out = append(out, data.Reason+" "+data.Severity)
	}
	*seen = len(list)
	slices.Sort(out)
	return out
}

// TestSuspicion: what is unusual about a login is on record with it.
func TestSuspicion(t *testing.T) {
	t.Parallel()
	t.Run("SQLite", func(t *testing.T) { t.Parallel(); suspicion(t, harness.Options{Contract: true}) })
	t.Run("PostgreSQL", func(t *testing.T) {
		t.Parallel()
		suspicion(t, harness.Options{DatabaseURL: servers.Postgres(t), MasterKey: harness.MasterKey, Contract: true})
	})
}

func suspicion(t *testing.T, o harness.Options) {
	w := newTraveller(t, o)
	seen := 0
	login := func(address, agent string) answer {
		t.Helper()
		return w.want(w.from(address, agent, "/auth/login", m{"email": ada, "password": password}), http.StatusOK, "")
	}
	expect := func(what string, want ...string) {
		t.Helper()
		if got := w.signals(w.adaID, &seen); !slices.Equal(got, want) {
			t.Fatalf("%s: %q, want %q", what, got, want)
		}
	}
	login(berlin, firefox)
	expect("the first login of all")
	w.clock.Advance(time.Minute)
	login(berlin, firefox)
	expect("as always")
	login(berlin, chrome)
	expect("another program", "new_device low")
	w.clock.Advance(time.Minute)
	login(sydney, firefox)
	expect("from the other side of the world, a minute later", "impossible_travel high", "new_country medium")
	login("127.0.0.1", firefox)
	expect("from nobody knows where")
	login(france, firefox)
	expect("from another country, without a place", "new_country medium")
	login(france, firefox)
	expect("and from there again")

	wrong := m{"email": ada, "password": "wrong"}
	for range 5 {
		w.want(w.from(france, firefox, "/auth/login", wrong), http.StatusUnauthorized, "AUTH_001")
	}
	expect("failures alone")
	login(france, firefox)
	expect("failures, then a login", "many_failures medium")
	login(france, firefox)
	expect("the same failures once")

	// The code of an authenticator app, used and presented again.
	secret, _, _ := w.app(w.login(ada, nil).text("access_token"))
	w.signals(w.adaID, &seen)
	prove := func() answer {
		p := w.from(france, firefox, "/auth/login", m{"email": ada, "password": password})
		return w.from(france, firefox, "/mfa/verify", m{"mfa_token": p.text("mfa_token"), "challenge_id": p.text("mfa_challenge_id"), "code": w.totp(secret)})
	}
	w.want(prove(), http.StatusOK, "")
	expect("a code")
	w.want(prove(), http.StatusUnauthorized, "MFA_002")
	expect("the same code again", "code_replayed high")
}

// TestSuspicionChallenged: by policy a login that looks odd takes a second
// factor, on a trusted device too; of who has none a code by mail, where that
// can be sent.
func TestSuspicionChallenged(t *testing.T) {
	t.Parallel()
	w := newTraveller(t, harness.Options{Contract: true})
	policy := w.want(w.call(http.MethodPut, "/mfa/policy/system", w.adminToken, m{
		"requirement_level": "optional", "enforcement_scopes": []string{"login", "sensitive_operations", "suspicious_login"},
	}), http.StatusOK, "")
	golden(t, "policy_suspicious", policy)
	credentials := m{"email": ada, "password": password}

	// Without a factor.
	w.want(w.from(berlin, firefox, "/auth/login", credentials), http.StatusOK, "")
	if a := w.from(berlin, chrome, "/auth/login", credentials); a.text("access_token") == "" {
		t.Fatalf("a new device alone: %s", a.raw)
	}
	w.mailedNotice(ada)
	w.clock.Advance(time.Second)
	odd := w.want(w.from(sydney, firefox, "/auth/login", credentials), http.StatusOK, "")
	golden(t, "login_suspicious", odd)
	code := w.mailed(ada)
	w.want(w.from(sydney, firefox, "/mfa/setup", m{"mfa_token": odd.text("mfa_token"), "method_type": "totp"}), http.StatusForbidden, "AUTH_010")
	w.want(w.from(sydney, firefox, "/mfa/verify", m{"mfa_token": odd.text("mfa_token"), "challenge_id": odd.text("mfa_challenge_id"), "code": other(code)}), http.StatusUnauthorized, "MFA_002")
	in := w.want(w.from(sydney, firefox, "/mfa/verify", m{"mfa_token": odd.text("mfa_token"), "challenge_id": odd.text("mfa_challenge_id"), "code": code}), http.StatusOK, "")
	claims := harness.Claims(t, in.text("access_token"))
	if claims["acr"] != "aal1" || fmt.Sprint(claims["amr"]) != "[pwd rba otp]" {
		t.Errorf("acr %v amr %v: a mailed code is no factor of theirs", claims["acr"], claims["amr"])
	}
	seen := 0
	if got := strings.Join(w.signals(w.adaID, &seen), ", "); got != "impossible_travel high, new_country medium, new_device low" {
		t.Errorf("on record: %s", got)
	}

	// With a factor, on a device that is trusted.
	setup := w.from(sydney, firefox, "/auth/login", credentials) // as always by now
	secret, _, _ := w.app(setup.text("access_token"))
	p := w.from(sydney, firefox, "/auth/login", credentials)
	trusted := w.want(w.from(sydney, firefox, "/mfa/verify", m{
		"mfa_token": p.text("mfa_token"), "challenge_id": p.text("mfa_challenge_id"), "code": w.totp(secret), "trust_device": true,
	}), http.StatusOK, "").text("device_token")
	onDevice := m{"email": ada, "password": password, "device_token": trusted}
	if a := w.from(sydney, firefox, "/auth/login", onDevice); a.text("access_token") == "" {
		t.Fatalf("on a trusted device: %s", a.raw)
	}
	w.step()
	a := w.from(france, firefox, "/auth/login", onDevice)
	if a.body["requires_mfa"] != true {
		t.Fatalf("on a trusted device, in another country: %s", a.raw)
	}
	in = w.want(w.from(france, firefox, "/mfa/verify", m{"mfa_token": a.text("mfa_token"), "challenge_id": a.text("mfa_challenge_id"), "code": w.totp(secret)}), http.StatusOK, "")
	if claims := harness.Claims(t, in.text("access_token")); claims["acr"] != "aal2" || fmt.Sprint(claims["amr"]) != "[pwd rba otp mfa]" {
		t.Errorf("acr %v amr %v", claims["acr"], claims["amr"])
	}

	// Nobody can be asked whose address is not proven: it is on record.
	hash, err := w.Passwords.Hash(t.Context(), password)
	if err != nil {
		t.Fatal(err)
	}
	eve, err := w.Users.Create(t.Context(), access.Root(), user.Account{Email: "eve@acme.test", PasswordHash: hash, Source: "admin"})
	if err != nil {
		t.Fatal(err)
	}
	n, err := w.Factors.Need(t.Context(), eve, nil, suspiciousLogin)
	if err != nil || n.Factor || n.Enrol {
		t.Errorf("an address that is not proven: %+v %v", n, err)
	}
}

// TestSuspicionOnPages: the same on the hosted pages.
func TestSuspicionOnPages(t *testing.T) {
	t.Parallel()
	w := newTraveller(t, harness.Options{})
	w.want(w.call(http.MethodPut, "/mfa/policy/users/"+w.adaID, w.adminToken, m{
		"requirement_level": "optional", "enforcement_scopes": []string{"suspicious_login"},
	}), http.StatusOK, "")
	w.Client(t, "web", storage.ClientMetadata{TokenEndpointAuthMethod: "none", FirstParty: true})
	b := w.NewBrowser(t)
	p := b.Get(harness.NewAuthorization("web", "openid", nil).Path())
	for range 5 {
		p = b.SignIn(p, ada, "wrong")
	}
	p = b.SignIn(p, ada, password)
	if !p.Has("mfa-page") || p.Has("mfa-chooser") || !strings.Contains(p.Body, "•") {
		t.Fatalf("after five failures: %d %v %.600s", p.Status, p.Location, p.Body)
	}
	code := w.mailed(ada)
	if p = b.Submit(p, map[string]string{"action": "verify", "code": other(code)}); p.Status != http.StatusUnauthorized {
		t.Fatalf("a wrong code: %d", p.Status)
	}
	if p = b.Submit(p, map[string]string{"action": "verify", "code": code}); p.Location == nil || p.Location.Query().Get("code") == "" {
		t.Fatalf("the right code: %d %v %.600s", p.Status, p.Location, p.Body)
	}
	seen := 0
	if got := strings.Join(w.signals(w.adaID, &seen), ", "); got != "many_failures medium" {
		t.Errorf("on record: %s", got)
	}
	// The next login of the same browser is as always.
	b.Get("/oauth2/logout")
	again := b.Get(harness.NewAuthorization("web", "openid", map[string]string{"prompt": "login"}).Path())
	if p := b.SignIn(again, ada, password); p.Location == nil || p.Location.Query().Get("code") == "" {
		t.Fatalf("the next login: %d %v %.600s", p.Status, p.Location, p.Body)
	}
}

var suspiciousLogin = mfa.Asked{Suspicious: true}

// other is a code that is not this one.
func other(code string) string {
	if code == "000000" {
		return "000001"
	}
	return "000000"
}

// mailedNotice waits for a mail without a code.
func (w *world) mailedNotice(to string) {
	w.t.Helper()
	if text := w.mail.Wait(w.t, to).Text; digits.MatchString(text) {
		w.t.Fatalf("not a notice: %s", text)
	}
}
