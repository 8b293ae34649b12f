package client

import (
	"context"
	"crypto/rand"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"reflect"
	"slices"
	"strings"
	"time"

	"github.com/signet-idp/signet/provider/access"
	"github.com/signet-idp/signet/provider/change"
	"github.com/signet-idp/signet/provider/event"
	"github.com/signet-idp/signet/provider/fault"
	"github.com/signet-idp/signet/provider/revocation"
	"github.com/signet-idp/signet/storage"
)

// RegisterStore is what registration reads and writes.
type RegisterStore interface {
	storage.Clients
	storage.Resources
	Role(ctx context.Context, scope storage.RoleScope, organizationID, name string) (storage.Role, error)
	GuardOrganization(ctx context.Context, id string) error
	OrganizationByID(ctx context.Context, id string) (storage.Organization, error)
	RevokeGrantsOfClient(ctx context.Context, clientID, reason string, at time.Time) (int64, error)
}

// Service registers clients and resources. It is safe for concurrent use.
type Service struct {
	store    RegisterStore
	secrets  SecretKeeper
	resolver *access.Resolver
	changes  change.Runner
}

// NewService makes the service.
func NewService(store RegisterStore, secrets SecretKeeper, resolver *access.Resolver, changes change.Runner) *Service {
	return &Service{store: store, secrets: secrets, resolver: resolver, changes: changes}
}

// Registration is what a client is created from.
type Registration struct {
	ClientID       string // empty: generated
	OrganizationID string
	Metadata       storage.ClientMetadata
	// Secret is one that a deployment brings along; empty: generated when the
	// authentication method needs one.
	Secret    string
	ManagedBy string
	Source    string // admin, apply, dynamic
}

// NewSecret returns a secret of 256 random bits, base64url.
func NewSecret() string {
	b := make([]byte, 32)
	rand.Read(b) // never fails: crypto/rand aborts the process instead
	return base64.RawURLEncoding.EncodeToString(b)
}

// newID returns a client_id of 120 random bits in the letters of an id.
func newID() string { return "client-" + strings.ToLower(rand.Text()[:24]) }

// NeedsSecret says whether a client with this metadata authenticates with one.
func NeedsSecret(m storage.ClientMetadata) bool {
	return m.TokenEndpointAuthMethod == AuthBasic || m.TokenEndpointAuthMethod == AuthPost
}

// Create registers a client. The secret is returned this once, empty when the
// client has none or brought its own. by decides what the client may be: see
// allowed. fault.Conflict when the client_id is in use.
func (s *Service) Create(ctx context.Context, by access.Holder, r Registration) (storage.Client, string, error) {
	if r.ClientID == "" {
		r.ClientID = newID()
	}
	m, err := s.normalize(ctx, by, r.ClientID, r.OrganizationID, r.Metadata, nil)
	if err != nil {
		return storage.Client{}, "", fmt.Errorf("client: create: %w", err)
	}
	secret, shown := r.Secret, ""
	if secret == "" && NeedsSecret(m) {
		secret = NewSecret()
		shown = secret
	}
	if secret != "" && !NeedsSecret(m) {
		return storage.Client{}, "", fmt.Errorf("client: create: %w", fault.Field("client_secret", "a client with "+m.TokenEndpointAuthMethod+" has no secret"))
	}
	if secret != "" && !validSecret(secret) {
		return storage.Client{}, "", fmt.Errorf("client: create: %w", secretFault())
	}
	var c storage.Client
	err = s.changes.Do(ctx, "client: create", func(ctx context.Context, ch *change.Change) error {
		if err := s.exist(ctx, r.OrganizationID, m.Roles); err != nil {
			return err
		}
		c = storage.Client{
			ClientID: r.ClientID, OrganizationID: r.OrganizationID, Metadata: m, ManagedBy: r.ManagedBy,
			Version: 1, CreatedAt: ch.Now, UpdatedAt: ch.Now,
		}
		if err := s.store.InsertClient(ctx, c); err != nil {
			if errors.Is(err, storage.ErrConflict) {
				return fault.Wrap(err, fault.Conflict, "this client_id is in use")
			}
			return err
		}
		if secret != "" {
			kept := storage.ClientSecret{ID: storage.NewID(), Hash: s.secrets.Hash(secret), CreatedAt: ch.Now}
			if err := s.store.PutClientSecret(ctx, c.ClientID, kept); err != nil {
				return err
			}
			c.Secrets = []storage.ClientSecret{kept}
		}
		ch.Record(event.Event{
			Type: event.ClientCreated, Subject: c.ClientID, Organization: c.OrganizationID,
			Data: map[string]any{"source": r.Source, "first_party": m.FirstParty, "scopes": change.List(strings.Fields(m.Scope))},
		})
		return nil
	})
	if err != nil {
		return storage.Client{}, "", err
	}
	return c, shown, nil
}

