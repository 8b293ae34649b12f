package org

import (
	"cmp"
	"context"
	"encoding/base64"
	"errors"
	"fmt"
	"io"
	"strings"
	"time"

	"github.com/google/uuid"

	"github.com/signet-idp/signet/provider/access"
	"github.com/signet-idp/signet/provider/change"
	"github.com/signet-idp/signet/provider/directory"
	"github.com/signet-idp/signet/provider/event"
	"github.com/signet-idp/signet/provider/fault"
	"github.com/signet-idp/signet/provider/notify"
	"github.com/signet-idp/signet/provider/user"
	"github.com/signet-idp/signet/storage"
)

// InvitationPurpose is the data key under which tokens of invitations are hashed.
const InvitationPurpose = "invitation"

// Bounds of invitations.
const (
	maxStanding = 1000 // of one organization
	// Mails a day: of one invitation (the first and five more), to one address
	// from all organizations, and of one organization.
	maxSends          = 6
	maxSendsToAddress = 20
	maxSendsByTenant  = 500
	day               = 24 * time.Hour

	tokenBytes = 32
)

// InvitationStore is what Invitations reads and writes.
type InvitationStore interface {
	storage.Invitations
	InvitationsFor(ctx context.Context, emailCanonical string, now time.Time, limit int) ([]storage.Invitation, error)
	ReassignInvitation(ctx context.Context, id, invitedBy string) error
	UserByEmail(ctx context.Context, canonical string) (storage.User, error)
	ClientByID(ctx context.Context, clientID string) (storage.Client, error)
}

// Mail queues messages in the running transaction (*notify.Service).
type Mail interface {
	Check(channel notify.Channel) error
	Queue(ctx context.Context, m notify.Message) error
}

// Hasher makes the keyed hash under which a token is kept (*keys.Purpose).
type Hasher interface {
	Hash(data []byte) []byte
	HashAll(data []byte) [][]byte
}

// Counter counts within windows (storage/volatile).
type Counter interface {
	Add(ctx context.Context, key string, n int64, window time.Duration) (total int64, resetAfter time.Duration, err error)
}

// InvitationDeps are what Invitations is made of; all are required.
type InvitationDeps struct {
	Organizations *Service
	Store         InvitationStore
	Directory     *directory.Directory
	Mail          Mail
	Key           Hasher
	Counters      Counter
	Random        io.Reader
	Lifetime      time.Duration
}

// Invitations asks people into organizations by mail. An invitation is open
// until it is accepted, revoked or expired; there is one for an address in an
// organization. What it gives is decided twice, when it is sent and when it is
// accepted: an invitation is worth no more than its inviter then still may
// give, so nobody who was let go leaves a door open behind them. It is safe for
// concurrent use.
type Invitations struct{ InvitationDeps }

// NewInvitations makes the service.
func NewInvitations(d InvitationDeps) *Invitations { return &Invitations{d} }

// Inviter is who invites, with what they hold in the organization.
type Inviter struct {
	ID     string // user id or client_id; empty: the operator
	Holder access.Holder
}

// Invite is whom to invite.
type Invite struct {
	Email string
	Roles []string // bare names, at least one
	// Locale is the language of the mail where the address is nobody's: a tag
	// or an Accept-Language header.
	Locale string
}

// Create invites an address, or renews the invitation that stands for it: a new
// link, these roles; the old link is dead. Nothing it answers or does tells
// whether the address has an account, except that of a member.
//
// fault.Forbidden unless by may invite with these roles (see mayInvite),
// fault.Invalid, fault.Conflict for a member, fault.RateLimited, and
// fault.Unavailable where no mail can be sent.
func (s *Invitations) Create(ctx context.Context, by Inviter, organizationID string, in Invite) (storage.Invitation, error) {
	canonical, err := user.Canonical(in.Email)
	if err != nil {
		return storage.Invitation{}, fmt.Errorf("org: invite: %w", fault.Field("email", "write an e-mail address"))
	}
	roles, err := s.mayInvite(ctx, by.Holder, organizationID, in.Roles)
	if err == nil {
		err = s.mayBeInvited(ctx, organizationID, canonical)
	}
	if err == nil {
		err = s.maySend(ctx, organizationID, canonical)
	}
	if err != nil {
		return storage.Invitation{}, fmt.Errorf("org: invite: %w", err)
	}
	return s.send(ctx, "org: invite", by, in.Locale, storage.Invitation{
		OrganizationID: organizationID, Email: strings.TrimSpace(in.Email), EmailCanonical: canonical, Roles: roles,
	})
}

