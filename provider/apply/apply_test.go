package apply_test

import (
	"context"
	"crypto/rand"
	"errors"
	"reflect"
	"slices"
	"strings"
	"testing"

	"github.com/signet-idp/signet/internal/safehttp"
	"github.com/signet-idp/signet/provider/access"
	"github.com/signet-idp/signet/provider/apply"
	"github.com/signet-idp/signet/provider/change/changetest"
	"github.com/signet-idp/signet/provider/client"
	"github.com/signet-idp/signet/provider/gate"
	"github.com/signet-idp/signet/provider/org"
	"github.com/signet-idp/signet/provider/user"
	"github.com/signet-idp/signet/provider/user/password"
	"github.com/signet-idp/signet/provider/webhook"
	"github.com/signet-idp/signet/storage"
)

// plainHash marks a password instead of hashing it: tests of apply need no argon2.
type plainHash struct{ hashed int }

func (p *plainHash) Hash(_ context.Context, pw string) (string, error) {
	p.hashed++
	return "hash of " + pw, nil
}

type plainMAC struct{}

func (plainMAC) MAC(data []byte) []byte            { return append([]byte("mac of "), data...) }
func (m plainMAC) VerifyMAC(mac, data []byte) bool { return string(mac) == string(m.MAC(data)) }

// plainSeal seals nothing away either.
type plainSeal struct{}

func (plainSeal) Seal(_, plain []byte) []byte           { return plain }
func (plainSeal) Open(_, sealed []byte) ([]byte, error) { return sealed, nil }

func applier(f *changetest.Fixture) *apply.Applier {
	guarded, err := safehttp.New(safehttp.Options{})
	if err != nil {
		panic(err)
	}
	orgs := org.New(f.Store, f.Resolver, f.Changes)
	return &apply.Applier{
		Store: f.Store, Orgs: orgs,
		Users:   user.New(f.Store, user.StoreSessions{Sessions: f.Store, Grants: f.Store}, orgs, f.Resolver, f.Changes),
		Access:  access.NewService(f.Store, f.Resolver, f.Changes),
		Clients: client.NewService(f.Store, client.Keep(plainMAC{}), f.Resolver, f.Changes),
		Gates:   &gate.Service{Store: f.Store, Change: f.Changes},
		Webhooks: webhook.New(webhook.Deps{
			Store: f.Store, Change: f.Changes, Client: guarded, Key: plainSeal{}, Clock: f.Clock, Random: rand.Reader,
		}),
		Passwords: &plainHash{}, Policy: password.NewPolicy(0), Changes: f.Changes,
	}
}

func parse(t *testing.T, text string) *apply.File {
	t.Helper()
	f, err := apply.Parse("x.yaml", []byte(text))
	if err != nil {
		t.Fatal(err)
	}
	return f
}

func run(t *testing.T, a *apply.Applier, text string, o apply.Options) *apply.Report {
	t.Helper()
	r, err := a.Apply(t.Context(), parse(t, text), o)
	if err != nil {
		t.Fatal(err)
	}
	return r
}

// told is a report in one line per object.
func told(r *apply.Report) string {
	var b strings.Builder
	for _, d := range r.Objects {
		b.WriteString(string(d.Action) + " " + d.Kind + " " + d.Name)
		if len(d.Members) > 0 {
			b.WriteString(" [" + strings.Join(d.Members, " ") + "]")
		}
		b.WriteString("\n")
	}
	return b.String()
}

