package apply

import (
	"context"
	"errors"
	"fmt"

	"github.com/signet-idp/signet/provider/access"
	"github.com/signet-idp/signet/provider/client"
	"github.com/signet-idp/signet/provider/fault"
	"github.com/signet-idp/signet/storage"
)

// Builtin marks what comes with Signet itself.
const Builtin = "builtin"

// LegacyClientID is the built-in client of POST /auth/login and /auth/refresh.
const LegacyClientID = "legacy"

// Legacy is the built-in client's registration: first-party, with tokens and
// claims as the clients of the previous system expect them (RS256, the e-mail
// address, the organization under its old names).
func Legacy() client.Registration {
	return client.Registration{
		ClientID: LegacyClientID, ManagedBy: Builtin, Source: Builtin,
		Metadata: storage.ClientMetadata{
			ClientName: "Legacy API", TokenEndpointAuthMethod: client.AuthNone,
			GrantTypes: []string{client.GrantRefresh}, Scope: "openid profile email account organizations offline_access admin",
			AccessTokenSigningAlg: "RS256", FirstParty: true, JSONLogin: true,
			ClaimRules: []storage.ClaimRule{
				{Claim: "email", From: "email"},
				{Claim: "organization_id", From: "org_id"},
				{Claim: "tenant_id", From: "org_id"},
				{Claim: "type", Value: "access"},
			},
		},
	}
}

// EnsureBuiltin registers the built-in client unless there is one, changed or
// disabled by an operator as it may be. Of several replicas one wins.
func (a *Applier) EnsureBuiltin(ctx context.Context) error {
	_, err := a.Store.ClientByID(ctx, LegacyClientID)
	if !errors.Is(err, storage.ErrNotFound) {
		return err
	}
	_, _, err = a.Clients.Create(ctx, access.Root(), Legacy())
	if err != nil && !fault.Is(err, fault.Conflict) {
		return fmt.Errorf("apply: built-in client: %w", err)
	}
	return nil
}
