// Package app is where engines meet services: Core opens the store and makes
// the services that every command works with, Server adds what answers
// requests. Nothing else knows how the parts are put together.
package app

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"log/slog"
	"sync"
	"time"

	"github.com/signet-idp/signet/cmd/signet/config"
	"github.com/signet-idp/signet/endpoints/web/replay"
	"github.com/signet-idp/signet/internal/clock"
	"github.com/signet-idp/signet/internal/telemetry"
	"github.com/signet-idp/signet/keys"
	"github.com/signet-idp/signet/provider/access"
	"github.com/signet-idp/signet/provider/change"
	"github.com/signet-idp/signet/provider/client"
	"github.com/signet-idp/signet/provider/event"
	"github.com/signet-idp/signet/provider/event/kafka"
	"github.com/signet-idp/signet/provider/gate"
	"github.com/signet-idp/signet/provider/notify"
	"github.com/signet-idp/signet/provider/org"
	"github.com/signet-idp/signet/provider/session"
	"github.com/signet-idp/signet/provider/user"
	"github.com/signet-idp/signet/provider/user/password"
	"github.com/signet-idp/signet/provider/webhook"
	"github.com/signet-idp/signet/storage"
	"github.com/signet-idp/signet/storage/sqlstore"
	"github.com/signet-idp/signet/storage/volatile"
	"github.com/signet-idp/signet/storage/volatile/inproc"
	"github.com/signet-idp/signet/storage/volatile/redis"
)

// MaxAccessToken bounds the lifetime of access tokens, whatever a resource or
// client asks for: revocation entries live a little longer.
const MaxAccessToken = 24 * time.Hour

// Options are what a Core is made of.
type Options struct {
	Config    *config.Config
	Log       *slog.Logger
	Telemetry *telemetry.Telemetry // nil: a quiet one
	// Clock is nil for the system's (shifted by the configured offset).
	Clock clock.Clock
}

// Core is the store and the services that change what is in it.
type Core struct {
	Config    *config.Config
	Log       *slog.Logger
	Clock     clock.Clock
	Telemetry *telemetry.Telemetry

	Store     *sqlstore.Store
	Keyring   *keys.DataKeyring
	Keys      *keys.Manager
	Recorder  *event.Recorder
	Sequencer *event.Sequencer
	Change    change.Runner

	Resolver      *access.Resolver
	Access        *access.Service
	Organizations *org.Service
	Users         *user.Service
	Clients       *client.Service
	Gates         *gate.Service
	Webhooks      *webhook.Service
	Registry      *client.Registry
	Passwords     *password.Hasher
	Policy        *password.Policy
	Sessions      *session.Manager
	Notify        *notify.Service
	// Captured is what development keeps instead of sending; nil elsewhere.
	Captured *notify.Capture

	Counters volatile.Counters
	fanout   volatile.Fanout
	redis    *redis.Client
	outbox   *notify.Worker
	purposes purposes

	// publisher and published are the relay to Kafka; nil without brokers.
	publisher *kafka.Publisher
	published *kafka.Relay

	// news tells those who wait for events that there are some.
	news event.News
	// followers are told when events were sequenced; set before anything runs.
	followers []*event.Follower
	// committed returns when this replica has applied what was just committed.
	committed func(ctx context.Context)
	mu        sync.Mutex
}

// purposes are the data keys, one for each use.
type purposes struct {
	codes, refresh, cookies, logins, opaque, replays *keys.Purpose
}

// Open opens the store, brings its schema up to date when migrate is true, and
// makes the services. Close ends it.
func Open(ctx context.Context, o Options, migrate bool) (*Core, error) {
	c := &Core{Config: o.Config, Log: o.Log, Clock: o.Clock, Telemetry: o.Telemetry}
	if c.Clock == nil {
		c.Clock = clock.System{}
		if o.Config.ClockOffset != 0 {
			c.Clock = clock.Offset(o.Config.ClockOffset)
		}
	}
	if c.Telemetry == nil {
		t, err := telemetry.Start(ctx, telemetry.Options{})
		if err != nil {
			return nil, fmt.Errorf("app: telemetry: %w", err)
		}
		c.Telemetry = t
	}
	if err := c.open(ctx, migrate); err != nil {
		return nil, errors.Join(err, c.Close())
	}
	return c, nil
}

