package user

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"reflect"
	"slices"
	"strings"
	"time"

	"github.com/google/uuid"

	"github.com/signet-idp/signet/provider/access"
	"github.com/signet-idp/signet/provider/change"
	"github.com/signet-idp/signet/provider/event"
	"github.com/signet-idp/signet/provider/fault"
	"github.com/signet-idp/signet/storage"
)

// Store is what the service reads and writes.
type Store interface {
	storage.Users
	storage.Erasure
	PutUserTerms(ctx context.Context, userID string, terms []string) error
	SystemRoles(ctx context.Context, userID string) ([]string, error)
	PutSystemRoles(ctx context.Context, userID string, roles []string, by string, at time.Time) error
	Role(ctx context.Context, scope storage.RoleScope, organizationID, name string) (storage.Role, error)
}

// Sessions ends sessions.
type Sessions interface {
	// EndAll ends, in the running transaction, every session of a person but
	// except (may be empty) and every grant that does not hang on except. It
	// writes no feed entries and no events: the caller knows why they end.
	EndAll(ctx context.Context, userID, except, reason string, at time.Time) (sessions []string, grants int64, err error)
}

// Memberships lets go of a person who leaves for good.
type Memberships interface {
	// LeaveAll ends every membership of a person in the running transaction;
	// fault.LastOwner when an organization would be left without an owner.
	LeaveAll(ctx context.Context, userID, reason string) error
}

// Service changes accounts. It is safe for concurrent use.
type Service struct {
	store    Store
	sessions Sessions
	members  Memberships
	resolver *access.Resolver
	changes  change.Runner

	// DeletionGrace is how long a deleted account keeps what it says of its
	// person and can be restored; 0 erases at once. Set before use.
	DeletionGrace time.Duration
}

// New makes the service.
func New(store Store, sessions Sessions, members Memberships, resolver *access.Resolver, changes change.Runner) *Service {
	return &Service{store: store, sessions: sessions, members: members, resolver: resolver, changes: changes}
}

// Account is what an account is created from.
type Account struct {
	ID            string // empty: a new UUIDv7
	Email         string
	EmailVerified bool
	PasswordHash  string // encoded (password.Hasher.Hash, or an import), or empty
	Profile       map[string]any
	// SystemRoles: nil gives "user".
	SystemRoles []string
	ManagedBy   string
	// TermsAccepted is noted in the record.
	TermsAccepted bool
	// Source says by what it is created: register, admin, apply, invitation,
	// federation, scim, import.
	Source string
}

// Create makes an account; by must hold what its system roles give (beyond
// "user", which everybody gets). fault.EmailTaken when the address is in use.
func (s *Service) Create(ctx context.Context, by access.Holder, a Account) (storage.User, error) {
	canonical, err := Canonical(a.Email)
	if err != nil {
		return storage.User{}, fmt.Errorf("user: create: %w", emailFault())
	}
	profile, err := NormalizeProfile(a.Profile)
	if err != nil {
		return storage.User{}, fmt.Errorf("user: create: %w", err)
	}
	if a.ID == "" {
		a.ID = storage.NewID()
	} else if id, err := uuid.Parse(a.ID); err != nil || id.String() != a.ID {
		return storage.User{}, fmt.Errorf("user: create: %w", fault.Field("id", "an id is a UUID in lower case"))
	}
	roles := normalRoles(a.SystemRoles)
	if a.SystemRoles == nil {
		roles = []string{access.SystemUser}
	}
	if err := s.mayGrant(ctx, by, change.Minus(roles, []string{access.SystemUser})); err != nil {
		return storage.User{}, fmt.Errorf("user: create: %w", err)
	}
	var u storage.User
	err = s.changes.Do(ctx, "user: create", func(ctx context.Context, c *change.Change) error {
		u = storage.User{
			ID: a.ID, Email: strings.TrimSpace(a.Email), EmailCanonical: canonical, EmailVerified: a.EmailVerified,
			PasswordHash: a.PasswordHash, Status: storage.UserActive, Profile: profile, ManagedBy: a.ManagedBy,
			Version: 1, CreatedAt: c.Now, UpdatedAt: c.Now,
		}
		if a.PasswordHash != "" {
			u.PasswordChangedAt = c.Now
		}
		if err := s.store.InsertUser(ctx, u); err != nil {
			return taken(err)
		}
		if err := s.store.PutSystemRoles(ctx, u.ID, roles, event.ActorFrom(ctx).ID, c.Now); err != nil {
			return err
		}
		if err := s.store.PutUserTerms(ctx, u.ID, termsOf(u)); err != nil {
			return err
		}
		personal := map[string]string{"email": u.Email}
		if name, ok := profile["name"].(string); ok {
			personal["name"] = name
		}
		data := map[string]any{"source": change.Enum(a.Source), "status": string(u.Status), "email_verified": u.EmailVerified, "roles": change.List(roles)}
		if a.TermsAccepted {
			data["terms_accepted"] = true
		}
		c.Record(event.Event{
			Type: event.UserCreated, Subject: u.ID, Data: data,
			PersonalOf: u.ID, Personal: personal,
		})
		return nil
	})
	return u, err
}

// Get returns an account by its id; fault.UserNotFound when there is none.
func (s *Service) Get(ctx context.Context, id string) (storage.User, error) {
	u, err := s.store.UserByID(ctx, id)
	if err != nil {
		return storage.User{}, fmt.Errorf("user: get: %w", notFound(err))
	}
	return u, nil
}

