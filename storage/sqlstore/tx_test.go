package sqlstore_test

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"go.opentelemetry.io/otel/sdk/trace"
	"go.opentelemetry.io/otel/sdk/trace/tracetest"

	"github.com/signet-idp/signet/internal/testkit/servers"
	"github.com/signet-idp/signet/internal/testkit/teststore"
	"github.com/signet-idp/signet/storage"
	"github.com/signet-idp/signet/storage/sqlstore"
)

// Followers are told after commits that are news to them, and only then.
func TestNotify(t *testing.T) {
	var told atomic.Int64
	s := teststore.Open(t, sqlstore.Options{URL: "sqlite::memory:", Notify: func(_ context.Context, topic string) {
		if topic != sqlstore.FeedTopic {
			t.Errorf("topic is %q", topic)
		}
		told.Add(1)
	}})
	ctx := t.Context()
	undo := errors.New("undo")
	for _, c := range []struct {
		name string
		do   func() error
		want int64
	}{
		{"a plain write", func() error { return s.InsertUser(ctx, storage.User{ID: "u"}) }, 0},
		{"a plain transaction", func() error {
			return s.InTx(ctx, func(ctx context.Context) error { return s.InsertUser(ctx, storage.User{ID: "v", EmailCanonical: "v"}) })
		}, 0},
		{"a revocation", func() error { return s.AppendRevocation(ctx, storage.Revocation{Kind: storage.RevokeAll}) }, 1},
		{"a client", func() error { return s.InsertClient(ctx, storage.Client{ClientID: "c"}) }, 1},
		{"a new feed", func() error { return s.ResetFeed(ctx, "f") }, 1},
		{"several in one", func() error {
			return s.InTx(ctx, func(ctx context.Context) error {
				return errors.Join(s.BumpConfiguration(ctx), s.AppendRevocation(ctx, storage.Revocation{Kind: storage.RevokeAll}))
			})
		}, 1},
		{"a rollback", func() error {
			err := s.InTx(ctx, func(ctx context.Context) error {
				return errors.Join(s.BumpConfiguration(ctx), undo)
			})
			if errors.Is(err, undo) {
				return nil
			}
			return fmt.Errorf("error is %w", err)
		}, 0},
		{"a lost key ring", func() error { _, err := s.ReplaceKeyRing(ctx, storage.KeyRing{Name: "x", Version: 7}); return err }, 0},
	} {
		before := told.Load()
		if err := c.do(); err != nil {
			t.Fatalf("%s: %v", c.name, err)
		}
		if n := told.Load() - before; n != c.want {
			t.Errorf("%s: told %d times, want %d", c.name, n, c.want)
		}
	}
}

// A statement that waits for a lock too long ends at its deadline; the one who
// holds the lock and the connections are none the worse.
func TestDeadline(t *testing.T) {
	eachURL(t, func(t *testing.T, url string, _ rawDB) {
		s := teststore.Open(t, sqlstore.Options{URL: url, MaxConns: 2, Timeout: time.Second})
		o := storage.Organization{ID: "o", Slug: "o"}
		if err := s.InsertOrganization(t.Context(), o); err != nil {
			t.Fatal(err)
		}
		outside := t.Context()
		err := s.InTx(t.Context(), func(ctx context.Context) error {
			if err := s.GuardOrganization(ctx, o.ID); err != nil {
				return err
			}
			quick(t, func() { wantIs(t, s.GuardOrganization(outside, o.ID), storage.ErrUnavailable) })
			quick(t, func() {
				short, cancel := context.WithTimeout(outside, 50*time.Millisecond)
				defer cancel()
				wantIs(t, s.GuardOrganization(short, o.ID), storage.ErrUnavailable)
			})
			return s.GuardOrganization(ctx, o.ID)
		})
		if err != nil {
			t.Fatal(err)
		}
		got, err := s.OrganizationByID(t.Context(), o.ID)
		if err != nil || got.Version != 2 {
			t.Errorf("version is %d (%v), want 2", got.Version, err)
		}
	})
}

