package client_test

import (
	"bytes"
	"crypto/hmac"
	"crypto/sha256"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/signet-idp/signet/provider/access"
	"github.com/signet-idp/signet/provider/change/changetest"
	"github.com/signet-idp/signet/provider/client"
	"github.com/signet-idp/signet/provider/fault"
	"github.com/signet-idp/signet/provider/org"
	"github.com/signet-idp/signet/storage"
)

// mac is a keyed hash for tests.
type mac struct{}

func (mac) MAC(data []byte) []byte {
	h := hmac.New(sha256.New, []byte("key"))
	h.Write(data)
	return h.Sum(nil)
}

func (m mac) VerifyMAC(mac, data []byte) bool { return hmac.Equal(mac, m.MAC(data)) }

func service(f *changetest.Fixture) *client.Service {
	return client.NewService(f.Store, client.Keep(mac{}), f.Resolver, f.Changes)
}

func orders() client.Registration {
	return client.Registration{ClientID: "orders", Source: "admin", Metadata: storage.ClientMetadata{
		GrantTypes: []string{client.GrantClient}, Scope: "orders:read orders:write", Audience: []string{"https://api.acme.test"},
	}}
}

func acme(t *testing.T, f *changetest.Fixture) string {
	t.Helper()
	id := storage.NewID()
	if err := f.Store.InsertUser(t.Context(), storage.User{ID: id, EmailCanonical: id, Status: storage.UserActive, Profile: map[string]any{}, Version: 1}); err != nil {
		t.Fatal(err)
	}
	o, err := org.New(f.Store, f.Resolver, f.Changes).Create(t.Context(), org.Organization{Name: "Acme", OwnerID: id})
	if err != nil {
		t.Fatal(err)
	}
	return o.ID
}

func TestLifeOfAClient(t *testing.T) {
	changetest.Engines(t, func(t *testing.T, fs []*changetest.Fixture) {
		f := fs[0]
		s := service(f)
		before := f.Mark(t)
		c, secret, err := s.Create(t.Context(), access.Root(), orders())
		if err != nil {
			t.Fatal(err)
		}
		if len(secret) != 43 || !s.HasSecret(c, secret) || bytes.Contains(c.Secrets[0].Hash, []byte(secret)) {
			t.Errorf("secret %q", secret)
		}
		if events := f.Events(t, before); !slices.Equal(events, []string{"client.created"}) {
			t.Errorf("events %v", events)
		}
		if _, _, err := s.Create(t.Context(), access.Root(), orders()); !fault.Is(err, fault.Conflict) {
			t.Errorf("twice: %v", err)
		}

		same, err := s.Update(t.Context(), access.Root(), "orders", c.Metadata, "admin")
		if err != nil || same.Version != c.Version {
			t.Errorf("the same again: %v %v", same.Version, err)
		}
		before = f.Mark(t)
		m := c.Metadata
		m.ClientName = "Orders"
		if _, err := s.Update(t.Context(), access.Root(), "orders", m, "admin"); err != nil {
			t.Fatal(err)
		}
		if ended := f.Ended(t, before); len(ended) != 0 {
			t.Errorf("a name ended %v", ended)
		}
		m.Scope = "orders:read"
		if _, err := s.Update(t.Context(), access.Root(), "orders", m, "admin"); err != nil {
			t.Fatal(err)
		}
		entry := []string{"client orders"}
		if ended := f.Ended(t, before); !slices.Equal(ended, entry) {
			t.Errorf("a scope taken away ended %v", ended)
		}

		before = f.Mark(t)
		for range 2 {
			if _, err := s.Disable(t.Context(), "orders", true, "test"); err != nil {
				t.Fatal(err)
			}
		}
		if ended, events := f.Ended(t, before), f.Events(t, before); !slices.Equal(ended, entry) || len(events) != 1 {
			t.Errorf("disabled: %v %v", ended, events)
		}
		before = f.Mark(t)
		if _, err := s.Disable(t.Context(), "orders", false, "test"); err != nil {
			t.Fatal(err)
		}
		if ended := f.Ended(t, before); len(ended) != 0 {
			t.Errorf("enabling ended %v", ended)
		}
		if err := s.Delete(t.Context(), "orders", "test"); err != nil {
			t.Fatal(err)
		}
		if ended := f.Ended(t, before); !slices.Equal(ended, entry) {
			t.Errorf("deleting ended %v", ended)
		}
		if _, err := s.Get(t.Context(), "orders"); !fault.Is(err, fault.NotFound) {
			t.Errorf("deleted, and found: %v", err)
		}
	})
}

