// Package storagetest is the contract of package storage as tests: Run checks
// one engine against every method, every error and every promise about
// concurrency. An engine that passes may serve.
package storagetest

import (
	"context"
	"errors"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"github.com/signet-idp/signet/storage"
)

// Store is everything that an engine keeps.
type Store interface {
	storage.Transactor
	storage.Users
	storage.Organizations
	storage.OrganizationLists
	storage.Memberships
	storage.Roles
	storage.Clients
	storage.Resources
	storage.Gates
	storage.Sessions
	storage.LoginTransactions
	storage.Consents
	storage.Grants
	storage.Once
	storage.Revocations
	storage.Restored
	storage.Configuration
	storage.Events
	storage.PersonKeys
	storage.SealedValues
	storage.Leases
	storage.ParkedEvents
	storage.Webhooks
	storage.WebhookDeliveries
	storage.LogoutDeliveries
	storage.SigningKeys
	storage.DataKeys
	storage.Sweeper
	storage.Links
	storage.Factors
	storage.Devices
	storage.MFAPolicies
	storage.Messages
	storage.Invitations
	storage.Domains
	storage.IdempotentRequests
	storage.Presences
	storage.Reports
	storage.Rollups
	storage.EventQueries
	storage.Audit
	storage.Directory
	storage.Erasure
	storage.Tenancy
	storage.OrganizationLists
	storage.SessionLists
	storage.GrantUses
}

// Factory opens a new, migrated database and returns one or more stores over
// it: as many replicas. They are closed when the test ends.
type Factory func(tb testing.TB) []Store

// Run checks an engine.
func Run(t *testing.T, open Factory) {
	for _, c := range []struct {
		name string
		test func(t *testing.T, replicas []Store)
	}{
		{"users", testUsers},
		{"organizations", testOrganizations},
		{"organization lists", testOrganizationLists},
		{"memberships", testMemberships},
		{"roles", testRoles},
		{"clients", testClients},
		{"resources", testResources},
		{"gates", testGates},
		{"sessions", testSessions},
		{"organization lists", testOrganizationLists},
		{"session lists", testSessionLists},
		{"grant uses", testGrantUses},
		{"login transactions", testLoginTransactions},
		{"consents", testConsents},
		{"grants", testGrants},
		{"grant states", testGrantStates},
		{"grants of", testGrantsOf},
		{"once", testOnce},
		{"revocations", testRevocations},
		{"what survives a restore", testSurviving},
		{"configuration version", testConfiguration},
		{"feed order", testFeedOrder},
		{"events", testEvents},
		{"person keys", testPersonKeys},
		{"sealed values", testSealedValues},
		{"leases", testLeases},
		{"parked events", testParkedEvents},
		{"webhooks", testWebhooks},
		{"webhook deliveries", testWebhookDeliveries},
		{"webhook deliveries are taken once", testWebhookDeliveriesTaken},
		{"logout deliveries", testLogoutDeliveries},
		{"links", testLinks},
		{"factors", testFactors},
		{"backup codes", testBackupCodes},
		{"devices", testDevices},
		{"MFA policies", testMFAPolicies},
		{"messages", testMessages},
		{"invitations", testInvitations},
		{"domains", testDomains},
		{"idempotent requests", testIdempotentRequests},
		{"rollups", testRollups},
		{"presences", testPresences},
		{"held roles", testHeldRoles},
		{"event cursors", testEventCursors},
		{"event queries", testEventQueries},
		{"audit", testAudit},
		{"role assignments", testRoleAssignments},
		{"directory", testDirectory},
		{"directory pages", testDirectoryPages},
		{"key rings", testKeyRings},
		{"data keys", testDataKeys},
		{"transactions", testTransactions},
		{"lost updates", testLostUpdates},
		{"one winner", testOneWinner},
		{"one winner of accounts", testOneWinnerOfAccounts},
		{"round trips", testRoundTrips},
		{"sweep", testSweep},
		{"erasure", testErasure},
		{"cancelled", testCancelled},
		{"tenancy", testTenancy},
	} {
		t.Run(c.name, func(t *testing.T) { c.test(t, open(t)) })
	}
}

// TB is the part of testing.TB that a rapid.T has too.
type TB interface {
	Helper()
	Fatalf(format string, args ...any)
	Errorf(format string, args ...any)
}

// epoch is the time at which the suite plays; engines never look at a clock.
var epoch = time.Date(2026, 3, 14, 15, 9, 26, 535897000, time.UTC)

