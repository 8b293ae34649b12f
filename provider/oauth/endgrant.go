package oauth

import (
	"context"
	"time"

	"github.com/signet-idp/signet/provider/change"
	"github.com/signet-idp/signet/provider/event"
	"github.com/signet-idp/signet/storage"
)

// Why a grant ends early.
const (
	reasonReuse  = "refresh_token_reused"
	reasonReplay = "code_replayed"
	reasonClient = "revoked_by_client"
)

// endGrant ends a grant with all its tokens, and with it a session of the JSON
// API, which is nothing without its refresh tokens. It commits by itself: the request
// that led to it is refused, what it uncovered stands.
func (p *Provider) endGrant(ctx context.Context, g *storage.GrantState, reason string) error {
	// The client may be gone the moment it sees its request fail; the end of
	// the grant must not depend on it.
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), endGrantTime)
	defer cancel()
	return p.Change.Do(ctx, "oauth: end grant", func(ctx context.Context, c *change.Change) error {
		won, err := p.Store.RevokeGrant(ctx, g.ID, reason, c.Now)
		if err != nil || !won {
			return err
		}
		c.Revoke(storage.RevokeGrant, g.ID)
		c.Record(grantEnded(&g.Grant, reason))
		if g.SessionKind != storage.SessionJSON {
			return nil
		}
		return p.Sessions.End(ctx, storage.Session{ID: g.SessionID, UserID: g.UserID, Kind: g.SessionKind}, reason)
	})
}

const endGrantTime = 5 * time.Second

func grantEnded(g *storage.Grant, reason string) event.Event {
	e := event.Event{Subject: g.UserID, Organization: g.OrganizationID, Data: map[string]any{
		"grant_id": g.ID, "session_id": g.SessionID, "client_id": g.ClientID,
	}}
	switch reason {
	case reasonReuse:
		e.Type = event.TokenReuseDetected
		e.Data["generation"] = g.Generation
	case reasonReplay:
		e.Type = event.AuthSuspiciousActivity
		e.Data["reason"] = reason
	default:
		e.Type = event.TokenRevoked
		e.Data["kind"], e.Data["reason"] = "grant", reason
	}
	return e
}
