package org_test

import (
	"context"
	"crypto/rand"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/signet-idp/signet/keys"
	"github.com/signet-idp/signet/provider/access"
	"github.com/signet-idp/signet/provider/change/changetest"
	"github.com/signet-idp/signet/provider/directory"
	"github.com/signet-idp/signet/provider/fault"
	"github.com/signet-idp/signet/provider/notify"
	"github.com/signet-idp/signet/provider/org"
	"github.com/signet-idp/signet/storage"
	"github.com/signet-idp/signet/storage/volatile/inproc"
)

// post keeps what was queued. dead: nothing can be sent.
type post struct {
	mu   sync.Mutex
	sent []notify.Message
	dead bool
}

func (p *post) Check(notify.Channel) error {
	if p.dead {
		return fault.New(fault.Unavailable, "no mail")
	}
	return nil
}

func (p *post) Queue(_ context.Context, m notify.Message) error {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.sent = append(p.sent, m)
	return nil
}

func (p *post) last(tb testing.TB) notify.Message {
	tb.Helper()
	if len(p.sent) == 0 {
		tb.Fatal("no mail")
	}
	return p.sent[len(p.sent)-1]
}

// hasher is one key.
type hasher struct{ salt string }

func (h hasher) Hash(data []byte) []byte      { return []byte("hash of " + h.salt + string(data)) }
func (h hasher) HashAll(data []byte) [][]byte { return [][]byte{[]byte("older"), h.Hash(data)} }

type tenant struct {
	*changetest.Fixture
	orgs        *org.Service
	invitations *org.Invitations
	post        *post
	dir         *directory.Directory
	acme        storage.Organization
	people      map[string]storage.User
}

func newTenant(t *testing.T, f *changetest.Fixture) *tenant {
	t.Helper()
	x := &tenant{Fixture: f, orgs: org.New(f.Store, f.Resolver, f.Changes), post: &post{}, people: map[string]storage.User{}}
	x.dir = &directory.Directory{Store: f.Store, Resolver: f.Resolver}
	x.invitations = x.over(f)
	var err error
	if x.acme, err = x.orgs.Create(t.Context(), org.Organization{Name: "Acme", OwnerID: x.person(t, "olga", true).ID}); err != nil {
		t.Fatal(err)
	}
	for name, role := range map[string]string{"anna": "admin", "mike": "manager", "mia": "member"} {
		if _, err := x.orgs.AddMember(t.Context(), access.Root(), x.acme.ID, x.person(t, name, true).ID, []string{role}, "test"); err != nil {
			t.Fatal(err)
		}
	}
	return x
}

// over is the service on another replica.
func (x *tenant) over(f *changetest.Fixture) *org.Invitations {
	return org.NewInvitations(org.InvitationDeps{
		Organizations: org.New(f.Store, f.Resolver, f.Changes), Store: f.Store, Directory: &directory.Directory{Store: f.Store, Resolver: f.Resolver}, Mail: x.post,
		Key: hasher{}, Counters: inproc.NewCounters(f.Clock, 0), Random: rand.Reader, Lifetime: 7 * 24 * time.Hour,
	})
}

func (x *tenant) person(t *testing.T, name string, verified bool) storage.User {
	t.Helper()
	u := storage.User{
		ID: storage.NewID(), Email: name + "@acme.test", EmailCanonical: name + "@acme.test", EmailVerified: verified,
		Status: storage.UserActive, Profile: map[string]any{"name": name}, Version: 1, CreatedAt: x.Clock.Now(),
	}
	if err := x.Store.InsertUser(t.Context(), u); err != nil {
		t.Fatal(err)
	}
	x.people[name] = u
	return u
}

func (x *tenant) by(t *testing.T, name string) org.Inviter {
	t.Helper()
	h, err := x.dir.Holder(t.Context(), directory.Caller{ID: x.people[name].ID}, x.acme.ID)
	if err != nil {
		t.Fatal(err)
	}
	return org.Inviter{ID: x.people[name].ID, Holder: h}
}

func (x *tenant) invite(t *testing.T, by, email string, roles ...string) (storage.Invitation, error) {
	t.Helper()
	return x.invitations.Create(t.Context(), x.by(t, by), x.acme.ID, org.Invite{Email: email, Roles: roles})
}

