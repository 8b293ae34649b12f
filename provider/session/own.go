package session

import (
	"context"
	"errors"
	"fmt"

	"github.com/signet-idp/signet/provider/change"
	"github.com/signet-idp/signet/provider/event"
	"github.com/signet-idp/signet/provider/fault"
	"github.com/signet-idp/signet/storage"
)

// Page is a part of the live sessions of a person: of every kind, as all are
// places where the person is signed in.
type Page struct {
	Sessions []storage.Session
	Total    int64
}

// List pages the live sessions of a person, newest first; before is the id that
// the page before ended with, or empty.
func (m *Manager) List(ctx context.Context, userID, before string, offset, limit int) (Page, error) {
	now := m.clock.Now()
	list, err := m.store.QuerySessions(ctx, storage.SessionQuery{UserID: userID, Now: now, Before: before, Offset: offset, Limit: limit})
	if err != nil {
		return Page{}, fmt.Errorf("session: list: %w", err)
	}
	total, err := m.store.CountSessions(ctx, userID, now)
	if err != nil {
		return Page{}, fmt.Errorf("session: list: %w", err)
	}
	return Page{Sessions: list, Total: total}, nil
}

// EndOwn ends a live session of the person who asks; current is the session
// that they ask from. fault.NotFound for anybody else's.
func (m *Manager) EndOwn(ctx context.Context, userID, id, current string) error {
	s, err := m.Get(ctx, id)
	if errors.Is(err, ErrNone) || err == nil && s.UserID != userID {
		return fault.New(fault.NotFound, "there is no such session")
	}
	if err != nil {
		return err
	}
	reason := ReasonPerson
	if id == current {
		reason = ReasonLogout
	}
	return m.End(ctx, s, reason)
}

// EndOthers ends every session of a person but current, offline ones too, and
// returns how many.
func (m *Manager) EndOthers(ctx context.Context, userID, current string) (int, error) {
	n := 0
	err := m.change.Do(ctx, "session: end others", func(ctx context.Context, c *change.Change) error {
		sessions, grants, err := m.endEvery(ctx, c, userID, current, ReasonPerson)
		if n = len(sessions); err != nil || n == 0 {
			return err
		}
		c.Record(event.Event{Type: event.SessionRevoked, Subject: userID, Data: map[string]any{
			"session_id": current, "reason": ReasonPerson, "sessions_ended": n, "grants_ended": grants,
		}})
		return nil
	})
	return n, err
}

// Logout ends every session of a person because they signed out of everything
// from one of them.
func (m *Manager) Logout(ctx context.Context, userID, from string) error {
	return m.change.Do(ctx, "session: log out of all", func(ctx context.Context, c *change.Change) error {
		sessions, grants, err := m.endEvery(ctx, c, userID, "", ReasonLogout)
		if err != nil || len(sessions) == 0 {
			return err
		}
		c.Record(event.Event{Type: event.UserLogout, Subject: userID, Data: map[string]any{
			"session_id": from, "reason": ReasonLogout, "all_sessions": true, "sessions_ended": len(sessions), "grants_ended": grants,
		}})
		return nil
	})
}

func (m *Manager) endEvery(ctx context.Context, c *change.Change, userID, except, reason string) ([]string, int64, error) {
	sessions, grants, err := m.EndAll(ctx, userID, except, reason, c.Now)
	for _, id := range sessions {
		c.Revoke(storage.RevokeSID, id)
	}
	return sessions, grants, err
}