// Get returns a client, disabled or not; fault.NotFound when there is none.
func (s *Service) Get(ctx context.Context, clientID string) (storage.Client, error) {
	c, err := s.store.ClientByID(ctx, clientID)
	if err != nil {
		return c, fmt.Errorf("client: get: %w", notFound(err))
	}
	return c, nil
}

// List pages clients by client_id.
func (s *Service) List(ctx context.Context, after string, limit int) ([]storage.Client, error) {
	list, err := s.store.ListClients(ctx, after, limit)
	if err != nil {
		return nil, fmt.Errorf("client: list: %w", err)
	}
	return list, nil
}

// Update replaces a client's metadata. What the new one takes away ends tokens:
// roles make them stale, scopes and audiences end them. The same metadata again
// changes nothing.
func (s *Service) Update(ctx context.Context, by access.Holder, clientID string, metadata storage.ClientMetadata, source string) (storage.Client, error) {
	old, err := s.Get(ctx, clientID)
	if err != nil {
		return old, fmt.Errorf("client: update: %w", err)
	}
	m, err := s.normalize(ctx, by, clientID, old.OrganizationID, metadata, &old.Metadata)
	if err != nil {
		return old, fmt.Errorf("client: update: %w", err)
	}
	c := old
	err = s.changes.Do(ctx, "client: update", func(ctx context.Context, ch *change.Change) error {
		var err error
		if c, err = s.store.ClientByID(ctx, clientID); err != nil {
			return notFound(err)
		}
		if c.Version != old.Version { // what by may do was decided on the old one
			return fault.New(fault.Conflict, "the client was changed by somebody else meanwhile; read it again")
		}
		fields := ChangedMembers(c.Metadata, m)
		if len(fields) == 0 {
			return nil
		}
		if err := s.exist(ctx, c.OrganizationID, m.Roles); err != nil {
			return err
		}
		before := c.Metadata
		c.Metadata = m
		if err := s.write(ctx, ch, &c); err != nil {
			return err
		}
		if !NeedsSecret(m) { // or they would come back with the method
			for _, secret := range c.Secrets {
				if err := s.store.DeleteClientSecret(ctx, clientID, secret.ID); err != nil {
					return err
				}
			}
			c.Secrets = nil
		}
		if takesAway(before, m) {
			ch.Revoke(storage.RevokeClient, clientID)
		} else if len(change.Minus(before.Roles, m.Roles)) > 0 {
			ch.Revoke(storage.RevokeMember, revocation.MemberValue(c.OrganizationID, clientID))
		}
		ch.Record(event.Event{
			Type: event.ClientUpdated, Subject: clientID, Organization: c.OrganizationID,
			Data: map[string]any{"fields": change.List(fields), "source": source},
		})
		return nil
	})
	return c, err
}

func takesAway(old, m storage.ClientMetadata) bool {
	return len(change.Minus(strings.Fields(old.Scope), strings.Fields(m.Scope))) > 0 ||
		len(change.Minus(old.Audience, m.Audience)) > 0
}

