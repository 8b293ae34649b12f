package access_test

import (
	"encoding/json"
	"flag"
	"net/http"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/signet-idp/signet/internal/testkit/servers"
	"github.com/signet-idp/signet/provider/access"
	"github.com/signet-idp/signet/storage"
	"github.com/signet-idp/signet/test/harness"
)

var update = flag.Bool("update", false, "write the golden files")

// golden compares an answer with a file; ids and times are replaced by their kind.
func golden(t *testing.T, name string, got map[string]any) {
	t.Helper()
	raw, err := json.MarshalIndent(got, "", "  ")
	if err != nil {
		t.Fatal(err)
	}
	text := regexp.MustCompile(`[0-9a-f]{8}-[0-9a-f-]{27}`).ReplaceAllString(string(raw)+"\n", "(id)")
	text = regexp.MustCompile(`"\d{4}-\d\d-\d\dT[0-9:.]{15}Z"`).ReplaceAllString(text, `"(time)"`)
	text = regexp.MustCompile(`"(perm_epoch|policy_version)": \d+`).ReplaceAllString(text, `"$1": 0`)
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

// world has two organizations and who is in them.
type world struct {
	*harness.Instance
	alice, bob, carol, root storage.User // owner of acme, member of acme, owner of globex, system administrator
	acme, globex            storage.Organization
}

// contract holds every answer against the API document.
func contract(o harness.Options) harness.Options {
	o.Contract = true
	return o
}

func start(t *testing.T, o harness.Options) *world {
	t.Helper()
	w := &world{Instance: harness.Start(t, contract(o))}
	w.alice, w.bob = w.User(t, "alice@acme.test", "correct horse battery"), w.User(t, "bob@acme.test", "correct horse battery")
	w.carol, w.root = w.User(t, "carol@globex.test", "correct horse battery"), w.User(t, "root@signet.test", "correct horse battery")
	w.acme, w.globex = w.Organization(t, "acme", w.alice.ID), w.Organization(t, "globex", w.carol.ID)
	ctx := t.Context()
	if _, err := w.Organizations.AddMember(ctx, access.Root(), w.acme.ID, w.bob.ID, []string{"member"}, "admin"); err != nil {
		t.Fatal(err)
	}
	if _, err := w.Users.SetSystemRoles(ctx, access.Root(), w.root.ID, []string{"admin", "user"}); err != nil {
		t.Fatal(err)
	}
	w.Client(t, "app", storage.ClientMetadata{
		TokenEndpointAuthMethod: "none", FirstParty: true, Scope: "openid account organizations admin",
	})
	return w
}

func (w *world) token(t *testing.T, u storage.User, scope string) string {
	t.Helper()
	return w.AccessToken(t, u.ID, "app", "openid "+scope)
}

func (w *world) service(t *testing.T, id, organizationID, scope string, roles ...string) string {
	t.Helper()
	return w.ServiceToken(t, id, organizationID, scope, roles...)
}

func engines(t *testing.T, test func(t *testing.T, o harness.Options)) {
	t.Run("SQLite", func(t *testing.T) { t.Parallel(); test(t, harness.Options{}) })
	t.Run("PostgreSQL", func(t *testing.T) {
		t.Parallel()
		test(t, harness.Options{DatabaseURL: servers.Postgres(t), MasterKey: harness.MasterKey})
	})
}

// Who may ask about whom, over every route that answers about a person.
func TestWhoMayAsk(t *testing.T) {
	t.Parallel()
	engines(t, func(t *testing.T, o harness.Options) {
		w := start(t, o)
		alice, bob := w.token(t, w.alice, "account organizations"), w.token(t, w.bob, "account organizations")
		carol, root := w.token(t, w.carol, "account organizations"), w.token(t, w.root, "account admin")
		for _, c := range []struct {
			name, token, about, organization string
			status                           int
		}{
			{"oneself", bob, w.bob.ID, "", 200},
			{"oneself as me", bob, "me", "", 200},
			{"oneself in one's organization", bob, w.bob.ID, w.acme.ID, 200},
			{"oneself elsewhere", bob, w.bob.ID, w.globex.ID, 404},
			{"oneself in what is no organization", bob, w.bob.ID, "no", 404},
			{"oneself without the scope", w.token(t, w.bob, "organizations"), w.bob.ID, "", 403},
			{"a colleague", bob, w.alice.ID, "", 403},
			{"a colleague, elsewhere", bob, w.alice.ID, w.globex.ID, 403},
			{"a member, by the owner", alice, w.bob.ID, "", 200},
			{"a member, by the owner, named", alice, w.bob.ID, w.acme.ID, 200},
			{"a member, by the owner, elsewhere", alice, w.bob.ID, w.globex.ID, 404},
			{"a member, by the owner without the scope", w.token(t, w.alice, "account"), w.bob.ID, "", 403},
			{"a stranger", carol, w.bob.ID, "", 404},
			{"a stranger, in their organization", carol, w.bob.ID, w.acme.ID, 404},
			{"nobody", alice, storage.NewID(), "", 404},
			{"no id", alice, "x%00y", "", 404},
			{"anybody, by the administrator", root, w.bob.ID, "", 200},
			{"anybody, by the administrator, in an organization", root, w.bob.ID, w.acme.ID, 200},
			{"the administrator without the scope is a stranger", w.token(t, w.root, "account organizations"), w.bob.ID, "", 404},
			{"a service", w.service(t, "everywhere", "", "permissions:read"), w.bob.ID, w.acme.ID, 200},
			{"a service of the organization", w.service(t, "here", w.acme.ID, "permissions:read"), w.bob.ID, "", 200},
			{"a service of the organization about others", w.service(t, "here2", w.acme.ID, "permissions:read"), w.carol.ID, "", 404},
			{"a service of the organization about elsewhere", w.service(t, "here3", w.acme.ID, "permissions:read"), w.bob.ID, w.globex.ID, 404},
			{"a service of another organization", w.service(t, "there", w.globex.ID, "permissions:read"), w.bob.ID, "", 404},
		} {
			for _, route := range []string{"/auth/permissions/{}", "/api/v1/auth/roles/{}", "/auth/users/{}/context"} {
				path := strings.Replace(route, "{}", c.about, 1) + "?organization_id=" + c.organization
				if status, body, _ := w.JSON(t, http.MethodGet, path, c.token, nil); status != c.status {
					t.Errorf("%s: %s: %d, want %d: %v", c.name, route, status, c.status, body)
				}
			}
		}
	})
}

// What an organization's owner learns of a member ends at the organization.
func TestOwnerSeesOnlyTheOrganization(t *testing.T) {
	t.Parallel()
	w := start(t, harness.Options{})
	if _, err := w.Organizations.AddMember(t.Context(), access.Root(), w.acme.ID, w.carol.ID, []string{"viewer"}, "admin"); err != nil {
		t.Fatal(err)
	}
	if _, err := w.Users.SetSystemRoles(t.Context(), access.Root(), w.carol.ID, []string{"manager", "user"}); err != nil {
		t.Fatal(err)
	}
	_, got, _ := w.JSON(t, http.MethodGet, "/auth/users/"+w.carol.ID+"/context", w.token(t, w.alice, "organizations"), nil)
	raw, err := json.Marshal(got)
	if err != nil {
		t.Fatal(err)
	}
	for _, secret := range []string{"system", "The globex", w.globex.ID, "+491701234567"} {
		if strings.Contains(string(raw), secret) {
			t.Errorf("the answer tells of %s: %s", secret, raw)
		}
	}
	_, d, _ := w.JSON(t, http.MethodPost, "/auth/authorize", w.token(t, w.alice, "organizations"),
		map[string]any{"user_id": w.carol.ID, "permission": "read:system:users"})
	if d["authorized"] != false {
		t.Errorf("the decision tells of system roles: %v", d)
	}
}

func TestAuthorize(t *testing.T) {
	t.Parallel()
	engines(t, func(t *testing.T, o harness.Options) {
		w := start(t, o)
		alice, bob, root := w.token(t, w.alice, "account organizations"), w.token(t, w.bob, "account"), w.token(t, w.root, "account admin")
		for _, c := range []struct {
			name, token string
			ask         map[string]any
			status      int
			authorized  any
			reason      any
		}{
			{"held", bob, map[string]any{"action": "read", "resource": "members"}, 200, true, "granted"},
			{"not held", bob, map[string]any{"action": "write", "resource": "members"}, 200, false, "no_role"},
			{"both as one", bob, map[string]any{"permission": "read:members"}, 200, true, "granted"},
			{"no permission at all", bob, map[string]any{"action": "READ", "resource": "Members"}, 200, false, "malformed"},
			{"nothing asked", bob, map[string]any{"action": "read"}, 422, nil, nil},
			{"too long", bob, map[string]any{"action": "read", "resource": strings.Repeat("x", 300)}, 422, nil, nil},
			{"a context", bob, map[string]any{"action": "read", "resource": "members", "context": map[string]any{"ip": "1"}, "resource_id": "7", "explain": true}, 200, true, "granted"},
			{"elsewhere", bob, map[string]any{"permission": "read:members", "organization_id": w.globex.ID}, 200, false, "no_role"},
			{"elsewhere, by the old name", bob, map[string]any{"permission": "read:members", "tenant_id": w.globex.ID}, 200, false, "no_role"},
			{"where there is nothing", bob, map[string]any{"permission": "read:members", "organization_id": storage.NewID()}, 200, false, "no_role"},
			{"a colleague", bob, map[string]any{"permission": "read:members", "user_id": w.alice.ID}, 403, nil, nil},
			{"a stranger", bob, map[string]any{"permission": "read:members", "user_id": w.carol.ID}, 404, nil, nil},
			{"a member, by the owner", alice, map[string]any{"permission": "read:members", "user_id": w.bob.ID}, 200, true, "granted"},
			{"a member elsewhere, by the owner", alice, map[string]any{"permission": "read:members", "user_id": w.bob.ID, "organization_id": w.globex.ID}, 404, nil, nil},
			{"anybody, by the administrator", root, map[string]any{"permission": "write:members", "user_id": w.carol.ID, "organization_id": w.globex.ID}, 200, true, "granted"},
			{"anybody elsewhere, by the administrator", root, map[string]any{"permission": "write:members", "user_id": w.carol.ID, "organization_id": w.acme.ID}, 200, false, "no_role"},
			{"the administrator anywhere", root, map[string]any{"permission": "write:members", "organization_id": w.acme.ID}, 200, true, "granted"},
			{"a service about itself", w.service(t, "self", w.acme.ID, "permissions:read", "viewer"), map[string]any{"permission": "read:members"}, 200, true, "granted"},
			{"anonymous", "", map[string]any{"permission": "read:members"}, 401, nil, nil},
		} {
			status, got, _ := w.JSON(t, http.MethodPost, "/auth/authorize", c.token, c.ask)
			if status != c.status || got["authorized"] != c.authorized || got["allowed"] != c.authorized || got["reason"] != c.reason {
				t.Errorf("%s: %d %v", c.name, status, got)
			}
		}
		status, got, _ := w.JSON(t, http.MethodGet, "/api/v1/auth/authorize?permission=read:members", bob, nil)
		if status != 200 || got["authorized"] != true {
			t.Errorf("by GET: %d %v", status, got)
		}
		// The same in the body of a request whose address asks.
		if status, got, _ = w.JSON(t, http.MethodPost, "/auth/authorize?permission=write:members", bob, nil); status != 200 || got["authorized"] != false {
			t.Errorf("POST with the address only: %d %v", status, got)
		}
	})
}

// A suspended person may do nothing, whatever their roles say.
func TestSuspended(t *testing.T) {
	t.Parallel()
	w := start(t, harness.Options{})
	alice := w.token(t, w.alice, "organizations")
	if _, err := w.Users.SetStatus(t.Context(), w.bob.ID, storage.UserSuspended, "test"); err != nil {
		t.Fatal(err)
	}
	_, d, _ := w.JSON(t, http.MethodPost, "/auth/authorize", alice, map[string]any{"user_id": w.bob.ID, "permission": "read:members"})
	if d["authorized"] != false || d["reason"] != "inactive" {
		t.Errorf("authorize: %v", d)
	}
	_, p, _ := w.JSON(t, http.MethodGet, "/auth/permissions/"+w.bob.ID, alice, nil)
	if list, _ := p["permissions"].([]any); list == nil || len(list) != 0 {
		t.Errorf("permissions: %v", p)
	}
}

// perm_epoch rises with what is taken away, and only with that; the tag of the
// answer changes with the answer.
func TestEpochAndTag(t *testing.T) {
	t.Parallel()
	w := start(t, harness.Options{})
	asker := w.service(t, "asker", "", "permissions:read")
	path := "/auth/permissions/" + w.bob.ID + "?organization_id=" + w.acme.ID
	ask := func(match string) (int, map[string]any, string) {
		t.Helper()
		w.Sync(t)
		r, err := http.NewRequestWithContext(t.Context(), http.MethodGet, w.URL+path, nil)
		if err != nil {
			t.Fatal(err)
		}
		r.Header.Set("Authorization", "Bearer "+asker)
		if match != "" {
			r.Header.Set("If-None-Match", match)
		}
		resp, err := http.DefaultClient.Do(r)
		if err != nil {
			t.Fatal(err)
		}
		defer resp.Body.Close()
		var out map[string]any
		_ = json.NewDecoder(resp.Body).Decode(&out) // a 304 has none
		return resp.StatusCode, out, resp.Header.Get("ETag")
	}
	_, first, tag := ask("")
	if first["perm_epoch"] != 0.0 {
		t.Errorf("nothing was taken away, epoch %v", first["perm_epoch"])
	}
	if status, _, _ := ask(tag); status != http.StatusNotModified {
		t.Errorf("the same again: %d", status)
	}
	change := func(roles ...string) {
		t.Helper()
		if _, err := w.Organizations.ChangeRoles(t.Context(), access.Root(), w.acme.ID, w.bob.ID, roles, "admin"); err != nil {
			t.Fatal(err)
		}
	}
	change("member", "manager")
	_, more, tag2 := ask(tag)
	if more["perm_epoch"] != 0.0 || tag2 == tag {
		t.Errorf("a role added: epoch %v, tag the same: %v", more["perm_epoch"], tag2 == tag)
	}
	change("viewer")
	_, less, _ := ask(tag2)
	epoch, _ := less["perm_epoch"].(float64)
	if epoch <= 0 || int64(epoch) != w.View.Head() {
		t.Errorf("a role taken: epoch %v, head %d", epoch, w.View.Head())
	}
	if list, _ := less["permissions"].([]any); slices.Contains(list, any("read:dashboard")) {
		t.Errorf("still %v", list)
	}
	// What happens to others does not touch it.
	if err := w.Organizations.RemoveMember(t.Context(), access.Root(), w.globex.ID, w.carol.ID, true, "left"); err == nil {
		t.Fatal("the last owner left")
	}
	if _, err := w.Users.SetStatus(t.Context(), w.carol.ID, storage.UserSuspended, "test"); err != nil {
		t.Fatal(err)
	}
	if _, same, _ := ask(""); same["perm_epoch"] != epoch {
		t.Errorf("another's suspension moved the epoch to %v", same["perm_epoch"])
	}
}

func TestShapes(t *testing.T) {
	t.Parallel()
	w := start(t, harness.Options{})
	alice := w.token(t, w.alice, "account organizations")
	_, d, _ := w.JSON(t, http.MethodPost, "/auth/authorize", alice, map[string]any{"action": "write", "resource": "members", "resource_id": "7"})
	golden(t, "authorize", d)
	_, d, _ = w.JSON(t, http.MethodPost, "/auth/authorize", alice, map[string]any{"action": "read", "resource": "system:keys"})
	golden(t, "authorize_denied", d)
	for _, name := range []string{"permissions", "roles"} {
		_, d, _ = w.JSON(t, http.MethodGet, "/auth/"+name+"/"+w.bob.ID, alice, nil)
		golden(t, name, d)
	}
	_, d, _ = w.JSON(t, http.MethodGet, "/auth/users/"+w.bob.ID+"/context", alice, nil)
	golden(t, "context", d)
	_, d, _ = w.JSON(t, http.MethodGet, "/auth/roles/me", w.service(t, "svc", w.acme.ID, "permissions:read", "viewer"), nil)
	golden(t, "roles_service", d)
}
