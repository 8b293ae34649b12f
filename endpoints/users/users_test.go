package users_test

import (
	"bytes"
	"encoding/json"
	"flag"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/signet-idp/signet/internal/testkit/fakeclock"
	"github.com/signet-idp/signet/internal/testkit/servers"
	"github.com/signet-idp/signet/provider/access"
	"github.com/signet-idp/signet/provider/event"
	"github.com/signet-idp/signet/storage"
	"github.com/signet-idp/signet/test/harness"
)

var update = flag.Bool("update", false, "rewrite the golden files")

// world is a server with two organizations and the people of both.
type world struct {
	*harness.Instance
	t     *testing.T
	clock *fakeclock.Clock

	acme, globex storage.Organization
	people       map[string]storage.User
}

// The people: owner, admin and member belong to acme, stranger owns globex,
// both belongs to both, root administers the system.
func newWorld(t *testing.T, o harness.Options) *world {
	t.Helper()
	w := &world{t: t, clock: fakeclock.New(time.Date(2026, 10, 1, 12, 0, 0, 0, time.UTC)), people: map[string]storage.User{}}
	o.Clock = w.clock
	w.Instance = harness.Start(t, o)
	for _, name := range []string{"owner", "admin", "manager", "member", "viewer", "stranger", "both"} {
		w.people[name] = w.User(t, name+"@acme.test", "correct horse battery")
	}
	w.people["root"] = w.User(t, "root@signet.test", "correct horse battery", access.SystemUser, access.SystemAdmin)
	w.acme = w.Organization(t, "acme", w.id("owner"))
	w.globex = w.Organization(t, "globex", w.id("stranger"))
	for _, m := range []struct {
		who, role string
		o         storage.Organization
	}{
		{"admin", access.Admin, w.acme},
		{"manager", access.Manager, w.acme},
		{"member", access.Member, w.acme},
		{"viewer", access.Viewer, w.acme},
		{"both", access.Member, w.acme},
		{"both", access.Member, w.globex},
	} {
		if _, err := w.Organizations.AddMember(t.Context(), access.Root(), m.o.ID, w.id(m.who), []string{m.role}, "admin"); err != nil {
			t.Fatal(err)
		}
	}
	w.Client(t, "app", storage.ClientMetadata{
		TokenEndpointAuthMethod: "none", FirstParty: true, Scope: "openid organization roles account organizations admin",
	})
	return w
}

func (w *world) id(who string) string { return w.people[who].ID }

// token is one of a person in acme (the stranger: in globex), with every scope
// they may have unless told otherwise.
func (w *world) token(who string, scope ...string) string {
	w.t.Helper()
	slug := "acme"
	if who == "stranger" {
		slug = "globex"
	}
	more := map[string]string{"organization": slug}
	if who == "root" {
		more = nil
	}
	if scope == nil {
		scope = []string{"openid account organizations admin"}
	}
	b, _ := w.SignedIn(w.t, w.id(who))
	a, code := b.Silent("app", scope[0], more)
	answer := w.Redeem(w.t, "app", "", a, code)
	if answer.AccessToken == "" {
		w.t.Fatalf("%s: %+v", who, answer)
	}
	return answer.AccessToken
}

// service is the token of a client of its own.
func (w *world) service(id, organizationID, scope string) string {
	w.t.Helper()
	_, secret := w.Service(w.t, id, organizationID, storage.ClientMetadata{Scope: scope})
	answer := w.Token(w.t, id, secret, url.Values{"grant_type": {"client_credentials"}, "scope": {scope}})
	if answer.AccessToken == "" {
		w.t.Fatalf("%s: %+v", id, answer)
	}
	return answer.AccessToken
}

