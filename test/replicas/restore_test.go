package replicas_test

import (
	"errors"
	"net/http"
	"testing"

	"github.com/signet-idp/signet/gateway"
	"github.com/signet-idp/signet/internal/testkit/servers"
	"github.com/signet-idp/signet/provider/event"
	"github.com/signet-idp/signet/provider/operator"
	"github.com/signet-idp/signet/test/harness"
)

// TestRestoreFinish: after a restore nothing that was alive lives on, at any
// replica and at gateways that follow, and whoever signs in anew is let in.
func TestRestoreFinish(t *testing.T) {
	t.Parallel()
	w := setup(t, 2, harness.Options{DatabaseURL: servers.Postgres(t)})
	v := w.at(1).Gateway(t, "gateway", nil)
	w.sync(t)
	old := w.login(t, w.at(0), w.person.ID, "openid offline_access", nil)
	if _, err := v.Verify(t.Context(), old.tokens.AccessToken); err != nil {
		t.Fatal(err)
	}
	restore := operator.Restore{Store: w.at(0).Store, Change: w.at(0).Change}
	before, err := w.at(0).Store.FeedHead(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	ended, err := restore.Finish(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	// The login's session, and the one of its offline grant.
	if ended.Sessions != 2 || ended.Grants != 1 || ended.FeedID == "" {
		t.Errorf("%+v", ended)
	}
	after, err := w.at(0).Store.FeedHead(t.Context())
	if err != nil || after.FeedID != ended.FeedID || after.Seq <= before.Seq+1<<32 {
		t.Errorf("%+v after %+v: %v", after, before, err)
	}
	w.sync(t)
	for i := range w.all {
		if valid, reason, ok := w.at(i).Verdict(t, old.tokens.AccessToken); valid || !ok {
			t.Errorf("replica %d: %v %q", i, valid, reason)
		}
		if r := w.at(i).Refresh(t, "web", "", old.tokens.RefreshToken, nil); r.Status != http.StatusBadRequest || r.Error != "invalid_grant" {
			t.Errorf("replica %d refreshes: %+v", i, r)
		}
		if p := old.browser.At(w.at(i)).Get(harness.NewAuthorization("web", "openid", map[string]string{"redirect_uri": harness.Redirect}).Path()); !p.Has("login-page") {
			t.Errorf("replica %d knows the browser: %d %v", i, p.Status, p.Location)
		}
	}
	harness.Eventually(t, patience, "the gateway refuses", func() bool {
		_, err := v.Verify(t.Context(), old.tokens.AccessToken)
		if err != nil && !errors.Is(err, gateway.ErrRevoked) && !errors.Is(err, gateway.ErrUnknown) {
			t.Fatal(err)
		}
		return errors.Is(err, gateway.ErrRevoked)
	})
	fresh := w.login(t, w.at(1), w.person.ID, "openid", nil).tokens.AccessToken
	for i := range w.all {
		if valid, reason, _ := w.at(i).Verdict(t, fresh); !valid {
			t.Errorf("replica %d refuses a new token: %s", i, reason)
		}
	}
	harness.Eventually(t, patience, "the gateway takes a new token", func() bool {
		_, err := v.Verify(t.Context(), fresh)
		return err == nil
	})
	// Again, as after an interruption: what is alive by now ends.
	if ended, err = restore.Finish(t.Context()); err != nil || ended.Grants != 1 {
		t.Errorf("%+v %v", ended, err)
	}
	harness.Eventually(t, patience, "both are on record", func() bool {
		list, err := w.at(0).Store.EventsAfter(t.Context(), 0, event.MaxBatch)
		if err != nil {
			t.Fatal(err)
		}
		n := 0
		for _, e := range list {
			if e.Type == string(event.SystemFeedReset) {
				n++
			}
		}
		return n == 2
	})
}