// Disable takes a client out of use, or (disabled false) back into it. Its
// tokens end at once; its people's grants wait for it to come back.
func (s *Service) Disable(ctx context.Context, clientID string, disabled bool, reason string) (storage.Client, error) {
	var c storage.Client
	err := s.changes.Do(ctx, "client: disable", func(ctx context.Context, ch *change.Change) error {
		var err error
		if c, err = s.store.ClientByID(ctx, clientID); err != nil || c.Disabled == disabled {
			return notFound(err)
		}
		c.Disabled = disabled
		if err := s.write(ctx, ch, &c); err != nil {
			return err
		}
		if disabled {
			ch.Revoke(storage.RevokeClient, clientID)
		}
		ch.Record(event.Event{
			Type: event.ClientStatusChanged, Subject: clientID, Organization: c.OrganizationID,
			Data: map[string]any{"from": state(!disabled), "to": state(disabled), "reason": change.Enum(reason)},
		})
		return nil
	})
	return c, err
}

func state(disabled bool) string {
	if disabled {
		return "disabled"
	}
	return "active"
}

// Delete removes a client with its secrets, and ends its grants and tokens.
func (s *Service) Delete(ctx context.Context, clientID, reason string) error {
	return s.changes.Do(ctx, "client: delete", func(ctx context.Context, ch *change.Change) error {
		c, err := s.store.ClientByID(ctx, clientID)
		if err != nil {
			return notFound(err)
		}
		if err := s.store.DeleteClient(ctx, clientID); err != nil {
			return notFound(err)
		}
		grants, err := s.store.RevokeGrantsOfClient(ctx, clientID, "client_deleted", ch.Now)
		if err != nil {
			return err
		}
		ch.Revoke(storage.RevokeClient, clientID)
		ch.Record(event.Event{
			Type: event.ClientDeleted, Subject: clientID, Organization: c.OrganizationID,
			Data: map[string]any{"reason": change.Enum(reason), "grants_ended": grants},
		})
		return nil
	})
}

// normalize checks everything about a client that needs no transaction; old is
// what it was, or nil.
func (s *Service) normalize(ctx context.Context, by access.Holder, clientID, organizationID string, m storage.ClientMetadata, old *storage.ClientMetadata) (storage.ClientMetadata, error) {
	if !ValidID(clientID) {
		return m, fault.Field("client_id", "a client_id is 1 to 128 of A-Z a-z 0-9 . _ ~ : -, and no UUID")
	}
	m, err := Normalize(m)
	if err != nil {
		return m, err
	}
	for _, role := range m.Roles {
		if scope, _ := access.ParseTokenRole(role); (scope == storage.ScopeSystem) != (organizationID == "") {
			return m, fault.Field("roles", "a client's roles hold in its organization; one without an organization may hold system roles, written system:NAME")
		}
	}
	return m, s.allowed(ctx, by, organizationID, m, old)
}

// allowed decides whether by may register such a client. Nobody but the operator
// registers one whose roles give what they lack. A system administrator may register
// any other. Everybody else registers for their own organization, and nothing
// of what reaches beyond its own people: first_party, json_login, the scopes of
// Signet's own APIs. What an administrator has set so stays.
func (s *Service) allowed(ctx context.Context, by access.Holder, organizationID string, m storage.ClientMetadata, old *storage.ClientMetadata) error {
	if by.Root {
		return nil
	}
	if old == nil {
		old = &storage.ClientMetadata{}
	}
	if err := s.mayGive(ctx, by, organizationID, m.Roles, old.Roles); err != nil {
		return err
	}
	system, err := s.resolver.Decide(ctx, by, "write:system:clients")
	if err != nil {
		return fault.Wrap(err, fault.Unavailable, "role definitions cannot be read now; try again")
	}
	if system.Allowed {
		return nil
	}
	if organizationID == "" || organizationID != by.OrganizationID {
		return fault.New(fault.Forbidden, "only a system administrator registers a client outside their organization")
	}
	if m.FirstParty && !old.FirstParty || m.JSONLogin && !old.JSONLogin || len(change.Minus(m.CORSOrigins, old.CORSOrigins)) > 0 {
		return fault.New(fault.Forbidden, "only a system administrator makes a client first-party")
	}
	for _, scope := range change.Minus(strings.Fields(m.Scope), strings.Fields(old.Scope)) {
		if OwnScope(scope) {
			return fault.Newf(fault.Forbidden, "only a system administrator registers the scope %s", scope)
		}
	}
	return nil
}