// call sends a request and returns the answer's body, decoded when it is an object.
func (w *world) call(method, path, bearer string, body any, header ...string) (int, map[string]any, []byte) {
	w.t.Helper()
	var reader io.Reader
	if text, raw := body.(string); raw {
		reader = strings.NewReader(text)
	} else if body != nil {
		raw, err := json.Marshal(body)
		if err != nil {
			w.t.Fatal(err)
		}
		reader = bytes.NewReader(raw)
	}
	r, err := http.NewRequestWithContext(w.t.Context(), method, w.URL+path, reader)
	if err != nil {
		w.t.Fatal(err)
	}
	if body != nil {
		r.Header.Set("Content-Type", "application/json")
	}
	if bearer != "" {
		r.Header.Set("Authorization", "Bearer "+bearer)
	}
	for i := 0; i+1 < len(header); i += 2 {
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
	_ = json.Unmarshal(raw, &out)
	return resp.StatusCode, out, raw
}

// is holds a call against its status and, if one is given, its error code.
func (w *world) is(name string, status int, code, method, path, bearer string, body any) map[string]any {
	w.t.Helper()
	got, out, raw := w.call(method, path, bearer, body)
	if got != status || code != "" && out["error_code"] != code {
		w.t.Errorf("%s: %d %s, want %d %s", name, got, raw, status, code)
	}
	return out
}

// counted waits until the counts have reached the end of the record.
func (w *world) counted() {
	w.t.Helper()
	harness.Eventually(w.t, 10*time.Second, "the counts reach the end of the record", func() bool {
		waiting, err := w.Store.UnsequencedEvents(w.t.Context(), 1)
		if err != nil || len(waiting) > 0 {
			return false
		}
		last, err := w.Store.LastEvent(w.t.Context())
		if err != nil {
			return false
		}
		at, err := w.Store.EventCursor(w.t.Context(), "rollups")
		return err == nil && at == last.Seq
	})
}

// happened records what a person did.
func (w *world) happened(who, organizationID string, kind event.Type) {
	w.t.Helper()
	err := w.Recorder.Record(w.t.Context(), event.Event{
		Type: kind, Subject: w.id(who), Organization: organizationID, PersonalOf: w.id(who),
		Personal: map[string]string{"ip_address": "192.0.2.7", "user_agent": "Mozilla/5.0"},
	})
	if err != nil {
		w.t.Fatal(err)
	}
	w.counted()
}

var (
	uuids = regexp.MustCompile(`[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}`)
	zeros = regexp.MustCompile(`(\s*"\d{4}-\d\d-\d\d": 0,?)+`)
)

// golden compares an answer with a file. Ids are random and days without
// anything are many, so both are taken out.
func golden(t *testing.T, name string, raw []byte) {
	t.Helper()
	var b bytes.Buffer
	if err := json.Indent(&b, raw, "", "  "); err != nil {
		t.Fatal(err)
	}
	text := uuids.ReplaceAllString(b.String(), "(id)")
	text = zeros.ReplaceAllString(text, "\n      (days without)")
	file := filepath.Join("testdata", name+".json")
	if *update {
		if err := os.MkdirAll("testdata", 0o755); err != nil {
			t.Fatal(err)
		}
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

func engines(t *testing.T, test func(w *world)) {
	t.Parallel()
	t.Run("sqlite", func(t *testing.T) { t.Parallel(); test(newWorld(t, harness.Options{})) })
	t.Run("postgres", func(t *testing.T) {
		t.Parallel()
		test(newWorld(t, harness.Options{DatabaseURL: servers.Postgres(t), MasterKey: harness.MasterKey}))
	})
}

func TestWhoSeesWhom(t *testing.T) {
	engines(t, func(w *world) {
		t := w.t
		tokens := map[string]string{}
		for who := range w.people {
			tokens[who] = w.token(who)
		}
		member := w.id("member")
		tests := []struct {
			who                                   string
			get, profile, contact, dashboard, did int
			email                                 bool
		}{
			{"member", 200, 200, 200, 200, 200, true},
			{"root", 200, 200, 200, 200, 200, true},
			{"owner", 200, 200, 403, 403, 200, true},
			{"admin", 200, 200, 403, 403, 200, true},
			{"manager", 200, 200, 403, 403, 200, false},
			{"both", 200, 200, 403, 403, 403, false},
			{"viewer", 200, 200, 403, 403, 403, false},
			{"stranger", 404, 404, 404, 404, 404, false},
		}
		for _, tt := range tests {
			bearer := tokens[tt.who]
			for path, status := range map[string]int{
				"": tt.get, "/profile": tt.profile, "/contact": tt.contact, "/dashboard": tt.dashboard, "/activity": tt.did,
			} {
				code := map[int]string{403: "AUTH_010", 404: "USER_001"}[status]
				for _, prefix := range []string{"", "/api/v1"} {
					w.is(tt.who+" "+path, status, code, http.MethodGet, prefix+"/users/"+member+path, bearer, nil)
				}
			}
			if tt.get == 200 {
				u := w.is(tt.who, 200, "", http.MethodGet, "/users/"+member, bearer, nil)
				if (u["email"] != nil) != tt.email || u["first_name"] != "Test" {
					t.Errorf("%s sees %v", tt.who, u)
				}
				if full := tt.who == "member" || tt.who == "root"; (u["phone_number"] != nil) != full {
					t.Errorf("%s sees the telephone number %v", tt.who, u["phone_number"])
				}
			}
		}
		for _, path := range []string{"", "/profile", "/contact", "/dashboard", "/activity"} {
			w.is("nobody", 401, "AUTH_011", http.MethodGet, "/users/"+member+path, "", nil)
			w.is("me", 200, "", http.MethodGet, "/users/me"+path, tokens["member"], nil)
			w.is("no such person", 404, "USER_001", http.MethodGet, "/users/"+storage.NewID()+path, tokens["root"], nil)
		}

		// A token is good for what its scope is for.
		plain := w.token("member", "openid")
		w.is("without a scope", 403, "AUTH_010", http.MethodGet, "/users/me", plain, nil)
		own := w.token("admin", "openid account")
		w.is("account, oneself", 200, "", http.MethodGet, "/users/me", own, nil)
		w.is("account, another", 403, "AUTH_010", http.MethodGet, "/users/"+member, own, nil)
		quiet := w.token("root", "openid account organizations")
		w.is("an administrator without the scope", 404, "USER_001", http.MethodGet, "/users/"+member, quiet, nil)
	})
}

func TestShapes(t *testing.T) {
	t.Parallel()
	w := newWorld(t, harness.Options{})
	w.happened("member", w.acme.ID, event.UserLogin)
	w.happened("member", w.acme.ID, event.UserLoginFailed)
	me, admin, manager := w.token("member"), w.token("admin"), w.token("manager")
	w.counted()
	get := func(name, path, bearer string) {
		t.Helper()
		status, _, raw := w.call(http.MethodGet, path, bearer, nil)
		if status != http.StatusOK {
			t.Errorf("%s: %d %s", path, status, raw)
			return
		}
		golden(t, name, raw)
	}
	get("user", "/users/me", me)
	get("colleague", "/users/"+w.id("owner"), me)
	get("profile", "/users/me/profile", me)
	get("contact", "/users/me/contact", me)
	get("dashboard", "/users/me/dashboard", me)
	get("activity", "/users/me/activity?page_size=5", me)
	get("activity_of_a_member", "/users/"+w.id("member")+"/activity", manager)
	get("users", "/users?limit=2", admin)
	get("organization_dashboard", "/organizations/"+w.acme.ID+"/dashboard", admin)
	get("organization_dashboard_member", "/organizations/acme/dashboard", me)
	status, _, raw := w.call(http.MethodPatch, "/users/me/preferences", me, map[string]any{
		"theme": "dark", "language": "fr-CA", "timezone": "America/Montreal", "notification_preferences": map[string]any{"weekly": true},
		"privacy_settings": map[string]any{"searchable": false}, "email_notifications": true, "privacy_level": "high", "sidebar": "left",
	})
	if status != http.StatusOK {
		t.Errorf("%d %s", status, raw)
	}
	golden(t, "preferences", raw)
}

func TestListUsers(t *testing.T) {
	engines(t, func(w *world) {
		t := w.t
		list := func(bearer, query string) (emails []string, h http.Header) {
			t.Helper()
			r, err := http.NewRequestWithContext(t.Context(), http.MethodGet, w.URL+"/users"+query, nil)
			if err != nil {
				t.Fatal(err)
			}
			r.Header.Set("Authorization", "Bearer "+bearer)
			resp, err := http.DefaultClient.Do(r)
			if err != nil {
				t.Fatal(err)
			}
			defer resp.Body.Close()
			var people []map[string]any
			if err := json.NewDecoder(resp.Body).Decode(&people); err != nil {
				t.Fatal(err)
			}
			for _, p := range people {
				emails = append(emails, fmt.Sprint(p["email"]))
			}
			return emails, resp.Header
		}
		all, h := list(w.token("root"), "")
		if len(all) != 8 || h.Get("X-Total-Count") != "8" {
			t.Errorf("root: %v, %v", all, h)
		}
		members, h := list(w.token("admin"), "")
		if len(members) != 6 || slices.Contains(members, "stranger@acme.test") || slices.Contains(members, "root@signet.test") || h.Get("X-Total-Count") != "6" {
			t.Errorf("admin: %v", members)
		}
		if found, _ := list(w.token("admin"), "?q=MEMBER"); !slices.Equal(found, []string{"member@acme.test"}) {
			t.Errorf("found %v", found)
		}
		if found, _ := list(w.token("admin"), "?q=stranger"); len(found) != 0 {
			t.Errorf("found a stranger: %v", found)
		}
		if found, _ := list(w.token("admin"), "?q=!!"); len(found) != 0 {
			t.Errorf("found %v by punctuation", found)
		}
		// By cursor, one after another.
		var paged []string
		bearer, query := w.token("owner"), "?limit=4"
		for query != "" {
			page, h := list(bearer, query)
			paged = append(paged, page...)
			_, next, _ := strings.Cut(h.Get("Link"), "?")
			if query, _, _ = strings.Cut(next, ">"); query != "" {
				query = "?" + query
			}
		}
		if !slices.Equal(paged, members) {
			t.Errorf("by cursor %v, at once %v", paged, members)
		}
		for _, who := range []string{"manager", "member", "viewer"} {
			w.is(who, 403, "AUTH_010", http.MethodGet, "/users", w.token(who), nil)
		}
		w.is("paging", 422, "REQ_001", http.MethodGet, "/users?limit=1000", bearer, nil)
	})
}

func TestDelete(t *testing.T) {
	engines(t, func(w *world) {
		t := w.t
		remove := func(name string, status int, code, who, whom string) map[string]any {
			t.Helper()
			return w.is(name, status, code, http.MethodDelete, "/users/"+w.id(whom), w.token(who), nil)
		}
		remove("oneself", 403, "AUTH_010", "admin", "admin")
		remove("a member", 403, "AUTH_010", "member", "viewer")
		remove("a manager", 403, "AUTH_010", "manager", "viewer")
		remove("a stranger", 404, "USER_001", "stranger", "viewer")
		remove("an owner by an administrator", 403, "AUTH_010", "admin", "owner")
		if out := remove("the membership only", 200, "", "admin", "both"); out["deleted"] != false || out["organization_id"] != w.acme.ID {
			t.Errorf("%v", out)
		}
		if _, err := w.Store.Membership(t.Context(), w.globex.ID, w.id("both")); err != nil {
			t.Errorf("the other organization lost the member as well: %v", err)
		}

		// The organization has proven the domain: now the account is its own.
		now := w.clock.Now()
		if err := w.Store.InsertDomain(t.Context(), storage.Domain{OrganizationID: w.acme.ID, Domain: "acme.test", Challenge: "c", CreatedAt: now}); err != nil {
			t.Fatal(err)
		}
		if err := w.Store.VerifyDomain(t.Context(), w.acme.ID, "acme.test", now); err != nil {
			t.Fatal(err)
		}
		viewer := w.token("viewer")
		if out := remove("the account", 200, "", "admin", "viewer"); out["deleted"] != true {
			t.Errorf("%v", out)
		}
		w.is("a deleted person's token", 401, "AUTH_005", http.MethodGet, "/users/me", viewer, nil)
		remove("again", 404, "USER_001", "admin", "viewer")
		// The same domain, but no member there: out of reach.
		remove("outside", 404, "USER_001", "admin", "stranger")

		if out := remove("by the system", 200, "", "root", "member"); out["deleted"] != true || out["organization_id"] != nil {
			t.Errorf("%v", out)
		}
		remove("the last owner", 409, "ORG_003", "root", "owner")

		// Who may delete people deletes none that hold what they lack.
		if _, err := w.Access.Put(t.Context(), access.Root(), storage.Role{
			Scope: storage.ScopeSystem, Name: "cleaner", Permissions: []string{"read:system:users", "delete:system:users"},
		}); err != nil {
			t.Fatal(err)
		}
		_, secret := w.Service(t, "cleaner", "", storage.ClientMetadata{Scope: "account admin organizations", Roles: []string{"system:cleaner"}})
		answer := w.Token(t, "cleaner", secret, url.Values{"grant_type": {"client_credentials"}, "scope": {"admin organizations"}})
		w.is("an administrator", 403, "AUTH_010", http.MethodDelete, "/users/"+w.id("root"), answer.AccessToken, nil)
	})
}

func TestPreferences(t *testing.T) {
	engines(t, func(w *world) {
		t := w.t
		me := w.token("member")
		patch := func(body any) map[string]any {
			t.Helper()
			return w.is("patch", 200, "", http.MethodPatch, "/users/me/preferences", me, body)
		}
		patch(map[string]any{"theme": "dark", "sidebar": "left", "notification_preferences": map[string]any{"a": true, "b": map[string]any{"c": 1}}})
		got := patch(map[string]any{"theme": nil, "beta": true, "notification_preferences": map[string]any{"a": nil, "b": map[string]any{"d": 2}}, "language": "de"})
		want := map[string]any{
			"notification_preferences": map[string]any{"b": map[string]any{"c": 1.0, "d": 2.0}},
			"custom":                   map[string]any{"sidebar": "left", "beta": true}, "language": "de",
		}
		if diff := cmp.Diff(want, got["preferences"]); diff != "" || got["theme"] != nil || got["language"] != "de" {
			t.Errorf("%v\n%s", got, diff)
		}
		if u := w.is("me", 200, "", http.MethodGet, "/users/me", me, nil); u["language"] != "de" {
			t.Errorf("the profile's language is %v", u["language"])
		}
		got = patch(map[string]any{"custom": map[string]any{"sidebar": nil, "beta": nil}})
		if all := got["preferences"].(map[string]any); all["custom"] != nil {
			t.Errorf("%v", all)
		}
		many := map[string]any{}
		for i := range 65 {
			many[fmt.Sprint("k", i)] = i
		}
		for name, body := range map[string]any{
			"too many": many, "too large": map[string]any{"a": strings.Repeat("x", 17<<10)}, "kind": map[string]any{"privacy_settings": "all"},
			"flag": map[string]any{"push_notifications": "yes"}, "language": map[string]any{"language": "not a language"}, "a list": "[1]", "null": "null",
		} {
			w.is(name, 422, "REQ_001", http.MethodPatch, "/users/me/preferences", me, body)
		}
		path := "/users/" + w.id("member") + "/preferences"
		w.is("an organization's administrator", 403, "AUTH_010", http.MethodPatch, path, w.token("admin"), map[string]any{"theme": "light"})
		w.is("a stranger", 404, "USER_001", http.MethodPatch, path, w.token("stranger"), map[string]any{"theme": "light"})
		w.is("the system", 200, "", http.MethodPatch, path, w.token("root"), map[string]any{"theme": "light"})
	})
}

func TestOwnProfileByPost(t *testing.T) {
	t.Parallel()
	w := newWorld(t, harness.Options{})
	me := w.token("member")
	got := w.is("update", 200, "", http.MethodPost, "/users/profile", me, map[string]any{
		"job_title": "Pilot", "skills": []string{"flying"}, "phone_number": "+33123456789", "preferences": map[string]any{"theme": "dark"},
	})
	nested, _ := got["profile"].(map[string]any)
	if got["job_title"] != "Pilot" || nested["job_title"] != "Pilot" || got["phone_number"] != "+491701234567" ||
		nested["preferences"].(map[string]any)["theme"] != "dark" || got["first_name"] != "Test" {
		t.Errorf("%v", got)
	}
	w.counted()
	if last, err := w.Store.LastEvent(t.Context()); err != nil || last.Type != "user.profile_updated" || last.Actor != w.id("member") {
		t.Errorf("recorded as %s of %s, %v", last.Type, last.Actor, err)
	}
	w.is("a bad token", 401, "AUTH_011", http.MethodPost, "/users/profile", "nonsense", map[string]any{"bio": "x"})
	w.is("without the scope", 403, "AUTH_010", http.MethodPost, "/users/profile", w.token("member", "openid"), map[string]any{"bio": "x"})
	w.is("a wrong member", 422, "REQ_001", http.MethodPost, "/users/profile", me, map[string]any{"timezone": "not a zone"})
}

func TestContactForServices(t *testing.T) {
	t.Parallel()
	w := newWorld(t, harness.Options{})
	within, anywhere := w.service("mailer", w.acme.ID, "users:contact"), w.service("global", "", "users:contact")
	for _, tt := range []struct {
		name, bearer, whom string
		status             int
	}{
		{"its own", within, "member", 200},
		{"another tenant's", within, "stranger", 404},
		{"of no tenant", anywhere, "stranger", 200},
	} {
		got := w.is(tt.name, tt.status, "", http.MethodGet, "/users/"+w.id(tt.whom)+"/contact", tt.bearer, nil)
		if tt.status == 200 && (got["email"] != tt.whom+"@acme.test" || got["phone"] != "+491701234567") {
			t.Errorf("%v", got)
		}
	}
	w.is("nobody", 404, "USER_001", http.MethodGet, "/users/"+storage.NewID()+"/contact", anywhere, nil)
	w.is("another scope", 403, "AUTH_010", http.MethodGet, "/users/"+w.id("member")+"/contact", w.service("other", w.acme.ID, "activity:write"), nil)
	w.is("me of a service", 404, "USER_001", http.MethodGet, "/users/me/contact", anywhere, nil)
}

func TestReportActivity(t *testing.T) {
	engines(t, func(w *world) {
		t := w.t
		crm, global := w.service("crm", w.acme.ID, "activity:write"), w.service("global", "", "activity:write")
		path := "/auth/users/" + w.id("member") + "/activity"
		one := map[string]any{"action": "document.opened", "resource": "document", "resource_id": "d-1", "metadata": map[string]any{"title": "Plan"}}
		got := w.is("one", 201, "", http.MethodPost, path, crm, one)
		if got["id"] == "" || got["id"] != got["activity_id"] || got["user_id"] != w.id("member") || got["action"] != "document.opened" || got["created_at"] != "2026-10-01T12:00:00.000000Z" {
			t.Errorf("%v", got)
		}
		first := got["id"]
		got = w.is("several", 201, "", http.MethodPost, path, crm, []any{
			map[string]any{"action": "document.closed", "occurred_at": "2026-09-30T10:00:00"},
			map[string]any{"action": "Free text"},
			map[string]any{"action": 7},
			map[string]any{"action": "x", "occurred_at": "yesterday"},
			"nothing",
			map[string]any{"action": "document.printed", "occurred_at": "2026-10-01T13:00:00+02:00"},
		})
		if got["accepted"] != 2.0 || len(got["activity_ids"].([]any)) != 2 {
			t.Errorf("%v", got)
		}
		var rejected []any
		for _, r := range got["rejected"].([]any) {
			rejected = append(rejected, r.(map[string]any)["index"])
		}
		if diff := cmp.Diff([]any{1.0, 2.0, 3.0, 4.0}, rejected); diff != "" {
			t.Errorf("%v", got["rejected"])
		}

		w.is("bad", 422, "REQ_001", http.MethodPost, path, crm, map[string]any{"action": ""})
		w.is("empty", 422, "REQ_001", http.MethodPost, path, crm, "")
		w.is("too many", 413, "REQ_001", http.MethodPost, path, crm, make([]struct{}, 501))
		w.is("too large", 413, "REQ_001", http.MethodPost, path, crm, `"`+strings.Repeat("x", 1<<20)+`"`)
		w.is("another tenant's", 404, "USER_001", http.MethodPost, "/auth/users/"+w.id("stranger")+"/activity", crm, one)
		w.is("of no tenant", 201, "", http.MethodPost, "/auth/users/"+w.id("stranger")+"/activity", global, one)
		w.is("nobody", 404, "USER_001", http.MethodPost, "/auth/users/"+storage.NewID()+"/activity", global, one)
		w.is("without the scope", 403, "AUTH_010", http.MethodPost, path, w.token("root"), one)

		w.counted()
		mine := w.is("read", 200, "", http.MethodGet, "/users/me/activity?action=document.opened", w.token("member"), nil)
		item := mine["activities"].([]any)[0].(map[string]any)
		if mine["total_count"] != 1.0 || item["id"] != first || item["metadata"].(map[string]any)["title"] != "Plan" || item["resource_id"] != "d-1" {
			t.Errorf("%v", mine)
		}
		// What a service wrote is the person's: an administrator does not read it.
		theirs := w.is("read", 200, "", http.MethodGet, "/users/"+w.id("member")+"/activity?action=document.opened", w.token("admin"), nil)
		item = theirs["activities"].([]any)[0].(map[string]any)
		if len(item["metadata"].(map[string]any)) != 0 || item["ip_address"] != nil {
			t.Errorf("an administrator reads %v", item)
		}
		if byDay := mine["activities_by_day"].(map[string]any); byDay["2026-09-30"] != 1.0 {
			t.Errorf("%v", byDay)
		}
		// In the database the text is sealed.
		events, err := w.Store.EventsAfter(t.Context(), 0, 500)
		if err != nil {
			t.Fatal(err)
		}
		for _, e := range events {
			if bytes.Contains(e.Data, []byte("Plan")) || bytes.Contains(e.Personal, []byte("Plan")) {
				t.Errorf("%s holds the text: %s", e.Type, e.Data)
			}
		}
	})
}

// What happens in one tenant is neither seen nor counted in another.
func TestActivityAcrossTenants(t *testing.T) {
	engines(t, func(w *world) {
		t := w.t
		for range 2 {
			w.happened("both", w.acme.ID, event.UserLogin)
		}
		w.happened("both", w.globex.ID, event.UserLogin)
		w.happened("both", "", event.UserPasswordChanged)
		path := "/users/" + w.id("both") + "/activity"
		check := func(name, bearer string, want float64) {
			t.Helper()
			got := w.is(name, 200, "", http.MethodGet, path+"?action=user.login", bearer, nil)
			if by := got["activities_by_type"].(map[string]any); got["total_count"] != want || by["user.login"] != want || len(got["activities"].([]any)) != int(want) {
				t.Errorf("%s: %v", name, got)
			}
			for _, item := range got["activities"].([]any) {
				if address := item.(map[string]any)["ip_address"]; (address != nil) != (name == "oneself") {
					t.Errorf("%s sees the address %v", name, address)
				}
			}
		}
		check("acme's manager", w.token("manager"), 2)
		check("globex's owner", w.token("stranger"), 1)
		check("oneself", w.token("both"), 3)
		got := w.is("acme", 200, "", http.MethodGet, path, w.token("manager"), nil)
		if by := got["activities_by_type"].(map[string]any); by["user.password_changed"] != nil || got["total_activities"] != 2.0 {
			t.Errorf("an organization sees what happened to the account: %v", got)
		}
		w.is("elsewhere", 404, "ORG_001", http.MethodGet, path+"?organization_id="+w.globex.ID, w.token("manager"), nil)
	})
}

func TestOrganizationDashboard(t *testing.T) {
	engines(t, func(w *world) {
		t := w.t
		w.happened("member", w.acme.ID, event.UserLogin)
		w.happened("both", w.globex.ID, event.UserLogin)
		path := "/organizations/" + w.acme.ID + "/dashboard"
		for who, status := range map[string]int{"owner": 200, "manager": 200, "member": 200, "viewer": 403, "stranger": 404, "root": 200} {
			w.is(who, status, "", http.MethodGet, path, w.token(who), nil)
		}
		w.is("nobody", 401, "AUTH_011", http.MethodGet, path, "", nil)
		got := w.is("owner", 200, "", http.MethodGet, path, w.token("owner"), nil)
		stats := got["stats"].(map[string]any)
		if stats["total_users"] != 6.0 || stats["logins_7d"] != 1.0 || stats["pending_invites"] != 0.0 || got["member_count"] != 6.0 {
			t.Errorf("%v", stats)
		}
		has := func(got map[string]any, action string) bool {
			for _, a := range got["recent_activities"].([]any) {
				if a.(map[string]any)["action"] == action {
					return true
				}
			}
			return false
		}
		if !has(got, "user.login") {
			t.Errorf("an owner does not see the login: %v", got["recent_activities"])
		}
		got = w.is("member", 200, "", http.MethodGet, path, w.token("member"), nil)
		if has(got, "user.login") || !has(got, "organization.user_added") {
			t.Errorf("a member sees %v", got["recent_activities"])
		}
		for _, u := range got["recent_users"].([]any) {
			if u.(map[string]any)["email"] != nil {
				t.Errorf("a member sees the address of %v", u)
			}
		}
	})
}