func TestSecrets(t *testing.T) {
	changetest.Engines(t, func(t *testing.T, fs []*changetest.Fixture) {
		f := fs[0]
		s := service(f)
		registry, err := client.NewRegistry(f.Store, client.Keep(mac{}), f.Clock, mac{}.MAC([]byte("nobody's")))
		if err != nil {
			t.Fatal(err)
		}
		_, first, err := s.Create(t.Context(), access.Root(), orders())
		if err != nil {
			t.Fatal(err)
		}
		version := int64(0)
		works := func(secrets ...string) (out []bool) {
			t.Helper()
			version++
			registry.Configure(version)
			c, err := registry.Get(t.Context(), "orders")
			if err != nil {
				t.Fatal(err)
			}
			for _, secret := range secrets {
				out = append(out, registry.VerifySecret(c, secret))
			}
			return out
		}
		f.Clock.Advance(time.Second)
		_, second, err := s.RotateSecret(t.Context(), "orders", time.Hour)
		if err != nil {
			t.Fatal(err)
		}
		if got := works(first, second); !slices.Equal(got, []bool{true, true}) {
			t.Errorf("while one replaces the other: %v", got)
		}
		f.Clock.Advance(time.Second)
		_, third, err := s.RotateSecret(t.Context(), "orders", time.Hour)
		if err != nil {
			t.Fatal(err)
		}
		if got := works(first, second, third); !slices.Equal(got, []bool{false, true, true}) {
			t.Errorf("a third: %v", got)
		}
		f.Clock.Advance(2 * time.Hour)
		if got := works(second, third); !slices.Equal(got, []bool{false, true}) {
			t.Errorf("after the overlap: %v", got)
		}
		for _, want := range []bool{true, false} {
			if changed, err := s.SetSecret(t.Context(), "orders", "brought along"); err != nil || changed != want {
				t.Errorf("SetSecret: %v %v", changed, err)
			}
		}
		if got := works(third, "brought along", ""); !slices.Equal(got, []bool{false, true, false}) {
			t.Errorf("after SetSecret: %v", got)
		}
		var wg sync.WaitGroup
		for i := range 6 {
			wg.Go(func() {
				_, _, err := service(fs[i%len(fs)]).RotateSecret(t.Context(), "orders", time.Hour)
				if err != nil && !fault.Is(err, fault.Conflict) {
					t.Error(err)
				}
			})
		}
		wg.Wait()
		if c, err := s.Get(t.Context(), "orders"); err != nil || len(c.Secrets) > 2 || len(c.Secrets) == 0 {
			t.Errorf("%d secrets after rotations at once, %v", len(c.Secrets), err)
		}
		// A client that becomes public keeps none.
		m := storage.ClientMetadata{TokenEndpointAuthMethod: client.AuthNone, RedirectURIs: []string{"https://a.test/cb"}}
		if _, err := s.Update(t.Context(), access.Root(), "orders", m, "admin"); err != nil {
			t.Fatal(err)
		}
		if got := works("brought along"); got[0] {
			t.Error("a public client has a secret")
		}
		if _, _, err := s.RotateSecret(t.Context(), "orders", 0); !fault.Is(err, fault.Conflict) {
			t.Errorf("a secret for a public client: %v", err)
		}
	})
}