const full = `
organizations: [{slug: acme, name: Acme Inc}]
roles: [{name: billing, organization: acme, permissions: ["write:invoice", "read:invoice"]}]
users:
  - email: alice@acme.test
    password: correct horse battery
    email_verified: true
    name: Alice Example
    phone_number: "+33 1 23 45 67 89"
    organizations: [{slug: acme, roles: [owner, billing]}]
    roles: [admin]
  - email: bob@acme.test
    password_hash: "$2b$10$abcdefghijklmnopqrstuuu8DKsJdVEJKv6SCDY/sV43p0ARbZxZu"
    organizations: [{slug: acme, roles: [member]}]
resources:
  - identifier: https://api.acme.test
    organization: acme
    scopes: [{name: "orders:read", description: Read orders}]
    signing_alg: ES256
clients:
  - client_id: web
    token_endpoint_auth_method: none
    redirect_uris: ["http://127.0.0.1:9000/callback"]
    grant_types: [authorization_code, refresh_token]
    scope: "openid profile email offline_access organization roles"
    first_party: true
  - client_id: orders
    client_secret: a-secret-of-forty-characters-no-less-yes
    grant_types: [client_credentials]
    scope: "orders:read permissions:read"
    audience: ["https://api.acme.test"]
    organization: acme
    roles: [viewer]
`

