package main

import (
	"context"
	"crypto/sha256"
	"errors"
	"flag"
	"fmt"
	"io"
	"log/slog"
	"os"
	"sync/atomic"
	"time"

	"github.com/signet-idp/signet/cmd/signet/app"
	"github.com/signet-idp/signet/cmd/signet/config"
	"github.com/signet-idp/signet/internal/clock"
	"github.com/signet-idp/signet/internal/progress"
	"github.com/signet-idp/signet/provider/access"
	"github.com/signet-idp/signet/provider/activity"
	"github.com/signet-idp/signet/provider/event"
	"github.com/signet-idp/signet/provider/fault"
	"github.com/signet-idp/signet/provider/org"
	"github.com/signet-idp/signet/provider/user"
	"github.com/signet-idp/signet/storage"
)

// How a seeded installation is made.
const (
	seedSlug        = "acme"
	seedPast        = 90 * 24 * time.Hour // over which the events are spread
	seedInvitations = 200
	seedBatch       = 500 // rows of one transaction
)

// seedSize is how much a seeded organization holds.
type seedSize struct{ members, events int }

// seedCommand is `load seed`: it fills an installation with an organization of
// many members and a long record, through the server's own code, so that the
// chain of the record and the counts are those of a real one. The server must
// not be running on the same SQLite file.
func seedCommand(ctx context.Context, args []string, log io.Writer) error {
	f := flag.NewFlagSet("load seed", flag.ContinueOnError)
	var size seedSize
	f.IntVar(&size.members, "members", 10_000, "members of the organization "+seedSlug)
	f.IntVar(&size.events, "events", 1_000_000, "events of theirs, over the last 90 days")
	database := f.String("database", "", "sqlite:PATH or postgres://…; with PostgreSQL set SIGNET_MASTER_KEY as the server has it")
	if err := f.Parse(args); err != nil {
		return err
	}
	if *database == "" || size.members < 1 || size.events < 0 || f.NArg() > 0 {
		return errors.New("seed: -database is needed, and numbers that are not negative: see -h")
	}
	return seed(ctx, append(os.Environ(), "SIGNET_DATABASE_URL="+*database), size, progress.New(log, clock.System{}))
}

// past is a clock that walks from the beginning of the seeded time to now.
type past struct{ micros atomic.Int64 }

// Now implements clock.Clock.
func (p *past) Now() time.Time { return time.UnixMicro(p.micros.Load()).UTC() }

func (p *past) set(t time.Time) { p.micros.Store(t.UnixMicro()) }

// seeder fills one installation.
type seeder struct {
	*app.Core
	size     seedSize
	clock    *past
	from, to time.Time
	progress *progress.Bar

	organization storage.Organization
	members      []string
	counter      *event.Follower
}

// seed fills the installation that the environment names.
func seed(ctx context.Context, environ []string, size seedSize, p *progress.Bar) (err error) {
	loaded, err := config.Load(config.Sources{Environ: environ})
	if err != nil {
		return err
	}
	s := &seeder{size: size, clock: &past{}, progress: p}
	s.to = time.Now().UTC().Truncate(time.Second)
	s.from = s.to.Add(-seedPast)
	s.clock.set(s.from)
	if s.Core, err = app.Open(ctx, app.Options{Config: &loaded.Config, Clock: s.clock, Log: slog.New(slog.DiscardHandler)}, true); err != nil {
		return err
	}
	defer func() { err = errors.Join(err, s.Close()) }()
	if s.counter, err = event.NewFollower(event.FollowerConfig{
		Store: s.Store, Clock: s.clock, Name: activity.Follower, Holder: storage.NewID(), Apply: activity.Count(s.Store),
	}); err != nil {
		return err
	}
	for _, step := range []func(context.Context) error{s.people, s.invitations, s.happenings} {
		if err := step(ctx); err != nil {
			return fmt.Errorf("seed: %w", err)
		}
	}
	return nil
}

// people makes the organization, unless it is there, and its members. All have
// one password, hashed once.
func (s *seeder) people(ctx context.Context) error {
	hash, err := s.Passwords.Hash(ctx, password)
	if err != nil {
		return err
	}
	if s.organization, err = s.Store.OrganizationBySlug(ctx, seedSlug); errors.Is(err, storage.ErrNotFound) {
		owner, createErr := s.Users.Create(ctx, access.Root(), user.Account{
			Email: "owner@seed.test", EmailVerified: true, PasswordHash: hash, Profile: map[string]any{"name": "The Owner"}, Source: "import",
		})
		if createErr != nil {
			return createErr
		}
		s.organization, err = s.Organizations.Create(ctx, org.Organization{Slug: seedSlug, Name: "Acme Inc", OwnerID: owner.ID, Source: "import"})
	}
	if err != nil {
		return err
	}
	s.progress.Begin("members", s.size.members)
	for first := 0; first < s.size.members; first += seedBatch {
		s.clock.set(s.from.Add(time.Duration(first) * time.Second))
		var made []string
		err := s.Store.InTx(ctx, func(ctx context.Context) error {
			made = nil
			for n := first; n < min(first+seedBatch, s.size.members); n++ {
				id, err := s.member(ctx, n, hash)
				if err != nil {
					return err
				}
				made = append(made, id)
			}
			return nil
		})
		if fault.Is(err, fault.EmailTaken) {
			return errors.New("this database was seeded before; take an empty one")
		}
		if err != nil {
			return err
		}
		s.members = append(s.members, made...)
		s.progress.At(len(s.members))
	}
	return s.follow(ctx)
}

