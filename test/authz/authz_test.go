package authz

import (
	"context"
	"encoding/base64"
	"encoding/json"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"testing"

	"github.com/signet-idp/signet/internal/testkit/servers"
	"github.com/signet-idp/signet/provider/access"
	"github.com/signet-idp/signet/provider/webhook"
	"github.com/signet-idp/signet/storage"
	"github.com/signet-idp/signet/test/harness"
)

// expectation is what two people with every scope they can have are answered.
type expectation struct {
	stranger  int // a member of another organization
	colleague int // a viewer of the same one
	body      string
}

// What most routes answer.
var (
	hidden   = expectation{404, 403, ""}            // unknown to strangers, closed to colleagues
	own      = expectation{404, 404, ""}            // a person's own thing: nobody else knows of it
	operator = expectation{403, 403, `{"name":""}`} // no scope admin: the object is not looked at
	seen     = expectation{404, 200, ""}            // colleagues may read it
)

func (e expectation) with(body string) expectation {
	e.body = body
	return e
}

// expectations has every route with an id in its path.
func expectations() map[string]expectation {
	table := map[string]expectation{
		"DELETE /auth/sessions/{session_id}": own,
		"DELETE /auth/grants/{grant_id}":     own,

		"PATCH /mfa/methods/{method_id}":  own.with(`{"name":"x"}`),
		"DELETE /mfa/methods/{method_id}": own,
		"GET /mfa/devices/{device_id}":    own,
		"DELETE /mfa/devices/{device_id}": own,

		"GET /auth/permissions/{user_id}":       hidden,
		"GET /auth/roles/{user_id}":             hidden,
		"GET /auth/users/{user_id}/context":     hidden,
		"POST /auth/users/{user_id}/activity":   {403, 403, `{"action":"read"}`}, // activity:write is for services
		"GET /users/{user_id}":                  seen,
		"DELETE /users/{user_id}":               hidden,
		"GET /users/{user_id}/profile":          seen,
		"GET /users/{user_id}/contact":          hidden,
		"PATCH /users/{user_id}/preferences":    hidden.with(`{"theme":"dark"}`),
		"GET /users/{user_id}/dashboard":        hidden,
		"GET /users/{user_id}/export":           hidden,
		"GET /users/{user_id}/export.csv":       hidden,
		"GET /users/{user_id}/export.html":      hidden,
		"GET /users/{user_id}/activity":         hidden,
		"GET /organizations/{org_id}":           seen,
		"PATCH /organizations/{org_id}":         hidden.with(`{"description":"x"}`),
		"DELETE /organizations/{org_id}":        hidden,
		"GET /organizations/{org_id}/dashboard": hidden,

		"POST /organizations/{org_id}/users":             hidden.with(`{"email":"new@people.test","role":"member"}`),
		"GET /organizations/{org_id}/users":              seen,
		"PATCH /organizations/{org_id}/users/{user_id}":  hidden.with(`{"role":"member"}`),
		"DELETE /organizations/{org_id}/users/{user_id}": hidden,

		"POST /organizations/{org_id}/invitations":                        hidden.with(`{"email":"new@people.test","role":"member"}`),
		"GET /organizations/{org_id}/invitations":                         hidden,
		"POST /organizations/{org_id}/invitations/{invitation_id}/resend": hidden,
		"DELETE /organizations/{org_id}/invitations/{invitation_id}":      hidden,

		"GET /organizations/{org_id}/roles":           hidden,
		"POST /organizations/{org_id}/roles":          hidden.with(`{"name":"fresh","permissions":[]}`),
		"GET /organizations/{org_id}/roles/{role}":    hidden,
		"PATCH /organizations/{org_id}/roles/{role}":  hidden.with(`{"description":"x"}`),
		"DELETE /organizations/{org_id}/roles/{role}": hidden,

		"GET /organizations/{org_id}/webhooks":                                              hidden,
		"POST /organizations/{org_id}/webhooks":                                             hidden.with(`{"url":"https://hooks.test/","events":["*"]}`),
		"GET /organizations/{org_id}/webhooks/{webhook_id}":                                 hidden,
		"PATCH /organizations/{org_id}/webhooks/{webhook_id}":                               hidden.with(`{"description":"x"}`),
		"DELETE /organizations/{org_id}/webhooks/{webhook_id}":                              hidden,
		"POST /organizations/{org_id}/webhooks/{webhook_id}/rotate-secret":                  hidden,
		"POST /organizations/{org_id}/webhooks/{webhook_id}/test":                           hidden,
		"GET /organizations/{org_id}/webhooks/{webhook_id}/deliveries":                      hidden,
		"POST /organizations/{org_id}/webhooks/{webhook_id}/deliveries/{delivery_id}/retry": hidden,
		"POST /organizations/{org_id}/webhooks/{webhook_id}/replay":                         hidden.with(`{"after":0}`),
		"GET /organizations/{org_id}/audit":                                                 hidden,

		"GET /organizations/{org_id}/domains":                  hidden,
		"POST /organizations/{org_id}/domains":                 hidden.with(`{"domain":"new.test"}`),
		"POST /organizations/{org_id}/domains/{domain}/verify": hidden,
		"DELETE /organizations/{org_id}/domains/{domain}":      hidden,
	}
	for _, figure := range []string{"logins", "users", "mfa", "tokens", "security"} {
		table["GET /organizations/{org_id}/analytics/"+figure] = hidden
	}
	policy := hidden.with(`{"requirement_level":"required"}`)
	for _, path := range []string{"organizations/{org_id}", "organization/{org_id}", "users/{user_id}", "user/{user_id}"} {
		for _, method := range []string{"GET", "PUT", "DELETE"} {
			table[method+" /mfa/policy/"+path] = policy
		}
	}
	table["GET /mfa/policy/status/{user_id}"], table["GET /mfa/policy/configuration/{user_id}"] = hidden, hidden
	for path, methods := range map[string]string{
		"users/{user_id}": "GET PATCH DELETE", "users/{user_id}/status": "PATCH", "users/{user_id}/roles": "GET PUT",
		"users/{user_id}/recovery-link": "POST", "users/{user_id}/mfa": "GET DELETE", "users/{user_id}/unlock": "POST", "users/{user_id}/sessions": "GET DELETE",
		"users/{user_id}/sessions/{session_id}": "DELETE", "sessions/{session_id}": "DELETE", "roles/{role}": "GET PATCH DELETE",
		"organizations/{organization_id}": "GET PATCH", "organizations/{organization_id}/status": "PATCH",
		"clients/{client_id}": "GET PATCH DELETE", "clients/{client_id}/secrets": "GET POST", "clients/{client_id}/secrets/{secret_id}": "DELETE",
		"resources/{resource_id}": "GET PATCH DELETE", "keys/{kid}/revoke": "POST", "audit/holds/{hold_id}": "DELETE",
		"webhooks/{webhook_id}": "GET PATCH DELETE", "webhooks/{webhook_id}/rotate-secret": "POST", "webhooks/{webhook_id}/test": "POST",
		"webhooks/{webhook_id}/deliveries": "GET", "webhooks/{webhook_id}/deliveries/{delivery_id}/retry": "POST", "webhooks/{webhook_id}/replay": "POST",
	} {
		for method := range strings.FieldsSeq(methods) {
			table[method+" /admin/v1/"+path] = operator
		}
	}
	return table
}

