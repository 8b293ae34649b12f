package storagetest

import (
	"context"
	"errors"
	"testing"
	"time"

	"github.com/signet-idp/signet/storage"
)

func testKeyRings(t *testing.T, r []Store) {
	ctx, s := t.Context(), r[0]
	equal(t, must(s.KeyRings(ctx))(t), []storage.KeyRing(nil))
	key := func(kid string) storage.SigningKey {
		return storage.SigningKey{
			KID: kid, Use: storage.KeyUseSig, Algorithm: "ES256", PublicJWK: []byte(`{"kty":"EC"}`), PrivateSealed: []byte{9, 0},
			CreatedAt: epoch, PublishAt: epoch, ActivateAt: epoch.Add(time.Hour), RetireAt: epoch.Add(2 * time.Hour), DropAt: epoch.Add(3 * time.Hour),
		}
	}
	ring := storage.KeyRing{Name: "sig/ES256", Keys: []storage.SigningKey{key("a"), key("b")}}
	config := must(s.FeedHead(ctx))(t).Config
	equal(t, must(s.ReplaceKeyRing(ctx, ring))(t), true)
	equal(t, must(s.FeedHead(ctx))(t).Config, config+1)
	equal(t, must(s.ReplaceKeyRing(ctx, ring))(t), false)
	equal(t, must(s.FeedHead(ctx))(t).Config, config+1)
	ring.Version = 1
	empty := storage.KeyRing{Name: "feed/EdDSA"}
	equal(t, must(s.ReplaceKeyRing(ctx, empty))(t), true)
	empty.Version = 1
	equal(t, must(s.KeyRings(ctx))(t), []storage.KeyRing{empty, ring})

	ring.Keys = []storage.SigningKey{key("b"), key("c")}
	ring.Keys[0].RevokedAt = epoch
	equal(t, must(s.ReplaceKeyRing(ctx, ring))(t), true)
	equal(t, must(s.ReplaceKeyRing(ctx, ring))(t), false)
	ring.Version = 2
	equal(t, must(s.KeyRings(ctx))(t), []storage.KeyRing{empty, ring})
	equal(t, must(s.KeyRingVersions(ctx))(t), map[string]int64{"feed/EdDSA": 1, "sig/ES256": 2})

	undo := errors.New("undo")
	wantError(t, s.InTx(ctx, func(ctx context.Context) error {
		equal(t, must(s.ReplaceKeyRing(ctx, storage.KeyRing{Name: ring.Name, Version: 2}))(t), true)
		return undo
	}), undo)
	equal(t, must(s.KeyRings(ctx))(t), []storage.KeyRing{empty, ring})
}

func testDataKeys(t *testing.T, r []Store) {
	ctx, s := t.Context(), r[0]
	k := storage.DataKey{Purpose: "refresh", Generation: 1, Sealed: []byte{1, 0, 2}, CreatedAt: epoch, ActivateAt: epoch.Add(time.Minute)}
	equal(t, must(s.InsertDataKey(ctx, k))(t), true)
	late := k
	late.Sealed = []byte("late")
	equal(t, must(s.InsertDataKey(ctx, late))(t), false)
	second := storage.DataKey{Purpose: "refresh", Generation: 2, Sealed: []byte{3}}
	equal(t, must(s.InsertDataKey(ctx, second))(t), true)
	equal(t, must(s.DataKeys(ctx))(t), []storage.DataKey{k, second})
	k.Sealed, k.RetiredAt = []byte("rewrapped"), epoch
	change := k
	change.ActivateAt, change.CreatedAt = epoch.Add(time.Hour), epoch.Add(time.Hour) // not written
	noError(t, s.UpdateDataKey(ctx, change))
	equal(t, must(s.DataKeys(ctx))(t), []storage.DataKey{k, second})
	wantError(t, s.UpdateDataKey(ctx, storage.DataKey{Purpose: "none", Sealed: []byte{1}}), storage.ErrNotFound)
}

func testSealedValues(t *testing.T, r []Store) {
	ctx, s := t.Context(), r[0]
	noError(t, s.InsertFactor(ctx, storage.Factor{ID: "f", UserID: insertUser(t, ctx, s).ID, Type: storage.FactorTOTP, Sealed: []byte("factor"), CreatedAt: epoch}))
	noError(t, s.InsertWebhook(ctx, storage.Webhook{ID: "w", Status: storage.WebhookEnabled, Secret: []byte("secret"), OldSecret: []byte("old"), Version: 1}))
	noError(t, s.InsertWebhook(ctx, storage.Webhook{ID: "w2", Status: storage.WebhookEnabled, Secret: []byte("second"), Version: 1}))
	for id, sealed := range map[string]string{"a": "key a", "b": "\x00", "c": "key c"} { // b is a tombstone
		must(s.PutPersonKey(ctx, id, []byte(sealed), epoch))(t)
	}
	for c, want := range map[storage.SealedColumn][]storage.SealedValue{
		storage.SealedFactors:    {{ID: "f", Sealed: []byte("factor")}},
		storage.SealedWebhooks:   {{ID: "w", Sealed: []byte("secret")}, {ID: "w2", Sealed: []byte("second")}},
		storage.SealedWebhookOld: {{ID: "w", Sealed: []byte("old")}},
		storage.SealedPersons:    {{ID: "a", Sealed: []byte("key a")}, {ID: "c", Sealed: []byte("key c")}},
	} {
		equal(t, must(s.SealedValues(ctx, c, "", 10))(t), want)
		equal(t, must(s.SealedValues(ctx, c, "", 1))(t), want[:1])
		equal(t, len(must(s.SealedValues(ctx, c, want[0].ID, 10))(t)), len(want)-1)
		equal(t, must(s.CountSealedValues(ctx, c))(t), int64(len(want)))
		v := storage.SealedValue{ID: want[0].ID, Sealed: []byte("anew")}
		equal(t, must(s.ReplaceSealedValue(ctx, c, v, want[0].Sealed))(t), true)
		equal(t, must(s.ReplaceSealedValue(ctx, c, v, want[0].Sealed))(t), false) // it is another by now
		equal(t, must(s.SealedValues(ctx, c, "", 1))(t), []storage.SealedValue{v})
	}
	w := must(s.WebhookByID(ctx, "w"))(t)
	equal(t, string(w.Secret)+string(w.OldSecret), "anewanew")
	_, err := s.SealedValues(ctx, "users.email", "", 1)
	if err == nil {
		t.Error("a column that is not sealed")
	}
}
