package org

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

	"github.com/google/uuid"

	"github.com/signet-idp/signet/provider/access"
	"github.com/signet-idp/signet/provider/change"
	"github.com/signet-idp/signet/provider/event"
	"github.com/signet-idp/signet/provider/fault"
	"github.com/signet-idp/signet/storage"
)

// Store is what the service reads and writes.
type Store interface {
	storage.Organizations
	storage.Memberships
	storage.Domains
	RevokeInvitationsOf(ctx context.Context, organizationID string, at time.Time) (int64, error)
	Role(ctx context.Context, scope storage.RoleScope, organizationID, name string) (storage.Role, error)
	UserByID(ctx context.Context, id string) (storage.User, error)
}

// Service changes organizations and memberships. It is safe for concurrent use.
type Service struct {
	store    Store
	resolver *access.Resolver
	changes  change.Runner
}

// New makes the service.
func New(store Store, resolver *access.Resolver, changes change.Runner) *Service {
	return &Service{store: store, resolver: resolver, changes: changes}
}

// Bounds of an organization.
const (
	maxName    = 200
	maxProfile = 32 << 10 // as JSON
)

// Organization is what an organization is created from.
type Organization struct {
	ID      string // empty: a new UUIDv7
	Slug    string // empty: derived from the name, made unique by a number
	Name    string
	Profile map[string]any
	// Restricted: the profile must not hold what only who runs the installation
	// decides (subscription_tier other than the default, features, trial_ends_at).
	Restricted bool
	// OwnerID becomes the first owner. Only who declares the members in the
	// same transaction (package apply) leaves it empty.
	OwnerID   string
	ManagedBy string
	Source    string // register, admin, apply, api
}

// Create makes an organization with its first owner. fault.SlugTaken when a
// slug was asked for and is in use, fault.Invalid, fault.Forbidden for a
// restricted member.
func (s *Service) Create(ctx context.Context, o Organization) (storage.Organization, error) {
	derived := o.Slug == ""
	if derived {
		if o.Slug = SlugOf(o.Name); o.Slug == "" {
			o.Slug = "organization"
		}
	}
	if o.ID == "" {
		o.ID = storage.NewID()
	}
	profile, err := NormalizeProfile(o.Profile)
	err = fault.All(check(o.ID, o.Slug, o.Name, profile), err)
	if err == nil && o.Restricted {
		err = within(nil, profile)
	}
	if err != nil {
		return storage.Organization{}, fmt.Errorf("org: create: %w", err)
	}
	o.Profile = profile
	for n := 2; ; n++ {
		out, err := s.create(ctx, o)
		if !derived || !fault.Is(err, fault.SlugTaken) || n > 20 {
			return out, err
		}
		tail := fmt.Sprintf("-%d", n)
		base := SlugOf(o.Name)
		if base == "" {
			base = "organization"
		}
		if n > 5 { // a popular name: no counting through all of them
			tail = "-" + o.ID[len(o.ID)-8:]
		}
		o.Slug = strings.TrimRight(base[:min(len(base), maxSlug-len(tail))], "-") + tail
	}
}

func (s *Service) create(ctx context.Context, o Organization) (storage.Organization, error) {
	var out storage.Organization
	err := s.changes.Do(ctx, "org: create", func(ctx context.Context, c *change.Change) error {
		out = storage.Organization{
			ID: o.ID, Slug: o.Slug, Name: o.Name, Profile: o.Profile, Status: storage.OrganizationActive,
			ManagedBy: o.ManagedBy, Version: 1, CreatedAt: c.Now, UpdatedAt: c.Now,
		}
		if by := event.ActorFrom(ctx); by.Kind == event.ActorUser {
			out.CreatedBy = by.ID
		}
		if err := s.store.InsertOrganization(ctx, out); err != nil {
			return taken(err)
		}
		data := map[string]any{"source": change.Enum(o.Source)}
		if kind, _ := o.Profile["organization_type"].(string); kind != "" {
			data["organization_type"] = kind
		}
		if o.OwnerID != "" {
			if err := s.activeUser(ctx, o.OwnerID); err != nil {
				return err
			}
			data["owner_id"] = o.OwnerID
			if err := s.store.PutMembership(ctx, storage.Membership{
				OrganizationID: o.ID, UserID: o.OwnerID, Roles: []string{access.Owner}, JoinedAt: c.Now,
				AssignedBy: event.ActorFrom(ctx).ID,
			}); err != nil {
				return err
			}
		}
		c.Record(event.Event{Type: event.OrganizationCreated, Subject: o.ID, Organization: o.ID, Data: data})
		return nil
	})
	return out, err
}

