package app

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"net/http"
	"time"

	"github.com/signet-idp/signet/endpoints/access"
	"github.com/signet-idp/signet/endpoints/admin"
	"github.com/signet-idp/signet/endpoints/auth"
	"github.com/signet-idp/signet/endpoints/events"
	"github.com/signet-idp/signet/endpoints/oidc"
	"github.com/signet-idp/signet/endpoints/ops"
	"github.com/signet-idp/signet/endpoints/pages"
	"github.com/signet-idp/signet/endpoints/web"
	"github.com/signet-idp/signet/internal/safehttp"
	"github.com/signet-idp/signet/internal/telemetry"
	"github.com/signet-idp/signet/provider/account"
	"github.com/signet-idp/signet/provider/claims"
	"github.com/signet-idp/signet/provider/client"
	"github.com/signet-idp/signet/provider/consent"
	"github.com/signet-idp/signet/provider/directory"
	"github.com/signet-idp/signet/provider/figures"
	"github.com/signet-idp/signet/provider/gate"
	"github.com/signet-idp/signet/provider/guard"
	"github.com/signet-idp/signet/provider/hook"
	"github.com/signet-idp/signet/provider/login"
	"github.com/signet-idp/signet/provider/mfa"
	"github.com/signet-idp/signet/provider/oauth"
	"github.com/signet-idp/signet/provider/operator"
	"github.com/signet-idp/signet/provider/org"
	"github.com/signet-idp/signet/provider/revocation"
	"github.com/signet-idp/signet/provider/revocation/feed"
	"github.com/signet-idp/signet/provider/risk"
	"github.com/signet-idp/signet/provider/token"
	"github.com/signet-idp/signet/provider/webhook"
	"github.com/signet-idp/signet/storage"
	"github.com/signet-idp/signet/storage/sqlstore"
)

// Build says which binary this is.
type Build struct{ Version, Commit string }

// Server is a Core that answers requests.
type Server struct {
	*Core
	OAuth     *oauth.Provider
	Directory *directory.Directory
	Operator  *operator.Service
	Login     *login.Service
	Factors   *mfa.Service
	Accounts  *account.Service
	View      *revocation.View
	Verifier  *token.Verifier
	Rules     *hook.Rules // nil: nobody is asked
	Geo       risk.Geo    // nil: no place is known

	Tally       *figures.Tally // of tokens
	Invitations *org.Invitations
	Domains     *org.Domains

	Ops      *ops.Ops
	Table    *web.Table
	Handler  http.Handler
	OpsFrame http.Handler // nil without an operations listener

	feed       *feed.Publisher
	gates      *gate.Book
	notifier   *oauth.Notifier
	configured chan struct{}                     // a registration changed somewhere
	tending    []func(ctx context.Context) error // what looks after the record
	messenger  *webhook.Worker                   // sends to webhooks
	fanned     *webhook.Fanout
	start      time.Time
}

