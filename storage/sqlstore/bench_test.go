package sqlstore_test

import (
	"context"
	"crypto/rand"
	"sync/atomic"
	"testing"
	"time"

	"github.com/signet-idp/signet/internal/testkit/teststore"
	"github.com/signet-idp/signet/storage"
	"github.com/signet-idp/signet/storage/sqlstore"
)

// Run with -cpu 1 for the figures per server core of the design's section 14.

func eachEngine(b *testing.B, f func(b *testing.B, s *sqlstore.Store)) {
	b.Run("sqlite", func(b *testing.B) { f(b, teststore.New(b)) })
	b.Run("postgresql", func(b *testing.B) { f(b, teststore.Postgres(b, 1)[0]) })
}

// parallel runs one on 16 goroutines a processor, as that many connections would.
func parallel(b *testing.B, one func(ctx context.Context) error) {
	b.ReportAllocs()
	b.SetParallelism(16)
	b.ResetTimer()
	b.RunParallel(func(pb *testing.PB) {
		for pb.Next() {
			if err := one(b.Context()); err != nil {
				b.Error(err)
				return
			}
		}
	})
}

type world struct {
	now     time.Time
	user    storage.User
	org     storage.Organization
	session storage.Session
}

// newWorld is a person with roles in an organization and a browser session.
func newWorld(b *testing.B, s *sqlstore.Store) world {
	b.Helper()
	now := time.Now().UTC().Truncate(time.Microsecond)
	w := world{now: now}
	w.user = storage.User{
		ID: storage.NewID(), Email: "alice@acme.test", EmailCanonical: "alice@acme.test", Status: storage.UserActive,
		Profile: map[string]any{"name": "Alice Example", "given_name": "Alice", "locale": "en"}, CreatedAt: now, UpdatedAt: now,
	}
	w.org = storage.Organization{ID: storage.NewID(), Slug: "acme", Name: "Acme", Status: storage.OrganizationActive, CreatedAt: now}
	w.session = storage.Session{
		ID: storage.NewID(), UserID: w.user.ID, Kind: storage.SessionBrowser, CookieHash: random(32),
		AuthTime: now, AMR: []string{"pwd"}, CreatedAt: now, LastActiveAt: now, IdleExpiry: now.Add(time.Hour), Expiry: now.Add(time.Hour),
	}
	ctx := b.Context()
	for _, err := range []error{
		s.InsertUser(ctx, w.user), s.InsertOrganization(ctx, w.org), s.InsertSession(ctx, w.session),
		s.PutMembership(ctx, storage.Membership{OrganizationID: w.org.ID, UserID: w.user.ID, Roles: []string{"billing", "owner"}, JoinedAt: now}),
		s.PutSystemRoles(ctx, w.user.ID, []string{"user"}, "", now),
	} {
		if err != nil {
			b.Fatal(err)
		}
	}
	return w
}

func (w world) grant() storage.Grant {
	return storage.Grant{
		ID: storage.NewID(), ClientID: "web", UserID: w.user.ID, SessionID: w.session.ID, OrganizationID: w.org.ID,
		Scope: []string{"openid", "profile", "email", "offline_access"}, Audience: []string{"https://api.acme.test"},
		Nonce: "n-0S6_WzA2Mj", AuthTime: w.now, AMR: []string{"pwd"}, RedirectURI: "http://127.0.0.1:9000/callback",
		CodeHash: random(32), CodeChallenge: "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM", CodeExpiry: w.now.Add(time.Minute),
		CreatedAt: w.now, Expiry: w.now.Add(90 * 24 * time.Hour),
	}
}

func random(n int) []byte {
	b := make([]byte, n)
	_, _ = rand.Read(b)
	return b
}

// BenchmarkRefresh is what a rotating refresh asks of the store: one read, one
// write that commits by itself.
func BenchmarkRefresh(b *testing.B) {
	eachEngine(b, func(b *testing.B, s *sqlstore.Store) {
		w := newWorld(b, s)
		const families = 64
		free := make(chan storage.Grant, families)
		for range families {
			g := w.grant()
			g.Generation = 1
			if err := s.InsertGrant(b.Context(), g); err != nil {
				b.Fatal(err)
			}
			free <- g
		}
		parallel(b, func(ctx context.Context) error {
			g := <-free
			st, err := s.GrantByID(ctx, g.ID, w.now)
			if err != nil {
				return err
			}
			_, err = s.StepGrant(ctx, g.ID, st.Generation, g.OrganizationID, w.now, w.now.Add(time.Hour))
			free <- g
			return err
		})
	})
}

