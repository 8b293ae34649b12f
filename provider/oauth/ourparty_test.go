package oauth_test

import (
	"context"
	"errors"
	"fmt"
	"os"
	"reflect"
	"testing"
	"time"

	"github.com/signet-idp/signet/internal/testkit/fakeclock"
	"github.com/signet-idp/signet/provider/oauth"
	"github.com/signet-idp/signet/storage"
	"github.com/signet-idp/signet/test/harness"
)

const (
	personEmail    = "alice@example.test"
	personPassword = "correct horse battery"
)

// ours is a whole server of ours on SQLite, its clock in hand.
type ours struct {
	in    *harness.Instance
	clock *fakeclock.Clock
	user  storage.User
	n     int
}

func newOurs(t *testing.T) *ours {
	t.Helper()
	clk := harness.FakeClock()
	in := harness.Start(t, harness.Options{Clock: clk, Env: []string{"SIGNET_KEYS_ALGORITHMS=ES256,RS256,EdDSA"}})
	return &ours{in: in, clock: clk, user: in.User(t, personEmail, personPassword)}
}

func (o *ours) server() *harness.Instance { return o.in }

func (o *ours) register(t *testing.T, m storage.ClientMetadata) (string, string) {
	o.n++
	m.FirstParty = true // nobody is asked for consent: fosite does not either
	if m.Scope == "" {
		m.Scope = allScopes
	}
	c, secret := o.in.Client(t, fmt.Sprintf("client-%d", o.n), m)
	return c.ClientID, secret
}

func (o *ours) signIn(t *testing.T) *harness.Browser {
	b := o.in.NewBrowser(t)
	b.Code(harness.NewAuthorization(public(t, o), allScopes, nil), personEmail, personPassword)
	return b
}

func (o *ours) pass(t *testing.T, d time.Duration) {
	t.Helper()
	o.clock.Advance(d)
	if err := errors.Join(o.in.Keys.Tick(t.Context()), o.in.Keyring.Tick(t.Context())); err != nil {
		t.Fatal(err)
	}
	o.in.Sync(t)
}

// cutStore is a store whose grants cannot be reached.
type cutStore struct{ oauth.Store }

func (cutStore) GrantByID(context.Context, string, time.Time) (storage.GrantState, error) {
	return storage.GrantState{}, fmt.Errorf("grant: %w", storage.ErrUnavailable)
}

func (cutStore) GrantByCode(context.Context, []byte, time.Time) (storage.GrantState, error) {
	return storage.GrantState{}, fmt.Errorf("grant: %w", storage.ErrUnavailable)
}

func (o *ours) cut(t *testing.T) {
	whole := o.in.OAuth.Store
	o.in.OAuth.Store = cutStore{whole}
	t.Cleanup(func() { o.in.OAuth.Store = whole })
}

func (o *ours) disable(t *testing.T) {
	t.Helper()
	set := func(status storage.UserStatus) {
		if _, err := o.in.Users.SetStatus(context.WithoutCancel(t.Context()), o.user.ID, status, "test"); err != nil {
			t.Fatal(err)
		}
		o.in.Sync(t)
	}
	set(storage.UserSuspended)
	t.Cleanup(func() { set(storage.UserActive) })
}

func (o *ours) rotate(t *testing.T, alg string) {
	t.Helper()
	change, err := o.in.Keys.Rotate(t.Context(), alg)
	if err != nil {
		t.Fatal(err)
	}
	// A next key that some verifier may not know yet waits for its time.
	if wait := change.At.Sub(o.clock.Now()); wait > 0 {
		o.pass(t, wait+time.Second)
	}
}

func (o *ours) stored(t *testing.T) string {
	t.Helper()
	var all []byte
	for _, suffix := range []string{"", "-wal"} {
		raw, err := os.ReadFile(o.in.DatabasePath() + suffix)
		if err != nil {
			t.Fatal(err)
		}
		all = append(all, raw...)
	}
	return string(all)
}

func (o *ours) kept(t *testing.T, tokens answer) bool {
	t.Helper()
	if _, err := o.in.Store.Sweep(t.Context(), o.clock.Now(), 10_000); err != nil {
		t.Fatal(err)
	}
	id, _ := harness.Claims(t, tokens.token("access_token"))["gid"].(string)
	_, err := o.in.Store.GrantByID(t.Context(), id, o.clock.Now())
	return !errors.Is(err, storage.ErrNotFound)
}

func (o *ours) configuration() string { return printed(oauth.FositeConfig(o.in.OAuth)) }

// printed is what a pointer points at, one level deep.
func printed(pointer any) string { return fmt.Sprintf("%+v", reflect.ValueOf(pointer).Elem()) }
