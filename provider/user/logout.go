package user

import (
	"context"

	"github.com/signet-idp/signet/provider/change"
	"github.com/signet-idp/signet/provider/event"
	"github.com/signet-idp/signet/storage"
)

// EndSessions ends every session of a person, offline ones too, with their
// grants and tokens, by somebody else's hand. It returns how many sessions and
// grants that were.
func (s *Service) EndSessions(ctx context.Context, id, reason string) (sessions int, grants int64, err error) {
	err = s.changes.Do(ctx, "user: end sessions", func(ctx context.Context, c *change.Change) error {
		if _, err := s.alive(ctx, id); err != nil {
			return err
		}
		ended, n, err := s.sessions.EndAll(ctx, id, "", change.Enum(reason), c.Now)
		if err != nil {
			return err
		}
		sessions, grants = len(ended), n
		c.Revoke(storage.RevokeSub, id)
		c.Record(event.Event{Type: event.SessionRevoked, Subject: id, Data: map[string]any{
			"reason": change.Enum(reason), "sessions_ended": sessions, "grants_ended": grants,
		}})
		return nil
	})
	return sessions, grants, err
}
