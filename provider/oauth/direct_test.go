package oauth_test

import (
	"context"
	"errors"
	"testing"

	"github.com/signet-idp/signet/provider/access"
	"github.com/signet-idp/signet/provider/change"
	"github.com/signet-idp/signet/provider/fault"
	"github.com/signet-idp/signet/provider/login"
	"github.com/signet-idp/signet/provider/oauth"
	"github.com/signet-idp/signet/provider/session"
	"github.com/signet-idp/signet/provider/token"
	"github.com/signet-idp/signet/storage"
	"github.com/signet-idp/signet/test/harness"
)

// jsonParty is a server with the built-in client and a person.
func jsonParty(tb testing.TB, o harness.Options) *harness.Instance {
	tb.Helper()
	in := harness.Start(tb, o)
	if err := in.Applier().EnsureBuiltin(context.Background()); err != nil {
		tb.Fatal(err)
	}
	if err := in.EnsureRings(context.Background()); err != nil {
		tb.Fatal(err)
	}
	in.User(tb, personEmail, personPassword)
	in.Sync(tb)
	return in
}

func jsonLogin(tb testing.TB, in *harness.Instance, o login.Options) oauth.Issued {
	tb.Helper()
	out, err := in.Login.JSON(context.Background(), login.JSON{
		ClientID: "legacy", Username: personEmail, Password: personPassword, Device: session.Device{IPAddress: "192.0.2.1"}, Options: o,
	})
	if err != nil {
		tb.Fatal(err)
	}
	return out.Issued
}

// TestDirectLeavesNothingBehind: what is refused inside the transaction has
// begun no session and no grant.
func TestDirectLeavesNothingBehind(t *testing.T) {
	in := jsonParty(t, harness.Options{})
	u, err := in.Users.ByEmail(t.Context(), personEmail)
	if err != nil {
		t.Fatal(err)
	}
	refusal := errors.New("refused")
	d := oauth.Direct{ClientID: "legacy", User: u, Auth: session.Authentication{UserID: u.ID, Time: in.Clock.Now()}}
	out, err := in.OAuth.IssueDirect(t.Context(), d, func(context.Context, *change.Change, storage.Session, string) error { return refusal })
	if !errors.Is(err, refusal) || out.AccessToken != "" {
		t.Fatal(out, err)
	}
	if n, err := in.Store.CountSessions(t.Context(), u.ID, in.Clock.Now()); err != nil || n != 0 {
		t.Fatal(n, err)
	}
	if uses, err := in.Store.LastUses(t.Context(), u.ID); err != nil || len(uses) != 0 {
		t.Fatal(uses, err)
	}
}

// TestDirectAgainstChanges: what is taken away while a login commits kills its
// token, since the position it carries was read before.
func TestDirectAgainstChanges(t *testing.T) {
	in := jsonParty(t, harness.Options{})
	u := in.User(t, "manager@example.test", personPassword, "manager")
	d := oauth.Direct{ClientID: "legacy", User: u, Auth: session.Authentication{UserID: u.ID, Time: in.Clock.Now()}}
	out, err := in.OAuth.IssueDirect(t.Context(), d, func(ctx context.Context, _ *change.Change, _ storage.Session, _ string) error {
		_, err := in.Users.SetSystemRoles(ctx, access.Root(), u.ID, nil)
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	in.Sync(t)
	if _, err := in.Verifier.Verify(out.AccessToken); !errors.Is(err, token.ErrStale) {
		t.Fatalf("a token with a role that is gone: %v", err)
	}
	again, err := in.OAuth.RefreshDirect(t.Context(), "legacy", out.RefreshToken, "")
	if err != nil {
		t.Fatal(err)
	}
	v, err := in.Verifier.Verify(again.AccessToken)
	if err != nil || v.HasScope("admin") || len(v.Roles) != 0 {
		t.Fatal(v, err)
	}
}

// TestDirectClients: a client that is disabled or loses json_login logs nobody
// in from then on, and its tokens are dead.
func TestDirectClients(t *testing.T) {
	in := jsonParty(t, harness.Options{})
	out := jsonLogin(t, in, login.Options{})
	if _, err := in.Clients.Disable(t.Context(), "legacy", true, "test"); err != nil {
		t.Fatal(err)
	}
	in.Sync(t)
	if _, err := in.OAuth.RefreshDirect(t.Context(), "legacy", out.RefreshToken, ""); !fault.Is(err, fault.TokenRevoked) {
		t.Fatal(err)
	}
	if _, err := in.Verifier.Verify(out.AccessToken); !errors.Is(err, token.ErrRevoked) {
		t.Fatal(err)
	}
	_, err := in.Login.JSON(t.Context(), login.JSON{ClientID: "legacy", Username: personEmail, Password: personPassword})
	if !fault.Is(err, fault.Forbidden) {
		t.Fatal(err)
	}
}