// ByEmail returns the account of an address; fault.UserNotFound when there is
// none, also for what is no address.
func (s *Service) ByEmail(ctx context.Context, email string) (storage.User, error) {
	canonical, err := Canonical(email)
	if err != nil {
		return storage.User{}, fmt.Errorf("user: by e-mail: %w", fault.Wrap(err, fault.UserNotFound, "there is no such user"))
	}
	u, err := s.store.UserByEmail(ctx, canonical)
	if err != nil {
		return storage.User{}, fmt.Errorf("user: by e-mail: %w", notFound(err))
	}
	return u, nil
}

// Find returns an account by its id or its address.
func (s *Service) Find(ctx context.Context, idOrEmail string) (storage.User, error) {
	if strings.Contains(idOrEmail, "@") {
		return s.ByEmail(ctx, idOrEmail)
	}
	return s.Get(ctx, idOrEmail)
}

// List pages accounts by id: those after the given one, at most limit (1..500).
func (s *Service) List(ctx context.Context, after string, limit int) ([]storage.User, error) {
	users, err := s.store.ListUsers(ctx, after, limit)
	if err != nil {
		return nil, fmt.Errorf("user: list: %w", err)
	}
	return users, nil
}

// SystemRoles lists the system roles of a person, sorted.
func (s *Service) SystemRoles(ctx context.Context, id string) ([]string, error) {
	roles, err := s.store.SystemRoles(ctx, id)
	if err != nil {
		return nil, fmt.Errorf("user: system roles: %w", err)
	}
	return roles, nil
}

// UpdateProfile merges patch into the profile: a null or empty member is taken
// out. A new telephone number is unverified unless patch says otherwise. by
// names who does it: the person themself or somebody else ("apply", "admin").
func (s *Service) UpdateProfile(ctx context.Context, id string, patch map[string]any, source string) (storage.User, error) {
	return s.profile(ctx, "user: update profile", id, source, func(old map[string]any) map[string]any {
		merged := maps.Clone(old)
		if merged == nil {
			merged = map[string]any{}
		}
		maps.Copy(merged, patch)
		return forgetVerified(old, merged, patch)
	})
}

// ReplaceProfile makes the profile exactly this one.
func (s *Service) ReplaceProfile(ctx context.Context, id string, profile map[string]any, source string) (storage.User, error) {
	return s.profile(ctx, "user: replace profile", id, source, func(map[string]any) map[string]any { return profile })
}

func forgetVerified(old, merged, patch map[string]any) map[string]any {
	_, said := patch["phone_number_verified"]
	if !said && !reflect.DeepEqual(old["phone_number"], merged["phone_number"]) {
		delete(merged, "phone_number_verified")
	}
	return merged
}

func (s *Service) profile(ctx context.Context, op, id, source string, merge func(old map[string]any) map[string]any) (storage.User, error) {
	var u storage.User
	err := s.changes.Do(ctx, op, func(ctx context.Context, c *change.Change) error {
		var err error
		if u, err = s.alive(ctx, id); err != nil {
			return err
		}
		profile, err := NormalizeProfile(merge(u.Profile))
		if err != nil {
			return err
		}
		fields := changedMembers(u.Profile, profile)
		if len(fields) == 0 {
			return nil
		}
		u.Profile = profile
		if err := s.writeNames(ctx, c, &u); err != nil {
			return err
		}
		e := event.Event{Type: event.UserUpdated, Subject: id, Data: map[string]any{"fields": change.List(fields), "source": change.Enum(source)}}
		if source == "self" {
			e.Type, e.Data = event.UserProfileUpdated, map[string]any{"fields": change.List(fields)}
		}
		c.Record(e)
		return nil
	})
	return u, err
}

// changedMembers lists the names whose values differ, sorted.
func changedMembers(old, new map[string]any) []string {
	var names []string
	for name, v := range new {
		if !reflect.DeepEqual(old[name], v) {
			names = append(names, name)
		}
	}
	for name := range old {
		if _, kept := new[name]; !kept {
			names = append(names, name)
		}
	}
	slices.Sort(names)
	return names
}

// alive reads an account that is not deleted.
func (s *Service) alive(ctx context.Context, id string) (storage.User, error) {
	u, err := s.store.UserByID(ctx, id)
	if err == nil && u.Status == storage.UserDeleted {
		err = storage.ErrNotFound
	}
	return u, notFound(err)
}

// write updates the row, which locks it, and moves u along.
func (s *Service) write(ctx context.Context, c *change.Change, u *storage.User) error {
	u.UpdatedAt = c.Now
	if err := s.store.UpdateUser(ctx, *u); err != nil {
		return taken(err)
	}
	u.Version++
	return nil
}

// writeNames is write for a change of a name or the address.
func (s *Service) writeNames(ctx context.Context, c *change.Change, u *storage.User) error {
	if err := s.write(ctx, c, u); err != nil {
		return err
	}
	return s.store.PutUserTerms(ctx, u.ID, termsOf(*u))
}

func notFound(err error) error {
	if errors.Is(err, storage.ErrNotFound) {
		return fault.Wrap(err, fault.UserNotFound, "there is no such user")
	}
	return err
}

func taken(err error) error {
	if errors.Is(err, storage.ErrConflict) {
		return fault.Wrap(err, fault.EmailTaken, "this e-mail address is already registered")
	}
	return err
}

func emailFault() error {
	return fault.Field("email", "write an e-mail address such as alice@example.com")
}

// enum makes a value that an event may hold of what somebody wrote as a reason:
// free text would end up in a log that must not hold any.

func normalRoles(roles []string) []string {
	roles = slices.Clone(roles)
	slices.Sort(roles)
	return slices.Compact(roles)
}
