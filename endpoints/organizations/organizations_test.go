package organizations_test

import (
	"encoding/json"
	"flag"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/signet-idp/signet/internal/testkit/mailsink"
	"github.com/signet-idp/signet/internal/testkit/servers"
	"github.com/signet-idp/signet/provider/access"
	"github.com/signet-idp/signet/storage"
	"github.com/signet-idp/signet/test/harness"
)

var update = flag.Bool("update", false, "write the golden files")

// golden compares an answer with a file; ids, times and secrets are replaced by
// their kind.
func golden(t *testing.T, name string, got map[string]any) {
	t.Helper()
	raw, err := json.MarshalIndent(got, "", "  ")
	if err != nil {
		t.Fatal(err)
	}
	text := regexp.MustCompile(`[0-9a-f]{8}-[0-9a-f-]{27}`).ReplaceAllString(string(raw)+"\n", "(id)")
	text = regexp.MustCompile(`"\d{4}-\d\d-\d\dT[0-9:.]{15}Z"`).ReplaceAllString(text, `"(time)"`)
	text = regexp.MustCompile(`signet-domain-verification=[A-Za-z0-9_-]{27}`).ReplaceAllString(text, "signet-domain-verification=(random)")
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

const password = "correct horse battery"

// world has two organizations and who is in them.
type world struct {
	*harness.Instance
	mail         *mailsink.Sink
	tokens       map[string]string
	people       map[string]storage.User
	acme, globex storage.Organization
	home         string // path of acme
}

func start(t *testing.T, o harness.Options) *world {
	t.Helper()
	mail := mailsink.Start(t)
	o.Env = append(o.Env, "SIGNET_SMTP_URL="+mail.URL)
	w := startMute(t, o)
	w.mail = mail
	return w
}

// startMute is start without mail.
func startMute(t *testing.T, o harness.Options) *world {
	t.Helper()
	w := &world{tokens: map[string]string{}, people: map[string]storage.User{}}
	w.Instance = harness.Start(t, o)
	for name, email := range map[string]string{
		"olga": "olga@acme.test", "anna": "anna@acme.test", "mike": "mike@acme.test", "mia": "mia@acme.test",
		"carol": "carol@globex.test", "root": "root@signet.test", "new": "new@acme.test",
	} {
		w.people[name] = w.User(t, email, password)
	}
	w.acme, w.globex = w.Organization(t, "acme", w.people["olga"].ID), w.Organization(t, "globex", w.people["carol"].ID)
	w.home = "/organizations/" + w.acme.ID
	for name, role := range map[string]string{"anna": "admin", "mike": "manager", "mia": "member"} {
		if _, err := w.Organizations.AddMember(t.Context(), access.Root(), w.acme.ID, w.people[name].ID, []string{role}, "admin"); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := w.Users.SetSystemRoles(t.Context(), access.Root(), w.people["root"].ID, []string{"admin", "user"}); err != nil {
		t.Fatal(err)
	}
	w.Client(t, "app", storage.ClientMetadata{
		TokenEndpointAuthMethod: "none", FirstParty: true, Scope: "openid account organizations admin",
	})
	w.Sync(t)
	for name := range w.people {
		scope := "organizations"
		if name == "root" {
			scope += " admin"
		}
		w.tokens[name] = w.token(t, name, scope)
	}
	return w
}

// token is a person's token of the client app.
func (w *world) token(t *testing.T, name, scope string) string {
	t.Helper()
	b, _ := w.SignedIn(t, w.people[name].ID)
	a, code := b.Silent("app", "openid "+scope, nil)
	got := w.Redeem(t, "app", "", a, code)
	if got.AccessToken == "" {
		t.Fatalf("no token: %+v", got)
	}
	return got.AccessToken
}

// service is a token of a client of its own.
func (w *world) service(t *testing.T, id, organizationID, scope string, roles ...string) string {
	t.Helper()
	_, secret := w.Service(t, id, organizationID, storage.ClientMetadata{Scope: scope, Roles: roles})
	got := w.Token(t, id, secret, url.Values{"grant_type": {"client_credentials"}, "scope": {scope}})
	if got.AccessToken == "" {
		t.Fatalf("no token: %+v", got)
	}
	return got.AccessToken
}

// call makes a request as somebody and checks status and error code.
func (w *world) call(t *testing.T, who, method, path string, body any, status int, code string) map[string]any {
	t.Helper()
	got, answer, _ := w.JSON(t, method, path, w.tokens[who], body)
	if have, _ := answer["error_code"].(string); got != status || have != code {
		t.Errorf("%s: %s %s: %d %s, want %d %s: %v", who, method, path, got, have, status, code, answer)
	}
	return answer
}

type object = map[string]any

func engines(t *testing.T, test func(t *testing.T, o harness.Options)) {
	t.Run("SQLite", func(t *testing.T) { t.Parallel(); test(t, harness.Options{}) })
	t.Run("PostgreSQL", func(t *testing.T) {
		t.Parallel()
		test(t, harness.Options{DatabaseURL: servers.Postgres(t), MasterKey: harness.MasterKey})
	})
}

// An organization's life, as its people and strangers live it.
func TestOrganizations(t *testing.T) {
	t.Parallel()
	engines(t, func(t *testing.T, o harness.Options) {
		w := start(t, o)
		made := w.call(t, "new", "POST", "/organizations", object{
			"name": "Initech GmbH", "org_type": "business", "size": "11-50", "website_url": "https://initech.test",
			"address": object{"city": "Berlin", "country_code": "de"}, "settings": object{"theme": "dark"}, "subscription_tier": "free", "unknown": 1,
		}, 201, "")
		golden(t, "created", made)
		id, _ := made["id"].(string)
		w.call(t, "new", "POST", "/organizations", object{"name": "Other", "slug": "acme"}, 409, "ORG_004")
		w.call(t, "new", "POST", "/api/v1/organizations/", object{"name": "Other", "slug": "not a slug"}, 422, "REQ_001")
		w.call(t, "new", "POST", "/organizations", object{}, 422, "REQ_001")
		w.call(t, "new", "POST", "/organizations", object{"name": 1}, 422, "REQ_001")
		w.call(t, "new", "POST", "/organizations", object{"name": "X", "subscription_tier": "enterprise"}, 403, "AUTH_010")
		w.call(t, "nobody", "POST", "/organizations", object{"name": "X"}, 401, "AUTH_011")
		w.tokens["service"] = w.service(t, "robot", w.acme.ID, "organizations", "viewer")
		w.call(t, "service", "POST", "/organizations", object{"name": "X"}, 403, "AUTH_010")

		path := "/organizations/initech-gmbh"
		golden(t, "organization", w.call(t, "new", "GET", path, nil, 200, ""))
		w.call(t, "root", "GET", path, nil, 200, "")
		w.call(t, "olga", "GET", path, nil, 404, "ORG_001")
		w.call(t, "service", "GET", w.home, nil, 200, "")
		w.call(t, "service", "GET", path, nil, 404, "ORG_001")
		golden(t, "patched", w.call(t, "new", "PATCH", path, object{
			"website": nil, "settings": object{"theme": nil, "lang": "de"}, "description": "We make\nthings", "slug": "initech",
		}, 200, ""))
		path = "/organizations/initech"
		w.call(t, "new", "PATCH", path, object{"organization_type": "cult"}, 422, "REQ_001")
		w.call(t, "new", "PATCH", path, object{"features": []string{"sso"}}, 403, "AUTH_010")
		w.call(t, "new", "PATCH", path, object{"status": "suspended"}, 403, "AUTH_010")
		w.call(t, "new", "PATCH", path, object{"status": "active"}, 200, "")
		w.call(t, "root", "PATCH", path, object{"features": []string{"sso"}, "subscription_tier": "enterprise"}, 200, "")
		w.call(t, "mia", "PATCH", w.home, object{"name": "Mine"}, 403, "AUTH_010")
		w.call(t, "carol", "PATCH", w.home, object{"name": "Mine"}, 404, "ORG_001")

		golden(t, "mine", w.call(t, "new", "GET", "/organizations", nil, 200, ""))
		w.call(t, "new", "GET", "/organizations?all=true", nil, 403, "AUTH_010")
		if all := w.call(t, "root", "GET", "/organizations?all=true&page_size=2", nil, 200, ""); all["total_count"] != 3.0 || all["next_cursor"] == nil {
			t.Errorf("%v", all)
		}
		w.call(t, "new", "GET", "/organizations?cursor=x%00y", nil, 422, "REQ_001")

		w.call(t, "root", "PATCH", path, object{"status": "suspended"}, 200, "")
		w.call(t, "new", "GET", path, nil, 404, "ORG_001")
		w.call(t, "root", "PATCH", path, object{"status": "active"}, 200, "")
		w.call(t, "anna", "DELETE", w.home, nil, 403, "AUTH_010")
		w.call(t, "new", "DELETE", path, nil, 200, "")
		w.call(t, "new", "GET", "/organizations/"+id, nil, 404, "ORG_001")
		w.call(t, "new", "DELETE", "/organizations/"+id, nil, 404, "ORG_001")
	})
}

// Nothing of an organization is there for the members of another, whatever
// they are there.
func TestStrangers(t *testing.T) {
	t.Parallel()
	w := start(t, harness.Options{})
	user := w.people["mia"].ID
	for _, where := range []string{w.home, "/organizations/acme", "/organizations/" + storage.NewID(), "/organizations/x%00y"} {
		for _, c := range []struct {
			method, path string
			body         any
		}{
			{"GET", "", nil},
			{"PATCH", "", object{"name": "x"}},
			{"DELETE", "", nil},
			{"POST", "/users", object{"email": "x@y.test"}},
			{"POST", "/users", object{"user_id": user}},
			{"GET", "/users", nil},
			{"PATCH", "/users/" + user, object{"role": "viewer"}},
			{"DELETE", "/users/" + user, nil},
			{"DELETE", "/users/me", nil},
			{"POST", "/invitations", object{"email": "x@y.test"}},
			{"GET", "/invitations", nil},
			{"POST", "/invitations/" + user + "/resend", nil},
			{"DELETE", "/invitations/" + user, nil},
			{"GET", "/roles", nil},
			{"POST", "/roles", object{"name": "x"}},
			{"GET", "/roles/owner", nil},
			{"PATCH", "/roles/x", object{"description": "x"}},
			{"DELETE", "/roles/x", nil},
			{"GET", "/domains", nil},
			{"POST", "/domains", object{"domain": "x.test"}},
			{"POST", "/domains/x.test/verify", nil},
			{"DELETE", "/domains/x.test", nil},
		} {
			w.call(t, "carol", c.method, where+c.path, c.body, 404, "ORG_001")
		}
	}
	// The administrator of the system is one only with the scope.
	w.tokens["plain root"] = w.token(t, "root", "organizations")
	w.call(t, "plain root", "GET", w.home, nil, 404, "ORG_001")
	w.tokens["account"] = w.token(t, "olga", "account")
	w.call(t, "account", "GET", w.home, nil, 403, "AUTH_010")
}

func TestMembers(t *testing.T) {
	t.Parallel()
	engines(t, func(t *testing.T, o harness.Options) {
		w := start(t, o)
		users, mia, olga := w.home+"/users", w.people["mia"].ID, w.people["olga"].ID

		// By id only who is seen already; a stranger does not exist.
		w.call(t, "anna", "POST", users, object{"user_id": w.people["carol"].ID}, 404, "USER_001")
		w.call(t, "anna", "POST", users, object{"user_id": "x"}, 404, "USER_001")
		w.call(t, "anna", "POST", users, object{"user_id": mia}, 409, "REQ_004")
		w.call(t, "mike", "POST", users, object{"user_id": mia}, 403, "AUTH_010")
		w.call(t, "anna", "POST", users, object{}, 422, "REQ_001")
		golden(t, "added", w.call(t, "root", "POST", users, object{"user_id": w.people["new"].ID, "role": "viewer"}, 201, ""))

		all := w.call(t, "anna", "GET", users+"?role=member", nil, 200, "")
		golden(t, "members", all)
		golden(t, "members_public", w.call(t, "mia", "GET", users+"?role=member", nil, 200, ""))
		for query, want := range map[string]float64{
			"": 5, "?page_size=2&page=3": 5, "?q=test": 5, "?q=TEST%20per": 5, "?q=nobody": 0, "?q=--": 0, "?role=owner": 1, "?q=mia@acme": 1,
		} {
			if got := w.call(t, "anna", "GET", users+query, nil, 200, ""); got["total_count"] != want {
				t.Errorf("%s: %v of %v", query, got["total_count"], want)
			}
		}
		// Who does not see addresses finds nobody by them.
		for query, want := range map[string]float64{"?q=test": 5, "?q=mia@acme": 0, "?q=mia": 0, "?q=acme.test": 0} {
			if got := w.call(t, "mia", "GET", users+query, nil, 200, ""); got["total_count"] != want {
				t.Errorf("%s: %v of %v", query, got["total_count"], want)
			}
		}
		w.call(t, "anna", "GET", users+"?role=x%00y", nil, 422, "REQ_001")
		w.call(t, "anna", "GET", users+"?page=0", nil, 422, "REQ_001")

		golden(t, "changed", w.call(t, "anna", "PATCH", users+"/"+mia, object{"role": "manager"}, 200, ""))
		w.call(t, "anna", "PATCH", users+"/"+mia, object{"roles": []string{"member", "viewer"}}, 200, "")
		w.call(t, "anna", "PATCH", users+"/"+mia, object{"role": "owner"}, 403, "AUTH_010")
		w.call(t, "anna", "PATCH", users+"/"+mia, object{"role": "king"}, 422, "REQ_001")
		w.call(t, "anna", "PATCH", users+"/"+mia, object{}, 422, "REQ_001")
		w.call(t, "anna", "PATCH", users+"/"+olga, object{"role": "member"}, 403, "AUTH_010")
		w.call(t, "mia", "GET", users, nil, 401, "AUTH_006")
		w.tokens["mia"] = w.token(t, "mia", "organizations")
		w.call(t, "mia", "PATCH", users+"/me", object{"role": "admin"}, 403, "AUTH_010")
		w.call(t, "anna", "PATCH", users+"/"+w.people["carol"].ID, object{"role": "member"}, 404, "ORG_002")
		w.call(t, "olga", "PATCH", users+"/me", object{"role": "admin"}, 409, "ORG_003")
		w.call(t, "olga", "DELETE", users+"/me", nil, 409, "ORG_003")
		w.call(t, "root", "DELETE", users+"/"+olga, nil, 409, "ORG_003")
		w.call(t, "anna", "DELETE", users+"/"+olga, nil, 403, "AUTH_010")
		w.call(t, "mike", "DELETE", users+"/"+mia, nil, 403, "AUTH_010")
		w.call(t, "anna", "DELETE", users+"/x%00y", nil, 404, "ORG_002")
		golden(t, "removed", w.call(t, "anna", "DELETE", users+"/"+mia, nil, 200, ""))
		w.tokens["mia"] = w.token(t, "mia", "organizations")
		w.call(t, "mia", "GET", w.home, nil, 404, "ORG_001")
		golden(t, "left", w.call(t, "mike", "DELETE", users+"/"+w.people["mike"].ID, nil, 200, ""))
	})
}

// Owners who go at once leave one behind.
func TestLastOwnerAtOnce(t *testing.T) {
	t.Parallel()
	engines(t, func(t *testing.T, o harness.Options) {
		w := start(t, o)
		names := []string{"olga", "anna", "mike", "mia"}
		for _, name := range names[1:] {
			w.call(t, "olga", "PATCH", w.home+"/users/"+w.people[name].ID, object{"role": "owner"}, 200, "")
			w.tokens[name] = w.token(t, name, "organizations")
		}
		statuses := make([]int, len(names))
		var wg sync.WaitGroup
		for i, name := range names {
			wg.Go(func() { statuses[i], _, _ = w.JSON(t, "DELETE", w.home+"/users/me", w.tokens[name], nil) })
		}
		wg.Wait()
		refused := 0
		for _, s := range statuses {
			if s == 409 {
				refused++
			} else if s != 200 {
				t.Errorf("status %d", s)
			}
		}
		if refused != 1 {
			t.Errorf("%v", statuses)
		}
	})
}

func TestInvitations(t *testing.T) {
	t.Parallel()
	engines(t, func(t *testing.T, o harness.Options) {
		w := start(t, o)
		base := w.home + "/invitations"
		// One and the same answer, whether or not there is an account.
		known := w.call(t, "mike", "POST", w.home+"/users", object{"email": "New@acme.test"}, 201, "")
		unknown := w.call(t, "mike", "POST", w.home+"/users", object{"email": "none@acme.test"}, 201, "")
		golden(t, "invited", known)
		for _, name := range []string{"email", "invitation_id"} {
			delete(known, name)
			delete(unknown, name)
		}
		if diff := cmp.Diff(known, unknown); diff != "" {
			t.Errorf("known and unknown differ: %s", diff)
		}
		mail := w.mail.Wait(t, "new@acme.test")
		if !strings.Contains(mail.Text, "The acme") || !strings.HasPrefix(mail.Links[0], w.Issuer+"/ui/invitation?token=") {
			t.Errorf("%s %v", mail.Text, mail.Links)
		}
		old := mail.Token()

		w.call(t, "mike", "POST", base, object{"email": "mia@acme.test"}, 409, "REQ_004")
		w.call(t, "mike", "POST", base, object{"email": "a@b.test", "role": "admin"}, 403, "AUTH_010")
		w.call(t, "mia", "POST", base, object{"email": "a@b.test"}, 403, "AUTH_010")
		w.call(t, "mia", "GET", base, nil, 403, "AUTH_010")
		w.call(t, "mike", "POST", base, object{"email": "a"}, 422, "REQ_001")
		golden(t, "invitation", w.call(t, "anna", "POST", base, object{"email": "boss@acme.test", "role": "admin"}, 201, ""))
		list := w.call(t, "mike", "GET", base+"?page_size=1", nil, 200, "")
		golden(t, "invitations", list)
		one, _ := list["invitations"].([]any)[0].(object)["id"].(string)
		resent := w.call(t, "mike", "POST", base+"/"+one+"/resend", nil, 200, "")
		if resent["id"] != one {
			t.Errorf("%v", resent)
		}
		golden(t, "my_invitations", w.call(t, "new", "GET", "/invitations", nil, 200, ""))
		if none := w.call(t, "carol", "GET", "/invitations", nil, 200, ""); none["total_count"] != 0.0 {
			t.Errorf("%v", none)
		}
		token := w.mail.Wait(t, "new@acme.test").Token()
		w.call(t, "new", "POST", "/invitations/accept", object{"token": old}, 400, "AUTH_011")
		w.call(t, "new", "POST", "/invitations/accept", object{}, 400, "AUTH_011")
		w.call(t, "carol", "POST", "/invitations/accept", object{"token": token}, 403, "AUTH_010")
		golden(t, "accepted", w.call(t, "new", "POST", "/invitations/accept", object{"invite_token": token}, 200, ""))
		w.call(t, "new", "POST", "/invitations/accept", object{"token": token}, 400, "AUTH_011")
		w.call(t, "new", "GET", w.home, nil, 200, "")

		list = w.call(t, "mike", "GET", base, nil, 200, "")
		for _, i := range list["invitations"].([]any) {
			id, _ := i.(object)["id"].(string)
			w.call(t, "mia", "DELETE", base+"/"+id, nil, 403, "AUTH_010")
			w.call(t, "anna", "DELETE", base+"/"+id, nil, 200, "")
			w.call(t, "anna", "DELETE", base+"/"+id, nil, 404, "REQ_003")
			w.call(t, "anna", "POST", base+"/"+id+"/resend", nil, 404, "REQ_003")
		}
		w.call(t, "anna", "DELETE", base+"/x%00y", nil, 404, "REQ_003")
	})
}

// Who registers by an invitation is a member at once, with a proven address.
func TestRegisterInvited(t *testing.T) {
	t.Parallel()
	engines(t, func(t *testing.T, o harness.Options) {
		o.Env = append(o.Env, "SIGNET_REGISTRATION=invite")
		w := start(t, o)
		w.call(t, "mike", "POST", w.home+"/users", object{"email": "dana@acme.test", "role": "viewer"}, 201, "")
		token := w.mail.Wait(t, "dana@acme.test").Token()
		form := object{"email": "dana@acme.test", "password": "a long enough pass phrase"}
		w.call(t, "", "POST", "/auth/register", form, 403, "AUTH_010")
		form["invite_token"] = token
		form["email"] = "other@acme.test"
		w.call(t, "", "POST", "/auth/register", form, 422, "REQ_001")
		form["email"] = "Dana@acme.test"
		made := w.call(t, "", "POST", "/auth/register", form, 201, "")
		id, _ := made["user_id"].(string)
		if m, err := w.Organizations.Member(t.Context(), w.acme.ID, id); err != nil || !slices.Equal(m.Roles, []string{"viewer"}) || made["verification_required"] != false {
			t.Errorf("%v %v %v", m, err, made)
		}
		form["email"] = "dana@acme.test"
		w.call(t, "", "POST", "/auth/register", form, 400, "AUTH_011")
	})
}

// Of 32 at once one wins.
func TestAcceptAtOnce(t *testing.T) {
	t.Parallel()
	engines(t, func(t *testing.T, o harness.Options) {
		w := start(t, o)
		w.call(t, "mike", "POST", w.home+"/users", object{"email": "new@acme.test"}, 201, "")
		token := w.mail.Wait(t, "new@acme.test").Token()
		statuses := make([]int, 32)
		var wg sync.WaitGroup
		for i := range statuses {
			wg.Go(func() {
				statuses[i], _, _ = w.JSON(t, "POST", "/invitations/accept", w.tokens["new"], object{"token": token})
			})
		}
		wg.Wait()
		won := 0
		for _, s := range statuses {
			if s == 200 {
				won++
			} else if s != 400 {
				t.Errorf("status %d", s)
			}
		}
		if won != 1 {
			t.Errorf("%v", statuses)
		}
	})
}

func TestDirectMemberAdd(t *testing.T) {
	t.Parallel()
	w := start(t, harness.Options{Env: []string{"SIGNET_LEGACY_DIRECT_MEMBER_ADD=true"}})
	if got := w.call(t, "anna", "POST", w.home+"/users", object{"email": "NEW@acme.test"}, 201, ""); got["status"] != "active" || got["user_id"] != w.people["new"].ID {
		t.Errorf("%v", got)
	}
	if got := w.call(t, "anna", "POST", w.home+"/users", object{"email": "none@acme.test"}, 201, ""); got["status"] != "invited" {
		t.Errorf("%v", got)
	}
	w.call(t, "mike", "POST", w.home+"/users", object{"email": "carol@globex.test"}, 403, "AUTH_010")
}

func TestWithoutMail(t *testing.T) {
	t.Parallel()
	w := startMute(t, harness.Options{})
	w.call(t, "olga", "POST", w.home+"/invitations", object{"email": "a@b.test"}, 503, "SRV_002")
	w.call(t, "olga", "POST", w.home+"/users", object{"email": "a@b.test"}, 503, "SRV_002")
}

func TestRoles(t *testing.T) {
	t.Parallel()
	engines(t, func(t *testing.T, o harness.Options) {
		w := start(t, o)
		base := w.home + "/roles"
		golden(t, "role", w.call(t, "olga", "POST", base, object{"name": "billing", "description": "Bills", "permissions": []string{"write:invoice", "read:invoice"}}, 201, ""))
		w.call(t, "olga", "POST", base, object{"name": "billing"}, 409, "REQ_004")
		w.call(t, "olga", "POST", base, object{"name": "Owner"}, 422, "REQ_001")
		w.call(t, "olga", "POST", base, object{"name": "owner"}, 422, "REQ_001")
		w.call(t, "olga", "POST", base, object{"name": "x", "permissions": []string{"read:system:users"}}, 422, "REQ_001")
		w.call(t, "anna", "POST", base, object{"name": "x", "permissions": []string{"delete:organization"}}, 403, "AUTH_010")
		w.call(t, "mia", "POST", base, object{"name": "x"}, 403, "AUTH_010")
		golden(t, "roles", w.call(t, "mia", "GET", base, nil, 200, ""))
		w.call(t, "mia", "GET", base+"/billing", nil, 200, "")
		w.call(t, "mia", "GET", base+"/nothing", nil, 404, "REQ_003")
		w.call(t, "mia", "GET", base+"/x%00y", nil, 404, "REQ_003")
		if got := w.call(t, "olga", "PATCH", base+"/billing", object{"permissions": []string{"read:invoice"}}, 200, ""); got["description"] != "Bills" || len(got["permissions"].([]any)) != 1 {
			t.Errorf("%v", got)
		}
		w.call(t, "olga", "PATCH", base+"/owner", object{"description": "x"}, 403, "AUTH_010")
		w.call(t, "olga", "PATCH", base+"/nothing", object{"description": "x"}, 404, "REQ_003")
		w.call(t, "olga", "PATCH", base+"/billing", object{"permissions": []string{"READ"}}, 422, "REQ_001")
		w.call(t, "olga", "PATCH", w.home+"/users/"+w.people["mia"].ID, object{"roles": []string{"member", "billing"}}, 200, "")
		w.call(t, "olga", "DELETE", base+"/owner", nil, 403, "AUTH_010")
		w.call(t, "mike", "DELETE", base+"/billing", nil, 403, "AUTH_010")
		w.call(t, "olga", "DELETE", base+"/x%00y", nil, 404, "REQ_003")
		w.call(t, "olga", "DELETE", base+"/billing", nil, 200, "")
		w.call(t, "olga", "DELETE", base+"/billing", nil, 404, "REQ_003")
		if got := w.call(t, "olga", "GET", w.home+"/users?role=billing", nil, 200, ""); got["total_count"] != 0.0 {
			t.Errorf("%v", got)
		}
	})
}

func TestDomains(t *testing.T) {
	t.Parallel()
	w := start(t, harness.Options{})
	base := w.home + "/domains"
	w.Domains.DNS = noDNS{}
	golden(t, "domain", w.call(t, "anna", "POST", base, object{"domain": "ACME.test"}, 201, ""))
	w.call(t, "anna", "POST", base, object{"domain": "acme"}, 422, "REQ_001")
	w.call(t, "mia", "POST", base, object{"domain": "acme.test"}, 403, "AUTH_010")
	golden(t, "domains", w.call(t, "anna", "GET", base, nil, 200, ""))
	w.call(t, "mia", "GET", base, nil, 403, "AUTH_010")
	w.call(t, "anna", "POST", base+"/acme.test/verify", nil, 422, "REQ_001")
	w.call(t, "anna", "POST", base+"/other.test/verify", nil, 404, "REQ_003")
	w.call(t, "anna", "DELETE", base+"/x%00y", nil, 404, "REQ_003")
	w.call(t, "anna", "DELETE", base+"/acme.test", nil, 200, "")
	w.call(t, "anna", "DELETE", base+"/acme.test", nil, 404, "REQ_003")
}

// The operator's rules are asked before an organization is made.
func TestBusinessRules(t *testing.T) {
	t.Parallel()
	var asked []object
	core := httptest.NewServer(http.HandlerFunc(func(out http.ResponseWriter, r *http.Request) {
		var q object
		if err := json.NewDecoder(r.Body).Decode(&q); err != nil {
			t.Error(err)
		}
		asked = append(asked, q)
		_, _ = out.Write([]byte(`{"allowed": false, "reason": "One organization is enough"}`))
	}))
	t.Cleanup(core.Close)
	w := start(t, harness.Options{Env: []string{"SIGNET_HOOKS_CORE_URL=" + core.URL}})
	got := w.call(t, "new", "POST", "/organizations", object{"name": "Initech", "type": "team"}, 422, "REQ_001")
	if raw, _ := json.Marshal(got["detail"]); !strings.Contains(string(raw), "One organization is enough") {
		t.Errorf("%s", raw)
	}
	want := []object{{"type": "organization_creation", "data": object{
		"name": "Initech", "slug": "", "organization_type": "team", "user_id": w.people["new"].ID, "email": "new@acme.test",
	}}}
	if diff := cmp.Diff(want, asked); diff != "" {
		t.Error(diff)
	}
}

// The tokens of a deleted organization end, also those of its services, which
// get no new ones.
func TestDeletedForServices(t *testing.T) {
	t.Parallel()
	w := start(t, harness.Options{})
	_, secret := w.Service(t, "robot", w.acme.ID, storage.ClientMetadata{Scope: "organizations", Roles: []string{"viewer"}})
	form := url.Values{"grant_type": {"client_credentials"}, "scope": {"organizations"}}
	w.tokens["robot"] = w.Token(t, "robot", secret, form).AccessToken
	w.call(t, "robot", "GET", w.home, nil, 200, "")
	w.call(t, "olga", "DELETE", w.home, nil, 200, "")
	w.call(t, "robot", "GET", w.home, nil, 401, "AUTH_005")
	if got := w.Token(t, "robot", secret, form); got.AccessToken != "" {
		t.Error("a service of a deleted organization got a token")
	}
}