// Resend sends a standing invitation anew: a new link, a new term; the old link
// is dead, and by answers for it from now on. Errors are those of Create, and
// fault.NotFound.
func (s *Invitations) Resend(ctx context.Context, by Inviter, organizationID, id, locale string) (storage.Invitation, error) {
	i, err := s.standing(ctx, organizationID, id)
	if err == nil {
		_, err = s.mayInvite(ctx, by.Holder, organizationID, i.Roles)
	}
	if err == nil {
		err = s.maySend(ctx, organizationID, i.EmailCanonical)
	}
	if err != nil {
		return storage.Invitation{}, fmt.Errorf("org: resend invitation: %w", err)
	}
	return s.send(ctx, "org: resend invitation", by, locale, i)
}

// Revoke takes a standing invitation back. by must hold what its roles give.
func (s *Invitations) Revoke(ctx context.Context, by Inviter, organizationID, id, reason string) error {
	i, err := s.standing(ctx, organizationID, id)
	if err == nil {
		err = s.Organizations.mayTake(ctx, by.Holder, organizationID, i.Roles)
	}
	if err != nil && !gone(err) { // a role that is no more protects nothing
		return fmt.Errorf("org: revoke invitation: %w", err)
	}
	return s.Organizations.changes.Do(ctx, "org: revoke invitation", func(ctx context.Context, c *change.Change) error {
		if err := s.Organizations.store.GuardOrganization(ctx, organizationID); err != nil {
			return notFound(err)
		}
		won, err := s.Store.RevokeInvitation(ctx, id, c.Now)
		if err != nil || !won {
			return cmp.Or[error](err, noInvitation())
		}
		c.Record(event.Event{
			Type: event.OrganizationInvitationRevoked, Subject: organizationID, Organization: organizationID,
			Data: map[string]any{"invitation_id": id, "reason": change.Enum(reason)},
		})
		return nil
	})
}

// List pages the standing invitations of an organization by id, expired ones
// among them, and counts them.
func (s *Invitations) List(ctx context.Context, organizationID, after string, offset, limit int) ([]storage.Invitation, int64, error) {
	list, err := s.Store.InvitationsOf(ctx, organizationID, after, offset, limit)
	if err != nil {
		return nil, 0, fmt.Errorf("org: invitations: %w", err)
	}
	total, err := s.Store.CountInvitations(ctx, organizationID, time.Time{})
	if err != nil {
		return nil, 0, fmt.Errorf("org: invitations: %w", err)
	}
	return list, total, nil
}

// For lists the open invitations of a person: those to their verified address.
func (s *Invitations) For(ctx context.Context, u storage.User, limit int) ([]storage.Invitation, error) {
	if !u.EmailVerified {
		return nil, nil
	}
	list, err := s.Store.InvitationsFor(ctx, u.EmailCanonical, s.Organizations.changes.Clock.Now(), limit)
	if err != nil {
		return nil, fmt.Errorf("org: invitations for: %w", err)
	}
	return list, nil
}

// Peek shows the open invitation of a token without using it;
// fault.LinkInvalid when there is none.
func (s *Invitations) Peek(ctx context.Context, token string) (storage.Invitation, storage.Organization, error) {
	i, err := s.byToken(ctx, token, s.Organizations.changes.Clock.Now())
	if err != nil {
		return i, storage.Organization{}, fmt.Errorf("org: peek: %w", err)
	}
	o, err := s.inUse(ctx, i.OrganizationID)
	if err != nil {
		return i, o, fmt.Errorf("org: peek: %w", err)
	}
	return i, o, nil
}

// Accepted is what came of an invitation.
type Accepted struct {
	Invitation   storage.Invitation
	Organization storage.Organization
	Membership   storage.Membership
	// Added: the person was no member before. One who was keeps their roles.
	Added bool
}

