package replicas_test

import (
	"context"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"slices"
	"testing"
	"time"

	standardwebhooks "github.com/standard-webhooks/standard-webhooks/libraries/go"

	"github.com/signet-idp/signet/cmd/signet/control"
	"github.com/signet-idp/signet/internal/testkit/mailsink"
	"github.com/signet-idp/signet/internal/testkit/servers"
	"github.com/signet-idp/signet/keys"
	"github.com/signet-idp/signet/provider/event"
	"github.com/signet-idp/signet/provider/webhook"
	"github.com/signet-idp/signet/storage"
	"github.com/signet-idp/signet/test/harness"
)

const (
	oldMaster = harness.MasterKey
	newMaster = "new:HB0eHyAhIiMkJSYnKCkqKywtLi8wMTIzNDU2Nzg5Ojs="
)

// A master key is replaced and data keys rotate while servers run; with only the
// new master key everything that was sealed before opens.
func TestMasterKeyIsReplaced(t *testing.T) {
	t.Run("SQLite", func(t *testing.T) {
		t.Parallel()
		replaceMaster(t, 1, harness.Options{DatabaseURL: "sqlite:" + filepath.Join(t.TempDir(), "signet.db")})
	})
	t.Run("PostgreSQL", func(t *testing.T) {
		t.Parallel()
		replaceMaster(t, 2, harness.Options{DatabaseURL: servers.Postgres(t), RedisURL: servers.Redis(t)})
	})
}

// sealing is what stands in the store before, and has to open after.
type sealing struct {
	*factorWorld
	receiver *httptest.Server
	received chan error // of each message, whether both its signatures are good
	holder   holder
	hook     storage.Webhook
	secrets  []string
	refresh  string
}

func replaceMaster(t *testing.T, n int, o harness.Options) {
	t.Helper()
	s := &sealing{factorWorld: &factorWorld{clock: harness.FakeClock(), mail: mailsink.Start(t)}, received: make(chan error, 10)}
	s.receiver = httptest.NewServer(http.HandlerFunc(s.receive))
	t.Cleanup(s.receiver.Close)
	o.Clock, o.Env = s.clock, []string{"SIGNET_SMTP_URL=" + s.mail.URL}
	stage := func(name, master string, f func(t *testing.T)) {
		t.Helper()
		if !t.Run(name, func(t *testing.T) {
			o := o
			o.MasterKey = master
			s.world = &world{}
			for range n {
				s.all = append(s.all, harness.Start(t, o))
				o.Issuer = s.all[0].Issuer // of all replicas
			}
			f(t)
		}) {
			t.FailNow()
		}
	}
	stage("old key", oldMaster, s.fill)
	stage("old key first", oldMaster+","+newMaster, s.opens)
	stage("new key first", newMaster+","+oldMaster, func(t *testing.T) {
		s.rotateData(t)
		s.rewrapAll(t)
		s.opens(t)
	})
	stage("new key only", newMaster, func(t *testing.T) {
		s.opens(t)
		s.nothingLeft(t)
	})
}

func (s *sealing) receive(_ http.ResponseWriter, r *http.Request) {
	body, err := io.ReadAll(r.Body)
	for _, secret := range s.secrets {
		v, problem := standardwebhooks.NewWebhook(secret)
		if problem == nil {
			problem = v.VerifyIgnoringTimestamp(body, r.Header) // the servers' clock is turned by hand
		}
		err = errors.Join(err, problem)
	}
	s.received <- err
}

func (s *sealing) fill(t *testing.T) {
	ctx, in := t.Context(), s.at(0)
	if err := in.Applier().EnsureBuiltin(ctx); err != nil {
		t.Fatal(err)
	}
	s.person = in.User(t, "alice@example.test", password)
	in.Client(t, "web", storage.ClientMetadata{TokenEndpointAuthMethod: "none", FirstParty: true})
	s.sync(t)
	s.refresh = s.login(t, in, s.person.ID, scopes, nil).tokens.RefreshToken
	s.holder = s.someone(t, "totp")
	hook, first, err := in.Webhooks.Create(ctx, "", webhook.Registration{URL: s.receiver.URL, Events: []string{"client.created"}})
	if err != nil {
		t.Fatal(err)
	}
	_, second, err := in.Webhooks.Rotate(ctx, "", hook.ID, 24*time.Hour)
	if err != nil {
		t.Fatal(err)
	}
	s.hook, s.secrets = hook, []string{first, second}
	s.opens(t)
}

