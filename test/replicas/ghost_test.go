package replicas_test

import (
	"context"
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/signet-idp/signet/internal/testkit/servers"
	"github.com/signet-idp/signet/provider/access"
	"github.com/signet-idp/signet/provider/event"
	"github.com/signet-idp/signet/provider/oauth/params"
	"github.com/signet-idp/signet/provider/org"
	"github.com/signet-idp/signet/storage"
	"github.com/signet-idp/signet/test/harness"
)

const (
	// tries is how often a change is made to fail somewhere on its way.
	tries = 100
	// kinds is how many kinds of change there are (see change).
	kinds = 4
)

// TestNoGhosts makes changes fail at every place, the commit among them: there
// is no event without its change, no change without its event, and no feed
// entry without either (design §13, record before release).
func TestNoGhosts(t *testing.T) {
	t.Parallel()
	t.Run("SQLite, cancelled", func(t *testing.T) {
		t.Parallel()
		w := setup(t, 1, harness.Options{})
		haunt(t, w.at(0), w.at(0), cancelling())
	})
	t.Run("PostgreSQL, cancelled", func(t *testing.T) {
		t.Parallel()
		w := setup(t, 1, harness.Options{DatabaseURL: servers.Postgres(t)})
		haunt(t, w.at(0), w.at(0), cancelling())
	})
	t.Run("PostgreSQL, connection lost", func(t *testing.T) {
		t.Parallel()
		db := servers.Postgres(t)
		proxy, through := harness.NewProxy(t, db)
		o := harness.Options{DatabaseURL: through, MasterKey: harness.MasterKey}
		w := &world{all: []*harness.Instance{harness.Start(t, o)}}
		o.DatabaseURL, o.Issuer = db, w.all[0].Issuer
		w.all = append(w.all, harness.Start(t, o)) // it sees what the first one did
		w.person = w.at(1).User(t, "alice@example.test", password)
		w.at(1).Client(t, "web", storage.ClientMetadata{TokenEndpointAuthMethod: "none", FirstParty: true})
		w.sync(t)
		haunt(t, w.at(0), w.at(1), func(rnd *rand.Rand, _ int) (context.Context, func()) {
			if rnd.IntN(2) == 0 {
				proxy.BreakAfterSending(1 + rnd.IntN(6000))
			} else {
				proxy.BreakAfterReceiving(1 + rnd.IntN(3000))
			}
			return context.Background(), func() {
				proxy.BreakAfterSending(0)
				proxy.BreakAfterReceiving(0)
			}
		})
	})
}

// fuse is a context that is cancelled when it was asked n times how it is.
type fuse struct {
	context.Context
	left atomic.Int64
	done chan struct{}
	once sync.Once
}

func newFuse(n int) *fuse {
	f := &fuse{Context: context.Background(), done: make(chan struct{})}
	f.left.Store(int64(n))
	return f
}

// cancelling spoils changes by a fuse that burns down somewhere on their way.
// The first of each kind goes through and tells how long that way is.
func cancelling() func(*rand.Rand, int) (context.Context, func()) {
	var length [kinds]int
	return func(rnd *rand.Rand, kind int) (context.Context, func()) {
		if length[kind] > 0 {
			return newFuse(1 + rnd.IntN(length[kind]+2)), func() {}
		}
		const long = 1 << 20
		f := newFuse(long)
		return f, func() { length[kind] = long - int(f.left.Load()) }
	}
}

func (f *fuse) burn() {
	if f.left.Add(-1) <= 0 {
		f.once.Do(func() { close(f.done) })
	}
}

func (f *fuse) Done() <-chan struct{} { f.burn(); return f.done }

func (f *fuse) Err() error {
	f.burn()
	select {
	case <-f.done:
		return context.Canceled
	default:
		return nil
	}
}

// haunt makes many changes fail at in, each somewhere else, and looks at the
// outcome with witness.
func haunt(t *testing.T, in, witness *harness.Instance, spoil func(*rand.Rand, int) (context.Context, func())) {
	t.Helper()
	rnd := rand.New(rand.NewPCG(1, 2))
	owner := witness.User(t, "owner@example.test", password)
	o := witness.Organization(t, "haunted", owner.ID)
	member := witness.User(t, "member@example.test", password)
	if _, err := witness.Organizations.AddMember(t.Context(), access.Root(), o.ID, member.ID, []string{"viewer"}, "admin"); err != nil {
		t.Fatal(err)
	}
	var sessions []storage.Session
	for range tries / kinds {
		_, s := witness.SignedIn(t, member.ID)
		sessions = append(sessions, s)
	}
	failed := map[string]int{}
	for n := range tries {
		ctx, over := spoil(rnd, n%kinds)
		what, err := change(ctx, in, n, o, owner, member, sessions)
		over()
		if err != nil {
			failed[what]++
		}
	}
	t.Logf("of %d changes of each kind these failed: %v", tries/kinds, failed)
	for _, what := range []string{"create", "roles", "logout", "code"} {
		if n := failed[what]; n == 0 || n == tries/kinds {
			t.Errorf("%s: %d of %d failed: nothing was tested", what, n, tries/kinds)
		}
	}
	lookForGhosts(t, witness, o.ID, member.ID)
}

