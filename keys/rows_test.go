package keys_test

import (
	"errors"
	"testing"

	"github.com/signet-idp/signet/keys"
	"github.com/signet-idp/signet/storage"
)

// Somebody who can write the database but has no master key gains nothing.
func TestForgedRowsAreRefused(t *testing.T) {
	ctx := t.Context()
	foreign := newHouse(t)
	foreign.loaded(t)
	foreignRings, err := foreign.store.KeyRings(ctx)
	must(t, err)
	var strange storage.SigningKey
	for _, r := range foreignRings {
		if r.Name == "sig/ES256" {
			strange = r.Keys[0]
		}
	}
	for _, c := range []struct {
		name  string
		forge func(own map[string]storage.KeyRing) storage.KeyRing
		want  error
	}{
		{"a key of somebody else", func(own map[string]storage.KeyRing) storage.KeyRing {
			r := own["sig/ES256"]
			r.Keys = append(r.Keys, strange)
			return r
		}, keys.ErrUnknownMaster},
		{"another public half", func(own map[string]storage.KeyRing) storage.KeyRing {
			r := own["sig/ES256"]
			r.Keys[0].PublicJWK = strange.PublicJWK
			return r
		}, keys.ErrTampered},
		{"another public half and its kid", func(own map[string]storage.KeyRing) storage.KeyRing {
			r := own["sig/ES256"]
			r.Keys[0].PublicJWK, r.Keys[0].KID = strange.PublicJWK, strange.KID
			return r
		}, keys.ErrSealed},
		{"a feed key among those for tokens", func(own map[string]storage.KeyRing) storage.KeyRing {
			r := own["sig/ES256"]
			k := own["feed/ES256"].Keys[0]
			k.Use = storage.KeyUseSig
			r.Keys = append(r.Keys, k)
			return r
		}, keys.ErrSealed},
		{"a key of another ring", func(own map[string]storage.KeyRing) storage.KeyRing {
			r := own["sig/ES256"]
			r.Keys = append(r.Keys, own["feed/ES256"].Keys[0])
			return r
		}, keys.ErrTampered},
		{"private halves exchanged", func(own map[string]storage.KeyRing) storage.KeyRing {
			r := own["sig/ES256"]
			r.Keys[0].PrivateSealed, r.Keys[1].PrivateSealed = r.Keys[1].PrivateSealed, r.Keys[0].PrivateSealed
			return r
		}, keys.ErrSealed},
		{"a private key for public", func(own map[string]storage.KeyRing) storage.KeyRing {
			r := own["sig/ES256"]
			r.Keys[0].PublicJWK = []byte(`{"kty":"oct","k":"AAAA"}`)
			return r
		}, keys.ErrTampered},
	} {
		t.Run(c.name, func(t *testing.T) {
			h := newHouse(t)
			running := h.loaded(t)
			rings, err := h.store.KeyRings(ctx)
			must(t, err)
			own := make(map[string]storage.KeyRing)
			for _, r := range rings {
				own[r.Name] = r
			}
			if won, err := h.store.ReplaceKeyRing(ctx, c.forge(own)); !won || err != nil {
				t.Fatal(won, err)
			}
			if err := h.replica(t).Load(ctx); !errors.Is(err, c.want) {
				t.Fatalf("error %v, want %v", err, c.want)
			}
			before := running.Snapshot().JWKS().ETag
			_ = running.Tick(ctx) // may fail; a running replica looks only at what it does not know
			if running.Snapshot().JWKS().ETag != before {
				t.Fatalf("JWKS shows a forged key: %s", running.Snapshot().JWKS().Body)
			}
		})
	}
}

func TestRewrapSigningKeys(t *testing.T) {
	ctx := t.Context()
	h := newHouse(t)
	before, both, after := masters(t)
	with := func(m *keys.Master) func(*keys.Options) { return func(o *keys.Options) { o.Master = m } }
	old := h.loaded(t, with(before))
	m := h.loaded(t, with(both))
	if n, err := m.Rewrap(ctx); n != 6 || err != nil {
		t.Fatal(n, err)
	}
	if n, err := m.Rewrap(ctx); n != 0 || err != nil {
		t.Fatal(n, err)
	}
	if signer(t, h.loaded(t, with(after)), keys.ES256).KID() != signer(t, old, keys.ES256).KID() {
		t.Fatal("another key")
	}
}