// BenchmarkCode is a code flow with the session kept: the grant with its event,
// the read by code, the redemption with its event.
func BenchmarkCode(b *testing.B) {
	eachEngine(b, func(b *testing.B, s *sqlstore.Store) {
		w := newWorld(b, s)
		event := func() storage.Event {
			return storage.Event{
				ID: storage.NewID(), Type: "code.used", Time: w.now, Actor: w.user.ID, ActorKind: "user",
				Subject: w.user.ID, Organization: w.org.ID, Data: []byte(`{"client_id":"web"}`),
			}
		}
		parallel(b, func(ctx context.Context) error {
			g := w.grant()
			if err := s.InTx(ctx, func(ctx context.Context) error {
				if err := s.InsertGrant(ctx, g); err != nil {
					return err
				}
				return s.InsertEvents(ctx, event())
			}); err != nil {
				return err
			}
			st, err := s.GrantByCode(ctx, g.CodeHash, w.now)
			if err != nil {
				return err
			}
			return s.InTx(ctx, func(ctx context.Context) error {
				if _, err := s.UseCode(ctx, st.ID, 1, w.now, w.now.Add(time.Hour)); err != nil {
					return err
				}
				return s.InsertEvents(ctx, event())
			})
		})
	})
}

func BenchmarkGrantByID(b *testing.B) {
	eachEngine(b, func(b *testing.B, s *sqlstore.Store) {
		w := newWorld(b, s)
		g := w.grant()
		if err := s.InsertGrant(b.Context(), g); err != nil {
			b.Fatal(err)
		}
		parallel(b, func(ctx context.Context) error {
			_, err := s.GrantByID(ctx, g.ID, w.now)
			return err
		})
	})
}

func BenchmarkSessionByCookie(b *testing.B) {
	eachEngine(b, func(b *testing.B, s *sqlstore.Store) {
		w := newWorld(b, s)
		parallel(b, func(ctx context.Context) error {
			_, err := s.SessionByCookie(ctx, w.session.CookieHash)
			return err
		})
	})
}

// BenchmarkWrite and BenchmarkWriteInTx differ by what a transaction costs.
func BenchmarkWrite(b *testing.B) {
	eachEngine(b, func(b *testing.B, s *sqlstore.Store) {
		var n atomic.Int64
		parallel(b, func(ctx context.Context) error {
			_, err := s.UseOnce(ctx, "bench", storage.NewID(), time.UnixMicro(n.Add(1)))
			return err
		})
	})
}

func BenchmarkWriteInTx(b *testing.B) {
	eachEngine(b, func(b *testing.B, s *sqlstore.Store) {
		var n atomic.Int64
		parallel(b, func(ctx context.Context) error {
			return s.InTx(ctx, func(ctx context.Context) error {
				_, err := s.UseOnce(ctx, "bench", storage.NewID(), time.UnixMicro(n.Add(1)))
				return err
			})
		})
	})
}

// BenchmarkOpen is what the store adds to a cold start: open, compare the
// schema's version, read the feed's head.
func BenchmarkOpen(b *testing.B) {
	url := "sqlite:" + b.TempDir() + "/signet.db"
	open := func() error {
		s, err := sqlstore.Open(b.Context(), sqlstore.Options{URL: url})
		if err != nil {
			return err
		}
		if err := s.Migrate(b.Context()); err != nil {
			return err
		}
		if _, err := s.FeedHead(b.Context()); err != nil {
			return err
		}
		return s.Close()
	}
	if err := open(); err != nil {
		b.Fatal(err)
	}
	for b.Loop() {
		if err := open(); err != nil {
			b.Fatal(err)
		}
	}
}

// BenchmarkSweep deletes a thousand expired messages of a kilobyte.
func BenchmarkSweep(b *testing.B) {
	eachEngine(b, func(b *testing.B, s *sqlstore.Store) {
		w := newWorld(b, s)
		const rows = 1000
		for b.Loop() {
			b.StopTimer()
			if err := s.InTx(b.Context(), func(ctx context.Context) error {
				for range rows {
					if err := s.InsertMessage(ctx, storage.Message{
						ID: storage.NewID(), Channel: "email", UserID: w.user.ID, Sealed: random(1024), DueAt: w.now, CreatedAt: w.now, Expiry: w.now,
					}); err != nil {
						return err
					}
				}
				return nil
			}); err != nil {
				b.Fatal(err)
			}
			b.StartTimer()
			if n, err := s.Sweep(b.Context(), w.now.Add(time.Hour), rows); err != nil || n != rows {
				b.Fatal(n, err)
			}
		}
		b.ReportMetric(float64(b.N)*rows/b.Elapsed().Seconds(), "rows/s")
	})
}