// NewServer adds what answers requests to a Core.
func NewServer(ctx context.Context, c *Core, build Build) (*Server, error) {
	s := &Server{Core: c, start: time.Now(), configured: make(chan struct{}, 1), gates: gate.NewBook(c.Store)}
	s.Tally = &figures.Tally{Record: c.Recorder.Record, Clock: c.Clock}
	var err error
	if s.View, err = revocation.New(revocation.Config{Feed: c.Store, Clock: c.Clock, Log: c.Log}); err != nil {
		return nil, fmt.Errorf("app: revocations: %w", err)
	}
	s.View.OnConfig(func(version int64) {
		c.Registry.Configure(version)
		c.Resolver.Configure(version)
		s.gates.Configure(version)
		select {
		case s.configured <- struct{}{}:
		default:
		}
	})
	s.View.OnApply(func(entries []storage.Revocation) {
		for _, e := range entries {
			if e.Kind == storage.RevokeSub {
				c.Recorder.Forget(e.Value) // an erased person's key leaves memory too
			}
		}
	})
	s.openFeed()
	c.mu.Lock()
	c.committed = s.applied
	c.mu.Unlock()
	ring := token.NewRing(c.Keys)
	if s.Verifier, err = token.NewVerifier(c.Config.Issuer, ring, c.purposes.opaque, s.View, c.Clock, c.Config.Feed.MaxStale); err != nil {
		return nil, err
	}
	fetch, err := safehttp.New(safehttp.Options{AllowPrivate: c.Config.Fetch.AllowPrivate, ExtraCAFile: c.Config.Fetch.ExtraCA})
	if err != nil {
		return nil, fmt.Errorf("app: outbound client: %w", err)
	}
	clientKeys, err := oauth.NewClientKeys(c.Config.Issuer, c.Registry, fetch, c.Clock)
	if err != nil {
		return nil, err
	}
	life := c.Config.Lifetimes
	s.OAuth = oauth.New(oauth.Deps{
		Issuer: c.Config.Issuer, Store: c.Store, Clients: c.Registry, Assertions: clientKeys, RequestObjects: clientKeys,
		Minter: token.NewMinter(ring, c.purposes.opaque), Verifier: s.Verifier, Signer: ring, Hints: ring,
		Codes: c.purposes.codes, Refresh: c.purposes.refresh, Claims: claims.NewBuilder(c.Resolver), Sessions: c.Sessions,
		Change: c.Change, Observer: tokenObserver{c.Telemetry.Metrics, s.Tally}, Feed: s.View, Clock: c.Clock,
		Lifetimes: oauth.Lifetimes{
			AccessToken: life.AccessToken, IDToken: life.IDToken, Code: life.Code,
			RefreshIdle: life.RefreshIdle, RefreshRemember: life.RefreshRemember, RefreshAbsolute: life.RefreshMax, RefreshGrace: life.RefreshGrace,
			MaxAccessToken: MaxAccessToken,
		},
		Legacy: oauth.Legacy{BareRoles: c.Config.Legacy.BareSystemRoles, Opaque: c.Config.Legacy.AccessTokenFormat == "opaque"},
	})
	s.notifier = s.OAuth.NewNotifier(c.Store, fetch, c.Log)
	limits := guard.DefaultLimits()
	limits.Failures, limits.Window = int64(c.Config.Limits.LockFailures), c.Config.Limits.LockWindow
	limits.Lock, limits.Attempts = c.Config.Limits.LockDuration, int64(c.Config.Limits.LoginsPerAddr)
	attempts := guard.New(blindCounters{c.Counters, c.purposes.logins}, limits)
	if err := s.openFactors(ctx, attempts); err != nil {
		return nil, err
	}
	if err := s.openPlaces(); err != nil {
		return nil, err
	}
	s.Login = login.New(login.Deps{
		Store: c.Store, OAuth: s.OAuth, Sessions: c.Sessions, Passwords: c.Passwords,
		Guard: attempts, Factors: s.Factors, Geo: s.Geo, Change: c.Change, Key: c.purposes.logins,
		Observer: c.Telemetry.Metrics, Clock: c.Clock, Rand: rand.Reader,
		RequireVerified: c.Config.EmailVerificationRequired(),
	})
	if s.Rules, err = c.rules(); err != nil {
		return nil, err
	}
	s.Directory = &directory.Directory{Store: c.Store, Resolver: c.Resolver, Feed: s.View, Factors: s.Factors}
	s.Operator = &operator.Service{
		Store: c.Store, Users: c.Users, Organizations: c.Organizations, Clients: c.Clients, Access: c.Access, Resolver: c.Resolver,
		Sessions: c.Sessions, Passwords: c.Passwords, Policy: c.Policy, Guard: attempts, Factors: s.Factors, Change: c.Change,
		RecoveryPage: c.RecoveryPage(),
	}
	if err := s.openOrganizations(ctx); err != nil {
		return nil, err
	}
	if err := s.follow(); err != nil {
		return nil, err
	}
	if err := s.tend(); err != nil {
		return nil, err
	}
	if err := s.openAccounts(ctx); err != nil {
		return nil, err
	}
	s.Operator.Recovery, s.Login.Unlocking, s.Factors.Unlocking = s.Accounts, s.Accounts, s.Accounts
	if err := s.mount(build); err != nil {
		return nil, err
	}
	return s, nil
}

// applied returns when this replica enforces what was just committed, so that
// whoever is told of a logout, here, is told the truth. It does not wait for
// long: the commit stands, and the view goes on trying by itself.
func (s *Server) applied(ctx context.Context) {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), applyTime)
	defer cancel()
	if err := s.View.Sync(ctx); err != nil {
		s.View.Look()
	}
}

const applyTime = time.Second

// tokenObserver shows the token endpoint to the metrics and to the counts that
// go on record.
type tokenObserver struct {
	m *telemetry.Metrics
	t *figures.Tally
}

func (o tokenObserver) TokensIssued(to oauth.Recipient, took time.Duration) {
	o.m.TokenIssued(to.Grant, to.ClientType(), took)
	o.tally(to, true)
}

