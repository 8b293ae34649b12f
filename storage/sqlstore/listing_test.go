package sqlstore_test

import (
	"context"
	"fmt"
	"net/url"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/signet-idp/signet/internal/testkit/servers"
	"github.com/signet-idp/signet/internal/testkit/teststore"
	"github.com/signet-idp/signet/storage"
	"github.com/signet-idp/signet/storage/sqlstore"
)

// crowd is many people, an organization that most of them belong to, and its
// history.
type crowd struct {
	org     storage.Organization
	members []string // user ids, in order
	now     time.Time
}

// newCrowd loads an organization with members, as many people again who belong
// to another one, and events, each tenth of them of the other.
func newCrowd(tb testing.TB, s *sqlstore.Store, members, events int) crowd {
	tb.Helper()
	now := time.Date(2026, 3, 14, 15, 0, 0, 0, time.UTC)
	c := crowd{now: now}
	orgs := []storage.Organization{
		{ID: storage.NewID(), Slug: "acme", Name: "Acme", Status: storage.OrganizationActive, CreatedAt: now},
		{ID: storage.NewID(), Slug: "other", Name: "Other", Status: storage.OrganizationActive, CreatedAt: now},
	}
	c.org = orgs[0]
	for _, o := range orgs {
		if err := s.InsertOrganization(tb.Context(), o); err != nil {
			tb.Fatal(err)
		}
	}
	inChunks(tb, s, 2*members, func(ctx context.Context, i int) error {
		id := storage.NewID()
		name := fmt.Sprintf("%c%c%c%d", 'a'+i%26, 'a'+i/26%26, 'a'+i/676%26, i)
		u := storage.User{
			ID: id, Email: name + "@acme.test", EmailCanonical: name + "@acme.test", Status: storage.UserActive,
			Profile:   map[string]any{"name": "Person " + name, "given_name": "Person", "family_name": name, "locale": "en"},
			CreatedAt: now, LastLoginAt: now.Add(-time.Duration(i%90) * 24 * time.Hour),
		}
		if i%100 == 99 {
			u.Status = storage.UserSuspended
		}
		if err := s.InsertUser(ctx, u); err != nil {
			return err
		}
		m := storage.Membership{OrganizationID: orgs[i%2].ID, UserID: id, Roles: []string{"member"}, JoinedAt: now.Add(time.Duration(i) * time.Second)}
		if i%1000 == 0 {
			m.Roles = []string{"member", "owner"}
		}
		if i%2 == 0 {
			c.members = append(c.members, id)
		}
		if err := s.PutMembership(ctx, m); err != nil {
			return err
		}
		return s.PutUserTerms(ctx, id, []string{"person", name, "acme.test"})
	})
	slices.Sort(c.members)
	for at := 0; at < events; at += 1000 {
		var list []storage.Event
		for i := at; i < min(events, at+1000); i++ {
			e := storage.Event{
				ID: storage.NewID(), Type: fmt.Sprint("type.", i%20), Time: now.Add(time.Duration(i-events) * time.Minute),
				Actor: "a", ActorKind: "user", Subject: c.members[i%len(c.members)], Organization: c.org.ID, Data: []byte(`{"client_id":"web"}`),
			}
			if i%10 == 9 {
				e.Organization = orgs[1].ID
			}
			list = append(list, e)
		}
		err := s.InTx(tb.Context(), func(ctx context.Context) error {
			if err := s.InsertEvents(ctx, list...); err != nil {
				return err
			}
			list, err := s.UnsequencedEvents(ctx, 1000)
			if err != nil {
				return err
			}
			for i := range list {
				list[i].Seq, list[i].Hash = int64(at+i+1), make([]byte, 32)
			}
			return s.SequenceEvents(ctx, list)
		})
		if err != nil {
			tb.Fatal(err)
		}
	}
	if s.Stats().Engine == "postgresql" { // which does it by itself after a while
		if err := sqlstore.Exec(tb.Context(), s, `VACUUM (ANALYZE)`); err != nil {
			tb.Fatal(err)
		}
	}
	return c
}

