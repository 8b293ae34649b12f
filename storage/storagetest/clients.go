package storagetest

import (
	"encoding/json"
	"testing"
	"time"

	"github.com/signet-idp/signet/storage"
)

func testClients(t *testing.T, r []Store) {
	ctx, s := t.Context(), r[0]
	age := int64(600)
	c := storage.Client{
		ClientID: "web", OrganizationID: "org", ManagedBy: "apply", Version: 4, CreatedAt: epoch, UpdatedAt: epoch,
		Metadata: storage.ClientMetadata{
			ClientName: "Web", RedirectURIs: []string{"https://a.test/cb?x=1&y=2", "com.acme:/cb"}, GrantTypes: []string{"authorization_code"},
			JWKS: json.RawMessage(`{"keys":[]}`), DefaultMaxAge: &age, FirstParty: true,
			ClaimRules: []storage.ClaimRule{{Claim: "tier", Value: "gold", In: []string{"id_token"}}},
		},
	}
	noError(t, s.InsertClient(ctx, c))
	wantError(t, s.InsertClient(ctx, c), storage.ErrConflict)
	equal(t, must(s.ClientByID(ctx, "web"))(t), c)
	_, err := s.ClientByID(ctx, "none")
	wantError(t, err, storage.ErrNotFound)

	first := storage.ClientSecret{ID: "s1", Hash: []byte{1, 0, 2}, CreatedAt: epoch}
	second := storage.ClientSecret{ID: "s0", Hash: []byte{3}, CreatedAt: epoch.Add(time.Second), ExpiresAt: epoch.Add(time.Hour)}
	noError(t, s.PutClientSecret(ctx, "web", second))
	noError(t, s.PutClientSecret(ctx, "web", first))
	c.Secrets = []storage.ClientSecret{first, second}
	equal(t, must(s.ClientByID(ctx, "web"))(t), c)
	first.ExpiresAt = epoch.Add(time.Minute)
	noError(t, s.PutClientSecret(ctx, "web", first))
	c.Secrets[0] = first
	wantError(t, s.PutClientSecret(ctx, "none", first), storage.ErrNotFound)

	api := storage.Client{ClientID: "api"}
	noError(t, s.InsertClient(ctx, api))
	equal(t, must(s.ListClients(ctx, "", 10))(t), []storage.Client{api, c})
	equal(t, must(s.ListClients(ctx, "", 1))(t), []storage.Client{api})
	equal(t, must(s.ListClients(ctx, "api", 1))(t), []storage.Client{c})

	c.Disabled, c.Metadata, c.OrganizationID = true, storage.ClientMetadata{ClientName: "Web 2"}, "org-2"
	noError(t, s.UpdateClient(ctx, c))
	wantError(t, s.UpdateClient(ctx, c), storage.ErrVersion)
	c.Version++
	equal(t, must(s.ClientByID(ctx, "web"))(t), c)

	noError(t, s.DeleteClientSecret(ctx, "web", "s1"))
	wantError(t, s.DeleteClientSecret(ctx, "web", "s1"), storage.ErrNotFound)
	noError(t, s.DeleteClient(ctx, "web"))
	wantError(t, s.DeleteClient(ctx, "web"), storage.ErrNotFound)
	wantError(t, s.DeleteClientSecret(ctx, "web", "s0"), storage.ErrNotFound)
}

func testResources(t *testing.T, r []Store) {
	ctx, s := t.Context(), r[0]
	v := storage.Resource{
		Identifier: "https://api.acme.test", OrganizationID: "org", Name: "Orders",
		Scopes:     []storage.ResourceScope{{Name: "orders:read", Description: "Read"}, {Name: "orders:write"}},
		SigningAlg: "EdDSA", TokenLifetime: 5 * time.Minute, Introspectors: []string{"orders", "gateway"},
		ManagedBy: "apply", Version: 2, CreatedAt: epoch, UpdatedAt: epoch,
	}
	zero := storage.Resource{Identifier: "https://b.acme.test"}
	noError(t, s.PutResource(ctx, v))
	noError(t, s.PutResource(ctx, zero))
	equal(t, must(s.ResourceByIdentifier(ctx, v.Identifier))(t), v)
	equal(t, must(s.ListResources(ctx, "", 10))(t), []storage.Resource{v, zero})
	equal(t, must(s.ListResources(ctx, v.Identifier, 10))(t), []storage.Resource{zero})
	_, err := s.ResourceByIdentifier(ctx, "none")
	wantError(t, err, storage.ErrNotFound)

	next := storage.Resource{Identifier: v.Identifier, Name: "New", Version: 99, CreatedAt: epoch.Add(time.Hour), UpdatedAt: epoch.Add(time.Hour)}
	noError(t, s.PutResource(ctx, next))
	next.Version, next.CreatedAt = v.Version+1, v.CreatedAt
	equal(t, must(s.ResourceByIdentifier(ctx, v.Identifier))(t), next)

	noError(t, s.DeleteResource(ctx, v.Identifier))
	wantError(t, s.DeleteResource(ctx, v.Identifier), storage.ErrNotFound)
}
