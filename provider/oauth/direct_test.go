package oauth_test

import (
	"context"
	"testing"

	"github.com/signet-idp/signet/provider/login"
	"github.com/signet-idp/signet/provider/oauth"
	"github.com/signet-idp/signet/provider/session"
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
	return out
}

func TestDirectSmoke(t *testing.T) {
	in := jsonParty(t, harness.Options{})
	out := jsonLogin(t, in, login.Options{})
	if _, err := in.Verifier.Verify(out.AccessToken); err != nil {
		t.Fatal(err)
	}
	t.Log(harness.Claims(t, out.AccessToken))
	again, err := in.OAuth.RefreshDirect(t.Context(), "legacy", out.RefreshToken, "")
	if err != nil {
		t.Fatal(err)
	}
	if a := in.Refresh(t, "legacy", "", again.RefreshToken, nil); a.Status != 200 {
		t.Fatal(a)
	}
}