func TestWhoMayRegisterWhat(t *testing.T) {
	f := changetest.New(t)
	s := service(f)
	home := acme(t, f)
	admin := access.Holder{Roles: []string{"admin"}, OrganizationID: home}
	in := func(edit func(r *client.Registration)) client.Registration {
		r := orders()
		r.ClientID, r.OrganizationID = "", home
		edit(&r)
		return r
	}
	for _, c := range []struct {
		name string
		by   access.Holder
		r    client.Registration
		want fault.Code
		ok   bool
	}{
		{"one's own organization", admin, in(func(*client.Registration) {}), 0, true},
		{"with a role below one's own", admin, in(func(r *client.Registration) { r.Metadata.Roles = []string{"viewer"} }), 0, true},
		{"with a role above one's own", admin, in(func(r *client.Registration) { r.Metadata.Roles = []string{"owner"} }), fault.Forbidden, false},
		{"with no such role", admin, in(func(r *client.Registration) { r.Metadata.Roles = []string{"nobody"} }), fault.Invalid, false},
		{"outside any organization", admin, in(func(r *client.Registration) { r.OrganizationID = "" }), fault.Forbidden, false},
		{"first-party", admin, in(func(r *client.Registration) { r.Metadata.FirstParty = true }), fault.Forbidden, false},
		{"a scope of Signet's own", admin, in(func(r *client.Registration) { r.Metadata.Scope = "permissions:read" }), fault.Forbidden, false},
		{"by a system administrator", access.Holder{Roles: []string{"system:admin"}}, in(func(r *client.Registration) {
			r.Metadata.Scope, r.Metadata.FirstParty, r.OrganizationID = "permissions:read", true, ""
		}), 0, true},
		{"roles without an organization", access.Root(), in(func(r *client.Registration) { r.OrganizationID, r.Metadata.Roles = "", []string{"viewer"} }), fault.Invalid, false},
		{"no such organization", access.Root(), in(func(r *client.Registration) { r.OrganizationID = storage.NewID() }), fault.OrganizationNotFound, false},
		{"in the form of a person's id", access.Root(), in(func(r *client.Registration) { r.ClientID = storage.NewID() }), fault.Invalid, false},
	} {
		t.Run(c.name, func(t *testing.T) {
			_, _, err := s.Create(t.Context(), c.by, c.r)
			if c.ok && err != nil || !c.ok && !fault.Is(err, c.want) {
				t.Errorf("got %v", err)
			}
		})
	}
}

func TestResources(t *testing.T) {
	f := changetest.New(t)
	s := service(f)
	r := storage.Resource{Identifier: "https://api.acme.test", Scopes: []storage.ResourceScope{{Name: "orders:read"}}, SigningAlg: "ES256", TokenLifetime: time.Minute}
	before := f.Mark(t)
	for range 2 {
		if _, err := s.PutResource(t.Context(), r, "admin"); err != nil {
			t.Fatal(err)
		}
	}
	r.Scopes = append(r.Scopes, storage.ResourceScope{Name: "orders:write"})
	if _, err := s.PutResource(t.Context(), r, "admin"); err != nil {
		t.Fatal(err)
	}
	if err := s.DeleteResource(t.Context(), r.Identifier, "test"); err != nil {
		t.Fatal(err)
	}
	if events := f.Events(t, before); !slices.Equal(events, []string{"resource.created", "resource.updated", "resource.deleted"}) {
		t.Errorf("events %v", events)
	}
	for _, bad := range []storage.Resource{
		{Identifier: "api"},
		{Identifier: "https://a.test/#x"},
		{Identifier: "https://a.test", SigningAlg: "none"},
		{Identifier: "https://a.test", TokenLifetime: 48 * time.Hour},
		{Identifier: "https://a.test", TokenLifetime: time.Millisecond},
		{Identifier: "https://a.test", Scopes: []storage.ResourceScope{{Name: "admin"}}},
		{Identifier: "https://a.test", Scopes: []storage.ResourceScope{{Name: "openid"}}},
		{Identifier: "https://a.test", Introspectors: []string{"a b"}},
	} {
		if _, err := s.PutResource(t.Context(), bad, "admin"); !fault.Is(err, fault.Invalid) {
			t.Errorf("%+v: %v", bad, err)
		}
	}
}