// Get returns an organization by id or slug; fault.OrganizationNotFound when
// there is none or it was deleted.
func (s *Service) Get(ctx context.Context, idOrSlug string) (storage.Organization, error) {
	var o storage.Organization
	var err error
	if looksLikeID(idOrSlug) {
		o, err = s.store.OrganizationByID(ctx, idOrSlug)
	} else {
		o, err = s.store.OrganizationBySlug(ctx, idOrSlug)
	}
	if err == nil && o.Status == storage.OrganizationDeleted {
		err = storage.ErrNotFound
	}
	if err != nil {
		return storage.Organization{}, fmt.Errorf("org: get: %w", notFound(err))
	}
	return o, nil
}

// List pages organizations by id: those after the given one, at most limit.
func (s *Service) List(ctx context.Context, after string, limit int) ([]storage.Organization, error) {
	list, err := s.store.ListOrganizations(ctx, after, limit)
	if err != nil {
		return nil, fmt.Errorf("org: list: %w", err)
	}
	return list, nil
}

// Update says what to change: nil members stay.
type Update struct {
	Slug *string
	Name *string
	// Profile replaces the profile, but for the verified domain.
	Profile map[string]any
	// Patch is a merge patch of the profile (RFC 7396): what it names changes,
	// null removes, objects are merged.
	Patch     map[string]any
	ManagedBy *string
	// Restricted: see Organization.
	Restricted bool
}

// Update changes an organization: fault.OrganizationNotFound, fault.SlugTaken,
// fault.Invalid, fault.Forbidden for a restricted member. A new slug does not
// end tokens that carry the old one; they run out.
func (s *Service) Update(ctx context.Context, id string, u Update, source string) (storage.Organization, error) {
	var out storage.Organization
	err := s.changes.Do(ctx, "org: update", func(ctx context.Context, c *change.Change) error {
		o, err := s.alive(ctx, id)
		if err != nil {
			return err
		}
		old := o
		if u.Slug != nil {
			o.Slug = *u.Slug
		}
		if u.Name != nil {
			o.Name = *u.Name
		}
		if u.ManagedBy != nil {
			o.ManagedBy = *u.ManagedBy
		}
		if o.Profile, err = u.profile(o.Profile); err != nil {
			return err
		}
		fields := changed(old, o)
		if out = o; len(fields) == 0 && old.ManagedBy == o.ManagedBy {
			return nil
		}
		if err := check(o.ID, o.Slug, o.Name, o.Profile); err != nil {
			return err
		}
		if u.Restricted {
			if err := within(old.Profile, o.Profile); err != nil {
				return err
			}
		}
		if err := s.write(ctx, c, &o); err != nil {
			return err
		}
		out = o
		if old.Slug != o.Slug {
			c.Reconfigure() // clients of the organization are held with its slug
		}
		record(c, id, fields, source)
		return nil
	})
	return out, err
}

// profile is what becomes of a profile.
func (u Update) profile(old map[string]any) (map[string]any, error) {
	profile := old
	if u.Profile != nil {
		replaced, err := NormalizeProfile(u.Profile)
		if err != nil {
			return nil, err
		}
		if v, has := old[memberVerified]; has {
			replaced[memberVerified] = v
			if replaced["domain"] == nil {
				replaced["domain"] = v
			}
		}
		if err := ownDomain(replaced); err != nil {
			return nil, err
		}
		profile = replaced
	}
	if u.Patch == nil {
		return profile, nil
	}
	return patched(profile, u.Patch)
}

// within says no when a restricted member differs.
func within(old, profile map[string]any) error {
	if names := overstepped(old, profile); len(names) > 0 {
		return fault.Newf(fault.Forbidden, "only who runs this installation changes %s", strings.Join(names, ", "))
	}
	return nil
}

// settings are the members whose change is an event of its own.
func settings(field string) bool { return field == "settings" || field == "customization" }

// record tells what changed, by the names of members.
func record(c *change.Change, id string, fields []string, source string) {
	described := slices.DeleteFunc(slices.Clone(fields), settings)
	tell := func(t event.Type, names []string) {
		c.Record(event.Event{Type: t, Subject: id, Organization: id, Data: map[string]any{"fields": change.List(names), "source": change.Enum(source)}})
	}
	set := change.Minus(fields, described)
	if len(set) > 0 {
		tell(event.OrganizationSettingsUpdated, set)
	}
	if len(described) > 0 || len(set) == 0 {
		tell(event.OrganizationUpdated, described)
	}
}

func changed(old, o storage.Organization) []string {
	var fields []string
	if old.Slug != o.Slug {
		fields = append(fields, "slug")
	}
	if old.Name != o.Name {
		fields = append(fields, "name")
	}
	return append(fields, differing(old.Profile, o.Profile)...)
}

