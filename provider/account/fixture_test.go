package account_test

import (
	"context"
	"crypto/rand"
	"sync"
	"testing"
	"time"

	"github.com/signet-idp/signet/keys"
	"github.com/signet-idp/signet/provider/account"
	"github.com/signet-idp/signet/provider/change/changetest"
	"github.com/signet-idp/signet/provider/fault"
	"github.com/signet-idp/signet/provider/guard"
	"github.com/signet-idp/signet/provider/mfa"
	"github.com/signet-idp/signet/provider/notify"
	"github.com/signet-idp/signet/provider/org"
	"github.com/signet-idp/signet/provider/user"
	"github.com/signet-idp/signet/provider/user/password"
	"github.com/signet-idp/signet/storage"
	"github.com/signet-idp/signet/storage/volatile/inproc"
)

// post keeps what was queued and committed or not: enough for these tests, since
// the real queue is a row of the same transaction.
type post struct {
	mu   sync.Mutex
	sent []notify.Message
	dead map[notify.Channel]bool
}

func (p *post) Check(c notify.Channel) error {
	if p.dead[c] {
		return fault.New(fault.Unavailable, "nothing delivers")
	}
	return nil
}

func (p *post) Queue(_ context.Context, m notify.Message) error {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.sent = append(p.sent, m)
	return nil
}

// take returns what was queued since the last call.
func (p *post) take() []notify.Message {
	p.mu.Lock()
	defer p.mu.Unlock()
	sent := p.sent
	p.sent = nil
	return sent
}

// one returns the only message queued since the last call.
func (p *post) one(t *testing.T, kind notify.Kind) notify.Message {
	t.Helper()
	sent := p.take()
	if len(sent) != 1 || sent[0].Kind != kind {
		t.Fatalf("sent %+v, want one %s", sent, kind)
	}
	return sent[0]
}

func (p *post) none(t *testing.T) {
	t.Helper()
	if sent := p.take(); len(sent) != 0 {
		t.Fatalf("sent %+v", sent)
	}
}

// invitations has one, for invited@acme.test.
type invitations struct{ accepted []string }

func (i *invitations) Invited(_ context.Context, token string) (account.Invitation, error) {
	if token != "invitation" || len(i.accepted) > 0 {
		return account.Invitation{}, fault.New(fault.LinkInvalid, "no such invitation")
	}
	return account.Invitation{OrganizationID: "org", Organization: "Acme", Email: "Invited@acme.test", EmailCanonical: "invited@acme.test", Role: "member"}, nil
}

func (i *invitations) Accept(_ context.Context, _ string, u storage.User) error {
	i.accepted = append(i.accepted, u.ID)
	return nil
}

// desk is an account service with what tests look at.
type desk struct {
	*account.Service
	*changetest.Fixture
	post    *post
	invited *invitations
	users   *user.Service
	orgs    *org.Service
}

var settings = account.Settings{
	Registration: account.RegistrationOpen, VerificationRequired: true,
	Verification: 24 * time.Hour, Reset: time.Hour, MailsPerHour: 3,
}

// linkKey makes the key of links over the fixture's store.
func linkKey(tb testing.TB, f *changetest.Fixture) *keys.Purpose {
	tb.Helper()
	master, err := keys.ParseMaster("test:AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8=")
	if err != nil {
		tb.Fatal(err)
	}
	ring := keys.NewDataKeyring(f.Store, master, f.Clock, time.Minute)
	if err := ring.Load(tb.Context()); err != nil {
		tb.Fatal(err)
	}
	key, err := ring.Purpose(tb.Context(), account.KeyPurpose)
	if err != nil {
		tb.Fatal(err)
	}
	return key
}

func newDesk(tb testing.TB, f *changetest.Fixture, s account.Settings) *desk {
	tb.Helper()
	hasher, err := password.New(password.Config{Argon2: password.Argon2{MemoryKiB: 19456, Passes: 2, Lanes: 1}})
	if err != nil {
		tb.Fatal(err)
	}
	orgs := org.New(f.Store, f.Resolver, f.Changes)
	users := user.New(f.Store, user.StoreSessions{Sessions: f.Store, Grants: f.Store}, orgs, f.Resolver, f.Changes)
	users.DeletionGrace = 30 * 24 * time.Hour
	counters := inproc.NewCounters(f.Clock, 0)
	d := &desk{Fixture: f, post: &post{dead: map[notify.Channel]bool{}}, invited: &invitations{}, users: users, orgs: orgs}
	d.Service = account.New(account.Deps{
		Store: f.Store, Users: users, Policy: password.NewPolicy(0), Passwords: hasher, Guard: guard.New(counters, guard.DefaultLimits()),
		Recency:  mfa.New(mfa.Deps{Store: f.Store, Clock: f.Clock, Settings: mfa.DefaultSettings("id.example")}),
		Counters: counters, Messages: d.post, Invitations: d.invited, Organizations: orgs, Change: f.Changes, Key: linkKey(tb, f),
		Clock: f.Clock, Rand: rand.Reader, Settings: s,
	})
	return d
}

const (
	good   = "correct horse battery"
	better = "correct horse battery staple"
)

// member registers and proves an address.
func (d *desk) member(t *testing.T, email string) storage.User {
	t.Helper()
	if _, err := d.Register(t.Context(), account.Registration{Email: email, Password: good}); err != nil {
		t.Fatal(err)
	}
	v, err := d.VerifyEmail(t.Context(), d.post.one(t, notify.VerifyEmail).Values.Token)
	if err != nil {
		t.Fatal(err)
	}
	return v.User
}

// caller is the person, signed in just now in a session of their own.
func (d *desk) caller(t *testing.T, u storage.User) account.Caller {
	t.Helper()
	now := d.Clock.Now()
	s := storage.Session{
		ID: storage.NewID(), UserID: u.ID, Kind: storage.SessionJSON, UserAgent: "Agent", CreatedAt: now, AuthTime: now,
		IdleExpiry: now.Add(time.Hour), Expiry: now.Add(time.Hour),
	}
	if err := d.Store.InsertSession(t.Context(), s); err != nil {
		t.Fatal(err)
	}
	return account.Caller{UserID: u.ID, SessionID: s.ID, AuthTime: now}
}

func (d *desk) live(t *testing.T, userID string) int {
	t.Helper()
	list, err := d.Store.SessionsOf(t.Context(), userID, 100)
	if err != nil {
		t.Fatal(err)
	}
	return len(list)
}

func (d *desk) isPassword(t *testing.T, userID, pw string) bool {
	t.Helper()
	u, err := d.users.Get(t.Context(), userID)
	if err != nil {
		t.Fatal(err)
	}
	ok, _, err := d.Passwords.Verify(t.Context(), u.PasswordHash, pw)
	if err != nil {
		t.Fatal(err)
	}
	return ok
}

func want(t *testing.T, err error, code fault.Code) {
	t.Helper()
	if !fault.Is(err, code) {
		t.Fatalf("error %v, want %s", err, code)
	}
}

func ok(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}
