package login

import (
	"context"
	"errors"
	"slices"
	"time"

	"github.com/signet-idp/signet/provider/change"
	"github.com/signet-idp/signet/provider/event"
	"github.com/signet-idp/signet/provider/oauth"
	"github.com/signet-idp/signet/storage"
)

// Consent takes the person's answer on the consent page. sessionID is the
// session that the page was shown to: whoever signed in meanwhile has agreed to
// nothing. Errors: ErrSession, ErrConsumed.
func (s *Service) Consent(ctx context.Context, p *Pending, b Browser, sessionID string, approve bool) (Outcome, error) {
	if b.Session == nil || b.Session.ID != sessionID {
		return Outcome{}, ErrSession
	}
	if !approve {
		return s.Cancel(ctx, p)
	}
	r, userID := p.Request, b.Session.UserID
	err := s.Change.Do(ctx, "login: consent", func(ctx context.Context, c *change.Change) error {
		old, err := s.Store.Consent(ctx, userID, r.Client.ClientID)
		if err != nil && !errors.Is(err, storage.ErrNotFound) {
			return err
		}
		merged := old
		merged.UserID, merged.ClientID, merged.UpdatedAt = userID, r.Client.ClientID, c.Now
		if merged.CreatedAt.IsZero() {
			merged.CreatedAt = c.Now
		}
		merged.Scope, merged.Audience = union(old.Scope, r.Disclosed()), union(old.Audience, r.Resources)
		if err := s.Store.PutConsent(ctx, merged); err != nil {
			return err
		}
		// An authentication of this transaction stands; one of another session does not.
		if p.row.SessionID != sessionID {
			p.row.SessionID, p.row.AuthenticatedAt = sessionID, time.Time{}
		}
		p.row.Consented, p.row.ConsentedScope = true, r.Disclosed().String()
		if err := s.put(ctx, p); err != nil {
			return err
		}
		c.Record(event.Event{Type: event.ConsentGranted, Subject: userID, Data: map[string]any{
			"client_id": r.Client.ClientID, "scopes": change.List(merged.Scope),
			"added": change.List(change.Minus(merged.Scope, old.Scope)),
		}})
		return nil
	})
	if err != nil {
		return Outcome{}, err
	}
	return s.advance(ctx, p, b)
}

func union(a, b []string) []string {
	out := slices.Clone(a)
	for _, s := range b {
		if !slices.Contains(out, s) {
			out = append(out, s)
		}
	}
	return out
}

// OrganizationName is the name of the organization that the grant would have,
// for the consent page; empty when it has none.
func (s *Service) OrganizationName(ctx context.Context, p *Pending, u storage.User) (string, error) {
	id, err := s.OAuth.ChooseOrganization(ctx, p.Request, u)
	if err != nil {
		var e *oauth.Error
		if errors.As(err, &e) {
			return "", s.OAuth.Refuse(p.Request, e)
		}
		return "", err
	}
	if id == "" {
		return "", nil
	}
	o, err := s.Store.OrganizationByID(ctx, id)
	if err != nil {
		return "", err
	}
	return o.Name, nil
}