func (c *Core) open(ctx context.Context, migrate bool) error {
	master, err := c.master()
	if err != nil {
		return err
	}
	if err := c.openVolatile(); err != nil {
		return err
	}
	c.Store, err = sqlstore.Open(ctx, sqlstore.Options{
		URL: string(c.Config.Database.URL), MaxConns: c.Config.Database.Conns, Notify: c.notify,
		TracerProvider: c.Telemetry.Tracer,
	})
	if err != nil {
		return fmt.Errorf("app: database: %w", err)
	}
	if migrate {
		if err := c.Store.Migrate(ctx); err != nil {
			return fmt.Errorf("app: migrate: %w", err)
		}
	}
	if err := c.openKeys(ctx, master); err != nil {
		return err
	}
	if err := c.openMessages(ctx); err != nil {
		return err
	}
	return c.services(ctx)
}

func (c *Core) openVolatile() error {
	local := inproc.NewCounters(c.Clock, 0)
	c.Counters, c.fanout = local, &inproc.Fanout{}
	if c.Config.Redis.URL == "" {
		return nil
	}
	r, err := redis.Open(redis.Options{URL: string(c.Config.Redis.URL), TracerProvider: c.Telemetry.Tracer})
	if err != nil {
		return fmt.Errorf("app: redis: %w", err)
	}
	c.redis, c.fanout = r, r
	c.Counters = &volatile.Fallback{First: r, Second: local, Log: c.Log}
	return nil
}

// notify tells the others, through Redis, to look, and lets this replica apply
// what was committed before the change is acknowledged.
func (c *Core) notify(ctx context.Context, topic string) {
	if c.redis != nil {
		// Best effort and out of the request's way: the others look by themselves.
		go func() {
			ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), time.Second)
			defer cancel()
			_ = c.redis.Publish(ctx, topic, nil)
		}()
	}
	c.mu.Lock()
	committed := c.committed
	c.mu.Unlock()
	if committed != nil {
		committed(ctx)
	}
}

func (c *Core) openKeys(ctx context.Context, master *keys.Master) error {
	cfg := keys.Config{
		Algorithms: c.Config.Keys.Algorithms, RotateEvery: c.Config.Keys.Rotation, MaxTokenLifetime: MaxAccessToken,
	}
	c.Keyring = keys.NewDataKeyring(c.Store, master, c.Clock, time.Minute)
	var err error
	if c.Keys, err = keys.NewManager(keys.Options{
		Store: c.Store, Master: master, Clock: c.Clock, Config: cfg, Commit: c.commitKey,
	}); err != nil {
		return fmt.Errorf("app: keys: %w", err)
	}
	if err := c.Keyring.Load(ctx); err != nil {
		return fmt.Errorf("app: data keys: %w", err)
	}
	person, err := c.Keyring.Purpose(ctx, event.PersonPurpose)
	if err != nil {
		return fmt.Errorf("app: data keys: %w", err)
	}
	if c.Sequencer, err = event.NewSequencer(event.SequencerConfig{
		Store: c.Store, Clock: c.Clock, Holder: storage.NewID(), Log: c.Log, Poll: c.sequencerPoll(), Notify: c.sequenced,
	}); err != nil {
		return fmt.Errorf("app: sequencer: %w", err)
	}
	if c.Recorder, err = event.NewRecorder(event.Config{
		Store: c.Store, Sealer: person, Clock: c.Clock, Random: rand.Reader, Notify: c.Sequencer.Kick,
	}); err != nil {
		return fmt.Errorf("app: recorder: %w", err)
	}
	c.Change = change.Runner{Store: c.Store, Events: c.Recorder, Clock: c.Clock, Longest: MaxAccessToken}
	if err := c.Keys.Load(ctx); err != nil {
		return fmt.Errorf("app: signing keys: %w", err)
	}
	for name, purpose := range map[string]**keys.Purpose{
		"code": &c.purposes.codes, "refresh": &c.purposes.refresh, "session-cookie": &c.purposes.cookies, "login": &c.purposes.logins,
		"opaque-token": &c.purposes.opaque, replay.Purpose: &c.purposes.replays,
	} {
		if *purpose, err = c.Keyring.Purpose(ctx, name); err != nil {
			return fmt.Errorf("app: data keys: %w", err)
		}
	}
	return nil
}