// Accept makes the person a member, once: of several at the same time one wins.
// It joins a running transaction, so that an account and its first membership
// can be made together.
//
// fault.LinkInvalid when the token is unknown, used, expired or revoked, or the
// inviter may no longer give what it gives; fault.Forbidden when the person has
// another address than the invited one, fault.EmailUnverified when it is
// theirs, and not verified.
func (s *Invitations) Accept(ctx context.Context, token, userID string) (Accepted, error) {
	var out Accepted
	err := s.Organizations.changes.Do(ctx, "org: accept invitation", func(ctx context.Context, c *change.Change) error {
		out = Accepted{}
		i, err := s.byToken(ctx, token, c.Now)
		if err != nil {
			return err
		}
		if err := s.Organizations.store.GuardOrganization(ctx, i.OrganizationID); err != nil {
			return err
		}
		// Once more behind the guard: a renewed link would else be used with the
		// roles of the old one.
		if out.Invitation, err = s.byToken(ctx, token, c.Now); err != nil {
			return err
		}
		if out.Organization, err = s.inUse(ctx, i.OrganizationID); err != nil {
			return err
		}
		if err := s.invited(ctx, out.Invitation, userID); err != nil {
			return err
		}
		if err := s.stillGood(ctx, out.Invitation); err != nil {
			return err
		}
		won, err := s.Store.AcceptInvitation(ctx, i.ID, userID, c.Now)
		if err != nil || !won {
			return cmp.Or[error](err, deadLink())
		}
		c.Record(event.Event{
			Type: event.OrganizationInvitationAccepted, Subject: i.OrganizationID, Organization: i.OrganizationID,
			Data: map[string]any{"invitation_id": i.ID, "user_id": userID, "role": access.TopRole(out.Invitation.Roles)},
		})
		return s.join(ctx, c, &out, userID)
	})
	return out, err
}

// join adds the person unless they belong already.
func (s *Invitations) join(ctx context.Context, c *change.Change, out *Accepted, userID string) error {
	i := out.Invitation
	m, err := s.Organizations.store.Membership(ctx, i.OrganizationID, userID)
	if err == nil || !errors.Is(err, storage.ErrNotFound) {
		out.Membership = m
		return err
	}
	out.Added = true
	out.Membership, err = s.Organizations.add(ctx, c, storage.Membership{
		OrganizationID: i.OrganizationID, UserID: userID, Roles: i.Roles, AssignedBy: i.InvitedBy,
	}, map[string]any{"source": "invitation", "invitation_id": i.ID})
	return err
}

// invited checks that the invitation is this person's.
func (s *Invitations) invited(ctx context.Context, i storage.Invitation, userID string) error {
	u, err := s.Organizations.store.UserByID(ctx, userID)
	switch {
	case err != nil && !errors.Is(err, storage.ErrNotFound):
		return err
	case err != nil || u.Status != storage.UserActive:
		return fault.Wrap(err, fault.UserNotFound, "there is no such user")
	case u.EmailCanonical != i.EmailCanonical:
		return fault.New(fault.Forbidden, "the invitation was sent to another address than yours")
	case !u.EmailVerified:
		return fault.New(fault.EmailUnverified, "verify your e-mail address first")
	}
	return nil
}

// stillGood asks again what was asked when the invitation was sent.
func (s *Invitations) stillGood(ctx context.Context, i storage.Invitation) error {
	h, err := s.inviter(ctx, i)
	if err == nil {
		_, err = s.mayInvite(ctx, h, i.OrganizationID, i.Roles)
	}
	if fault.Is(err, fault.Forbidden) || gone(err) {
		return fault.Wrap(err, fault.LinkInvalid, "this invitation is no longer valid; ask for a new one")
	}
	return err
}

// inviter is what who invited holds now: a person, a service, or the operator.
func (s *Invitations) inviter(ctx context.Context, i storage.Invitation) (access.Holder, error) {
	if i.InvitedBy == event.System().ID {
		return access.Root(), nil
	}
	none := access.Holder{OrganizationID: i.OrganizationID}
	u, err := s.Organizations.store.UserByID(ctx, i.InvitedBy)
	switch {
	case err == nil && u.Status == storage.UserActive:
		return s.Directory.Holder(ctx, directory.Caller{ID: u.ID, Scopes: []string{"admin"}}, i.OrganizationID)
	case err == nil:
		return none, nil
	case !errors.Is(err, storage.ErrNotFound):
		return none, err
	}
	c, err := s.Store.ClientByID(ctx, i.InvitedBy)
	switch {
	case errors.Is(err, storage.ErrNotFound), err == nil && c.Disabled:
		return none, nil
	case err != nil:
		return none, err
	}
	return s.Directory.Holder(ctx, directory.Caller{
		ID: c.ClientID, Service: true, OrganizationID: c.OrganizationID, Roles: c.Metadata.Roles, Scopes: strings.Fields(c.Metadata.Scope),
	}, i.OrganizationID)
}

// mayInvite normalizes roles and decides whether the holder may invite with
// them: member and viewer with invite:members, everything else with
// write:members; and, as ever, nobody gives what they lack.
func (s *Invitations) mayInvite(ctx context.Context, h access.Holder, organizationID string, roles []string) ([]string, error) {
	roles, err := s.Organizations.roles(ctx, h, organizationID, roles)
	if err != nil {
		return nil, err
	}
	needed := []string{"write:members", "invite:members"} // one of them
	for _, r := range roles {
		if r != access.Member && r != access.Viewer {
			needed = needed[:1]
		}
	}
	for _, permission := range needed {
		if may, err := s.Directory.May(ctx, h, permission); err != nil || may {
			return roles, err
		}
	}
	return nil, fault.New(fault.Forbidden, "this needs the permission "+needed[len(needed)-1]+" in the organization")
}

