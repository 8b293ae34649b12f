package secrets_test

import (
	"encoding/base32"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"time"

	"github.com/pquerna/otp/totp"

	"github.com/signet-idp/signet/provider/webhook"
	"github.com/signet-idp/signet/storage"
	"github.com/signet-idp/signet/test/harness"
)

// json posts to the JSON API and keeps every token of the answer.
func (d *day) json(path, token string, body map[string]any) map[string]any {
	d.t.Helper()
	raw, err := json.Marshal(body)
	if err != nil {
		d.t.Fatal(err)
	}
	header := http.Header{"Content-Type": {"application/json"}}
	if token != "" {
		header.Set("Authorization", "Bearer "+token)
	}
	status, answer := d.send(http.MethodPost, path, header, string(raw))
	var out map[string]any
	if err := json.Unmarshal([]byte(answer), &out); err != nil || status >= http.StatusInternalServerError {
		d.t.Fatalf("%s: %d %s", path, status, answer)
	}
	for _, name := range []string{"access_token", "refresh_token", "mfa_token"} {
		switch text, _ := out[name].(string); {
		case strings.Count(text, ".") == 2:
			d.v.token(name, text)
		case text != "":
			d.v.keep(name, text)
		}
	}
	return out
}

// accounts signs in through the JSON API, sets up a second factor and proves
// it, with wrong codes in between.
func (d *day) accounts() {
	d.t.Helper()
	password := d.v.keep("password", "another horse 7 battery")
	d.in.User(d.t, "carol@example.test", password)
	d.in.Client(d.t, "json", storage.ClientMetadata{
		TokenEndpointAuthMethod: "none", FirstParty: true, JSONLogin: true, GrantTypes: []string{"refresh_token"}, Scope: "openid account",
	})
	login := func(password string) map[string]any {
		d.t.Helper()
		return d.json("/auth/login", "", map[string]any{"email": "carol@example.test", "password": password, "client_id": "json"})
	}
	login(d.v.keep("wrong password", "another donkey 6 battery"))
	token, _ := login(password)["access_token"].(string)
	setup := d.json("/mfa/setup", token, map[string]any{"method_type": "totp"})
	secret, _ := setup["secret"].(string)
	d.v.keep("TOTP secret", secret)
	seed, err := base32.StdEncoding.WithPadding(base32.NoPadding).DecodeString(secret)
	if err != nil {
		d.t.Fatal(err)
	}
	d.v.keep("TOTP seed", base64.StdEncoding.EncodeToString(seed))
	code := func() string {
		text, err := totp.GenerateCode(secret, time.Now())
		if err != nil {
			d.t.Fatal(err)
		}
		return text
	}
	d.json("/mfa/verify", token, map[string]any{"challenge_id": setup["challenge_id"], "code": "000000"})
	done := d.json("/mfa/verify", token, map[string]any{"challenge_id": setup["challenge_id"], "code": code()})
	codes, _ := done["backup_codes"].([]any)
	if len(codes) != 10 {
		d.t.Fatalf("set up: %v", done)
	}
	for _, c := range codes {
		d.v.keep("backup code", fmt.Sprint(c))
	}
	second := login(password)
	challenge := map[string]any{"mfa_token": second["mfa_token"], "method_id": "backup_codes"}
	begun := d.json("/mfa/challenge", "", challenge)
	proof := map[string]any{"mfa_token": second["mfa_token"], "challenge_id": begun["challenge_id"], "code": codes[0]}
	if in := d.json("/mfa/verify", "", proof); in["access_token"] == nil {
		d.t.Fatalf("with a backup code: %v", in)
	}
	d.json("/auth/forgot-password", "", map[string]any{"email": "carol@example.test"})
	reset := ""
	for reset == "" { // the news that there is a factor comes by mail too
		reset = d.mail.Wait(d.t, "carol@example.test").Token()
	}
	d.json("/auth/reset-password", "", map[string]any{"token": d.v.keep("reset token", reset), "new_password": d.v.keep("password", "yet another horse 5 battery")})
}

// listen makes a webhook that gets everything, and keeps what it is sent.
func (d *day) listen() {
	d.t.Helper()
	receiver := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		body, err := io.ReadAll(r.Body)
		if err != nil {
			d.t.Error(err)
		}
		_, _ = fmt.Fprintf(&d.received, "%v %s\n", r.Header, body)
	}))
	d.t.Cleanup(receiver.Close)
	_, secret, err := d.in.Webhooks.Create(d.t.Context(), "", webhook.Registration{URL: receiver.URL, Events: []string{"*"}})
	if err != nil {
		d.t.Fatal(err)
	}
	d.v.keep("webhook secret", secret[len("whsec_"):])
}

// exports searches everything that leaves the house in files and messages.
func (d *day) exports() {
	d.t.Helper()
	root := d.in.User(d.t, "root@example.test", d.password, "admin", "user")
	d.in.Client(d.t, "console", storage.ClientMetadata{TokenEndpointAuthMethod: "none", FirstParty: true, Scope: "openid account admin"})
	admin := bearer(d.in.AccessToken(d.t, root.ID, "console", "openid account admin"))
	alice, err := d.in.Store.UserByEmail(d.t.Context(), "alice@example.test")
	if err != nil {
		d.t.Fatal(err)
	}
	carol, err := d.in.Store.UserByEmail(d.t.Context(), "carol@example.test")
	if err != nil {
		d.t.Fatal(err)
	}
	paths := []string{"/admin/v1/audit?limit=500", "/admin/v1/audit/export?format=jsonl", "/admin/v1/audit/export?format=csv", "/admin/v1/security-events?limit=500"}
	for _, figure := range []string{"logins?by=reason", "logins?by=client", "users", "mfa?by=method", "tokens?by=client", "security?by=type"} {
		paths = append(paths, "/admin/v1/analytics/"+figure)
	}
	for _, format := range []string{"", ".csv", ".html"} {
		for _, name := range []string{"access-review" + format, "soc2" + format, "hipaa" + format, "erasure" + format + "?user_id=" + alice.ID} {
			paths = append(paths, "/admin/v1/reports/"+name)
		}
		paths = append(paths, "/users/"+alice.ID+"/export"+format, "/users/"+carol.ID+"/export"+format)
	}
	for _, path := range paths {
		status, body := d.send(http.MethodGet, path, admin, "")
		if status != http.StatusOK || len(body) < 50 {
			d.t.Errorf("%s: %d %.200s", path, status, body)
		}
		d.v.search(d.t, path, []byte(body))
	}
	harness.Eventually(d.t, 30*time.Second, "the webhook has got something", func() bool { return len(d.received.bytes()) > 10_000 })
	d.v.search(d.t, "what the webhook was sent", d.received.bytes())
}