func TestEveryRouteWithAnID(t *testing.T) {
	t.Run("SQLite", func(t *testing.T) { walk(t, harness.Options{}) })
	t.Run("PostgreSQL", func(t *testing.T) {
		walk(t, harness.Options{DatabaseURL: servers.Postgres(t), MasterKey: harness.MasterKey, RedisURL: servers.Redis(t)})
	})
}

// nobodys are paths whose variable names a thing of the installation that all
// may see, not somebody's object: gates, public keys.
func nobodys(path string) bool {
	return strings.HasPrefix(path, "/auth/validate/") || path == "/.well-known/jwks/{file}"
}

func walk(t *testing.T, o harness.Options) {
	w := build(t, o)
	table := expectations()
	used := map[string]bool{}
	for _, r := range w.Table.Routes() {
		if !strings.Contains(r.Path, "{") || strings.HasPrefix(strings.TrimPrefix(r.Path, "/.signet"), "/ui/") || nobodys(r.Path) {
			continue
		}
		for _, method := range r.Methods {
			name := method + " " + r.Path
			want, declared := table[name]
			used[name] = true
			if !declared {
				t.Errorf("%s: say in the table who may not", name)
				continue
			}
			for _, prefix := range []string{"", "/api/v1"} {
				if prefix != "" && !r.Legacy {
					continue
				}
				path := prefix + w.fill(r.Path)
				for who, status := range map[string]int{
					"": 401, "suspended": 401, "third party": 403, "stranger": want.stranger, "colleague": want.colleague,
				} {
					got, body := w.call(method, path, w.tokens[who], want.body)
					if got != status {
						t.Errorf("%s %s as %q: %d %.300s, want %d", method, path, who, got, body, status)
					}
				}
			}
		}
	}
	for name := range table {
		if !used[name] {
			t.Errorf("%s: there is no such route any more", name)
		}
	}
}

type world struct {
	*harness.Instance
	t      *testing.T
	ids    map[string]string
	tokens map[string]string
}

const password = "correct horse battery"

