package user

import (
	"context"
	"fmt"
	"time"

	"github.com/signet-idp/signet/provider/access"
	"github.com/signet-idp/signet/provider/change"
	"github.com/signet-idp/signet/provider/event"
	"github.com/signet-idp/signet/provider/fault"
	"github.com/signet-idp/signet/storage"
)

// Delete ends an account: sessions, grants, tokens, memberships and system
// roles end at once, and nobody finds it any more. What it says of its person
// stays, and the address reserved, for DeletionGrace, in which Restore brings
// the account back; then Erase wipes it. fault.LastOwner when an organization
// would lose its last one.
func (s *Service) Delete(ctx context.Context, id, reason string) (storage.User, error) {
	var u storage.User
	err := s.changes.Do(ctx, "user: delete", func(ctx context.Context, c *change.Change) error {
		var err error
		if u, err = s.alive(ctx, id); err != nil {
			return err
		}
		if err := s.members.LeaveAll(ctx, id, "account_deleted"); err != nil {
			return err
		}
		u.Status, u.DeletedAt, u.EraseAt = storage.UserDeleted, c.Now, c.Now.Add(s.DeletionGrace)
		if err := s.writeNames(ctx, c, &u); err != nil {
			return err
		}
		if err := s.store.PutSystemRoles(ctx, id, nil, event.ActorFrom(ctx).ID, c.Now); err != nil {
			return err
		}
		data := map[string]any{"reason": change.Enum(reason)}
		if err := s.endAll(ctx, c, id, "account_deleted", data); err != nil {
			return err
		}
		c.Record(event.Event{Type: event.UserDeleted, Subject: id, Data: data})
		if s.DeletionGrace > 0 {
			return nil
		}
		return s.wipe(ctx, c, &u, reason)
	})
	return u, err
}

// Restore makes a deleted account active again, as long as it is not erased:
// with its password and profile, and as an ordinary user of the system. Its
// memberships are for others to give back. fault.UserNotFound when there is
// nothing to restore.
func (s *Service) Restore(ctx context.Context, id, reason string) (storage.User, error) {
	var u storage.User
	err := s.changes.Do(ctx, "user: restore", func(ctx context.Context, c *change.Change) error {
		var err error
		if u, err = s.store.UserByID(ctx, id); err != nil {
			return notFound(err)
		}
		if u.Status != storage.UserDeleted || !c.Now.Before(u.EraseAt) {
			return fault.New(fault.UserNotFound, "there is no such user, or it was erased")
		}
		u.Status, u.DeletedAt, u.EraseAt = storage.UserActive, time.Time{}, time.Time{}
		if err := s.writeNames(ctx, c, &u); err != nil {
			return err
		}
		if err := s.store.PutSystemRoles(ctx, id, []string{access.SystemUser}, event.ActorFrom(ctx).ID, c.Now); err != nil {
			return err
		}
		c.Record(event.Event{Type: event.UserStatusChanged, Subject: id, Data: map[string]any{
			"from": string(storage.UserDeleted), "to": string(storage.UserActive), "reason": change.Enum(reason),
		}})
		return nil
	})
	return u, err
}

// Erase wipes what is left of a deleted account whose grace is over: the row's
// address, password and profile, the words it was found by, its links,
// consents and waiting messages, the device data of its sessions, invitations
// to its address; and it destroys the person's key, so that nobody reads any
// more what the record says of them. The row and its id stay, for what refers
// to it, and the address is free. What is erased, restored or not due changes
// nothing: it may be called as often as one likes.
func (s *Service) Erase(ctx context.Context, id, reason string) error {
	return s.changes.Do(ctx, "user: erase", func(ctx context.Context, c *change.Change) error {
		u, err := s.store.UserByID(ctx, id)
		if err != nil {
			return notFound(err)
		}
		if u.Status != storage.UserDeleted || u.EraseAt.IsZero() || c.Now.Before(u.EraseAt) {
			return nil
		}
		c.Revoke(storage.RevokeSub, id) // every replica drops the opened key
		return s.wipe(ctx, c, &u, reason)
	})
}

func (s *Service) wipe(ctx context.Context, c *change.Change, u *storage.User, reason string) error {
	address := u.EmailCanonical
	u.Email, u.EmailVerified, u.PasswordHash, u.Profile = "", false, "", map[string]any{}
	u.EmailCanonical = "deleted:" + u.ID // no address, and unique
	u.EraseAt = time.Time{}
	if err := s.writeNames(ctx, c, u); err != nil { // locks: who writes about the person comes before or after
		return err
	}
	if err := s.store.EraseTraces(ctx, u.ID, address); err != nil {
		return fmt.Errorf("traces: %w", err)
	}
	c.Erase(u.ID)
	c.Record(event.Event{Type: event.UserErased, Subject: u.ID, Data: map[string]any{"reason": change.Enum(reason)}})
	return nil
}