func (o tokenObserver) TokenError(to oauth.Recipient, code string) {
	o.m.TokenError(to.Grant, code)
	o.tally(to, false)
}

// tally counts by client: what nobody authenticated for is in the metrics only.
func (o tokenObserver) tally(to oauth.Recipient, issued bool) {
	if to.Client != nil {
		o.t.Add(to.Client.ClientID, to.Client.OrganizationID, to.Grant, issued)
	}
}

func (s *Server) mount(build Build) error {
	renderer, err := pages.New(pages.Options{BasePath: basePath(s.Config.Issuer)})
	if err != nil {
		return err
	}
	s.Table = web.NewTable()
	interaction := &pages.Interaction{
		Renderer: renderer, Login: s.Login, OAuth: s.OAuth, Sessions: s.Sessions,
		Cookies: pages.NewCookies(s.Config.Issuer), Key: s.purposes.logins, Users: s.Store, Scopes: s.Registry,
	}
	protocol := &oidc.Handler{OAuth: s.OAuth, Interaction: interaction, Keys: s.Keys, Locales: renderer.Locales()}
	door, err := s.mountDoor(renderer)
	if err != nil {
		return err
	}
	verdicts := &auth.Handler{
		Issuer: s.Config.Issuer, Verifier: s.Verifier, Permissions: s.Resolver, Feed: s.View, Observer: s.Telemetry.Metrics, Now: s.Clock.Now,
		Login: s.Login, OAuth: s.OAuth, Sessions: s.Sessions, Consents: &consent.Service{Store: s.Store, Change: s.Change},
		Directory: s.Directory, Users: s.Users, Store: s.Store, Shapes: s.shapes(), Geo: s.Geo, Gates: s.gates, Door: door,
	}
	s.Ops = ops.New(ops.Options{
		Service: s.Config.Server.ServiceName, Version: build.Version, Mode: s.mode(), Checks: s.checks(), Clock: s.Clock,
		ClockOffset: s.Config.ClockOffset, Metrics: s.Telemetry.MetricsHandler(), Logger: s.Log,
	})
	s.observe()
	protocol.Mount(s.Table)
	s.mountAccounts(interaction)
	s.mountFactors()
	interaction.Mount(s.Table)
	if err := verdicts.Mount(s.Table); err != nil {
		return err
	}
	s.mountFeed()
	rights := &access.Handler{Directory: s.Directory, Store: s.Store, Shape: s.shapes(), NewID: storage.NewID}
	rights.Mount(s.Table)
	counts, err := figures.New(s.Store, s.Clock)
	if err != nil {
		return err
	}
	people, err := s.people(counts)
	if err != nil {
		return err
	}
	people.Mount(s.Table)
	operators := &admin.Handler{
		Operator: s.Operator, Organizations: s.Organizations, Clients: s.Clients, Access: s.Access, Directory: s.Directory,
		Store: s.Store, Keys: s.Keys, Factors: s.Factors, Figures: counts, Reports: s.Reports(), Shape: s.shapes(), Clock: s.Clock,
	}
	operators.Mount(s.Table)
	if s.Captured != nil {
		(&pages.Inbox{Renderer: renderer, Messages: s.Captured}).Mount(s.Table)
	}
	s.organizations().Mount(s.Table)
	s.webhooks().Mount(s.Table)
	(&events.Handler{
		Store: s.Store, Origin: s.Origin(), News: &s.news, Authenticator: authenticator{s.Verifier, s.Config.Issuer},
	}).Mount(s.Table)
	s.auditor().Mount(s.Table)
	s.Ops.Mount(s.Table)
	if err := s.describe(build); err != nil {
		return err
	}
	o := web.Options{
		Issuer: s.Config.Issuer, Clock: s.Clock, Uptime: func() time.Duration { return time.Since(s.start) }, Logger: s.Log,
		Development: s.Config.Dev, TrustedProxies: s.Config.Server.TrustedProxies, BarePrefix: s.Config.Legacy.BarePrefix,
		Authenticator: authenticator{s.Verifier, s.Config.Issuer}, Origins: client.NewOrigins(s.Store, s.Registry), Pages: interaction,
		Observer: web.ObserverFunc(func(method, route string) web.RouteObserver {
			return s.Telemetry.Metrics.HTTPRoute(method, route)
		}),
		Tracer: s.Telemetry.Tracer, Times: s.times(), Statuses: s.statuses(),
		Limiter: s.limiter(), Replays: s.replays(),
	}
	if s.Handler, err = s.Table.Mount(o); err != nil {
		return fmt.Errorf("app: routes: %w", err)
	}
	if s.Config.Server.OpsAddr != "" {
		if s.OpsFrame, err = s.Ops.Table().Mount(o); err != nil {
			return fmt.Errorf("app: routes: %w", err)
		}
	}
	return nil
}

