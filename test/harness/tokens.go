package harness

import (
	"net/url"
	"testing"

	"github.com/signet-idp/signet/storage"
)

// AccessToken is a person's access token of a first-party public client,
// without the work of a login.
func (i *Instance) AccessToken(tb testing.TB, userID, clientID, scope string) string {
	tb.Helper()
	i.Sync(tb)
	b, _ := i.SignedIn(tb, userID)
	a, code := b.Silent(clientID, scope, nil)
	got := i.Redeem(tb, clientID, "", a, code)
	if got.AccessToken == "" {
		tb.Fatalf("no token: %+v", got)
	}
	return got.AccessToken
}

// ServiceToken registers a service and returns a token of it with all its scopes.
func (i *Instance) ServiceToken(tb testing.TB, id, organizationID, scope string, roles ...string) string {
	tb.Helper()
	_, secret := i.Service(tb, id, organizationID, storage.ClientMetadata{Scope: scope, Roles: roles})
	got := i.Token(tb, id, secret, url.Values{"grant_type": {"client_credentials"}, "scope": {scope}})
	if got.AccessToken == "" {
		tb.Fatalf("no token: %+v", got)
	}
	return got.AccessToken
}