// mayBeInvited refuses a member. It does the same work for every address.
func (s *Invitations) mayBeInvited(ctx context.Context, organizationID, canonical string) error {
	u, err := s.account(ctx, canonical)
	if err != nil {
		return err
	}
	id := u.ID
	if id == "" {
		id = uuid.Nil.String()
	}
	_, err = s.Organizations.store.Membership(ctx, organizationID, id)
	switch {
	case err == nil:
		return fault.New(fault.Conflict, "the person is a member already")
	case errors.Is(err, storage.ErrNotFound):
		return nil
	}
	return err
}

// account is the one with this address; the zero User when there is none.
func (s *Invitations) account(ctx context.Context, canonical string) (storage.User, error) {
	u, err := s.Store.UserByEmail(ctx, canonical)
	if errors.Is(err, storage.ErrNotFound) {
		return storage.User{}, nil
	}
	return u, err
}

// maySend counts a mail against the limits.
func (s *Invitations) maySend(ctx context.Context, organizationID, canonical string) error {
	if err := s.Mail.Check(notify.Email); err != nil {
		return err
	}
	for _, l := range []struct {
		key string
		max int64
	}{
		{"invitation:one:" + organizationID + ":" + canonical, maxSends},
		{"invitation:address:" + canonical, maxSendsToAddress},
		{"invitation:organization:" + organizationID, maxSendsByTenant},
	} {
		if err := limit(ctx, s.Counters, l.key, l.max, day); err != nil {
			return err
		}
	}
	return nil
}

// limit counts one use and refuses those beyond the maximum.
func limit(ctx context.Context, c Counter, key string, most int64, window time.Duration) error {
	n, reset, err := c.Add(ctx, key, 1, window)
	if err != nil {
		return fault.Wrap(err, fault.Unavailable, "this cannot be counted now; try again")
	}
	if n > most {
		return fault.New(fault.RateLimited, "too many for now; try again later").Retry(reset)
	}
	return nil
}

// send stores the invitation under a new token, or renews the one that stands
// for the address, and queues the mail, in one transaction.
func (s *Invitations) send(ctx context.Context, op string, by Inviter, locale string, i storage.Invitation) (storage.Invitation, error) {
	secret := make([]byte, tokenBytes)
	if _, err := io.ReadFull(s.Random, secret); err != nil {
		return storage.Invitation{}, fmt.Errorf("%s: random: %w", op, err)
	}
	token := base64.RawURLEncoding.EncodeToString(secret)
	if by.ID == "" {
		by.ID = event.System().ID
	}
	var out storage.Invitation
	err := s.Organizations.changes.Do(ctx, op, func(ctx context.Context, c *change.Change) error {
		if err := s.Organizations.guard(ctx, i.OrganizationID, i.Roles); err != nil {
			return err
		}
		o, err := s.inUse(ctx, i.OrganizationID)
		if fault.Is(err, fault.LinkInvalid) {
			err = fault.Wrap(err, fault.Conflict, "the organization is suspended")
		}
		if err != nil {
			return err
		}
		out = i
		out.Hash, out.InvitedBy, out.SentAt, out.Expiry = s.Key.Hash([]byte(token)), by.ID, c.Now, c.Now.Add(s.Lifetime)
		renewed, err := s.put(ctx, c, by, &out)
		if err != nil {
			return err
		}
		c.Record(event.Event{
			Type: event.OrganizationInvitationCreated, Subject: o.ID, Organization: o.ID,
			Data: map[string]any{"invitation_id": out.ID, "role": access.TopRole(out.Roles), "expires_at": out.Expiry.Unix(), "resent": renewed},
		})
		return s.mail(ctx, o, by, out, token, locale)
	})
	return out, err
}