func noError(t TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatalf("unexpected error: %v", err)
	}
}

func wantError(t TB, err, want error) {
	t.Helper()
	if !errors.Is(err, want) {
		t.Fatalf("error is %v, want %v", err, want)
	}
}

func equal(t TB, got, want any) {
	t.Helper()
	if d := cmp.Diff(want, got, cmpopts.EquateComparable(time.Time{})); d != "" {
		t.Fatalf("got other than wanted (-want +got):\n%s", d)
	}
}

// must returns the value of a call that has to go well.
func must[T any](v T, err error) func(t TB) T {
	return func(t TB) T {
		t.Helper()
		noError(t, err)
		return v
	}
}

// insertUser stores a person with every member set; edit may change it before.
func insertUser(t TB, ctx context.Context, s Store, edit ...func(*storage.User)) storage.User {
	t.Helper()
	id := storage.NewID()
	u := storage.User{
		ID: id, Email: "Alice+" + id + "@Acme.test", EmailCanonical: "alice+" + id + "@acme.test", EmailVerified: true,
		PasswordHash: "$argon2id$v=19$m=19456,t=2,p=1$c2FsdA$aGFzaA", PasswordChangedAt: epoch.Add(-time.Hour),
		Status:             storage.UserActive,
		Profile:            map[string]any{"name": "Alice Ünïcode 😀", "address": map[string]any{"country": "DE"}, "zero": 0.0, "none": nil},
		LastOrganizationID: "org", LastLoginAt: epoch.Add(-time.Minute), ManagedBy: "apply", Version: 3,
		DeletedAt: epoch.Add(-time.Second), EraseAt: epoch.Add(30 * 24 * time.Hour),
		CreatedAt: epoch.Add(-24 * time.Hour), UpdatedAt: epoch,
	}
	for _, f := range edit {
		f(&u)
	}
	noError(t, s.InsertUser(ctx, u))
	return u
}

func insertOrganization(t TB, ctx context.Context, s Store, edit ...func(*storage.Organization)) storage.Organization {
	t.Helper()
	id := storage.NewID()
	o := storage.Organization{
		ID: id, Slug: "acme-" + id, Name: "Acme & Söhne", Profile: map[string]any{"domain": "acme.test"},
		Status: storage.OrganizationActive, ManagedBy: "apply", CreatedBy: "founder", Version: 1, CreatedAt: epoch, UpdatedAt: epoch,
	}
	for _, f := range edit {
		f(&o)
	}
	noError(t, s.InsertOrganization(ctx, o))
	return o
}

func insertSession(t TB, ctx context.Context, s Store, userID string, edit ...func(*storage.Session)) storage.Session {
	t.Helper()
	id := storage.NewID()
	v := storage.Session{
		ID: id, UserID: userID, Kind: storage.SessionBrowser, CookieHash: []byte("cookie\x00" + id), ParentID: "",
		AuthTime: epoch, ACR: "aal2", AMR: []string{"pwd", "otp"}, ClientID: "web", DeviceName: "Laptop",
		UserAgent: "Mozilla/5.0", IPAddress: "2001:db8::1", Remember: true, CreatedAt: epoch, LastActiveAt: epoch,
		IdleExpiry: epoch.Add(12 * time.Hour), Expiry: epoch.Add(30 * 24 * time.Hour),
	}
	for _, f := range edit {
		f(&v)
	}
	noError(t, s.InsertSession(ctx, v))
	return v
}

func insertGrant(t TB, ctx context.Context, s Store, userID string, edit ...func(*storage.Grant)) storage.Grant {
	t.Helper()
	id := storage.NewID()
	g := storage.Grant{
		ID: id, ClientID: "web", UserID: userID, SessionID: "", OrganizationID: "",
		Scope: []string{"openid", "offline_access"}, Audience: []string{"https://api.acme.test"},
		Claims: `{"id_token":{"acr":null}}`, Nonce: "n-0S6_WzA2Mj", AuthTime: epoch, ACR: "aal1", AMR: []string{"pwd"},
		Offline: true, RedirectURI: "http://127.0.0.1:9000/callback?x=1", CodeHash: []byte("code\xff" + id),
		CodeChallenge: "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM", CodeExpiry: epoch.Add(time.Minute),
		CreatedAt: epoch, Expiry: epoch.Add(90 * 24 * time.Hour),
	}
	for _, f := range edit {
		f(&g)
	}
	noError(t, s.InsertGrant(ctx, g))
	return g
}
