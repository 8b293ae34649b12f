package sqlstore_test

import (
	"testing"
	"time"

	"github.com/signet-idp/signet/internal/testkit/teststore"
	"github.com/signet-idp/signet/storage"
	"github.com/signet-idp/signet/storage/sqlstore"
)

func TestSmoke(t *testing.T) {
	for name, s := range map[string]*sqlstore.Store{"lite": teststore.New(t), "pg": teststore.Postgres(t, 1)[0]} {
		t.Run(name, func(t *testing.T) {
			ctx := t.Context()
			now := time.Now().UTC().Truncate(time.Microsecond)
			u := storage.User{ID: storage.NewID(), EmailCanonical: "a@b", Status: "active", Profile: map[string]any{"name": "x"}}
			if err := s.InsertUser(ctx, u); err != nil {
				t.Fatal(err)
			}
			g := storage.Grant{ID: storage.NewID(), UserID: u.ID, CodeHash: []byte("abc"), Scope: []string{"a", "b"}, CreatedAt: now, Expiry: now}
			if err := s.InsertGrant(ctx, g); err != nil {
				t.Fatal(err)
			}
			st, err := s.GrantByCode(ctx, []byte("abc"), now)
			t.Logf("%+v %v", st, err)
			if err := s.AppendRevocation(ctx, storage.Revocation{Kind: "sub", Value: "x", Expiry: now}); err != nil {
				t.Fatal(err)
			}
			l, err := s.RevocationsAfter(ctx, 0, 10)
			t.Logf("%+v %v", l, err)
			h, err := s.FeedHead(ctx)
			t.Logf("%+v %v", h, err)
			_, err = s.Sweep(ctx, now, 10)
			if err != nil {
				t.Fatal(err)
			}
		})
	}
}