func TestInvite(t *testing.T) {
	x := newTenant(t, changetest.New(t))
	for _, c := range []struct {
		name, by, email string
		roles           []string
		want            fault.Code // Internal: none
	}{
		{"a manager invites a member", "mike", "a@new.test", []string{"member"}, fault.Internal},
		{"a manager invites a viewer", "mike", "b@new.test", []string{"viewer"}, fault.Internal},
		{"a manager invites no manager", "mike", "c@new.test", []string{"manager"}, fault.Forbidden},
		{"a manager invites no owner", "mike", "c@new.test", []string{"member", "owner"}, fault.Forbidden},
		{"a member invites nobody", "mia", "c@new.test", []string{"member"}, fault.Forbidden},
		{"an admin invites an admin", "anna", "c@new.test", []string{"admin"}, fault.Internal},
		{"an admin invites no owner", "anna", "d@new.test", []string{"owner"}, fault.Forbidden},
		{"an owner does", "olga", "d@new.test", []string{"owner"}, fault.Internal},
		{"no such role", "olga", "e@new.test", []string{"king"}, fault.Invalid},
		{"a system role", "olga", "e@new.test", []string{"system:admin"}, fault.Invalid},
		{"no role", "olga", "e@new.test", nil, fault.Invalid},
		{"no address", "olga", "e", []string{"member"}, fault.Invalid},
		{"a member already, in other letters", "olga", "MIA@acme.test", []string{"member"}, fault.Conflict},
		{"who replaces an admin's invitation takes it away", "mike", "c@new.test", []string{"member"}, fault.Forbidden},
	} {
		mails := len(x.post.sent)
		i, err := x.invite(t, c.by, c.email, c.roles...)
		if err == nil && c.want != fault.Internal || err != nil && !fault.Is(err, c.want) {
			t.Errorf("%s: %v", c.name, err)
			continue
		}
		if sent := len(x.post.sent) - mails; sent != 0 && err != nil || sent != 1 && err == nil {
			t.Errorf("%s: %d mails", c.name, sent)
		}
		if err == nil {
			m := x.post.last(t)
			if m.To != c.email || m.Values.Organization != "Acme" || m.Values.Inviter != c.by || m.Values.Token == "" || !m.Values.Until.Equal(i.Expiry) {
				t.Errorf("%s: %+v", c.name, m)
			}
		}
	}
	x.post.dead = true
	if _, err := x.invite(t, "olga", "f@new.test", "member"); !fault.Is(err, fault.Unavailable) {
		t.Errorf("without mail: %v", err)
	}
}

// An invitation of a known and of an unknown address differ in nothing that the
// inviter sees.
func TestInvitingTellsNothing(t *testing.T) {
	x := newTenant(t, changetest.New(t))
	x.person(t, "known", true)
	before := x.Mark(t)
	known, err := x.invite(t, "anna", "known@acme.test", "member")
	if err != nil {
		t.Fatal(err)
	}
	first := x.Events(t, before)
	before = x.Mark(t)
	unknown, err := x.invite(t, "anna", "nobody@acme.test", "member")
	if err != nil {
		t.Fatal(err)
	}
	if second := x.Events(t, before); !slices.Equal(first, second) {
		t.Errorf("%v and %v", first, second)
	}
	if !slices.Equal(known.Roles, unknown.Roles) || known.InvitedBy != unknown.InvitedBy || !known.Expiry.Equal(unknown.Expiry) {
		t.Errorf("%+v and %+v", known, unknown)
	}
}