func (s *Server) mode() string {
	switch {
	case s.Config.Dev:
		return "development"
	case s.Config.Postgres():
		return "production"
	}
	return "embedded"
}

func (s *Server) checks() []ops.Check {
	checks := []ops.Check{
		{Name: "database", Embedded: !s.Config.Postgres(), Probe: s.Store.Ping},
		{Name: "keys", Embedded: true, Probe: func(context.Context) error {
			_, err := s.Keys.Snapshot().Signer(oauth.DefaultAccessTokenAlg)
			return err
		}},
		{Name: "revocations", Embedded: true, Probe: func(context.Context) error {
			if !s.View.Fresh(s.Config.Feed.MaxStale) {
				return errors.New("app: the revocation view is stale")
			}
			return nil
		}},
	}
	cache := ops.Check{Name: "cache", Embedded: true, Optional: true, Probe: func(context.Context) error { return nil }}
	if s.redis != nil {
		cache.Embedded, cache.Probe = false, s.redis.Ping
	}
	checks = append(checks, cache)
	if s.publisher != nil {
		checks = append(checks, ops.Check{Name: "kafka", Optional: true, Probe: s.publisher.Ping})
	}
	return checks
}

// Background starts what runs beside the requests and returns when ctx ends
// and all of it has stopped.
func (s *Server) Background(ctx context.Context) error {
	g := newGroup(ctx)
	g.run(s.View.Run)
	g.run(s.feed.Run)
	g.run(s.Sequencer.Run)
	g.run(s.outbox.Run)
	g.run(s.messenger.Run)
	g.run(func(ctx context.Context) error { s.Accounts.Run(ctx); return nil })
	g.run(func(ctx context.Context) error {
		s.Tally.Run(ctx, tallyEvery, func(err error) { s.Log.Error("counts of tokens", "error", err) })
		return nil
	})
	for _, f := range s.followers {
		g.run(f.Run)
	}
	for _, task := range s.tending {
		g.run(task)
	}
	g.run(s.notifier.Run)
	g.run(func(ctx context.Context) error {
		for {
			select {
			case <-ctx.Done():
				return nil
			case <-s.configured:
			}
			// Other replicas' keys are read as well: one may have been revoked.
			if err := errors.Join(s.Keys.Tick(ctx), s.EnsureRings(ctx)); err != nil && ctx.Err() == nil {
				s.Log.Error("keys", "error", err)
			}
		}
	})
	g.run(func(ctx context.Context) error {
		every(ctx, s.Keys.Config().SyncEvery, func() {
			if err := errors.Join(s.Keys.Tick(ctx), s.Keyring.Tick(ctx)); err != nil && ctx.Err() == nil {
				s.Log.Error("keys", "error", err)
			}
		})
		return nil
	})
	g.run(func(ctx context.Context) error {
		every(ctx, sweepEvery, func() {
			if _, err := s.Store.Sweep(ctx, s.Clock.Now(), sweepBatch); err != nil && ctx.Err() == nil {
				s.Log.Error("sweep", "error", err)
			}
		})
		return nil
	})
	messages, stop := s.fanout.Subscribe(ctx, sqlstore.FeedTopic)
	defer stop()
	g.run(func(context.Context) error {
		for range messages {
			s.View.Look()
		}
		return nil
	})
	return g.wait()
}

const (
	sweepEvery = time.Minute
	sweepBatch = 1000
	// tallyEvery is how often counts of tokens go on record: a row a minute for
	// each client and grant that is in use.
	tallyEvery = time.Minute
)

// observe registers the gauges that are asked at every scrape.
func (s *Server) observe() {
	s.Telemetry.Metrics.RevocationLag(func() time.Duration { return s.Clock.Now().Sub(s.View.AsOf()) })
	s.Telemetry.Metrics.SigningKeys(func() map[string]time.Duration {
		ages, now := map[string]time.Duration{}, s.Clock.Now()
		for _, k := range s.Keys.Snapshot().Keys() {
			state := string(k.State)
			if age, known := ages[state]; !known || now.Sub(k.CreatedAt) < age {
				ages[state] = now.Sub(k.CreatedAt)
			}
		}
		return ages
	})
}