// sequenced wakes those who follow the record.
func (c *Core) sequenced() {
	c.news.Tell()
	for _, f := range c.followers {
		f.Kick()
	}
}

// sequencerPoll is how often the sequencer looks without being told: an SQLite
// database has no other writers, so its own kick announces every event.
func (c *Core) sequencerPoll() time.Duration {
	if c.Config.Postgres() {
		return 0
	}
	return 5 * time.Second
}

// commitKey writes a change of a key ring with its event and, when a key was
// revoked, the entry that kills what it signed.
func (c *Core) commitKey(ctx context.Context, ch keys.Change, write func(context.Context) error) error {
	return c.Change.Do(ctx, "keys: change", func(ctx context.Context, cc *change.Change) error {
		if err := write(ctx); err != nil {
			return err
		}
		data := map[string]any{"alg": ch.Algorithm, "use": string(ch.Use)}
		switch ch.Kind {
		case keys.RingCreated, keys.KeyPublished:
			cc.Record(event.Event{Type: event.KeyCreated, Subject: ch.KID, Data: data})
		case keys.KeyRotated:
			cc.Record(event.Event{Type: event.KeyRotated, Subject: ch.KID, Data: data})
		case keys.KeyRevoked:
			data["reason"] = change.Enum(ch.Reason)
			cc.Record(event.Event{Type: event.KeyRevoked, Subject: ch.KID, Data: data})
			cc.Revoke(storage.RevokeKID, ch.KID)
		case keys.RingCleaned, keys.RingRewrapped:
		}
		cc.Reconfigure()
		return nil
	})
}

func (c *Core) services(ctx context.Context) error {
	secrets, err := c.Keyring.Purpose(ctx, client.SecretPurpose)
	if err != nil {
		return fmt.Errorf("app: data keys: %w", err)
	}
	keeper := client.Keep(secrets)
	if c.Resolver, err = access.NewResolver(c.Store, c.Clock); err != nil {
		return fmt.Errorf("app: access: %w", err)
	}
	if c.Registry, err = client.NewRegistry(gate.Parties{Store: c.Store, Gates: c.Store}, keeper, c.Clock, keeper.Hash(client.NewSecret())); err != nil {
		return err
	}
	p := c.Config.Password
	if c.Passwords, err = password.New(password.Config{
		Argon2:      password.Argon2{MemoryKiB: uint32(p.Memory), Passes: uint32(p.Time), Lanes: uint8(p.Parallelism)},
		Concurrency: p.Concurrency, QueueTimeout: p.QueueTime, Clock: c.Clock, Observer: hashObserver{c.Telemetry.Metrics},
	}); err != nil {
		return fmt.Errorf("app: passwords: %w", err)
	}
	if err := c.openPolicy(); err != nil {
		return err
	}
	if c.Sessions, err = session.New(c.Store, c.Change, c.purposes.cookies, c.Registry, c.Clock, session.Lifetimes{
		Idle: c.Config.Lifetimes.SessionIdle, Absolute: c.Config.Lifetimes.SessionMax,
	}); err != nil {
		return err
	}
	c.Access = access.NewService(c.Store, c.Resolver, c.Change)
	c.Organizations = org.New(c.Store, c.Resolver, c.Change)
	c.Users = user.New(c.Store, c.Sessions, c.Organizations, c.Resolver, c.Change)
	c.Users.DeletionGrace = c.Config.Accounts.DeletionGrace
	c.Clients = client.NewService(c.Store, keeper, c.Resolver, c.Change)
	c.Gates = &gate.Service{Store: c.Store, Change: c.Change}
	return c.openWebhooks(ctx)
}

// hashObserver shows the password gate to the metrics.
type hashObserver struct{ m *telemetry.Metrics }

func (h hashObserver) HashDuration(_ string, d time.Duration) { h.m.PasswordHashed(d) }
func (h hashObserver) HashQueueDepth(n int)                   { h.m.HashQueue(n) }

// Close gives up the store and Redis.
func (c *Core) Close() error {
	var errs []error
	if c.publisher != nil {
		c.publisher.Close()
	}
	if c.redis != nil {
		errs = append(errs, c.redis.Close())
	}
	if c.Store != nil {
		errs = append(errs, c.Store.Close())
	}
	return errors.Join(errs...)
}