// build makes acme, whose owner is asked about, and those who ask.
func build(t *testing.T, o harness.Options) *world {
	w := &world{Instance: harness.Start(t, o), t: t, tokens: map[string]string{}}
	ctx := context.Background()
	must := func(err error) {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
	}
	must(w.Applier().EnsureBuiltin(ctx)) // the client that logs people in
	w.Sync(t)
	owner, colleague := w.User(t, "owner@acme.test", password), w.User(t, "colleague@acme.test", password)
	stranger, suspended := w.User(t, "stranger@globex.test", password), w.User(t, "suspended@acme.test", password)
	acme := w.Organization(t, "acme", owner.ID)
	w.Organization(t, "globex", stranger.ID)
	for id, role := range map[string]string{colleague.ID: access.Viewer, suspended.ID: access.Admin} {
		_, err := w.Organizations.AddMember(ctx, access.Root(), acme.ID, id, []string{role}, "admin")
		must(err)
	}
	_, err := w.Access.Put(ctx, access.Root(), storage.Role{
		Scope: storage.ScopeOrganization, OrganizationID: acme.ID, Name: "billing", Permissions: []string{"read:invoice"},
	})
	must(err)
	now := w.Clock.Now()
	invitation := storage.NewID()
	must(w.Store.InsertInvitation(ctx, storage.Invitation{
		ID: invitation, OrganizationID: acme.ID, Email: "guest@people.test", EmailCanonical: "guest@people.test", Roles: []string{"viewer"},
		Hash: []byte("hash"), InvitedBy: owner.ID, CreatedAt: now, SentAt: now, Expiry: now.AddDate(0, 0, 7),
	}))
	must(w.Store.InsertDomain(ctx, storage.Domain{OrganizationID: acme.ID, Domain: "acme.test", Challenge: "c", CreatedAt: now}))
	factor, device := storage.NewID(), storage.NewID()
	must(w.Store.InsertFactor(ctx, storage.Factor{ID: factor, UserID: owner.ID, Type: storage.FactorTOTP, Sealed: []byte("sealed"), CreatedAt: now}))
	must(w.Store.PutDevice(ctx, storage.Device{ID: device, UserID: owner.ID, Hash: []byte("hash"), CreatedAt: now, LastSeenAt: now, Expiry: now.AddDate(1, 0, 0)}))
	hook, _, err := w.Webhooks.Create(ctx, acme.ID, webhook.Registration{URL: "https://hooks.test/", Events: []string{"*"}})
	must(err)
	third, _ := w.Client(t, "third", storage.ClientMetadata{TokenEndpointAuthMethod: "none"})

	login := func(email string) map[string]any {
		status, body, _ := w.JSON(t, http.MethodPost, "/auth/login", "", map[string]any{"email": email, "password": password})
		if status != http.StatusOK {
			t.Fatalf("login %s: %d %v", email, status, body)
		}
		return body
	}
	session := login("owner@acme.test")["session_id"].(string)
	for who, email := range map[string]string{"stranger": "stranger@globex.test", "colleague": "colleague@acme.test", "suspended": "suspended@acme.test"} {
		w.tokens[who] = login(email)["access_token"].(string)
	}
	b := w.NewBrowser(t)
	a := harness.NewAuthorization("third", "openid", nil)
	code := b.Code(a, "owner@acme.test", password) // their own data, and still no more than openid
	w.tokens["third party"] = w.Redeem(t, "third", "", a, code).AccessToken
	_, err = w.Users.SetStatus(ctx, suspended.ID, storage.UserSuspended, "test")
	must(err)
	w.Sync(t)
	w.ids = map[string]string{
		"session_id": session, "grant_id": third.ClientID, "user_id": owner.ID, "org_id": acme.ID, "organization_id": acme.ID,
		"invitation_id": invitation, "role": "billing", "domain": "acme.test", "client_id": third.ClientID, "secret_id": storage.NewID(),
		"method_id": factor, "device_id": device, "webhook_id": hook.ID, "delivery_id": storage.NewID(), "hold_id": storage.NewID(),
		"resource_id": base64.RawURLEncoding.EncodeToString([]byte("https://api.acme.test")), "kid": "none",
	}
	return w
}

// fill puts ids of acme and its owner into a path.
func (w *world) fill(path string) string {
	parts := strings.Split(path, "/")
	for i, p := range parts {
		if !strings.HasPrefix(p, "{") {
			continue
		}
		id, known := w.ids[strings.Trim(p, "{}")]
		if !known {
			w.t.Fatalf("%s: no id for %s", path, p)
		}
		parts[i] = url.PathEscape(id)
	}
	return strings.Join(parts, "/")
}

func (w *world) call(method, path, bearer, body string) (int, string) {
	var value any
	if !slices.Contains([]string{http.MethodGet, http.MethodDelete}, method) && body != "" {
		value = json.RawMessage(body)
	}
	status, answer, _ := w.JSON(w.t, method, path, bearer, value)
	encoded, err := json.Marshal(answer)
	if err != nil {
		w.t.Fatal(err)
	}
	return status, string(encoded)
}