// mayGive decides about the roles that the client gets, loses and keeps: whoever
// changes how a client proves itself can become it.
func (s *Service) mayGive(ctx context.Context, by access.Holder, organizationID string, roles, old []string) error {
	for _, role := range slices.Concat(roles, change.Minus(old, roles)) {
		d, err := s.resolver.MayGrant(ctx, by, organizationID, []string{role})
		switch {
		case err != nil:
			return fault.Wrap(err, fault.Unavailable, "role definitions cannot be read now; try again")
		case d.Allowed:
		case d.Reason != access.ReasonUndefined:
			return fault.Newf(fault.Forbidden, "nobody gives what they lack: %s", d.Missing)
		case !slices.Contains(old, role): // one that is gone gives nothing
			return noRole(role)
		}
	}
	return nil
}

// exist checks, in the running transaction, that what the client refers to is
// there. Roles stay while the organization's guard is held.
func (s *Service) exist(ctx context.Context, organizationID string, roles []string) error {
	scope := storage.ScopeSystem
	if organizationID != "" {
		scope = storage.ScopeOrganization
		if err := s.inUse(ctx, organizationID, len(roles) > 0); err != nil {
			return err
		}
	}
	for _, role := range roles {
		_, name := access.ParseTokenRole(role)
		if access.Builtin(scope, name) {
			continue
		}
		_, err := s.store.Role(ctx, scope, organizationID, name)
		if errors.Is(err, storage.ErrNotFound) {
			return noRole(role)
		}
		if err != nil {
			return err
		}
	}
	return nil
}

func (s *Service) inUse(ctx context.Context, organizationID string, guard bool) error {
	var err error
	if guard {
		err = s.store.GuardOrganization(ctx, organizationID)
	}
	var o storage.Organization
	if err == nil {
		o, err = s.store.OrganizationByID(ctx, organizationID)
	}
	if errors.Is(err, storage.ErrNotFound) || err == nil && o.Status == storage.OrganizationDeleted {
		return fault.New(fault.OrganizationNotFound, "there is no such organization")
	}
	return err
}

func (s *Service) write(ctx context.Context, ch *change.Change, c *storage.Client) error {
	c.UpdatedAt = ch.Now
	if err := s.store.UpdateClient(ctx, *c); err != nil {
		return err
	}
	c.Version++
	return nil
}

// ChangedMembers lists the metadata members that differ, by their JSON names.
func ChangedMembers(old, new storage.ClientMetadata) []string {
	a, b := memberMap(old), memberMap(new)
	var names []string
	for name, v := range b {
		if !reflect.DeepEqual(a[name], v) {
			names = append(names, name)
		}
	}
	for name := range a {
		if _, kept := b[name]; !kept {
			names = append(names, name)
		}
	}
	slices.Sort(names)
	return names
}

// memberMap is the metadata as its JSON object, so that a key set that differs
// in white space only is the same.
func memberMap(m storage.ClientMetadata) map[string]any {
	out := map[string]any{}
	b, err := json.Marshal(m)
	if err != nil {
		return out // a raw member that is no JSON was refused by Normalize
	}
	_ = json.Unmarshal(b, &out)
	return out
}

func noRole(name string) error {
	return fault.Field("roles", fmt.Sprintf("there is no role %.64q for the client", name))
}

func notFound(err error) error {
	if errors.Is(err, storage.ErrNotFound) {
		return fault.Wrap(err, fault.NotFound, "there is no such client")
	}
	return err
}
