// Package consent tells people what they have agreed to, and takes it back:
// Service.List and Service.Withdraw. Agreeing is a step of a login
// (provider/login).
package consent

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/signet-idp/signet/provider/change"
	"github.com/signet-idp/signet/provider/event"
	"github.com/signet-idp/signet/provider/fault"
	"github.com/signet-idp/signet/storage"
)

// Store is what the service reads and writes.
type Store interface {
	ConsentsOf(ctx context.Context, userID string) ([]storage.Consent, error)
	DeleteConsent(ctx context.Context, userID, clientID string) error
	ClientByID(ctx context.Context, clientID string) (storage.Client, error)
	storage.GrantUses
}

// Service is safe for concurrent use.
type Service struct {
	Store  Store
	Change change.Runner
}

// Given is what a person has agreed to for one client.
type Given struct {
	storage.Consent
	Client  storage.Client
	LastUse time.Time // zero: never used
}

// reasonWithdrawn is why the client's grants end.
const reasonWithdrawn = "consent_withdrawn"

// maxListed bounds the clients told of.
const maxListed = 500

// List tells what a person has agreed to, by client; clients that are gone are
// left out.
func (s *Service) List(ctx context.Context, userID string) ([]Given, error) {
	consents, err := s.Store.ConsentsOf(ctx, userID)
	if err != nil {
		return nil, fmt.Errorf("consent: list: %w", err)
	}
	uses, err := s.Store.LastUses(ctx, userID)
	if err != nil {
		return nil, fmt.Errorf("consent: list: %w", err)
	}
	out := make([]Given, 0, len(consents))
	for _, c := range consents[:min(len(consents), maxListed)] {
		row, err := s.Store.ClientByID(ctx, c.ClientID)
		if errors.Is(err, storage.ErrNotFound) {
			continue
		}
		if err != nil {
			return nil, fmt.Errorf("consent: list: %w", err)
		}
		out = append(out, Given{Consent: c, Client: row, LastUse: uses[c.ClientID]})
	}
	return slices.Clip(out), nil
}

// Withdraw takes back what a person agreed to for a client: its grants and their
// tokens end at once, and the next login asks again. fault.NotFound when there
// is no such agreement.
func (s *Service) Withdraw(ctx context.Context, userID, clientID string) error {
	return s.Change.Do(ctx, "consent: withdraw", func(ctx context.Context, c *change.Change) error {
		err := s.Store.DeleteConsent(ctx, userID, clientID)
		if errors.Is(err, storage.ErrNotFound) {
			return fault.New(fault.NotFound, "there is no such grant")
		}
		if err != nil {
			return err
		}
		ended, err := s.Store.EndGrantsOf(ctx, userID, clientID, reasonWithdrawn, c.Now)
		if err != nil {
			return err
		}
		for _, id := range ended {
			c.Revoke(storage.RevokeGrant, id)
		}
		c.Record(event.Event{Type: event.ConsentWithdrawn, Subject: userID, Data: map[string]any{
			"client_id": clientID, "grants_ended": len(ended),
		}})
		return nil
	})
}