func inChunks(tb testing.TB, s *sqlstore.Store, n int, one func(ctx context.Context, i int) error) {
	tb.Helper()
	for at := 0; at < n; at += 500 {
		if err := s.InTx(tb.Context(), func(ctx context.Context) error {
			for i := at; i < min(n, at+500); i++ {
				if err := one(ctx, i); err != nil {
					return err
				}
			}
			return nil
		}); err != nil {
			tb.Fatal(err)
		}
	}
}

// listings are the questions whose cost must not grow with what is behind or
// before the page.
func (c crowd) listings(s *sqlstore.Store) []listing {
	member := func(name string, q storage.MemberQuery) listing {
		q.OrganizationID, q.Limit = c.org.ID, 50
		return listing{"members " + name, func(ctx context.Context) error {
			_, err := s.QueryMembers(ctx, q)
			return err
		}}
	}
	user := func(name string, q storage.UserQuery) listing {
		q.Limit = 50
		return listing{"users " + name, func(ctx context.Context) error {
			_, err := s.QueryUsers(ctx, q)
			return err
		}}
	}
	event := func(name string, q storage.EventQuery) listing {
		q.Limit = 50
		return listing{"events " + name, func(ctx context.Context) error {
			_, err := s.QueryEvents(ctx, q)
			return err
		}}
	}
	last := c.members[len(c.members)*99/100-1]
	return []listing{
		member("first page", storage.MemberQuery{}),
		member("by cursor at 99 %", storage.MemberQuery{After: last}),
		member("by offset at 99 %", storage.MemberQuery{Offset: len(c.members) * 99 / 100}),
		member("with a common role", storage.MemberQuery{Role: "member"}),
		member("with a common role at 99 %", storage.MemberQuery{Role: "member", After: last}),
		member("with a rare role", storage.MemberQuery{Role: "owner"}),
		{"members who joined last", func(ctx context.Context) error {
			_, err := s.RecentMembers(ctx, c.org.ID, 10)
			return err
		}},
		user("first page", storage.UserQuery{}),
		user("by cursor at 99 %", storage.UserQuery{After: last}),
		user("suspended", storage.UserQuery{Status: storage.UserSuspended}),
		user("of an organization", storage.UserQuery{OrganizationID: c.org.ID, After: last}),
		event("of an organization", storage.EventQuery{Organization: c.org.ID}),
		event("of an organization at 90 %", storage.EventQuery{Organization: c.org.ID, Before: 10000}),
		event("of an organization and type", storage.EventQuery{Organization: c.org.ID, Types: []string{"type.2", "type.4"}}),
		event("of a person", storage.EventQuery{Subject: c.members[7]}),
		event("of a person in an organization", storage.EventQuery{Subject: c.members[7], Organization: c.org.ID}),
		event("of all", storage.EventQuery{}),
	}
}

// searches are those whose cost grows with how many are found or passed over.
func (c crowd) searches(s *sqlstore.Store) []listing {
	var list []listing
	for _, terms := range [][]string{{"abc"}, {"a"}, {"person"}, {"person", "abc"}, {"nobody"}} {
		list = append(
			list,
			listing{fmt.Sprint("search members ", terms), func(ctx context.Context) error {
				_, err := s.QueryMembers(ctx, storage.MemberQuery{OrganizationID: c.org.ID, Terms: terms, Limit: 50})
				return err
			}},
			listing{fmt.Sprint("search users ", terms), func(ctx context.Context) error {
				_, err := s.QueryUsers(ctx, storage.UserQuery{Terms: terms, Limit: 50})
				return err
			}},
			listing{fmt.Sprint("count members ", terms), func(ctx context.Context) error {
				_, err := s.CountMembers(ctx, storage.MemberQuery{OrganizationID: c.org.ID, Terms: terms})
				return err
			}},
		)
	}
	return append(
		list,
		listing{"count members", func(ctx context.Context) error {
			_, err := s.CountMembers(ctx, storage.MemberQuery{OrganizationID: c.org.ID})
			return err
		}},
		listing{"count users", func(ctx context.Context) error {
			_, err := s.CountUsers(ctx, storage.UserQuery{})
			return err
		}},
		listing{"count active members", func(ctx context.Context) error {
			_, err := s.ActiveMembers(ctx, c.org.ID, c.now.Add(-30*24*time.Hour))
			return err
		}},
		listing{"count events to 10,000", func(ctx context.Context) error {
			_, err := s.CountEvents(ctx, storage.EventQuery{Organization: c.org.ID}, 10000)
			return err
		}},
		listing{"events of a time when nothing happened", func(ctx context.Context) error {
			_, err := s.QueryEvents(ctx, storage.EventQuery{Organization: c.org.ID, From: c.now.Add(time.Hour), Limit: 50})
			return err
		}},
	)
}