// change makes the n-th change.
func change(ctx context.Context, in *harness.Instance, n int, o storage.Organization, owner, member storage.User, sessions []storage.Session) (string, error) {
	switch n % kinds {
	case 0:
		_, err := in.Organizations.Create(ctx, org.Organization{Slug: fmt.Sprintf("ghost-%d", n), Name: "Ghost", OwnerID: owner.ID, Source: "admin"})
		return "create", err
	case 1:
		roles := [][]string{{"member"}, {"manager", "viewer"}, {"viewer"}}[n/kinds%3]
		_, err := in.Organizations.ChangeRoles(ctx, access.Root(), o.ID, member.ID, roles, "admin")
		return "roles", err
	case 2:
		return "logout", in.Sessions.End(ctx, sessions[n/kinds], "logout")
	}
	a := harness.NewAuthorization("web", "openid offline_access", nil)
	form, err := params.Parse(a.Params.Encode())
	if err != nil {
		return "code", err
	}
	r, err := in.OAuth.ParseAuthorize(context.Background(), form)
	if err != nil {
		return "code", err
	}
	s := sessions[len(sessions)-1] // its own logout is the last change but one
	_, err = in.OAuth.Authorize(ctx, r, s, nil)
	return "code", err
}

// lookForGhosts compares the record with the state, row by row.
func lookForGhosts(t *testing.T, in *harness.Instance, organizationID, memberID string) {
	t.Helper()
	db := harness.OpenDatabase(t, string(in.Config.Database.URL))
	said := map[string][]string{} // by event type: what it names
	var lastRoles, removals []string
	for _, e := range log(t, in) {
		var data struct {
			SessionID    string   `json:"session_id"`
			GrantID      string   `json:"grant_id"`
			Roles        []string `json:"roles"`
			RolesRemoved []string `json:"roles_removed"`
		}
		if err := json.Unmarshal(e.Data, &data); err != nil {
			t.Fatal(err)
		}
		name := e.Subject
		switch event.Type(e.Type) {
		case event.SessionCreated, event.UserLogout, event.SessionRevoked:
			name = data.SessionID
		case event.GrantCreated:
			name = data.GrantID
		case event.OrganizationRoleChanged:
			lastRoles = data.Roles
			if len(data.RolesRemoved) > 0 {
				removals = append(removals, organizationID+"/"+memberID)
			}
		}
		said[e.Type] = append(said[e.Type], name)
	}
	column := func(query string, args ...any) (out []string) {
		for _, row := range db.Rows(query, args...) {
			out = append(out, row[0])
		}
		return out
	}
	same := func(what string, state, events []string) {
		t.Helper()
		slices.Sort(state)
		slices.Sort(events)
		if !slices.Equal(state, events) {
			t.Errorf("%s: %d in the state, %d in the record\nstate  %v\nrecord %v", what, len(state), len(events), state, events)
		}
	}
	same("organizations", column(`SELECT id FROM organizations`), said["organization.created"])
	same("sessions", column(`SELECT id FROM sessions`), said["session.created"])
	same("ended sessions", column(`SELECT id FROM sessions WHERE ended_at <> 0`), said["user.logout"])
	same("grants", column(`SELECT id FROM grants`), said["grant.created"])
	same("feed entries of sessions", column(`SELECT value FROM revocations WHERE kind = 'sid'`), said["user.logout"])
	same("feed entries of members", column(`SELECT value FROM revocations WHERE kind = 'member'`), removals)
	same("roles", column(`SELECT role FROM role_assignments WHERE user_id = $1 AND organization_id = $2`, memberID, organizationID), slices.Clone(lastRoles))

	verified, err := event.Verify(context.Background(), in.Store, 1)
	if err != nil {
		t.Error(err)
	}
	if n := column(`SELECT CAST(COUNT(*) AS BIGINT) FROM events`); n[0] != fmt.Sprint(verified.To) {
		t.Errorf("%s events, %d in the chain", n[0], verified.To)
	}
	seqs := column(`SELECT seq FROM revocations ORDER BY seq`)
	for i, s := range seqs {
		if s != fmt.Sprint(i+1) {
			t.Errorf("the feed has a gap: %s", strings.Join(seqs, " "))
			break
		}
	}
	head, err := in.Store.FeedHead(context.Background())
	if err != nil || head.Seq != int64(len(seqs)) {
		t.Errorf("head %d after %d entries: %v", head.Seq, len(seqs), err)
	}
}