// opens uses everything that is sealed, at every replica.
func (s *sealing) opens(t *testing.T) {
	t.Helper()
	ctx := t.Context()
	for _, in := range s.all {
		s.clock.Advance(30 * time.Second) // to a code that was not used
		got := in.Refresh(t, "web", "", s.refresh, nil)
		if got.Status != http.StatusOK {
			t.Fatalf("refresh: %+v", got)
		}
		s.refresh = got.RefreshToken
		b := in.NewBrowser(t)
		if b.Code(harness.NewAuthorization("web", "openid", nil), "alice@example.test", password) == "" {
			t.Error("no login")
		}
		answer := ways["JSON"](t, s.factorWorld, s.holder)
		if a := answer(ctx, newCaller(t, 1), in, s.code(t, s.holder), false); !let(a) {
			t.Errorf("TOTP: %d %s", a.status, a.body)
		}
		if result, err := in.Webhooks.Test(ctx, "", s.hook.ID); err != nil || result.Problem != "" {
			t.Fatal(result, err)
		}
		if err := <-s.received; err != nil {
			t.Error("webhook:", err)
		}
		s.personal(t, in)
	}
}

// personal opens the personal data of every event there is.
func (s *sealing) personal(t *testing.T, in *harness.Instance) {
	t.Helper()
	opened := 0
	harness.Eventually(t, 10*time.Second, "events", func() bool {
		opened = 0
		list, err := in.Store.EventsAfter(t.Context(), 0, event.MaxBatch)
		if err != nil {
			t.Fatal(err)
		}
		for _, e := range list {
			if e.PersonalOf == "" {
				continue
			}
			if _, err := in.Recorder.Open(t.Context(), e); err != nil {
				t.Fatalf("%s: %v", e.Type, err)
			}
			opened++
		}
		return opened > 0
	})
}

// rotateData gives new keys to what is sealed, at one replica, and lets all know.
func (s *sealing) rotateData(t *testing.T) {
	t.Helper()
	list, err := control.Local{Core: s.at(0).Core}.RotateKey(t.Context(), control.KeyRequest{Data: true})
	if err != nil || len(list) != 3 || list[2].KID != "webhook-secret/2" {
		t.Fatal(list, err)
	}
	if r := s.rewrap(t, nil); r.Values != 0 || !r.SealsFrom.Equal(list[2].At) {
		t.Errorf("before the new data keys seal: %+v", r)
	}
	s.clock.Advance(time.Minute)
	for _, in := range s.all {
		if err := in.Keyring.Tick(t.Context()); err != nil {
			t.Fatal(err)
		}
	}
}

// rewrap seals everything anew, each step at another replica.
func (s *sealing) rewrap(t *testing.T, between func()) (r control.Rewrapping) {
	t.Helper()
	for step := 0; !r.Finished; step++ {
		var err error
		if r, err = (control.Local{Core: s.at(step).Core}).RewrapKeys(t.Context(), r); err != nil {
			t.Fatal(err)
		}
		if between != nil {
			between()
		}
	}
	return r
}

func (s *sealing) rewrapAll(t *testing.T) {
	t.Helper()
	first := s.rewrap(t, func() { s.opens(t) }) // people go on working
	// Two persons have keys, one of them a factor; a webhook has two secrets.
	if first.Values < 4 || first.MasterKey != "new" || !slices.Equal(first.Removable, []string{"test"}) || !first.SealsFrom.IsZero() {
		t.Errorf("%+v", first)
	}
	s.rewrap(t, nil)
	if again := s.rewrap(t, nil); again.Values != 0 || again.DataKeys != 0 || again.SigningKeys != 0 || again.Done < 4 {
		t.Errorf("again: %+v", again)
	}
	s.recorded(t)
}

// recorded: a record of what was sealed anew, by the operator.
func (s *sealing) recorded(t *testing.T) {
	t.Helper()
	harness.Eventually(t, 10*time.Second, "events", func() bool {
		list, err := s.at(0).Store.EventsAfter(t.Context(), 0, event.MaxBatch)
		if err != nil {
			t.Fatal(err)
		}
		rotated, rewrapped := 0, 0
		for _, e := range list {
			switch {
			case e.Type == string(event.KeyRotated) && e.Actor == "operator":
				rotated++
			case e.Type == string(event.KeyRewrapped) && e.Actor == "operator" && e.Subject == "new":
				rewrapped++
			}
		}
		return rotated == 3 && rewrapped >= 1
	})
}

// nothingLeft: no key in the store opens under the old master key.
func (s *sealing) nothingLeft(t *testing.T) {
	t.Helper()
	ctx := context.WithoutCancel(t.Context())
	master, err := keys.ParseMaster(oldMaster)
	if err != nil {
		t.Fatal(err)
	}
	ring := keys.NewDataKeyring(s.at(0).Store, master, s.clock, time.Minute)
	if err := ring.Load(ctx); !errors.Is(err, keys.ErrUnknownMaster) {
		t.Errorf("data keys under the old master key: %v", err)
	}
	if m := s.at(0).Keyring.Master(); m.Current() != "new" || len(m.Older()) != 0 {
		t.Error("the old master key is still there")
	}
}