// When the connection is lost, what had been done in the transaction is gone
// or its fate unknown: it is not run again, and the pool recovers.
func TestLostConnection(t *testing.T) {
	url := servers.Postgres(t)
	s := teststore.Open(t, sqlstore.Options{URL: url, MaxConns: 2})
	killer := raw(t, "pgx", url)
	kill := func() {
		t.Helper()
		if _, err := killer.ExecContext(t.Context(), `SELECT pg_terminate_backend(pid) FROM pg_stat_activity
			WHERE datname = current_database() AND pid <> pg_backend_pid()`); err != nil {
			t.Fatal(err)
		}
	}
	for name, at := range map[string]func(ctx context.Context) error{
		"before the commit":    func(context.Context) error { kill(); return nil },
		"before the statement": func(ctx context.Context) error { kill(); return s.InsertUser(ctx, storage.User{ID: "never"}) },
	} {
		t.Run(name, func(t *testing.T) {
			runs := 0
			err := s.InTx(t.Context(), func(ctx context.Context) error {
				runs++
				if err := s.BumpConfiguration(ctx); err != nil {
					return err
				}
				if err := s.InsertUser(ctx, storage.User{ID: storage.NewID(), EmailCanonical: name}); err != nil {
					return err
				}
				return at(ctx)
			})
			wantIs(t, err, storage.ErrUnavailable)
			if runs != 1 {
				t.Errorf("run %d times", runs)
			}
			for failed := 0; ; failed++ { // dead connections are found and replaced
				err := s.Ping(t.Context())
				if err == nil {
					break
				}
				wantIs(t, err, storage.ErrUnavailable)
				if failed > 4 {
					t.Fatal("the pool does not recover")
				}
			}
			_, err = s.UserByEmail(t.Context(), name)
			wantIs(t, err, storage.ErrNotFound)
		})
	}
}

// Spans name what was asked and hold nothing of what was written.
func TestTracing(t *testing.T) {
	eachURL(t, func(t *testing.T, url string, _ rawDB) {
		spans := tracetest.NewSpanRecorder()
		provider := trace.NewTracerProvider(trace.WithSpanProcessor(spans))
		s := teststore.Open(t, sqlstore.Options{URL: url, TracerProvider: provider})
		if n := len(spans.Ended()); n != 0 {
			t.Errorf("%d spans that belong to no request", n)
		}
		ctx, request := provider.Tracer("test").Start(t.Context(), "request")
		defer request.End()
		err := s.InTx(ctx, func(ctx context.Context) error {
			if err := s.InsertUser(ctx, storage.User{ID: "u", EmailCanonical: "s3cret@acme.test"}); err != nil {
				return err
			}
			_, err := s.ListUsers(ctx, "s3cret", 1)
			return err
		})
		if err != nil {
			t.Fatal(err)
		}
		if _, err := s.UserByEmail(ctx, "s3cret"); !errors.Is(err, storage.ErrNotFound) {
			t.Fatal(err)
		}
		wantIs(t, s.InsertUser(ctx, storage.User{ID: "u"}), storage.ErrConflict)
		var seen strings.Builder
		for _, span := range spans.Ended() {
			fmt.Fprintln(&seen, span.Name(), span.Attributes(), span.Events(), span.Status())
		}
		for _, want := range []string{"INSERT", "SELECT", "COMMIT"} {
			if !strings.Contains(seen.String(), want) {
				t.Errorf("no span tells of %s:\n%s", want, seen.String())
			}
		}
		if strings.Contains(seen.String(), "s3cret") {
			t.Errorf("a value is in a span:\n%s", seen.String())
		}
	})
}

func TestStats(t *testing.T) {
	eachURL(t, func(t *testing.T, url string, _ rawDB) {
		s := teststore.Open(t, sqlstore.Options{URL: url, MaxConns: 3})
		err := s.InTx(t.Context(), func(ctx context.Context) error {
			if err := s.InsertUser(ctx, storage.User{ID: "u"}); err != nil {
				return err
			}
			if v := s.Stats(); v.InUse != 1 || v.Max < 3 || v.Open < 1 || v.Engine == "" {
				t.Errorf("in a transaction: %+v", v)
			}
			return nil
		})
		if err != nil {
			t.Fatal(err)
		}
		if v := s.Stats(); v.InUse != 0 {
			t.Errorf("after it: %+v", v)
		}
	})
}