func TestResendAndRevoke(t *testing.T) {
	x := newTenant(t, changetest.New(t))
	i, err := x.invite(t, "anna", "new@acme.test", "member")
	if err != nil {
		t.Fatal(err)
	}
	old := x.post.last(t).Values.Token
	x.Clock.Advance(6 * 24 * time.Hour)
	again, err := x.invitations.Resend(t.Context(), x.by(t, "mike"), x.acme.ID, i.ID, "")
	if err != nil || again.ID != i.ID || again.InvitedBy != x.people["mike"].ID || !again.Expiry.After(i.Expiry) {
		t.Fatalf("%+v %v", again, err)
	}
	token := x.post.last(t).Values.Token
	if _, _, err := x.invitations.Peek(t.Context(), old); !fault.Is(err, fault.LinkInvalid) {
		t.Errorf("the old link: %v", err)
	}
	if peeked, o, err := x.invitations.Peek(t.Context(), token); err != nil || peeked.ID != i.ID || o.ID != x.acme.ID {
		t.Errorf("the new link: %v", err)
	}
	for range 5 {
		_, err = x.invitations.Resend(t.Context(), x.by(t, "mike"), x.acme.ID, i.ID, "")
		if err != nil {
			t.Fatal(err)
		}
	}
	if _, err := x.invitations.Resend(t.Context(), x.by(t, "mike"), x.acme.ID, i.ID, ""); !fault.Is(err, fault.RateLimited) {
		t.Errorf("without end: %v", err)
	}
	if list, n, err := x.invitations.List(t.Context(), x.acme.ID, "", 0, 10); err != nil || n != 1 || len(list) != 1 {
		t.Errorf("%v %d %v", list, n, err)
	}
	before := x.Mark(t)
	if err := x.invitations.Revoke(t.Context(), x.by(t, "mike"), x.acme.ID, i.ID, "revoked"); err != nil {
		t.Fatal(err)
	}
	if events := x.Events(t, before); !slices.Equal(events, []string{"organization.invitation_revoked"}) {
		t.Errorf("events %v", events)
	}
	for name, err := range map[string]error{
		"revoked twice":           x.invitations.Revoke(t.Context(), x.by(t, "mike"), x.acme.ID, i.ID, "revoked"),
		"of another organization": x.invitations.Revoke(t.Context(), x.by(t, "mike"), storage.NewID(), i.ID, "revoked"),
		"no id":                   x.invitations.Revoke(t.Context(), x.by(t, "mike"), x.acme.ID, "x\x00", "revoked"),
	} {
		if !fault.Is(err, fault.NotFound) {
			t.Errorf("%s: %v", name, err)
		}
	}
	if _, err := x.invitations.Accept(t.Context(), x.post.last(t).Values.Token, x.person(t, "new", true).ID); !fault.Is(err, fault.LinkInvalid) {
		t.Errorf("a revoked one: %v", err)
	}
	if _, err := x.invite(t, "olga", "boss@acme.test", "owner"); err != nil {
		t.Fatal(err)
	}
	list, _, _ := x.invitations.List(t.Context(), x.acme.ID, "", 0, 10)
	if err := x.invitations.Revoke(t.Context(), x.by(t, "mike"), x.acme.ID, list[0].ID, "revoked"); !fault.Is(err, fault.Forbidden) {
		t.Errorf("a manager took an owner's invitation back: %v", err)
	}
}