// SetStatus suspends an organization, makes it active again or deletes it.
// Taking it out of use ends every token for which it is the active one, stops
// its clients and revokes its invitations; a deleted one gives its slug and
// domains free.
func (s *Service) SetStatus(ctx context.Context, id string, status storage.OrganizationStatus, reason string) (storage.Organization, error) {
	if !slices.Contains([]storage.OrganizationStatus{storage.OrganizationActive, storage.OrganizationSuspended, storage.OrganizationDeleted}, status) {
		return storage.Organization{}, fmt.Errorf("org: set status: %w", fault.Field("status", "a status is active, suspended or deleted"))
	}
	var out storage.Organization
	err := s.changes.Do(ctx, "org: set status", func(ctx context.Context, c *change.Change) error {
		o, err := s.alive(ctx, id)
		if out = o; err != nil || o.Status == status {
			return err
		}
		from := o.Status
		o.Status = status
		if status == storage.OrganizationDeleted {
			o.Slug = o.ID // free for somebody else; no slug has the form of an id
			o.Profile = Described(o.Profile)
		}
		if err := s.write(ctx, c, &o); err != nil {
			return err
		}
		out = o
		c.Reconfigure()
		e := event.Event{Type: event.OrganizationStatusChanged, Subject: id, Organization: id, Data: map[string]any{"from": string(from), "to": string(status), "reason": change.Enum(reason)}}
		if status != storage.OrganizationActive {
			c.Revoke(storage.RevokeOrg, id)
			if e.Data["invitations"], err = s.store.RevokeInvitationsOf(ctx, id, c.Now); err != nil {
				return err
			}
		}
		if status == storage.OrganizationDeleted {
			e.Type = event.OrganizationDeleted
			delete(e.Data, "from")
			delete(e.Data, "to")
			if err := s.dropDomains(ctx, id); err != nil {
				return err
			}
		}
		c.Record(e)
		return nil
	})
	return out, err
}

func (s *Service) dropDomains(ctx context.Context, organizationID string) error {
	domains, err := s.store.DomainsOf(ctx, organizationID)
	for _, d := range domains {
		if err == nil {
			err = s.store.DeleteDomain(ctx, organizationID, d.Domain)
		}
	}
	return err
}

func (s *Service) alive(ctx context.Context, id string) (storage.Organization, error) {
	o, err := s.store.OrganizationByID(ctx, id)
	if err == nil && o.Status == storage.OrganizationDeleted {
		err = storage.ErrNotFound
	}
	return o, notFound(err)
}

func (s *Service) write(ctx context.Context, c *change.Change, o *storage.Organization) error {
	o.UpdatedAt = c.Now
	if err := s.store.UpdateOrganization(ctx, *o); err != nil {
		return taken(err)
	}
	o.Version++
	return nil
}

func (s *Service) activeUser(ctx context.Context, id string) error {
	u, err := s.store.UserByID(ctx, id)
	if errors.Is(err, storage.ErrNotFound) || err == nil && u.Status == storage.UserDeleted {
		return fault.New(fault.UserNotFound, "there is no such user")
	}
	return err
}

func check(id, slug, name string, profile map[string]any) error {
	var fields []fault.FieldError
	if parsed, err := uuid.Parse(id); err != nil || parsed.String() != id {
		fields = append(fields, fault.FieldError{Field: "id", Message: "an id is a UUID in lower case"})
	}
	if !ValidSlug(slug) {
		fields = append(fields, fault.FieldError{Field: "slug", Message: "a slug is 1 to 63 of a-z, 0-9 and -, with no - at either end"})
	}
	if strings.TrimSpace(name) == "" || len(name) > maxName || !utf8.ValidString(name) || strings.ContainsFunc(name, unicode.IsControl) {
		fields = append(fields, fault.FieldError{Field: "name", Message: fmt.Sprintf("a name is text of 1 to %d bytes", maxName)})
	}
	if b, err := json.Marshal(profile); err != nil || len(b) > maxProfile {
		fields = append(fields, fault.FieldError{Field: "profile", Message: fmt.Sprintf("a profile is at most %d bytes of JSON", maxProfile)})
	}
	if len(fields) > 0 {
		return &fault.Error{Code: fault.Invalid, Message: "the organization is not valid", Fields: fields}
	}
	return nil
}

func notFound(err error) error {
	if errors.Is(err, storage.ErrNotFound) {
		return fault.Wrap(err, fault.OrganizationNotFound, "there is no such organization")
	}
	return err
}

func taken(err error) error {
	if errors.Is(err, storage.ErrConflict) {
		return fault.Wrap(err, fault.SlugTaken, "this slug is in use")
	}
	return err
}
