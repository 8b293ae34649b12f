package user

import (
	"context"
	"fmt"

	"github.com/signet-idp/signet/provider/change"
	"github.com/signet-idp/signet/provider/event"
	"github.com/signet-idp/signet/provider/fault"
	"github.com/signet-idp/signet/storage"
)

// SetStatus suspends an account, makes it active again or deletes it (Delete);
// a deleted one that is not erased becomes active again by Restore. A suspended
// account loses its sessions and grants, and every token of it is dead at once.
// reason is an enumeration for the record; free text becomes "other". The same
// status again changes nothing.
func (s *Service) SetStatus(ctx context.Context, id string, status storage.UserStatus, reason string) (storage.User, error) {
	if status == storage.UserDeleted {
		return s.Delete(ctx, id, reason)
	}
	if status != storage.UserActive && status != storage.UserSuspended {
		return storage.User{}, fmt.Errorf("user: set status: %w", fault.Field("status", "a status is active, suspended or deleted"))
	}
	var u storage.User
	err := s.changes.Do(ctx, "user: set status", func(ctx context.Context, c *change.Change) error {
		var err error
		if status == storage.UserActive {
			if u, err = s.store.UserByID(ctx, id); err == nil && u.Status == storage.UserDeleted {
				u, err = s.Restore(ctx, id, reason)
				return err
			}
		}
		if u, err = s.alive(ctx, id); err != nil || u.Status == status {
			return err
		}
		from := u.Status
		u.Status = status
		if err := s.write(ctx, c, &u); err != nil {
			return err
		}
		data := map[string]any{"from": string(from), "to": string(status), "reason": change.Enum(reason)}
		if status == storage.UserSuspended {
			if err := s.endAll(ctx, c, id, "account_suspended", data); err != nil {
				return err
			}
		}
		c.Record(event.Event{Type: event.UserStatusChanged, Subject: id, Data: data})
		return nil
	})
	return u, err
}

// endAll ends everything of a person and counts it in data.
func (s *Service) endAll(ctx context.Context, c *change.Change, id, reason string, data map[string]any) error {
	sessions, grants, err := s.sessions.EndAll(ctx, id, "", reason, c.Now)
	if err != nil {
		return err
	}
	data["sessions_ended"], data["grants_ended"] = len(sessions), grants
	c.Revoke(storage.RevokeSub, id)
	return nil
}
