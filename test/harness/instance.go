// Package harness runs whole Signet servers inside a test: Start gives an
// Instance on SQLite or PostgreSQL, Browser walks its pages like a person,
// Client and User make what a test needs.
package harness

import (
	"context"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/spf13/pflag"

	"github.com/signet-idp/signet/cmd/signet/app"
	"github.com/signet-idp/signet/cmd/signet/config"
	"github.com/signet-idp/signet/internal/clock"
	"github.com/signet-idp/signet/internal/testkit/contract"
	"github.com/signet-idp/signet/internal/testkit/fakeclock"
	"github.com/signet-idp/signet/provider/access"
	"github.com/signet-idp/signet/provider/client"
	"github.com/signet-idp/signet/provider/org"
	"github.com/signet-idp/signet/provider/user"
	"github.com/signet-idp/signet/storage"
)

// Options say how an Instance runs. The zero value is SQLite in a temporary
// directory, in process, with the system's clock.
type Options struct {
	// DatabaseURL: empty for SQLite; servers.Postgres gives one of PostgreSQL.
	DatabaseURL string
	RedisURL    string
	MasterKey   string // needed with PostgreSQL; see MasterKey
	// Issuer: empty for the address of this instance; replicas share one.
	Issuer string
	// Named gives the instance a name instead of an address, localhost: passkeys
	// belong to names.
	Named bool
	Clock clock.Clock
	// Dev runs in development mode: messages are captured for /dev/inbox.
	Dev bool
	// Env are more settings, NAME=value.
	Env []string
	// Contract checks every answer that the instance's helpers (JSON, Token,
	// browsers, HTTP) see against the API document.
	Contract bool
	// Log receives the log lines, debugging ones too; nil: discarded.
	Log io.Writer
}

// MasterKey is a master key for tests on PostgreSQL.
const MasterKey = "test:AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8="

// Instance is a running server.
type Instance struct {
	*app.Server
	URL    string // where it listens
	Issuer string
	// HTTP calls the instance; with Options.Contract it checks the answers.
	HTTP *http.Client
	// Contract is what has been checked; nil without Options.Contract.
	Contract *contract.Contract
}

// Start runs a server until the test ends.
func Start(tb testing.TB, o Options) *Instance {
	tb.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		tb.Fatal(err)
	}
	url := "http://" + listener.Addr().String()
	if o.Named {
		url = strings.Replace(url, "127.0.0.1", "localhost", 1)
	}
	if o.Issuer == "" {
		o.Issuer = url
	}
	if o.DatabaseURL == "" {
		o.DatabaseURL = "sqlite:" + filepath.Join(tb.TempDir(), "signet.db")
	}
	env := append([]string{
		"SIGNET_ISSUER=" + o.Issuer, "SIGNET_DATABASE_URL=" + o.DatabaseURL, "SIGNET_ALLOW_PRIVATE_FETCH=true",
	}, o.Env...)
	if o.RedisURL != "" {
		env = append(env, "SIGNET_REDIS_URL="+o.RedisURL)
	}
	if o.MasterKey != "" {
		env = append(env, "SIGNET_MASTER_KEY="+o.MasterKey)
	}
	flags := pflag.NewFlagSet("serve", pflag.ContinueOnError)
	config.AddFlags(flags)
	if o.Dev {
		if err := flags.Parse([]string{"--dev"}); err != nil {
			tb.Fatal(err)
		}
	}
	loaded, err := config.Load(config.Sources{Environ: env, Flags: flags})
	if err != nil {
		tb.Fatal(err)
	}
	if o.Log == nil {
		o.Log = io.Discard
	}
	ctx, cancel := context.WithCancel(context.Background())
	core, err := app.Open(ctx, app.Options{
		Config: &loaded.Config, Clock: o.Clock, Log: slog.New(slog.NewJSONHandler(o.Log, &slog.HandlerOptions{Level: slog.LevelDebug})),
	}, true)
	if err != nil {
		cancel()
		tb.Fatal(err)
	}
	srv, err := app.NewServer(ctx, core, app.Build{Version: "test"})
	if err != nil {
		cancel()
		tb.Fatal(err)
	}
	if err := srv.View.Load(ctx); err != nil {
		cancel()
		tb.Fatal(err)
	}
	done := make(chan struct{})
	go func() { defer close(done); _ = srv.Background(ctx) }()
	ts := &httptest.Server{Listener: listener, Config: &http.Server{Handler: srv.Handler, ReadHeaderTimeout: time.Minute}}
	ts.Start()
	srv.Ops.Started()
	tb.Cleanup(func() {
		srv.EndStreams()
		ts.Close()
		cancel()
		<-done
		if err := core.Close(); err != nil {
			tb.Errorf("close: %v", err)
		}
	})
	i := &Instance{Server: srv, URL: url, Issuer: o.Issuer, HTTP: http.DefaultClient}
	if o.Contract {
		i.Contract = contract.Of(tb, url)
		i.HTTP = &http.Client{Transport: i.Contract}
	}
	return i
}