func TestApplyIsIdempotent(t *testing.T) {
	changetest.Engines(t, func(t *testing.T, fs []*changetest.Fixture) {
		f := fs[0]
		a := applier(f)
		dry := run(t, a, full, apply.Options{DryRun: true})
		if users, err := f.Store.ListUsers(t.Context(), "", 10); err != nil || len(users) != 0 {
			t.Fatalf("a dry run left %v, %v", users, err)
		}
		before := f.Mark(t)
		first := run(t, a, full, apply.Options{})
		if told(first) != told(dry) {
			t.Errorf("the dry run said\n%sand it was\n%s", told(dry), told(first))
		}
		if n := first.Count(apply.Created); n != 9 || n != len(first.Objects) {
			t.Errorf("created %d:\n%s", n, told(first))
		}
		if events := f.Events(t, before); events[len(events)-1] != "system.configuration_applied" {
			t.Errorf("events %v", events)
		}
		before = f.Mark(t)
		head, err := f.Store.FeedHead(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		second := run(t, a, full, apply.Options{Prune: true})
		if second.Changed() || len(second.Objects) != 9 {
			t.Errorf("the same again:\n%s", told(second))
		}
		after, err := f.Store.FeedHead(t.Context())
		if err != nil || after != head {
			t.Errorf("the same again moved %v to %v, %v", head, after, err)
		}
		if events, ended := f.Events(t, before), f.Ended(t, before); len(events)+len(ended) != 0 {
			t.Errorf("the same again: %v %v", events, ended)
		}
		if n := a.Passwords.(*plainHash).hashed; n != 2 { // the dry run's and the first's
			t.Errorf("hashed %d times", n)
		}
		alice, err := f.Store.UserByEmail(t.Context(), "alice@acme.test")
		if err != nil || alice.PasswordHash != "hash of correct horse battery" || alice.Profile["phone_number"] != "+33123456789" || alice.ManagedBy != "apply" {
			t.Errorf("%+v %v", alice, err)
		}
	})
}

func TestApplyUpdates(t *testing.T) {
	f := changetest.New(t)
	a := applier(f)
	run(t, a, full, apply.Options{})
	edited := strings.NewReplacer(
		"Acme Inc", "Acme Ltd", `["write:invoice", "read:invoice"]`, `["read:invoice"]`,
		"Alice Example", "Alice Other", "email_verified: true", "email_verified: false", "roles: [admin]", "roles: [admin, user]",
		"roles: [owner, billing]", "roles: [owner]", "Read orders", "See orders", "first_party: true", "first_party: false",
		"a-secret-of-forty-characters-no-less-yes", "another secret of more than thirty-two characters",
		"correct horse battery", "a password of another kind",
	).Replace(full)
	before := f.Mark(t)
	got := told(run(t, a, edited, apply.Options{}))
	want := `update organization acme [name]
update role acme/billing [permissions]
update user alice@acme.test [email_verified name roles]
unchanged user bob@acme.test
update membership alice@acme.test in acme [roles]
unchanged membership bob@acme.test in acme
update resource https://api.acme.test [scopes]
update client web [first_party]
update client orders [client_secret]
`
	if got != want {
		t.Errorf("got\n%swant\n%s", got, want)
	}
	ended := f.Ended(t, before)
	if len(ended) != 2 || !strings.HasPrefix(ended[0], "role ") || !strings.HasPrefix(ended[1], "member ") {
		t.Errorf("ended %v", ended)
	}
	// A first password stays what the person has made of it.
	if u, err := f.Store.UserByEmail(t.Context(), "alice@acme.test"); err != nil || u.PasswordHash != "hash of correct horse battery" {
		t.Errorf("%q %v", u.PasswordHash, err)
	}
}

func TestPruneEndsOnlyItsOwn(t *testing.T) {
	f := changetest.New(t)
	a := applier(f)
	run(t, a, full, apply.Options{})
	if _, err := a.Users.Create(t.Context(), access.Root(), user.Account{Email: "carol@acme.test"}); err != nil {
		t.Fatal(err)
	}
	if err := a.EnsureBuiltin(t.Context()); err != nil {
		t.Fatal(err)
	}
	const less = "organizations: [{slug: globex, name: Globex}]\n"
	if r := run(t, a, less, apply.Options{}); r.Count(apply.Deleted)+r.Count(apply.Suspended) != 0 {
		t.Errorf("without --prune:\n%s", told(r))
	}
	want := `unchanged organization globex
delete client orders
delete client web
delete resource https://api.acme.test
suspend user alice@acme.test
suspend user bob@acme.test
suspend organization acme
delete role acme/billing
`
	for _, dry := range []bool{true, false} {
		if got := told(run(t, a, less, apply.Options{Prune: true, DryRun: dry})); got != want {
			t.Errorf("got\n%swant\n%s", got, want)
		}
	}
	if got := told(run(t, a, less, apply.Options{Prune: true})); got != "unchanged organization globex\n" {
		t.Errorf("again:\n%s", got)
	}
	if _, err := a.Clients.Get(t.Context(), apply.LegacyClientID); err != nil {
		t.Errorf("the built-in client: %v", err)
	}
}

func TestNothingOfAWrongFileIsApplied(t *testing.T) {
	for _, c := range []struct {
		name, text string
		want       []string
	}{
		{"everything at once", `
organizations: [{slug: Acme, name: ""}]
roles: [{name: owner, permissions: [everything]}]
users:
  - email: alice
  - email: b@acme.test
    password: x
    password_hash: md5
    locale: "?"
    organizations: [{slug: nowhere, roles: [member]}]
    roles: [emperor]
clients:
  - client_id: web
    redirect_uris: ["https://*.test"]
    organization: nowhere
`, []string{
			"x.yaml:2:24: organizations[0].slug: a slug is",
			"x.yaml:2:36: organizations[0].name: an organization has a name",
			"x.yaml:3:16: roles[0].name: this is a built-in role's name",
			"x.yaml:3:37: roles[0].permissions[0]: a permission is written",
			"x.yaml:5:12: users[0].email: write an e-mail address",
			"x.yaml:8:20: users[1].password_hash: give password or password_hash",
			"x.yaml:9:13: users[1].locale: write a language tag",
			`x.yaml:10:28: users[1].organizations[0].slug: there is no organization "nowhere"`,
			`x.yaml:11:13: users[1].roles[0]: there is no role "emperor" of the system`,
			"x.yaml:14:21: clients[0].redirect_uris[0]: redirect URI has a wildcard",
			`x.yaml:15:19: clients[0].organization: there is no organization "nowhere"`,
		}},
		{"twice", "users: [{email: a@b.test}, {email: A@B.test}]\n", []string{"x.yaml:1:28: users[1]: this is declared twice, first as users[0]"}},
		{"a bad hash", "users: [{email: a@b.test, password_hash: md5}]\n", []string{"x.yaml:1:42: users[0].password_hash: unknown or malformed password hash"}},
		{"a secret of a public client", "clients: [{client_id: a, client_secret: x, token_endpoint_auth_method: none, redirect_uris: [\"https://a.test/\"]}]\n", []string{"x.yaml:1:41: clients[0].client_secret: a client with none has no secret"}},
	} {
		t.Run(c.name, func(t *testing.T) {
			f := changetest.New(t)
			_, err := applier(f).Apply(t.Context(), parse(t, c.text), apply.Options{})
			var e *apply.Error
			if !errors.As(err, &e) {
				t.Fatalf("got %v", err)
			}
			for i, want := range c.want {
				if i >= len(e.Problems) || !strings.HasPrefix(e.Problems[i].String(), want) {
					t.Errorf("problem %d is not %q:\n%v", i, want, err)
					break
				}
			}
			if len(e.Problems) != len(c.want) {
				t.Errorf("%d problems, want %d:\n%v", len(e.Problems), len(c.want), err)
			}
			if users, err := f.Store.ListUsers(t.Context(), "", 10); err != nil || len(users) != 0 {
				t.Errorf("applied %v %v", users, err)
			}
		})
	}
}

// What only the transaction finds out takes everything back, too, and says where.
func TestARefusedChangeTakesAllBack(t *testing.T) {
	f := changetest.New(t)
	a := applier(f)
	run(t, a, "organizations: [{slug: acme, name: Acme}]\nusers: [{email: alice@acme.test, organizations: [{slug: acme, roles: [owner]}]}]\n", apply.Options{})
	_, err := a.Apply(t.Context(), parse(t, `
organizations: [{slug: acme, name: Changed}]
users:
  - email: alice@acme.test
    organizations: [{slug: acme, roles: [member]}]
`), apply.Options{})
	if err == nil || !strings.HasPrefix(err.Error(), "x.yaml:5:21: users[0].organizations[0]: an organization never loses its last owner") {
		t.Errorf("got %v", err)
	}
	if o, err := f.Store.OrganizationBySlug(t.Context(), "acme"); err != nil || o.Name != "Acme" {
		t.Errorf("left %q %v", o.Name, err)
	}
	// Handing over in one file works: the new owner comes first.
	run(t, a, `
users:
  - email: alice@acme.test
    organizations: [{slug: acme, roles: [member]}]
  - email: bob@acme.test
    organizations: [{slug: acme, roles: [owner]}]
`, apply.Options{})
}

func TestExportIsWhatWasApplied(t *testing.T) {
	f := changetest.New(t)
	a := applier(f)
	run(t, a, full, apply.Options{})
	for _, hashes := range []bool{false, true} {
		out, err := a.Export(t.Context(), hashes)
		if err != nil {
			t.Fatal(err)
		}
		text, err := out.YAML()
		if err != nil {
			t.Fatal(err)
		}
		for _, secret := range []string{"a-secret-of-forty-characters-no-less-yes", "mac of"} {
			if strings.Contains(string(text), secret) {
				t.Errorf("a secret in\n%s", text)
			}
		}
		if strings.Contains(string(text), "hash of") != hashes {
			t.Errorf("password hashes %v:\n%s", hashes, text)
		}
		if !hashes {
			if r := run(t, a, string(text), apply.Options{Prune: true}); r.Changed() {
				t.Errorf("applied again:\n%s\n%s", told(r), text)
			}
			continue
		}
		// Another installation gets the same people, ids and all.
		text = []byte(strings.ReplaceAll(string(text), "hash of correct horse battery", "$2b$10$abcdefghijklmnopqrstuuu8DKsJdVEJKv6SCDY/sV43p0ARbZxZu"))
		g := changetest.New(t)
		b := applier(g)
		run(t, b, string(text), apply.Options{})
		one, err := f.Store.UserByEmail(t.Context(), "alice@acme.test")
		if err != nil {
			t.Fatal(err)
		}
		two, err := g.Store.UserByEmail(t.Context(), "alice@acme.test")
		if err != nil || one.ID != two.ID {
			t.Errorf("%s and %s, %v", one.ID, two.ID, err)
		}
	}
}

func TestMadeSecretsAreTold(t *testing.T) {
	f := changetest.New(t)
	a := applier(f)
	const text = "clients: [{client_id: orders, grant_types: [client_credentials]}]\n"
	if r := run(t, a, text, apply.Options{DryRun: true}); r.Objects[0].ClientSecret != "" {
		t.Error("a dry run tells a secret that is none")
	}
	r := run(t, a, text, apply.Options{})
	c, err := a.Clients.Get(t.Context(), "orders")
	if err != nil || !a.Clients.HasSecret(c, r.Objects[0].ClientSecret) {
		t.Errorf("%q %v", r.Objects[0].ClientSecret, err)
	}
	if r := run(t, a, text, apply.Options{}); r.Changed() || r.Objects[0].ClientSecret != "" {
		t.Errorf("again: %+v", r.Objects)
	}
}

func TestDemo(t *testing.T) {
	f := changetest.New(t)
	a := applier(f)
	if err := a.EnsureBuiltin(t.Context()); err != nil {
		t.Fatal(err)
	}
	got, err := a.SeedDemo(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if len(got.Users) != 2 || len(got.Clients) != 2 || got.Users[0].Secret == got.Users[1].Secret {
		t.Errorf("%+v", got)
	}
	ids := []string{}
	clients, err := f.Store.ListClients(t.Context(), "", 10)
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range clients {
		ids = append(ids, c.ClientID)
	}
	if want := []string{"legacy", "orders", "web", "web-confidential"}; !slices.Equal(ids, want) {
		t.Errorf("clients %v", ids)
	}
	if again, err := a.SeedDemo(t.Context()); err != nil || again != nil {
		t.Errorf("into a store that is not empty: %v %v", again, err)
	}
	if c, err := f.Store.ClientByID(t.Context(), "legacy"); err != nil || !c.Metadata.JSONLogin || c.ManagedBy != "builtin" {
		t.Errorf("%+v %v", c, err)
	}
}

func TestGates(t *testing.T) {
	t.Parallel()
	f := changetest.New(t)
	a := applier(f)
	file := parse(t, `
organizations: [{slug: acme, name: Acme}]
gates:
  - {name: orders, audience: "https://api.acme.test", scopes: ["orders:read"], organization: acme, acr: aal2, max_age: 600, style: auth-request, fail: open-on-valid-signature,
     browser: {hosts: [orders.acme.test, "localhost:8080"], redirect: never, lifetime: 600}}
  - {name: open}
`)
	apply1 := func(file *apply.File, o apply.Options, want ...string) {
		t.Helper()
		out, err := a.Apply(t.Context(), file, o)
		if err != nil {
			t.Fatal(err)
		}
		var got []string
		for _, d := range out.Objects {
			if d.Kind == "gate" {
				got = append(got, string(d.Action)+" "+d.Name)
			}
		}
		if !slices.Equal(got, want) {
			t.Errorf("%q, want %q", got, want)
		}
	}
	apply1(file, apply.Options{}, "create orders", "create open")
	apply1(file, apply.Options{}, "unchanged orders", "unchanged open")
	out, err := a.Export(t.Context(), false)
	if err != nil || len(out.Gates) != 2 || !reflect.DeepEqual(out.Gates[1], file.Gates[0]) {
		t.Errorf("%+v %v", out.Gates, err)
	}
	changed := parse(t, `{organizations: [{slug: acme, name: Acme}], gates: [{name: orders, scopes: ["orders:write"]}]}`)
	apply1(changed, apply.Options{Prune: true}, "update orders", "delete open")

	for name, text := range map[string]string{
		"no hosts":     `gates: [{name: a, browser: {}}]`,
		"a failure":    `gates: [{name: a, fail: open}]`,
		"a host":       `gates: [{name: a, browser: {hosts: ["https://a.test"]}}]`,
		"a redirect":   `gates: [{name: a, browser: {hosts: [a.test], redirect: always}}]`,
		"a lifetime":   `gates: [{name: a, browser: {hosts: [a.test], lifetime: 90000}}]`,
		"a name":       `gates: [{name: Orders}]`,
		"reserved":     `gates: [{name: default}]`,
		"twice":        `gates: [{name: a}, {name: a}]`,
		"acr":          `gates: [{name: a, acr: high}]`,
		"max_age":      `gates: [{name: a, max_age: -1}]`,
		"style":        `gates: [{name: a, style: nginx}]`,
		"role":         `gates: [{name: a, roles: ["system:"]}]`,
		"scope":        `gates: [{name: a, scopes: ["a b"]}]`,
		"organization": `gates: [{name: a, organization: nobody}]`,
	} {
		if _, err := a.Apply(t.Context(), parse(t, text), apply.Options{DryRun: true}); err == nil {
			t.Errorf("%s was accepted", name)
		}
	}
}

func TestWebhooks(t *testing.T) {
	t.Parallel()
	f := changetest.New(t)
	a := applier(f)
	const (
		given = "whsec_QUFBQUFBQUFBQUFBQUFBQUFBQUFBQUFB"
		other = "whsec_QkJCQkJCQkJCQkJCQkJCQkJCQkJCQkJC"
		file  = `webhooks:
  - {url: "https://siem.acme.test/in", events: ["*"], description: All of it}
  - {url: "https://crm.acme.test/in", events: ["user.*"], secret: ` + given + `}
`
	)
	byCommand, _, err := a.Webhooks.Create(t.Context(), "", webhook.Registration{URL: "https://hand.acme.test/in", Events: []string{"*"}})
	if err != nil {
		t.Fatal(err)
	}
	if r := run(t, a, file, apply.Options{DryRun: true}); r.Objects[0].Secret != "" {
		t.Error("a dry run tells a secret that is none")
	}
	r := run(t, a, file, apply.Options{})
	if got := told(r); got != "create webhook https://siem.acme.test/in\ncreate webhook https://crm.acme.test/in\n" {
		t.Error(got)
	}
	if !strings.HasPrefix(r.Objects[0].Secret, "whsec_") || r.Objects[1].Secret != "" {
		t.Errorf("secrets told: %+v", r.Objects)
	}
	if r := run(t, a, file, apply.Options{Prune: true}); r.Changed() || r.Objects[0].Secret != "" {
		t.Errorf("again: %s", told(r))
	}
	out, err := a.Export(t.Context(), false)
	if err != nil {
		t.Fatal(err)
	}
	text, err := out.YAML()
	if err != nil || strings.Contains(string(text), "whsec_") || len(out.Webhooks) != 3 {
		t.Fatalf("%s %v", text, err)
	}
	if r := run(t, a, string(text), apply.Options{Prune: true}); r.Changed() {
		t.Errorf("exported and applied: %s", told(r))
	}
	// One is gone, one is another, one has its URL twice.
	r = run(t, a, `webhooks:
  - {url: "https://crm.acme.test/in", events: ["user.created"], secret: `+other+`, disabled: true}
  - {url: "https://crm.acme.test/in", events: ["client.*"]}
`, apply.Options{Prune: true})
	if got, want := told(r), `update webhook https://crm.acme.test/in [disabled events secret]
delete webhook https://siem.acme.test/in
create webhook https://crm.acme.test/in
`; got != want {
		t.Errorf("got\n%s", got)
	}
	list, err := a.Webhooks.List(t.Context(), "")
	if err != nil || len(list) != 3 || list[0].ID != byCommand.ID || list[1].Status != storage.WebhookDisabled || len(list[1].OldSecret) == 0 {
		t.Errorf("%+v %v", list, err)
	}
	for path, text := range map[string]string{
		"webhooks[0].url":      `webhooks: [{url: "ftp://a.test", events: ["*"]}]`,
		"webhooks[0].events":   `webhooks: [{url: "https://a.test/"}]`,
		"webhooks[0].events.0": `webhooks: [{url: "https://a.test/", events: [nonsense]}]`,
		"webhooks[0].secret":   `webhooks: [{url: "https://a.test/", events: ["*"], secret: whsec_c2hvcnQ=}]`,
	} {
		_, err := a.Apply(t.Context(), parse(t, text), apply.Options{})
		if file, ok := errors.AsType[*apply.Error](err); !ok || !strings.HasPrefix(file.Problems[0].Path, strings.TrimSuffix(path, ".0")) {
			t.Errorf("%s: %v", path, err)
		}
	}
}
