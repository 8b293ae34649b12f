package storagetest

import (
	"testing"
	"time"

	"github.com/signet-idp/signet/storage"
)

func testGates(t *testing.T, r []Store) {
	s, ctx := r[0], t.Context()
	v := storage.Gate{
		Name: "orders", Audience: "https://api.acme.test", Scopes: []string{"orders:read", "orders:write"}, Roles: []string{"owner", "system:admin"},
		OrganizationID: storage.NewID(), ACR: "aal2", MaxAge: 10 * time.Minute, Style: "auth-request", Fail: "open-on-valid-signature",
		Browser: &storage.GateBrowser{Hosts: []string{"orders.acme.test", "localhost:3000"}, Redirect: "never", Lifetime: 600}, ManagedBy: "apply", Version: 1,
		CreatedAt: epoch, UpdatedAt: epoch,
	}
	before := must(s.FeedHead(ctx))(t)
	noError(t, s.PutGate(ctx, v))
	zero := storage.Gate{Name: "zero"}
	noError(t, s.PutGate(ctx, zero))
	if after := must(s.FeedHead(ctx))(t); after.Config <= before.Config {
		t.Error("the configuration version did not rise")
	}
	for _, s := range r {
		equal(t, must(s.GateByName(ctx, "orders"))(t), v)
		equal(t, must(s.ListGates(ctx, "", 10))(t), []storage.Gate{v, zero})
		equal(t, must(s.ListGates(ctx, "orders", 10))(t), []storage.Gate{zero})
		equal(t, must(s.ListGates(ctx, "", 1))(t), []storage.Gate{v})
	}
	_, err := s.GateByName(ctx, "none")
	wantError(t, err, storage.ErrNotFound)

	changed := v
	changed.Scopes, changed.Version, changed.CreatedAt, changed.UpdatedAt = nil, 99, epoch.Add(time.Hour), epoch.Add(time.Hour)
	noError(t, s.PutGate(ctx, changed))
	got := must(s.GateByName(ctx, "orders"))(t)
	if got.Version != 2 || !got.CreatedAt.Equal(v.CreatedAt) || len(got.Scopes) != 0 || !got.UpdatedAt.Equal(changed.UpdatedAt) {
		t.Errorf("%+v", got)
	}
	noError(t, s.DeleteGate(ctx, "orders"))
	wantError(t, s.DeleteGate(ctx, "orders"), storage.ErrNotFound)
	equal(t, must(s.ListGates(ctx, "", 10))(t), []storage.Gate{zero})
}