func (s *seeder) member(ctx context.Context, n int, hash string) (string, error) {
	given, family := fmt.Sprintf("Given%d", n%997), fmt.Sprintf("Family%d", n)
	u, err := s.Users.Create(ctx, access.Root(), user.Account{
		Email: seedEmail(n), EmailVerified: true, PasswordHash: hash, Source: "import",
		Profile: map[string]any{"name": given + " " + family, "given_name": given, "family_name": family, "job_title": "Member"},
	})
	if err != nil {
		return "", err
	}
	if _, err := s.Organizations.AddMember(ctx, access.Root(), s.organization.ID, u.ID, []string{access.Member}, "import"); err != nil {
		return "", err
	}
	// Half of them signed in within the last 30 days.
	return u.ID, s.Store.TouchLogin(ctx, u.ID, s.organization.ID, s.to.Add(-time.Duration(n%60)*24*time.Hour-time.Minute))
}

func seedEmail(n int) string { return fmt.Sprintf("member%d@seed.test", n) }

// invitations stand open, as some always do.
func (s *seeder) invitations(ctx context.Context) error {
	return s.Store.InTx(ctx, func(ctx context.Context) error {
		for n := range seedInvitations {
			email := fmt.Sprintf("invited%d@seed.test", n)
			hash := sha256.Sum256([]byte(email))
			if err := s.Store.InsertInvitation(ctx, storage.Invitation{
				ID: storage.NewID(), OrganizationID: s.organization.ID, Email: email, EmailCanonical: email, Roles: []string{access.Member},
				Hash: hash[:], InvitedBy: "seed", CreatedAt: s.to, SentAt: s.to, Expiry: s.to.Add(30 * 24 * time.Hour),
			}); err != nil {
				return err
			}
		}
		return nil
	})
}

// happenings writes the record: logins above all, spread over people and time,
// and sequences and counts them.
func (s *seeder) happenings(ctx context.Context) error {
	s.progress.Begin("events", s.size.events)
	start := s.clock.Now()
	batch := make([]event.Event, 0, seedBatch)
	for n := range s.size.events {
		batch = append(batch, s.happening(n))
		if len(batch) < seedBatch && n < s.size.events-1 {
			continue
		}
		s.clock.set(start.Add(time.Duration(float64(s.to.Sub(start)) * float64(n+1) / float64(s.size.events))))
		if err := s.Recorder.Record(ctx, batch...); err != nil {
			return err
		}
		batch = batch[:0]
		if err := s.follow(ctx); err != nil {
			return err
		}
		s.progress.At(n + 1)
	}
	return nil
}

// happening is the n-th event. Who did it and what is told by the number: every
// seed of one size is the same, and nobody's turn comes regularly.
func (s *seeder) happening(n int) event.Event {
	mixed := uint64(n) * 0x9E3779B97F4A7C15 // Fibonacci hashing (Knuth, TAOCP 6.4)
	id := s.members[(mixed>>32)%uint64(len(s.members))]
	e := event.Event{Type: event.UserLogin, Subject: id, Organization: s.organization.ID}
	switch mixed >> 60 {
	case 0:
		e.Type, e.Data = event.UserLoginFailed, map[string]any{"reason": "credentials", "method": "password"}
	case 1:
		e.Type, e.Data, e.Organization = event.UserProfileUpdated, map[string]any{"fields": []string{"job_title"}}, ""
	case 2, 3, 4, 5:
		e.Type, e.Data = event.UserActivity, map[string]any{"action": "document.opened", "resource": "document", "resource_id": fmt.Sprint("d-", n%1000)}
	case 6, 7:
		e.Type, e.Data = event.UserLogout, map[string]any{"reason": "logout"}
	default:
		e.Data = map[string]any{"method": "password", "acr": "aal1", "amr": []string{"pwd"}}
		e.PersonalOf, e.Personal = id, map[string]string{"ip_address": "192.0.2.7", "user_agent": "Mozilla/5.0 (X11; Linux x86_64; rv:140.0)"}
	}
	return e
}

// follow sequences and counts what was recorded.
func (s *seeder) follow(ctx context.Context) error {
	for _, tick := range []func(context.Context) (int, error){s.Sequencer.Tick, s.counter.Tick} {
		for {
			n, err := tick(ctx)
			if err != nil {
				return err
			}
			if n == 0 {
				break
			}
		}
	}
	return nil
}