func TestAccept(t *testing.T) {
	for _, c := range []struct {
		name    string
		roles   []string // invited by anna, an admin, as
		email   string
		prepare func(t *testing.T, x *tenant)
		want    fault.Code
	}{
		{"it is theirs", nil, "", nil, fault.Internal},
		{"another address", nil, "other@acme.test", nil, fault.Forbidden},
		{"not verified", nil, "", func(t *testing.T, x *tenant) { x.edit(t, "new", func(u *storage.User) { u.EmailVerified = false }) }, fault.EmailUnverified},
		{"suspended person", nil, "", func(t *testing.T, x *tenant) {
			x.edit(t, "new", func(u *storage.User) { u.Status = storage.UserSuspended })
		}, fault.UserNotFound},
		{"expired", nil, "", func(_ *testing.T, x *tenant) { x.Clock.Advance(7 * 24 * time.Hour) }, fault.LinkInvalid},
		{"suspended organization", nil, "", func(t *testing.T, x *tenant) { x.status(t, storage.OrganizationSuspended) }, fault.LinkInvalid},
		{"suspended and back", nil, "", func(t *testing.T, x *tenant) {
			x.status(t, storage.OrganizationSuspended)
			x.status(t, storage.OrganizationActive)
		}, fault.LinkInvalid},
		{"deleted organization", nil, "", func(t *testing.T, x *tenant) { x.status(t, storage.OrganizationDeleted) }, fault.LinkInvalid},
		{"the inviter left", nil, "", func(t *testing.T, x *tenant) {
			if err := x.orgs.RemoveMember(t.Context(), access.Root(), x.acme.ID, x.people["anna"].ID, false, "fired"); err != nil {
				t.Fatal(err)
			}
		}, fault.LinkInvalid},
		{"the inviter is suspended", nil, "", func(t *testing.T, x *tenant) {
			x.edit(t, "anna", func(u *storage.User) { u.Status = storage.UserSuspended })
		}, fault.LinkInvalid},
		{"the inviter is a manager now, who may still invite members", nil, "", func(t *testing.T, x *tenant) { x.demote(t, "anna", "manager") }, fault.Internal},
		{"but no admins", []string{"admin"}, "", func(t *testing.T, x *tenant) { x.demote(t, "anna", "manager") }, fault.LinkInvalid},
	} {
		t.Run(c.name, func(t *testing.T) {
			x := newTenant(t, changetest.New(t))
			x.person(t, "new", true)
			if c.roles == nil {
				c.roles = []string{"member"}
			}
			email := c.email
			if email == "" {
				email = "new@acme.test"
			}
			if _, err := x.invite(t, "anna", email, c.roles...); err != nil {
				t.Fatal(err)
			}
			if c.prepare != nil {
				c.prepare(t, x)
			}
			before := x.Mark(t)
			got, err := x.invitations.Accept(t.Context(), x.post.last(t).Values.Token, x.people["new"].ID)
			if err == nil && c.want != fault.Internal || err != nil && !fault.Is(err, c.want) {
				t.Fatalf("%v", err)
			}
			m, memberErr := x.orgs.Member(t.Context(), x.acme.ID, x.people["new"].ID)
			events := x.Events(t, before)
			if err != nil {
				if !fault.Is(memberErr, fault.NotMember) || len(events) != 0 {
					t.Errorf("refused, and left behind %v %v", m, events)
				}
				return
			}
			if !got.Added || !slices.Equal(m.Roles, c.roles) || !slices.Equal(events, []string{"organization.invitation_accepted", "organization.user_added"}) {
				t.Errorf("%+v %v %v", got, m, events)
			}
			if _, err := x.invitations.Accept(t.Context(), x.post.last(t).Values.Token, x.people["new"].ID); !fault.Is(err, fault.LinkInvalid) {
				t.Errorf("twice: %v", err)
			}
		})
	}
}

func (x *tenant) edit(t *testing.T, name string, change func(*storage.User)) {
	t.Helper()
	u, err := x.Store.UserByID(t.Context(), x.people[name].ID)
	if err != nil {
		t.Fatal(err)
	}
	change(&u)
	if err := x.Store.UpdateUser(t.Context(), u); err != nil {
		t.Fatal(err)
	}
}

func (x *tenant) status(t *testing.T, s storage.OrganizationStatus) {
	t.Helper()
	if _, err := x.orgs.SetStatus(t.Context(), x.acme.ID, s, "test"); err != nil {
		t.Fatal(err)
	}
}

func (x *tenant) demote(t *testing.T, name, role string) {
	t.Helper()
	if _, err := x.orgs.ChangeRoles(t.Context(), access.Root(), x.acme.ID, x.people[name].ID, []string{role}, "test"); err != nil {
		t.Fatal(err)
	}
}

// One who became a member meanwhile keeps their roles; the invitation settles.
func TestAcceptAsMember(t *testing.T) {
	x := newTenant(t, changetest.New(t))
	if _, err := x.invite(t, "olga", "new@acme.test", "admin"); err != nil {
		t.Fatal(err)
	}
	u := x.person(t, "new", true)
	if _, err := x.orgs.AddMember(t.Context(), access.Root(), x.acme.ID, u.ID, []string{"viewer"}, "test"); err != nil {
		t.Fatal(err)
	}
	got, err := x.invitations.Accept(t.Context(), x.post.last(t).Values.Token, u.ID)
	if err != nil || got.Added || !slices.Equal(got.Membership.Roles, []string{"viewer"}) {
		t.Errorf("%+v %v", got, err)
	}
	if list, n, _ := x.invitations.List(t.Context(), x.acme.ID, "", 0, 10); n != 0 || len(list) != 0 {
		t.Errorf("still standing: %v", list)
	}
}