// FakeClock is a clock for Options.Clock that begins at the present second.
func FakeClock() *fakeclock.Clock { return fakeclock.New(time.Now().Truncate(time.Second)) }

// User makes an account with a password, and memberships by organization id.
func (i *Instance) User(tb testing.TB, email, password string, systemRoles ...string) storage.User {
	tb.Helper()
	ctx := context.Background()
	hash, err := i.Passwords.Hash(ctx, password)
	if err != nil {
		tb.Fatal(err)
	}
	u, err := i.Users.Create(ctx, access.Root(), user.Account{
		Email: email, EmailVerified: true, PasswordHash: hash, Source: "admin", SystemRoles: systemRoles,
		Profile: map[string]any{
			"name": "Test Person", "given_name": "Test", "family_name": "Person", "middle_name": "M", "nickname": "tess",
			"preferred_username": "tess", "profile": "https://example.test/tess", "picture": "https://example.test/tess.png",
			"website": "https://example.test", "gender": "female", "birthdate": "2000-02-03", "zoneinfo": "Europe/Berlin",
			"locale": "en-US", "phone_number": "+491701234567", "phone_number_verified": true,
			"address": map[string]any{"street_address": "1 Main Street", "locality": "Berlin", "country": "Germany"},
		},
	})
	if err != nil {
		tb.Fatal(err)
	}
	return u
}

// Organization makes an organization owned by a person.
func (i *Instance) Organization(tb testing.TB, slug, ownerID string) storage.Organization {
	tb.Helper()
	o, err := i.Organizations.Create(context.Background(), org.Organization{Slug: slug, Name: "The " + slug, OwnerID: ownerID, Source: "admin"})
	if err != nil {
		tb.Fatal(err)
	}
	return o
}

// Redirect is the redirect URI of clients made by Client.
const Redirect = "https://app.example.test/callback"

// AllScopes are what Client registers unless told otherwise.
const AllScopes = "openid profile email address phone offline_access organization roles permissions"

// Client registers a client; empty members get the usual values for a test. It
// returns the secret when the authentication method has one.
func (i *Instance) Client(tb testing.TB, id string, m storage.ClientMetadata) (storage.Client, string) {
	tb.Helper()
	if m.GrantTypes == nil {
		m.GrantTypes = []string{client.GrantCode, client.GrantRefresh}
	}
	if m.RedirectURIs == nil {
		m.RedirectURIs = []string{Redirect}
	}
	if m.Scope == "" {
		m.Scope = AllScopes
	}
	c, secret, err := i.Clients.Create(context.Background(), access.Root(), client.Registration{ClientID: id, Metadata: m, Source: "admin"})
	if err != nil {
		tb.Fatal(err)
	}
	i.Sync(tb)
	return c, secret
}

// Service registers a client for client_credentials.
func (i *Instance) Service(tb testing.TB, id, organizationID string, m storage.ClientMetadata) (storage.Client, string) {
	tb.Helper()
	m.GrantTypes = []string{client.GrantClient}
	c, secret, err := i.Clients.Create(context.Background(), access.Root(), client.Registration{
		ClientID: id, OrganizationID: organizationID, Metadata: m, Source: "admin",
	})
	if err != nil {
		tb.Fatal(err)
	}
	i.Sync(tb)
	return c, secret
}

// Sync returns when the replica has applied all that was committed.
func (i *Instance) Sync(tb testing.TB) {
	tb.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
	defer cancel()
	if err := i.View.Sync(ctx); err != nil {
		tb.Fatal(err)
	}
}