// put writes the row, the guard being held; it says whether one stood already.
func (s *Invitations) put(ctx context.Context, c *change.Change, by Inviter, i *storage.Invitation) (renewed bool, err error) {
	standing, err := s.Store.StandingInvitation(ctx, i.OrganizationID, i.EmailCanonical)
	switch {
	case errors.Is(err, storage.ErrNotFound) && i.ID != "":
		return false, noInvitation() // settled since it was read
	case errors.Is(err, storage.ErrNotFound):
		n, err := s.Store.CountInvitations(ctx, i.OrganizationID, time.Time{})
		if err != nil {
			return false, err
		}
		if n >= maxStanding {
			return false, fault.Newf(fault.Conflict, "%d invitations stand already; revoke some first", n)
		}
		i.ID, i.CreatedAt = storage.NewID(), c.Now
		return false, s.Store.InsertInvitation(ctx, *i)
	case err != nil:
		return false, err
	}
	// What stands is taken away with it: nobody takes what they lack.
	if err := s.Organizations.mayTake(ctx, by.Holder, i.OrganizationID, standing.Roles); err != nil && !gone(err) {
		return false, err
	}
	i.ID, i.CreatedAt = standing.ID, standing.CreatedAt
	won, err := s.Store.RenewInvitation(ctx, i.ID, i.Hash, i.Roles, i.SentAt, i.Expiry)
	if err != nil || !won {
		return false, cmp.Or[error](err, noInvitation())
	}
	return true, s.Store.ReassignInvitation(ctx, i.ID, i.InvitedBy)
}

// mail queues the message, in the language of the account if there is one.
func (s *Invitations) mail(ctx context.Context, o storage.Organization, by Inviter, i storage.Invitation, token, locale string) error {
	m := notify.Message{
		Channel: notify.Email, Kind: notify.Invitation, To: i.EmailCanonical, Locale: locale,
		Values: notify.Values{Token: token, Organization: shown(o), Role: access.TopRole(i.Roles), Until: i.Expiry},
	}
	u, err := s.account(ctx, i.EmailCanonical)
	if err != nil {
		return err
	}
	m.UserID = u.ID
	if own, _ := u.Profile["locale"].(string); own != "" {
		m.Locale = own
	}
	if m.Values.Inviter, err = s.InviterName(ctx, by.ID); err != nil {
		return err
	}
	return s.Mail.Queue(ctx, m)
}

// InviterName is the name of a person who invites; empty for a service and for
// who gave none.
func (s *Invitations) InviterName(ctx context.Context, id string) (string, error) {
	u, err := s.Organizations.store.UserByID(ctx, id)
	if err != nil && !errors.Is(err, storage.ErrNotFound) {
		return "", err
	}
	name, _ := u.Profile["name"].(string)
	return name, nil
}

func shown(o storage.Organization) string {
	if name, _ := o.Profile["display_name"].(string); name != "" {
		return name
	}
	return o.Name
}

// byToken finds the open invitation of a token.
func (s *Invitations) byToken(ctx context.Context, token string, now time.Time) (storage.Invitation, error) {
	if len(token) != base64.RawURLEncoding.EncodedLen(tokenBytes) {
		return storage.Invitation{}, deadLink()
	}
	for _, hash := range s.Key.HashAll([]byte(token)) {
		i, err := s.Store.InvitationByHash(ctx, hash)
		switch {
		case errors.Is(err, storage.ErrNotFound):
			continue
		case err != nil:
			return storage.Invitation{}, err
		case !i.Open(now):
			return storage.Invitation{}, deadLink()
		}
		return i, nil
	}
	return storage.Invitation{}, deadLink()
}

// standing reads an invitation that is neither accepted nor revoked.
func (s *Invitations) standing(ctx context.Context, organizationID, id string) (storage.Invitation, error) {
	if uuid.Validate(id) != nil {
		return storage.Invitation{}, noInvitation()
	}
	i, err := s.Store.InvitationByID(ctx, organizationID, id)
	switch {
	case errors.Is(err, storage.ErrNotFound), err == nil && (!i.AcceptedAt.IsZero() || !i.RevokedAt.IsZero()):
		return storage.Invitation{}, noInvitation()
	}
	return i, err
}

// inUse reads an organization that people can join.
func (s *Invitations) inUse(ctx context.Context, id string) (storage.Organization, error) {
	o, err := s.Organizations.store.OrganizationByID(ctx, id)
	if err == nil && o.Status != storage.OrganizationActive {
		err = storage.ErrNotFound
	}
	if errors.Is(err, storage.ErrNotFound) {
		return o, fault.Wrap(err, fault.LinkInvalid, "this invitation is no longer valid")
	}
	return o, err
}

// gone says whether a decision failed because a role is not there any more.
func gone(err error) bool { return fault.Is(err, fault.Invalid) }

func noInvitation() error { return fault.New(fault.NotFound, "there is no such invitation") }

func deadLink() error {
	return fault.New(fault.LinkInvalid, "this invitation is unknown, used or expired; ask for a new one")
}

// Now is the time by which invitations expire.
func (s *Invitations) Now() time.Time { return s.Organizations.changes.Clock.Now() }