func TestMyInvitations(t *testing.T) {
	x := newTenant(t, changetest.New(t))
	u := x.person(t, "new", true)
	if _, err := x.invite(t, "olga", "NEW@acme.test", "viewer"); err != nil {
		t.Fatal(err)
	}
	if list, err := x.invitations.For(t.Context(), u, 10); err != nil || len(list) != 1 {
		t.Errorf("%v %v", list, err)
	}
	u.EmailVerified = false
	if list, err := x.invitations.For(t.Context(), u, 10); err != nil || len(list) != 0 {
		t.Errorf("unverified: %v %v", list, err)
	}
}

// Of 32 at once one wins, on both engines and over two replicas.
func TestAcceptAtOnce(t *testing.T) {
	changetest.Engines(t, func(t *testing.T, fs []*changetest.Fixture) {
		x := newTenant(t, fs[0])
		u := x.person(t, "new", true)
		if _, err := x.invite(t, "anna", "new@acme.test", "member"); err != nil {
			t.Fatal(err)
		}
		token, before := x.post.last(t).Values.Token, x.Mark(t)
		errs := make([]error, 32)
		var wg sync.WaitGroup
		for n := range errs {
			s := x.over(fs[n%len(fs)])
			wg.Go(func() { _, errs[n] = s.Accept(t.Context(), token, u.ID) })
		}
		wg.Wait()
		won := 0
		for _, err := range errs {
			if err == nil {
				won++
			} else if !fault.Is(err, fault.LinkInvalid) {
				t.Error(err)
			}
		}
		if events := x.Events(t, before); won != 1 || !slices.Equal(events, []string{"organization.invitation_accepted", "organization.user_added"}) {
			t.Errorf("%d won, %v", won, events)
		}
	})
}

// While an invitation is accepted and renewed with other roles at once, nobody
// joins with the roles of one link through the other.
func TestAcceptWhileRenewed(t *testing.T) {
	changetest.Engines(t, func(t *testing.T, fs []*changetest.Fixture) {
		x := newTenant(t, fs[0])
		for n := range 6 {
			name := string(rune('a' + n))
			u := x.person(t, name, true)
			if _, err := x.invite(t, "olga", name+"@acme.test", "admin"); err != nil {
				t.Fatal(err)
			}
			token, by := x.post.last(t).Values.Token, x.by(t, "olga")
			var wg sync.WaitGroup
			var acceptErr, renewErr error
			wg.Go(func() { _, acceptErr = x.over(fs[0]).Accept(t.Context(), token, u.ID) })
			wg.Go(func() {
				_, renewErr = x.over(fs[len(fs)-1]).Create(t.Context(), by, x.acme.ID, org.Invite{Email: u.Email, Roles: []string{"viewer"}})
			})
			wg.Wait()
			m, err := x.orgs.Member(t.Context(), x.acme.ID, u.ID)
			switch {
			case acceptErr == nil && err == nil && slices.Equal(m.Roles, []string{"admin"}):
			case fault.Is(acceptErr, fault.LinkInvalid) && renewErr == nil && fault.Is(err, fault.NotMember):
			default:
				t.Errorf("accept %v, renew %v: %v %v", acceptErr, renewErr, m.Roles, err)
			}
		}
	})
}

// What leaves in the mail is 256 bits, and the row holds none of them.
func TestTokens(t *testing.T) {
	f := changetest.New(t)
	x := newTenant(t, f)
	i, err := x.invite(t, "olga", "new@acme.test", "viewer")
	if err != nil {
		t.Fatal(err)
	}
	token := x.post.last(t).Values.Token
	if len(token) != 43 || string(i.Hash) == token {
		t.Errorf("%q %q", token, i.Hash)
	}
	for _, bad := range []string{"", token + "A", token[:42], "A" + token[1:], string(make([]byte, 43))} {
		if bad == token {
			continue
		}
		if _, _, err := x.invitations.Peek(t.Context(), bad); !fault.Is(err, fault.LinkInvalid) {
			t.Errorf("%q: %v", bad, err)
		}
	}
	var _ org.Hasher = (*keys.Purpose)(nil)
}
