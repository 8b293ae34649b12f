package client

import (
	"context"
	"errors"
	"fmt"
	"reflect"
	"slices"
	"time"
	"unicode/utf8"

	"github.com/signet-idp/signet/provider/change"
	"github.com/signet-idp/signet/provider/event"
	"github.com/signet-idp/signet/provider/fault"
	"github.com/signet-idp/signet/storage"
)

// NormalizeResource checks a resource; fault.Invalid names what is wrong.
func NormalizeResource(r storage.Resource) (storage.Resource, error) {
	v := &validation{}
	if !ValidResource(r.Identifier) {
		v.wrong("identifier", "a resource is an absolute URI without a fragment (RFC 8707 §2), of at most 255 bytes")
	}
	if len(r.Name) > maxClientName || !utf8.ValidString(r.Name) {
		v.wrong("name", "a name is text of at most %d bytes", maxClientName)
	}
	if len(r.Scopes) > maxScopes {
		v.wrong("scopes", "at most %d scopes", maxScopes)
	}
	var names []string
	for i, s := range r.Scopes[:min(len(r.Scopes), maxScopes)] {
		if !ValidScope(s.Name) || OwnScope(s.Name) || oidcScope(s.Name) {
			v.wrong(item("scopes", i)+".name", "%.40q is no scope of a resource: RFC 6749 §3.3, and none of Signet's own", s.Name)
		}
		if len(s.Description) > maxClientName || !utf8.ValidString(s.Description) {
			v.wrong(item("scopes", i)+".description", "a description is text of at most %d bytes", maxClientName)
		}
		names = append(names, s.Name)
	}
	v.distinct("scopes", names, maxScopes)
	if r.SigningAlg != "" {
		v.algorithm("signing_alg", r.SigningAlg)
	}
	if r.TokenLifetime < 0 || r.TokenLifetime > maxLifetime*time.Second || r.TokenLifetime%time.Second != 0 {
		v.wrong("token_lifetime", "0 (the default) to %d seconds", maxLifetime)
	}
	v.distinct("introspectors", r.Introspectors, maxURIs)
	for i, id := range r.Introspectors {
		if !ValidID(id) {
			v.wrong(item("introspectors", i), "an introspector is a client_id")
		}
	}
	if len(v.fields) > 0 {
		return r, &fault.Error{Code: fault.Invalid, Message: "the resource is not valid", Fields: v.fields}
	}
	return r, nil
}

// oidcScope: scopes with a meaning of their own.
func oidcScope(s string) bool {
	return slices.Contains([]string{"openid", "profile", "email", "address", "phone", "offline_access", "organization", "roles", "permissions"}, s)
}

// Resource returns a resource; fault.NotFound when there is none.
func (s *Service) Resource(ctx context.Context, identifier string) (storage.Resource, error) {
	r, err := s.store.ResourceByIdentifier(ctx, identifier)
	if err != nil {
		return r, fmt.Errorf("client: resource: %w", noResource(err))
	}
	return r, nil
}

// Resources pages resources by identifier.
func (s *Service) Resources(ctx context.Context, after string, limit int) ([]storage.Resource, error) {
	list, err := s.store.ListResources(ctx, after, limit)
	if err != nil {
		return nil, fmt.Errorf("client: resources: %w", err)
	}
	return list, nil
}

// PutResource registers a resource or replaces it. The same again changes nothing.
func (s *Service) PutResource(ctx context.Context, r storage.Resource, source string) (storage.Resource, error) {
	r, err := NormalizeResource(r)
	if err != nil {
		return r, fmt.Errorf("client: put resource: %w", err)
	}
	var out storage.Resource
	err = s.changes.Do(ctx, "client: put resource", func(ctx context.Context, ch *change.Change) error {
		out = r
		if err := s.exist(ctx, r.OrganizationID, nil); err != nil {
			return err
		}
		e := event.Event{Type: event.ResourceUpdated, Subject: r.Identifier, Organization: r.OrganizationID}
		old, err := s.store.ResourceByIdentifier(ctx, r.Identifier)
		switch {
		case errors.Is(err, storage.ErrNotFound):
			var names []string
			for _, scope := range r.Scopes {
				names = append(names, scope.Name)
			}
			e.Type, e.Data = event.ResourceCreated, map[string]any{"source": source, "scopes": change.List(names)}
			out.Version, out.CreatedAt = 1, ch.Now
		case err != nil:
			return err
		default:
			fields := ChangedResource(old, r)
			if len(fields) == 0 {
				out = old
				return nil
			}
			e.Data = map[string]any{"source": source, "fields": change.List(fields)}
			out.Version, out.CreatedAt = old.Version+1, old.CreatedAt
		}
		out.UpdatedAt = ch.Now
		if err := s.store.PutResource(ctx, out); err != nil {
			return err
		}
		ch.Record(e)
		return nil
	})
	return out, err
}

// ChangedResource lists the members of a resource that differ, by their names
// in a configuration file.
func ChangedResource(old, r storage.Resource) []string {
	var fields []string
	note := func(name string, differs bool) {
		if differs {
			fields = append(fields, name)
		}
	}
	note("organization", old.OrganizationID != r.OrganizationID)
	note("name", old.Name != r.Name)
	note("scopes", len(old.Scopes)+len(r.Scopes) > 0 && !reflect.DeepEqual(old.Scopes, r.Scopes))
	note("signing_alg", old.SigningAlg != r.SigningAlg)
	note("token_lifetime", old.TokenLifetime != r.TokenLifetime)
	note("introspectors", !slices.Equal(old.Introspectors, r.Introspectors))
	return fields
}

// DeleteResource removes a resource. Tokens for it run out by themselves.
func (s *Service) DeleteResource(ctx context.Context, identifier, reason string) error {
	return s.changes.Do(ctx, "client: delete resource", func(ctx context.Context, ch *change.Change) error {
		r, err := s.store.ResourceByIdentifier(ctx, identifier)
		if err != nil {
			return noResource(err)
		}
		if err := s.store.DeleteResource(ctx, identifier); err != nil {
			return noResource(err)
		}
		ch.Record(event.Event{
			Type: event.ResourceDeleted, Subject: identifier, Organization: r.OrganizationID,
			Data: map[string]any{"reason": change.Enum(reason)},
		})
		return nil
	})
}

func noResource(err error) error {
	if errors.Is(err, storage.ErrNotFound) {
		return fault.Wrap(err, fault.NotFound, "there is no such resource")
	}
	return err
}
