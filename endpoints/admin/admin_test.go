package admin_test

import (
	"context"
	"encoding/json"
	"flag"
	"io"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/signet-idp/signet/internal/testkit/servers"
	"github.com/signet-idp/signet/storage"
	"github.com/signet-idp/signet/test/harness"
)

var update = flag.Bool("update", false, "write the golden files")

// golden compares an answer with a file; what differs from run to run is
// replaced by its kind.
func golden(t *testing.T, name string, got map[string]any) {
	t.Helper()
	raw, err := json.MarshalIndent(got, "", "  ")
	if err != nil {
		t.Fatal(err)
	}
	text := string(raw) + "\n"
	for _, r := range []struct{ pattern, kind string }{
		{`[0-9a-f]{8}-[0-9a-f-]{27}`, "(id)"},
		{`"\d{4}-\d\d-\d\dT[0-9:.]{15}Z"`, `"(time)"`},
		{`"client_secret": "[^"]+"`, `"client_secret": "(secret)"`},
		{`"kid": "[^"]+"`, `"kid": "(kid)"`},
		{`"version": \d+`, `"version": 0`},
	} {
		text = regexp.MustCompile(r.pattern).ReplaceAllString(text, r.kind)
	}
	file := filepath.Join("testdata", name+".json")
	if *update {
		if err := os.WriteFile(file, []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(string(want), text); diff != "" {
		t.Errorf("%s (-want +got):\n%s", file, diff)
	}
}

// world is a server with a system administrator, a manager, a person who owns
// an organization, and one with no more than an account.
type world struct {
	*harness.Instance
	root, manager, alice, bob storage.User
	acme                      storage.Organization
	rootToken, managerToken   string
	aliceToken                string // with the scope admin, which she does not get
	ctx                       context.Context
	t                         *testing.T
}

// contract holds every answer against the API document.
func contract(o harness.Options) harness.Options {
	o.Contract = true
	return o
}

func start(t *testing.T, o harness.Options) *world {
	t.Helper()
	w := &world{Instance: harness.Start(t, contract(o)), t: t, ctx: t.Context()}
	const pw = "correct horse battery"
	w.root, w.manager = w.User(t, "root@signet.test", pw, "admin", "user"), w.User(t, "manager@signet.test", pw, "manager", "user")
	w.alice, w.bob = w.User(t, "alice@acme.test", pw), w.User(t, "bob@acme.test", pw)
	w.acme = w.Organization(t, "acme", w.alice.ID)
	w.Client(t, "app", storage.ClientMetadata{TokenEndpointAuthMethod: "none", FirstParty: true, Scope: "openid account organizations admin"})
	w.Client(t, "json", storage.ClientMetadata{
		TokenEndpointAuthMethod: "none", FirstParty: true, JSONLogin: true, GrantTypes: []string{"refresh_token"}, Scope: "openid account",
	})
	w.rootToken = w.AccessToken(t, w.root.ID, "app", "openid account organizations admin")
	w.managerToken = w.AccessToken(t, w.manager.ID, "app", "openid account organizations admin")
	w.aliceToken = w.AccessToken(t, w.alice.ID, "app", "openid account organizations admin")
	return w
}

// call asks and returns the answer's body and headers; it fails unless the
// status is the one wanted.
func (w *world) call(status int, method, path, token string, body any, header ...string) (map[string]any, http.Header) {
	w.t.Helper()
	var reader io.Reader
	if body != nil {
		raw, err := json.Marshal(body)
		if err != nil {
			w.t.Fatal(err)
		}
		reader = strings.NewReader(string(raw))
	}
	r, err := http.NewRequestWithContext(w.ctx, method, w.URL+path, reader)
	if err != nil {
		w.t.Fatal(err)
	}
	if body != nil {
		r.Header.Set("Content-Type", "application/json")
	}
	r.Header.Set("Authorization", "Bearer "+token)
	for i := 0; i < len(header); i += 2 {
		r.Header.Set(header[i], header[i+1])
	}
	resp, err := http.DefaultClient.Do(r)
	if err != nil {
		w.t.Fatal(err)
	}
	defer resp.Body.Close()
	raw, err := io.ReadAll(resp.Body)
	if err != nil {
		w.t.Fatal(err)
	}
	var out map[string]any
	if len(raw) > 0 {
		if err := json.Unmarshal(raw, &out); err != nil {
			w.t.Fatalf("%s %s: %q", method, path, raw)
		}
	}
	if resp.StatusCode != status {
		w.t.Errorf("%s %s: %d, want %d: %s", method, path, resp.StatusCode, status, raw)
	}
	if strings.HasPrefix(path, "/admin/") && resp.Header.Get("Cache-Control") != "no-store" {
		w.t.Errorf("%s %s: Cache-Control %q", method, path, resp.Header.Get("Cache-Control"))
	}
	return out, resp.Header
}

func (w *world) admin(status int, method, path string, body any, header ...string) (map[string]any, http.Header) {
	w.t.Helper()
	return w.call(status, method, "/admin/v1"+path, w.rootToken, body, header...)
}

func engines(t *testing.T, test func(w *world)) {
	t.Run("SQLite", func(t *testing.T) { t.Parallel(); test(start(t, harness.Options{})) })
	t.Run("PostgreSQL", func(t *testing.T) {
		t.Parallel()
		test(start(t, harness.Options{DatabaseURL: servers.Postgres(t), MasterKey: harness.MasterKey}))
	})
}

type object = map[string]any

func TestUsers(t *testing.T) {
	t.Parallel()
	engines(t, func(w *world) {
		t := w.t
		made, h := w.admin(201, "POST", "/users", object{
			"email": "Carol@acme.test", "email_verified": true, "profile": object{"first_name": "Carol", "job_title": "Cook"},
			"organizations": []object{{"organization_id": "acme", "roles": []string{"viewer"}}},
		})
		id, _ := made["id"].(string)
		one := "/users/" + id
		if h.Get("Location") != "/admin/v1/users/"+id || made["has_password"] != false || made["first_name"] != "Carol" {
			t.Errorf("made %v, at %q", made, h.Get("Location"))
		}
		w.admin(409, "POST", "/users", object{"email": "carol@ACME.test"})
		w.admin(422, "POST", "/users", object{"email": "no address"})
		w.admin(422, "POST", "/users", object{"email": "d@acme.test", "password": "short"})
		w.admin(422, "POST", "/users", object{"email": "d@acme.test", "admin": true})
		w.admin(404, "POST", "/users", object{"email": "d@acme.test", "organizations": []object{{"organization_id": "none"}}})
		w.admin(422, "POST", "/users", object{"email": "d@acme.test", "organizations": []object{{"organization_id": "acme", "roles": []string{"none"}}}})
		// What failed left nothing.
		if found, _ := w.admin(200, "GET", "/users?q=d@acme.test", nil); found["total_count"] != 0.0 {
			t.Errorf("half an account: %v", found)
		}

		got, h := w.admin(200, "GET", one, nil)
		golden(t, "user", got)
		tag := h.Get("ETag")
		w.admin(412, "PATCH", one, object{"profile": object{"job_title": "Chef"}}, "If-Match", `"99"`)
		w.admin(412, "PATCH", one, object{"profile": object{"job_title": "Chef"}}, "If-Match", `W/"1"`)
		got, h = w.admin(200, "PATCH", one, object{"profile": object{"job_title": "Chef", "first_name": nil}}, "If-Match", tag)
		if got["job_title"] != "Chef" || got["first_name"] != nil || h.Get("ETag") == tag {
			t.Errorf("patched %v", got)
		}
		w.admin(412, "PATCH", one, object{"profile": object{"job_title": "Cook"}}, "If-Match", tag)
		got, _ = w.admin(200, "PATCH", one, object{"email": "carol2@acme.test"})
		if got["email"] != "carol2@acme.test" || got["email_verified"] != false {
			t.Errorf("another address: %v", got)
		}
		got, _ = w.admin(200, "PATCH", one, object{"password": "correct horse battery", "email_verified": true})
		if got["has_password"] != true || got["email_verified"] != true {
			t.Errorf("with a password: %v", got)
		}

		// Found by words and by place.
		for q, want := range map[string]float64{
			"?q=carol2": 1, "?q=nobody": 0, "?organization_id=" + w.acme.ID: 2, "?status=suspended": 0, "?page_size=2": 5,
		} {
			if found, _ := w.admin(200, "GET", "/users"+q, nil); found["total_count"] != want {
				t.Errorf("%s: %v, want %v", q, found["total_count"], want)
			}
		}
		w.admin(422, "GET", "/users?status=odd", nil)
		w.admin(422, "GET", "/users?cursor=x%00", nil)
		list, h := w.admin(200, "GET", "/users?page_size=2", nil)
		next, _ := list["next_cursor"].(string)
		if next == "" || h.Get("X-Total-Count") != "5" || !strings.Contains(h.Get("Link"), "cursor="+next) {
			t.Errorf("page: %v %v", list["next_cursor"], h)
		}

		// Suspended: signed out, refused; and back.
		token := w.AccessToken(t, id, "app", "openid account")
		got, _ = w.admin(200, "PATCH", one+"/status", object{"status": "suspended", "reason": "Fraud, says Bob <bob@acme.test>"})
		if got["status"] != "suspended" {
			t.Errorf("suspended: %v", got)
		}
		w.call(401, "GET", "/auth/permissions/me", token, nil)
		w.admin(422, "PATCH", one+"/status", object{"status": "asleep"})
		w.admin(200, "PATCH", one+"/status", object{"status": "active"})
		token = w.AccessToken(t, id, "app", "openid account")

		// Sessions.
		sessions, _ := w.admin(200, "GET", one+"/sessions", nil)
		golden(t, "sessions", sessions)
		all, _ := sessions["sessions"].([]any)
		first, _ := all[0].(object)
		sid, _ := first["id"].(string)
		w.admin(404, "DELETE", "/users/"+w.bob.ID+"/sessions/"+sid, nil)
		w.admin(204, "DELETE", one+"/sessions/"+sid, nil)
		w.admin(404, "DELETE", one+"/sessions/"+sid, nil)
		w.admin(404, "DELETE", "/sessions/"+sid, nil)
		w.call(401, "GET", "/auth/permissions/me", token, nil)
		w.AccessToken(t, id, "app", "openid account")
		if ended, _ := w.admin(200, "DELETE", one+"/sessions?reason=left", nil); ended["sessions_ended"] != 1.0 {
			t.Errorf("ended: %v", ended)
		}

		// Roles.
		got, h = w.admin(200, "GET", one+"/roles", nil)
		golden(t, "user_roles", got)
		got, _ = w.admin(200, "PUT", one+"/roles", object{"roles": []string{"manager", "user"}}, "If-Match", h.Get("ETag"))
		if diff := cmp.Diff([]any{"manager", "user"}, got["roles"]); diff != "" {
			t.Error(diff)
		}
		w.admin(412, "PUT", one+"/roles", object{"roles": []string{"user"}}, "If-Match", h.Get("ETag"))
		w.admin(422, "PUT", one+"/roles", object{"roles": []string{"none"}})
		detail, _ := w.call(200, "GET", "/auth/roles/"+id, w.rootToken, nil)
		if text, _ := json.Marshal(detail["role_details"]); !strings.Contains(string(text), `"assigned_by":"`+w.root.ID) {
			t.Errorf("who gave it: %s", text)
		}

		w.admin(204, "DELETE", one+"?reason=asked", nil)
		if got, _ = w.admin(200, "GET", one, nil); got["status"] != "deleted" {
			t.Errorf("deleted: %v", got["status"])
		}
		w.admin(409, "DELETE", "/users/"+w.alice.ID, nil) // the last owner of acme
		for _, path := range []string{"/users/" + storage.NewID(), "/users/x%00y", "/users/none"} {
			w.admin(404, "GET", path, nil)
			w.admin(404, "PATCH", path, object{"email": "x@y.test"})
			w.admin(404, "GET", path+"/sessions", nil)
		}
	})
}

// Nobody gains by an operator's act what they lack: a manager may suspend an
// ordinary person, and neither touch an administrator nor get into an account
// that holds more than theirs.
func TestNoClimbing(t *testing.T) {
	t.Parallel()
	w := start(t, harness.Options{})
	manager := func(status int, method, path string, body any) object {
		w.t.Helper()
		got, _ := w.call(status, method, "/admin/v1"+path, w.managerToken, body)
		return got
	}
	rooted, owner, plain := "/users/"+w.root.ID, "/users/"+w.alice.ID, "/users/"+w.bob.ID
	manager(200, "PATCH", plain+"/status", object{"status": "suspended"})
	manager(200, "PATCH", plain+"/status", object{"status": "active"})
	manager(200, "PATCH", plain, object{"email": "bob2@acme.test"}) // holds no more than a manager does
	for _, c := range []struct {
		method, path string
		body         any
	}{
		{"PATCH", rooted + "/status", object{"status": "suspended"}},
		{"PATCH", rooted, object{"profile": object{"job_title": "None"}}},
		{"PATCH", rooted, object{"password": "correct horse battery"}},
		{"DELETE", rooted + "/sessions", nil},
		{"POST", rooted + "/unlock", nil},
		{"POST", rooted + "/recovery-link", object{"show": true}},
		{"PUT", plain + "/roles", object{"roles": []string{"admin", "user"}}},
		{"PUT", rooted + "/roles", object{"roles": []string{"user"}}},
		{"PATCH", owner, object{"email": "mallory@evil.test"}},
		{"PATCH", owner, object{"email_verified": false}},
		{"PATCH", owner, object{"password": "correct horse battery"}},
		{"POST", owner + "/recovery-link", object{"show": true}},
		{"POST", "/users", object{"email": "m2@signet.test", "system_roles": []string{"admin"}}},
		{"DELETE", plain, nil},
		{"PATCH", plain + "/status", object{"status": "deleted"}},
		{"POST", "/roles", object{"name": "helper", "permissions": []string{"read:system:keys"}}},
		{"GET", "/keys", nil},
		{"POST", "/clients", object{"client_id": "x"}},
		{"POST", "/clients/app/secrets", nil},
		{"PATCH", "/organizations/acme", object{"subscription_tier": "gold"}},
		{"PATCH", "/organizations/acme/status", object{"status": "suspended"}},
	} {
		if got := manager(403, c.method, c.path, c.body); got["error_code"] != "AUTH_010" {
			t.Errorf("%s %s: %v", c.method, c.path, got)
		}
	}
	manager(200, "PATCH", owner, object{"profile": object{"job_title": "Boss"}}) // no way in
	manager(200, "GET", "/organizations/acme", nil)
	manager(200, "GET", "/clients/app", nil)

	// A role that may register clients and define roles gives no more than that.
	w.admin(201, "POST", "/roles", object{"name": "registrar", "permissions": []string{
		"read:system:clients", "write:system:clients", "read:system:roles", "write:system:roles", "write:system:users", "read:system:users", "create:system:users",
	}})
	// Only a system administrator or manager gets the scope admin, so both.
	w.admin(200, "PUT", plain+"/roles", object{"roles": []string{"manager", "registrar", "user"}})
	bob := w.AccessToken(t, w.bob.ID, "app", "openid admin")
	registrar := func(status int, method, path string, body any) {
		w.t.Helper()
		w.call(status, method, "/admin/v1"+path, bob, body)
	}
	service := object{"grant_types": []string{"client_credentials"}, "scope": "admin"}
	with := func(roles []string, organization string) object {
		out := object{"roles": roles, "organization_id": organization}
		for k, v := range service {
			out[k] = v
		}
		return out
	}
	registrar(201, "POST", "/clients", service)
	registrar(403, "POST", "/clients", with([]string{"system:admin"}, ""))
	registrar(403, "POST", "/clients", with([]string{"owner"}, "acme"))
	registrar(422, "POST", "/clients", with([]string{"owner"}, ""))
	strong := with([]string{"owner"}, "acme")
	strong["client_id"] = "strong"
	w.admin(201, "POST", "/clients", strong)
	registrar(403, "POST", "/clients/strong/secrets", nil)
	registrar(403, "PATCH", "/clients/strong", object{"client_name": "Mine"}) // or its keys
	registrar(403, "POST", "/roles", object{"name": "more", "permissions": []string{"read:system:keys"}})
	registrar(403, "PATCH", "/roles/registrar", object{"permissions": []string{"read:system:keys"}})
	registrar(201, "POST", "/roles", object{"name": "less", "permissions": []string{"read:system:clients"}})
	registrar(403, "PUT", plain+"/roles", object{"roles": []string{"admin", "manager", "registrar", "user"}})
}

// Neither the scope alone nor the role alone opens anything.
func TestWhoGetsIn(t *testing.T) {
	t.Parallel()
	w := start(t, harness.Options{})
	scoped := w.AccessToken(t, w.root.ID, "app", "openid account organizations")
	for _, token := range []string{w.aliceToken, scoped} {
		w.call(403, "GET", "/admin/v1/users", token, nil)
	}
	w.call(401, "GET", "/admin/v1/users", "no", nil)
	w.call(404, "GET", "/api/v1/admin/v1/users", w.rootToken, nil)

	// A service with system roles is an operator; one without is none.
	w.call(403, "GET", "/admin/v1/users", w.ServiceToken(t, "roleless", "", "admin"), nil)
	op := w.ServiceToken(t, "operator", "", "admin", "system:manager")
	w.call(200, "GET", "/admin/v1/users", op, nil)
	w.call(403, "GET", "/admin/v1/keys", op, nil)
	w.call(403, "PATCH", "/admin/v1/users/"+w.root.ID+"/status", op, object{"status": "suspended"})
	w.call(200, "PATCH", "/admin/v1/users/"+w.bob.ID+"/status", op, object{"status": "suspended"})

	// A role taken away counts at once, also for a token that has it still.
	w.admin(200, "PUT", "/users/"+w.manager.ID+"/roles", object{"roles": []string{"user"}})
	w.call(401, "GET", "/admin/v1/users", w.managerToken, nil)
}

func TestRoles(t *testing.T) {
	t.Parallel()
	engines(t, func(w *world) {
		t := w.t
		list, _ := w.admin(200, "GET", "/roles", nil)
		golden(t, "roles", list)
		list, _ = w.admin(200, "GET", "/roles?organization_id=acme", nil)
		golden(t, "roles_organization", list)
		w.admin(404, "GET", "/roles?organization_id=none", nil)

		made, h := w.admin(201, "POST", "/roles", object{"name": "auditor", "description": "Reads the record", "permissions": []string{"read:system:events"}})
		golden(t, "role", made)
		w.admin(409, "POST", "/roles", object{"name": "auditor"})
		w.admin(409, "POST", "/roles", object{"name": "admin"})
		w.admin(422, "POST", "/roles", object{"name": "owner"})
		w.admin(422, "POST", "/roles", object{"name": "Bad Name"})
		w.admin(422, "POST", "/roles", object{"name": "odd", "permissions": []string{"everything"}})
		got, h2 := w.admin(200, "PATCH", "/roles/auditor", object{"permissions": []string{"read:system:events", "read:system:users"}}, "If-Match", h.Get("ETag"))
		if got["description"] != "Reads the record" || got["version"] != 2.0 {
			t.Errorf("patched: %v", got)
		}
		w.admin(412, "PATCH", "/roles/auditor", object{"description": "x"}, "If-Match", h.Get("ETag"))
		w.admin(200, "PATCH", "/roles/auditor", object{"description": "x"}, "If-Match", h2.Get("ETag"))
		w.admin(403, "PATCH", "/roles/admin", object{"description": "x"})
		w.admin(403, "DELETE", "/roles/admin", nil)
		w.admin(404, "PATCH", "/roles/none", object{"description": "x"})
		w.admin(404, "GET", "/roles/No%00ne", nil)

		w.admin(200, "PUT", "/users/"+w.bob.ID+"/roles", object{"roles": []string{"auditor", "user"}})
		w.admin(409, "DELETE", "/roles/auditor", nil)
		w.admin(200, "PUT", "/users/"+w.bob.ID+"/roles", object{"roles": []string{"user"}})
		w.admin(201, "POST", "/clients", object{"client_id": "audit", "grant_types": []string{"client_credentials"}, "scope": "admin", "roles": []string{"system:auditor"}})
		w.admin(409, "DELETE", "/roles/auditor", nil) // a later one of the name would come into its hands
		w.admin(204, "DELETE", "/clients/audit", nil)
		w.admin(204, "DELETE", "/roles/auditor", nil)
		w.admin(404, "DELETE", "/roles/auditor", nil)
	})
}

func TestOrganizations(t *testing.T) {
	t.Parallel()
	engines(t, func(w *world) {
		t := w.t
		w.Organization(t, "globex", w.bob.ID)
		got, h := w.admin(200, "GET", "/organizations/acme", nil)
		golden(t, "organization", got)
		for q, want := range map[string]float64{"": 2, "?q=ACM": 1, "?q=The%20Acme": 0, "?status=suspended": 0, "?q=none": 0} {
			if list, _ := w.admin(200, "GET", "/organizations"+q, nil); list["total_count"] != want {
				t.Errorf("%s: %v, want %v", q, list["total_count"], want)
			}
		}
		w.admin(422, "GET", "/organizations?q=%21", nil)
		got, h2 := w.admin(200, "PATCH", "/organizations/"+w.acme.ID, object{"subscription_tier": "gold", "features": []string{"sso"}}, "If-Match", h.Get("ETag"))
		if got["subscription_tier"] != "gold" || got["id"] != w.acme.ID {
			t.Errorf("patched: %v", got)
		}
		w.admin(412, "PATCH", "/organizations/acme", object{"subscription_tier": "free"}, "If-Match", h.Get("ETag"))
		got, _ = w.admin(200, "PATCH", "/organizations/acme", object{"subscription_tier": nil}, "If-Match", h2.Get("ETag"))
		if got["subscription_tier"] != "free" {
			t.Errorf("taken back: %v", got["subscription_tier"])
		}
		w.admin(422, "PATCH", "/organizations/acme", object{"name": "Mine"})

		alice := w.AccessToken(t, w.alice.ID, "app", "openid account")
		got, _ = w.admin(200, "PATCH", "/organizations/acme/status", object{"status": "suspended", "reason": "unpaid"})
		if got["status"] != "suspended" || got["is_active"] != false {
			t.Errorf("suspended: %v", got)
		}
		w.call(401, "GET", "/auth/permissions/me", alice, nil)
		w.admin(200, "PATCH", "/organizations/acme/status", object{"status": "active"})
		w.admin(200, "PATCH", "/organizations/acme/status", object{"status": "deleted"})
		w.admin(404, "GET", "/organizations/acme", nil)
		for _, path := range []string{"/organizations/none", "/organizations/" + storage.NewID(), "/organizations/x%00y"} {
			w.admin(404, "GET", path, nil)
			w.admin(404, "PATCH", path+"/status", object{"status": "active"})
		}
	})
}

func TestClients(t *testing.T) {
	t.Parallel()
	engines(t, func(w *world) {
		t := w.t
		made, h := w.admin(201, "POST", "/clients", object{
			"client_id": "orders", "organization_id": "acme", "client_name": "Orders", "roles": []string{"viewer"},
			"grant_types": []string{"client_credentials"}, "scope": "orders:read permissions:read",
		})
		golden(t, "client", made)
		secret, _ := made["client_secret"].(string)
		tag := h.Get("ETag")
		token := func(secret string) (string, int) {
			t.Helper()
			w.Sync(t)
			got := w.Token(t, "orders", secret, url.Values{"grant_type": {"client_credentials"}, "scope": {"permissions:read"}})
			return got.AccessToken, got.Status
		}
		first, status := token(secret)
		if status != 200 {
			t.Fatalf("the new client gets no token: %d", status)
		}
		w.admin(409, "POST", "/clients", object{"client_id": "orders", "redirect_uris": []string{harness.Redirect}})
		w.admin(422, "POST", "/clients", object{"client_id": "web"}) // no redirect_uris
		w.admin(422, "POST", "/clients", object{"client_id": "web", "redirect_uris": []string{harness.Redirect}, "client_secret": "mine"})
		w.admin(404, "POST", "/clients", object{"client_id": "web", "organization_id": "none", "redirect_uris": []string{harness.Redirect}})

		// Members of the metadata, one by one; null is the default.
		got, h := w.admin(200, "PATCH", "/clients/orders", object{"client_name": "Order desk", "contacts": []string{"ops@acme.test"}}, "If-Match", tag)
		if got["client_name"] != "Order desk" || got["scope"] != "orders:read permissions:read" {
			t.Errorf("patched: %v", got)
		}
		w.admin(412, "PATCH", "/clients/orders", object{"client_name": "x"}, "If-Match", tag)
		got, _ = w.admin(200, "PATCH", "/clients/orders", object{"contacts": nil}, "If-Match", h.Get("ETag"))
		if _, has := got["contacts"]; has {
			t.Errorf("taken out: %v", got)
		}
		w.admin(422, "PATCH", "/clients/orders", object{"client_id": "other"})
		w.admin(422, "PATCH", "/clients/orders", object{"grant_types": "client_credentials"})
		w.admin(422, "PATCH", "/clients/orders", object{"Disabled": true})

		// Disabled and back: tokens end, the secret stays.
		if got, _ = w.admin(200, "PATCH", "/clients/orders", object{"disabled": true, "reason": "leak"}); got["disabled"] != true {
			t.Errorf("disabled: %v", got)
		}
		w.call(401, "GET", "/auth/permissions/me", first, nil)
		if _, status := token(secret); status != 401 {
			t.Errorf("a disabled client: %d", status)
		}
		w.admin(200, "PATCH", "/clients/orders", object{"disabled": false})
		if _, status := token(secret); status != 200 {
			t.Errorf("an enabled client: %d", status)
		}

		// Two secrets live while one is being replaced.
		rotated, _ := w.admin(201, "POST", "/clients/orders/secrets", object{"expires_in": 3600})
		golden(t, "secret", rotated)
		second, _ := rotated["client_secret"].(string)
		for _, s := range []string{secret, second} {
			if _, status := token(s); status != 200 {
				t.Errorf("while replacing: %d", status)
			}
		}
		third, _ := w.admin(201, "POST", "/clients/orders/secrets", object{"expires_in": 60})
		newest, _ := third["client_secret"].(string)
		listed, _ := w.admin(200, "GET", "/clients/orders/secrets", nil)
		golden(t, "secrets", listed)
		for s, want := range map[string]int{secret: 401, second: 200, newest: 200} {
			if _, status := token(s); status != want {
				t.Errorf("of three: %d, want %d", status, want)
			}
		}
		all, _ := listed["secrets"].([]any)
		older, _ := all[0].(object)
		last, _ := all[1].(object)
		w.admin(204, "DELETE", "/clients/orders/secrets/"+older["id"].(string), nil)
		if _, status := token(second); status != 401 {
			t.Errorf("a deleted secret: %d", status)
		}
		w.admin(409, "DELETE", "/clients/orders/secrets/"+last["id"].(string), nil)
		w.admin(404, "DELETE", "/clients/orders/secrets/none", nil)
		w.admin(422, "POST", "/clients/orders/secrets", object{"expires_in": -1})
		w.admin(422, "POST", "/clients/orders/secrets", object{"expires_in": 1 << 40})
		w.admin(409, "POST", "/clients/app/secrets", nil) // public

		// Every answer but those that make one is without secrets and hashes.
		for _, path := range []string{"/clients", "/clients/orders", "/clients/orders/secrets"} {
			got, _ := w.admin(200, "GET", path, nil)
			if raw, _ := json.Marshal(got); strings.Contains(string(raw), newest) || strings.Contains(string(raw), `"client_secret"`) || strings.Contains(strings.ToLower(string(raw)), "hash") {
				t.Errorf("%s: %s", path, raw)
			}
		}
		page, _ := w.admin(200, "GET", "/clients?page_size=1", nil)
		next, _ := page["next_cursor"].(string)
		if page, _ = w.admin(200, "GET", "/clients?page_size=100&cursor="+next, nil); next == "" || page["next_cursor"] != nil {
			t.Errorf("second page after %q: %v", next, page["next_cursor"])
		}
		w.admin(422, "GET", "/clients?page=2", nil)

		w.admin(204, "DELETE", "/clients/orders?reason=retired", nil)
		for _, path := range []string{"/clients/orders", "/clients/x%00y", "/clients/" + storage.NewID()} {
			w.admin(404, "GET", path, nil)
			w.admin(404, "DELETE", path, nil)
			w.admin(404, "PATCH", path, object{"disabled": true})
			w.admin(404, "POST", path+"/secrets", nil)
		}
	})
}

func TestResources(t *testing.T) {
	t.Parallel()
	engines(t, func(w *world) {
		t := w.t
		made, h := w.admin(201, "POST", "/resources", object{
			"identifier": "https://api.acme.test", "organization_id": "acme", "name": "Orders",
			"scopes": []object{{"name": "orders:read", "description": "Read orders"}}, "token_lifetime": 300,
		})
		golden(t, "resource", made)
		one := "/resources/" + made["id"].(string)
		if h.Get("Location") != "/admin/v1"+one {
			t.Errorf("Location %q", h.Get("Location"))
		}
		w.admin(409, "POST", "/resources", object{"identifier": "https://api.acme.test"})
		w.admin(422, "POST", "/resources", object{"identifier": "api"})
		w.admin(422, "POST", "/resources", object{"identifier": "https://b.test", "scopes": []object{{"name": "admin"}}})
		w.admin(422, "POST", "/resources", object{"identifier": "https://b.test", "token_lifetime": -1})
		got, _ := w.admin(200, "PATCH", one, object{"token_lifetime": 0, "signing_alg": "ES256"}, "If-Match", h.Get("ETag"))
		if got["token_lifetime"] != nil || got["signing_alg"] != "ES256" || got["name"] != "Orders" {
			t.Errorf("patched: %v", got)
		}
		w.admin(412, "PATCH", one, object{"name": "x"}, "If-Match", h.Get("ETag"))
		if list, _ := w.admin(200, "GET", "/resources", nil); len(list["resources"].([]any)) != 1 {
			t.Errorf("list: %v", list)
		}
		w.admin(200, "GET", one, nil)
		w.admin(204, "DELETE", one, nil)
		for _, path := range []string{one, "/resources/none", "/resources/AAAA"} {
			w.admin(404, "GET", path, nil)
			w.admin(404, "PATCH", path, object{"name": "x"})
			w.admin(404, "DELETE", path, nil)
		}
	})
}

func TestKeys(t *testing.T) {
	t.Parallel()
	w := start(t, harness.Options{})
	ring := func() []object {
		t.Helper()
		got, _ := w.admin(200, "GET", "/keys", nil)
		var out []object
		for _, k := range got["keys"].([]any) {
			out = append(out, k.(object))
		}
		return out
	}
	before := ring()
	golden(t, "keys", object{"keys": before})
	got, _ := w.admin(200, "POST", "/keys/rotate", object{"alg": "ES256"})
	golden(t, "key_rotated", got)
	w.admin(404, "POST", "/keys/rotate", object{"alg": "none"})
	// A key that signs no token of ours, so that the test's own live on.
	i := slices.IndexFunc(before, func(k object) bool { return k["alg"] == "RS256" && k["state"] == "active" })
	kid, _ := before[i]["kid"].(string)
	revoked, _ := w.admin(200, "POST", "/keys/"+kid+"/revoke", object{"reason": "leaked"})
	golden(t, "key_revoked", revoked)
	w.admin(409, "POST", "/keys/"+kid+"/revoke", nil)
	w.admin(404, "POST", "/keys/none/revoke", nil)
	if events := w.events("key.revoked"); len(events) != 1 || !strings.Contains(string(events[0].Data), `"reason":"leaked"`) {
		t.Errorf("events %v", events)
	}
}

// events lists those of a type, in order.
func (w *world) events(kind string) []storage.Event {
	w.t.Helper()
	all, err := w.Store.QueryEvents(w.ctx, storage.EventQuery{Types: []string{kind}, Limit: 100})
	if err != nil {
		w.t.Fatal(err)
	}
	return all
}

// Every act leaves one event that says who did it and why, without free text.
func TestRecord(t *testing.T) {
	t.Parallel()
	w := start(t, harness.Options{})
	w.admin(200, "PATCH", "/users/"+w.bob.ID+"/status", object{"status": "suspended", "reason": "Called me <names>"})
	w.admin(200, "PATCH", "/users/"+w.bob.ID+"/status", object{"status": "active", "reason": "Appeal granted"})
	w.admin(200, "PATCH", "/users/"+w.bob.ID, object{"profile": object{"job_title": "Cook"}})
	harness.Eventually(t, 5e9, "the events are in the record", func() bool {
		return len(w.events("user.status_changed")) == 2 && len(w.events("user.updated")) == 1
	})
	changed := w.events("user.status_changed")
	for i, want := range []string{`"reason":"appeal_granted"`, `"reason":"other"`} {
		if e := changed[i]; !strings.Contains(string(e.Data), want) || e.Actor != w.root.ID || e.ActorKind != "user" {
			t.Errorf("event %s by %s %s, want %s", e.Data, e.ActorKind, e.Actor, want)
		}
	}
	if e := w.events("user.updated")[0]; !strings.Contains(string(e.Data), `"fields":["job_title"]`) || !strings.Contains(string(e.Data), `"source":"admin"`) {
		t.Errorf("event %s", e.Data)
	}
}

// A lock that failed logins left is lifted, and recorded.
func TestUnlock(t *testing.T) {
	t.Parallel()
	w := start(t, harness.Options{Env: []string{"SIGNET_LIMITS_LOCK_FAILURES=2"}})
	b := w.NewBrowser(t)
	try := func(pw string) harness.Page {
		a := harness.NewAuthorization("app", "openid", nil)
		return b.SignIn(b.Get(a.Path()), "bob@acme.test", pw)
	}
	for range 3 {
		try("wrong")
	}
	if p := try("correct horse battery"); p.Location != nil {
		t.Fatal("not locked")
	}
	if got, _ := w.admin(200, "POST", "/users/"+w.bob.ID+"/unlock", object{"reason": "phone call"}); got["was_locked"] != true {
		t.Errorf("unlocked: %v", got)
	}
	if got, _ := w.admin(200, "POST", "/users/"+w.bob.ID+"/unlock", nil); got["was_locked"] != false {
		t.Errorf("again: %v", got)
	}
	if p := try("correct horse battery"); p.Location == nil {
		t.Errorf("still locked: %d", p.Status)
	}
}
