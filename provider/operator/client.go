package operator

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"github.com/signet-idp/signet/provider/access"
	"github.com/signet-idp/signet/provider/change"
	"github.com/signet-idp/signet/provider/client"
	"github.com/signet-idp/signet/provider/fault"
	"github.com/signet-idp/signet/storage"
)

// ClientPatch changes a client: nil members stay.
type ClientPatch struct {
	// Metadata are the members to set, by their names in RFC 7591; null takes
	// one back to its default.
	Metadata map[string]json.RawMessage
	Disabled *bool
	Reason   string // for disabling
}

// UpdateClient changes a client that is at the version, all of it or nothing.
func (s *Service) UpdateClient(ctx context.Context, by access.Holder, id string, version Version, p ClientPatch) (storage.Client, error) {
	var c storage.Client
	err := s.Change.Do(ctx, "operator: update client", func(ctx context.Context, _ *change.Change) error {
		var err error
		if c, err = s.Clients.Get(ctx, id); err != nil {
			return err
		}
		if err := version.expect(c.Version); err != nil {
			return err
		}
		if len(p.Metadata) > 0 {
			m, err := merged(c.Metadata, p.Metadata)
			if err != nil {
				return err
			}
			if c, err = s.Clients.Update(ctx, by, id, m, source); err != nil {
				return err
			}
		}
		if p.Disabled != nil {
			c, err = s.Clients.Disable(ctx, id, *p.Disabled, p.Reason)
		}
		return err
	})
	return c, err
}

// merged lays the members of a patch over metadata.
func merged(m storage.ClientMetadata, patch map[string]json.RawMessage) (storage.ClientMetadata, error) {
	all := map[string]json.RawMessage{}
	raw, err := json.Marshal(m)
	if err == nil {
		err = json.Unmarshal(raw, &all)
	}
	if err != nil {
		return m, fmt.Errorf("operator: metadata: %w", err)
	}
	for name, v := range patch {
		if string(v) == "null" {
			delete(all, name)
		} else {
			all[name] = v
		}
	}
	if raw, err = json.Marshal(all); err != nil {
		return m, fmt.Errorf("operator: metadata: %w", err)
	}
	var out storage.ClientMetadata
	if err := json.Unmarshal(raw, &out); err != nil {
		if wrong, ok := errors.AsType[*json.UnmarshalTypeError](err); ok {
			return m, fault.Field(wrong.Field, "this has the wrong type")
		}
		return m, fault.Field("", "a value has the wrong form")
	}
	return out, nil
}

// DeleteClient removes a client that is at the version.
func (s *Service) DeleteClient(ctx context.Context, id string, version Version, reason string) error {
	return s.Change.Do(ctx, "operator: delete client", func(ctx context.Context, _ *change.Change) error {
		c, err := s.Clients.Get(ctx, id)
		if err != nil {
			return err
		}
		if err := version.expect(c.Version); err != nil {
			return err
		}
		return s.Clients.Delete(ctx, id, reason)
	})
}

// RotateSecret gives a client a new secret, returned this once; the newest old
// one lives on for overlap. Who has it is the client, so by must hold what the
// client's roles give.
func (s *Service) RotateSecret(ctx context.Context, by access.Holder, id string, overlap time.Duration) (storage.Client, string, error) {
	var c storage.Client
	var secret string
	err := s.Change.Do(ctx, "operator: rotate secret", func(ctx context.Context, _ *change.Change) error {
		var err error
		if c, err = s.Clients.Get(ctx, id); err != nil {
			return err
		}
		for _, role := range c.Metadata.Roles {
			if err := s.covers(ctx, by, c.OrganizationID, role); err != nil {
				return err
			}
		}
		c, secret, err = s.Clients.RotateSecret(ctx, id, overlap)
		return err
	})
	return c, secret, err
}

// PutRole changes a system role that is at the version, or with create makes
// one that is not there.
func (s *Service) PutRole(ctx context.Context, by access.Holder, name string, version Version, create bool, edit func(*storage.Role)) (storage.Role, error) {
	var out storage.Role
	err := s.Change.Do(ctx, "operator: put role", func(ctx context.Context, _ *change.Change) error {
		r, err := s.Access.Role(ctx, storage.ScopeSystem, "", name)
		switch {
		case create && err == nil:
			return fault.New(fault.Conflict, "there is a role of this name")
		case create && fault.Is(err, fault.NotFound):
			r, err = storage.Role{Scope: storage.ScopeSystem, Name: name}, nil
		case err == nil && r.Builtin:
			return fault.New(fault.Forbidden, "a built-in role cannot be changed")
		}
		if err != nil {
			return err
		}
		if err := version.expect(r.Version); err != nil {
			return err
		}
		edit(&r)
		out, err = s.Access.Put(ctx, by, r)
		return err
	})
	return out, err
}

func noSession(err error) error {
	if err == nil || errors.Is(err, storage.ErrNotFound) {
		return fault.Wrap(err, fault.NotFound, "there is no such session")
	}
	return fmt.Errorf("operator: session: %w", err)
}

// PutResource changes an API that is at the version, or with create registers
// one that is not there.
func (s *Service) PutResource(ctx context.Context, identifier string, version Version, create bool, edit func(*storage.Resource)) (storage.Resource, error) {
	var out storage.Resource
	err := s.Change.Do(ctx, "operator: put resource", func(ctx context.Context, _ *change.Change) error {
		var r storage.Resource
		var err error
		if !create || client.ValidResource(identifier) {
			r, err = s.Clients.Resource(ctx, identifier)
		}
		switch {
		case create && err == nil && r.Identifier != "":
			return fault.New(fault.Conflict, "there is a resource with this identifier")
		case create && fault.Is(err, fault.NotFound):
			r, err = storage.Resource{Identifier: identifier}, nil
		}
		if err != nil {
			return err
		}
		if err := version.expect(r.Version); err != nil {
			return err
		}
		edit(&r)
		out, err = s.Clients.PutResource(ctx, r, source)
		return err
	})
	return out, err
}