type listing struct {
	name string
	read func(ctx context.Context) error
}

// BenchmarkListing is with 10,000 members of 20,000 people and 100,000 events.
func BenchmarkListing(b *testing.B) {
	eachEngine(b, func(b *testing.B, s *sqlstore.Store) {
		c := newCrowd(b, s, 10_000, 100_000)
		for _, l := range append(c.listings(s), c.searches(s)...) {
			b.Run(l.name, func(b *testing.B) {
				for b.Loop() {
					if err := l.read(b.Context()); err != nil {
						b.Fatal(err)
					}
				}
			})
		}
	})
}

// TestListingPlans: what is listed comes from an index in order. No table is
// read whole, and no more than a page is sorted. PostgreSQL is asked what it
// would do with tables that are too large to be read whole.
func TestListingPlans(t *testing.T) {
	for name, open := range map[string]func() *sqlstore.Store{
		"sqlite": func() *sqlstore.Store { return teststore.New(t) },
		"postgresql": func() *sqlstore.Store {
			u, err := url.Parse(servers.Postgres(t))
			if err != nil {
				t.Fatal(err)
			}
			q := u.Query()
			for _, name := range []string{"enable_seqscan", "enable_bitmapscan", "enable_hashjoin", "enable_mergejoin"} {
				q.Set(name, "off")
			}
			u.RawQuery = q.Encode()
			return teststore.Open(t, sqlstore.Options{URL: u.String()})
		},
	} {
		t.Run(name, func(t *testing.T) {
			s := open()
			c := newCrowd(t, s, 3_000, 10_000)
			var plan []string
			sqlstore.Explain(s, func(lines []string) { plan = append(plan, lines...) })
			for _, l := range c.listings(s) {
				plan = nil
				if err := l.read(t.Context()); err != nil {
					t.Fatalf("%s: %v", l.name, err)
				}
				if len(plan) == 0 {
					t.Fatalf("%s: no plan", l.name)
				}
				if why := costly(plan); why != "" {
					t.Errorf("%s: %s\n%s", l.name, why, strings.Join(plan, "\n"))
				}
			}
		})
	}
}

var (
	// One of the large tables read whole, by its name or alias.
	whole = regexp.MustCompile(`(?:SCAN|Seq Scan on) (?:events|users|u|memberships|m|h|role_assignments|r)\b`)
	// PostgreSQL's node with the number of rows it gave out.
	sort = regexp.MustCompile(`Sort  \(.* rows=(\d+) loops`)
)

// costly returns the line of a plan that grows with the tables, or "".
func costly(plan []string) string {
	sorts := 0
	if slices.Contains(plan, "SCAN k") { // SQLite sorts the page after it was cut
		sorts--
	}
	for _, line := range plan {
		if strings.Contains(line, "TEMP B-TREE FOR ORDER BY") {
			sorts++
		}
		if whole.MatchString(line) || sorts > 0 || strings.Contains(line, "top-N") {
			return line
		}
		if m := sort.FindStringSubmatch(line); m != nil {
			if n, err := strconv.Atoi(m[1]); err != nil || n > 100 {
				return line
			}
		}
	}
	return ""
}
