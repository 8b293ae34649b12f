package access

import (
	"context"
	"errors"
	"fmt"

	"github.com/signet-idp/signet/provider/change"
	"github.com/signet-idp/signet/provider/fault"
	"github.com/signet-idp/signet/storage"
)

// Define is Put for a role that is not there yet; fault.Conflict when it is.
func (s *Service) Define(ctx context.Context, by Holder, r storage.Role) (storage.Role, error) {
	if _, err := Normalize(r); err != nil {
		return storage.Role{}, fmt.Errorf("access: define role: %w", err)
	}
	var out storage.Role
	err := s.changes.Do(ctx, "access: define role", func(ctx context.Context, _ *change.Change) error {
		if err := s.guard(ctx, r.OrganizationID); err != nil {
			return err
		}
		_, err := s.store.Role(ctx, r.Scope, r.OrganizationID, r.Name)
		switch {
		case err == nil:
			return fault.New(fault.Conflict, "there is a role of this name already")
		case !errors.Is(err, storage.ErrNotFound):
			return err
		}
		out, err = s.Put(ctx, by, r)
		return err
	})
	return out, err
}

// Revision says what to change of a role: nil stays.
type Revision struct {
	Description *string
	Permissions []string
}

// Revise is Put for a role that is there; fault.NotFound when it is not,
// fault.Forbidden for a built-in one.
func (s *Service) Revise(ctx context.Context, by Holder, scope storage.RoleScope, organizationID, name string, r Revision) (storage.Role, error) {
	if Builtin(scope, name) {
		return storage.Role{}, fmt.Errorf("access: revise role: %w", fault.New(fault.Forbidden, "a built-in role cannot be changed"))
	}
	if !ValidRoleName(name) {
		return storage.Role{}, fmt.Errorf("access: revise role: %w", notFound(storage.ErrNotFound))
	}
	var out storage.Role
	err := s.changes.Do(ctx, "access: revise role", func(ctx context.Context, _ *change.Change) error {
		if err := s.guard(ctx, organizationID); err != nil {
			return err
		}
		role, err := s.store.Role(ctx, scope, organizationID, name)
		if err != nil {
			return notFound(err)
		}
		if r.Description != nil {
			role.Description = *r.Description
		}
		if r.Permissions != nil {
			role.Permissions = r.Permissions
		}
		out, err = s.Put(ctx, by, role)
		return err
	})
	return out, err
}
