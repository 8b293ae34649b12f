package organizations

import (
	"context"
	"net/http"
	"time"

	"github.com/signet-idp/signet/endpoints/shape"
	"github.com/signet-idp/signet/endpoints/web"
	"github.com/signet-idp/signet/provider/access"
	"github.com/signet-idp/signet/provider/org"
	"github.com/signet-idp/signet/storage"
)

func (h *Handler) invitationRoutes() []web.Route {
	const base = "/organizations/{org_id}/invitations"
	create := route(http.MethodPost, base)
	create.Name, create.Summary, create.Handler, create.Idempotent, create.RateClass = "createInvitation", "Invite an address, or invite it again", h.invite, true, web.RateMail
	create.Request, create.Response, create.Status = web.TypeOf[InvitationRequest](), web.TypeOf[Invitation](), http.StatusCreated
	create.Errors = within("REQ_001", "REQ_004")

	list := route(http.MethodGet, base)
	list.Name, list.Summary, list.Handler = "listInvitations", "The invitations that stand", h.invitations
	list.Query, list.Response, list.Items = web.TypeOf[web.PageQuery](), web.TypeOf[Invitations](), web.TypeOf[Invitation]()
	list.Errors = within("REQ_001")

	resend := route(http.MethodPost, base+"/{invitation_id}/resend")
	resend.Name, resend.Summary, resend.Handler, resend.RateClass = "resendInvitation", "Send an invitation again; the old link dies", h.resend, web.RateMail
	resend.Response, resend.Errors = web.TypeOf[Invitation](), within("REQ_001", "REQ_003", "REQ_004")

	revoke := route(http.MethodDelete, base+"/{invitation_id}")
	revoke.Name, revoke.Summary, revoke.Handler = "revokeInvitation", "Take an invitation back", h.revoke
	revoke.Response, revoke.Errors = web.TypeOf[shape.Message](), within("REQ_003")

	mine := route(http.MethodGet, "/invitations")
	mine.Name, mine.Summary, mine.Handler = "listMyInvitations", "The open invitations to the caller's verified address", h.myInvitations
	mine.Auth = web.BearerOneOf("account", "organizations")
	mine.Response, mine.Items, mine.Errors = web.TypeOf[Invitations](), web.TypeOf[Invitation](), errorCodes()

	accept := route(http.MethodPost, "/invitations/accept")
	accept.Name, accept.Summary, accept.Handler, accept.RateClass = "acceptInvitation", "Join an organization by the link of an invitation", h.accept, web.RateToken
	accept.Auth = web.BearerOneOf("account", "organizations")
	accept.Request, accept.Response = web.TypeOf[AcceptRequest](), web.TypeOf[Accepted]()
	accept.Errors = errorCodes("AUTH_007", "REQ_001", "USER_001")
	return []web.Route{create, list, resend, revoke, mine, accept}
}

// InvitationRequest is whom to invite.
type InvitationRequest struct {
	Email string   `json:"email" format:"email" required:"true"`
	Role  string   `json:"role" doc:"member by default."`
	Roles []string `json:"roles" doc:"Several instead of role."`
}

// Invitation asks an address into an organization.
type Invitation struct {
	ID             string           `json:"id"`
	InvitationID   string           `json:"invitation_id"`
	OrganizationID string           `json:"organization_id"`
	Organization   *shape.Belonging `json:"organization"` // in the caller's own list
	Email          string           `json:"email"`
	Role           string           `json:"role"`
	Roles          []string         `json:"roles"`
	Status         string           `json:"status"` // pending, expired
	InvitedBy      *string          `json:"invited_by"`
	CreatedAt      *string          `json:"created_at"`
	SentAt         *string          `json:"sent_at"`
	ExpiresAt      *string          `json:"expires_at"`
	Message        *string          `json:"message"`
}

// Invitations is a page of invitations.
type Invitations struct {
	Invitations []Invitation `json:"invitations"`
	TotalCount  int64        `json:"total_count"`
	Page        int          `json:"page"`
	PageSize    int          `json:"page_size"`
	NextCursor  *string      `json:"next_cursor"`
}

// AcceptRequest is the token of the link.
type AcceptRequest struct {
	Token       string `json:"token"`
	InviteToken string `json:"invite_token" alias:"token"`
}

// Accepted is what came of an invitation.
type Accepted struct {
	Message        string             `json:"message"`
	InvitationID   string             `json:"invitation_id"`
	OrganizationID string             `json:"organization_id"`
	Organization   shape.Organization `json:"organization"`
	Role           string             `json:"role"`
	Roles          []string           `json:"roles"`
	Added          bool               `json:"added"` // false: was a member already, with these roles
}

func (h *Handler) invitationOf(i storage.Invitation, now time.Time) Invitation {
	out := Invitation{
		ID: i.ID, InvitationID: i.ID, OrganizationID: i.OrganizationID, Email: i.Email, Role: shape.TopRole(i.Roles), Roles: shape.List(i.Roles),
		Status: "pending", CreatedAt: h.Shape.Times.Ptr(i.CreatedAt), SentAt: h.Shape.Times.Ptr(i.SentAt), ExpiresAt: h.Shape.Times.Ptr(i.Expiry),
	}
	if i.InvitedBy != "" {
		out.InvitedBy = &i.InvitedBy
	}
	if !now.Before(i.Expiry) {
		out.Status = "expired"
	}
	return out
}

func (h *Handler) inviter(r *http.Request, holder access.Holder) org.Inviter {
	return org.Inviter{ID: shape.CallerOf(r.Context()).ID, Holder: holder}
}

// invite is POST /organizations/{org_id}/invitations.
func (h *Handler) invite(w http.ResponseWriter, r *http.Request) error {
	o, holder, err := h.organization(r, "read:organization")
	if err != nil {
		return err
	}
	var in InvitationRequest
	if err := web.Decode(r, &in); err != nil {
		return err
	}
	if in.Role == "" {
		in.Role = access.Member
	}
	i, err := h.Invitations.Create(r.Context(), h.inviter(r, holder), o.ID, org.Invite{
		Email: in.Email, Roles: roleList(in.Role, in.Roles), Locale: r.Header.Get("Accept-Language"),
	})
	if err != nil {
		return err
	}
	return h.writeInvitation(w, http.StatusCreated, i)
}

func (h *Handler) writeInvitation(w http.ResponseWriter, status int, i storage.Invitation) error {
	out, said := h.invitationOf(i, i.SentAt), "Invitation sent"
	out.Message = &said
	return web.WriteJSON(w, status, out)
}

// invitations is GET /organizations/{org_id}/invitations.
func (h *Handler) invitations(w http.ResponseWriter, r *http.Request) error {
	o, _, err := h.organization(r, "read:invitations")
	if err != nil {
		return err
	}
	p, err := paging(r)
	if err != nil {
		return err
	}
	list, total, err := h.Invitations.List(r.Context(), o.ID, p.Cursor, p.Offset, p.Size)
	if err != nil {
		return err
	}
	out := Invitations{Invitations: make([]Invitation, 0, len(list)), TotalCount: total, Page: p.Page, PageSize: p.Size}
	last, now := "", h.Invitations.Now()
	for _, i := range list {
		out.Invitations, last = append(out.Invitations, h.invitationOf(i, now)), i.ID
	}
	out.NextCursor = p.NextCursor(len(list), last)
	return h.Shape.WriteList(w, r, p, total, out.NextCursor, out.Invitations, out)
}

// resend is POST /organizations/{org_id}/invitations/{invitation_id}/resend.
func (h *Handler) resend(w http.ResponseWriter, r *http.Request) error {
	o, holder, err := h.organization(r, "read:invitations")
	if err != nil {
		return err
	}
	i, err := h.Invitations.Resend(r.Context(), h.inviter(r, holder), o.ID, r.PathValue("invitation_id"), r.Header.Get("Accept-Language"))
	if err != nil {
		return err
	}
	return h.writeInvitation(w, http.StatusOK, i)
}

// revoke is DELETE /organizations/{org_id}/invitations/{invitation_id}.
func (h *Handler) revoke(w http.ResponseWriter, r *http.Request) error {
	o, holder, err := h.organization(r, "delete:invitations")
	if err != nil {
		return err
	}
	if err := h.Invitations.Revoke(r.Context(), h.inviter(r, holder), o.ID, r.PathValue("invitation_id"), "revoked"); err != nil {
		return err
	}
	return message(w, "Invitation revoked")
}

// maxMine bounds a person's own list.
const maxMine = 100

// myInvitations is GET /invitations.
func (h *Handler) myInvitations(w http.ResponseWriter, r *http.Request) error {
	ctx := r.Context()
	c, err := person(ctx)
	if err != nil {
		return err
	}
	u, err := h.Store.UserByID(ctx, c.ID)
	if err != nil {
		return err
	}
	list, err := h.Invitations.For(ctx, u, maxMine)
	if err != nil {
		return err
	}
	out := Invitations{Invitations: make([]Invitation, 0, len(list)), TotalCount: int64(len(list)), Page: 1, PageSize: maxMine}
	if out.Invitations, err = h.withOrganizations(ctx, list, out.Invitations); err != nil {
		return err
	}
	return h.Shape.WriteList(w, r, web.Paging{Page: 1, Size: maxMine}, out.TotalCount, nil, out.Invitations, out)
}

// withOrganizations shows invitations with the names of who invites.
func (h *Handler) withOrganizations(ctx context.Context, list []storage.Invitation, out []Invitation) ([]Invitation, error) {
	ids := make([]string, 0, len(list))
	for _, i := range list {
		ids = append(ids, i.OrganizationID)
	}
	organizations, err := h.Store.OrganizationsByID(ctx, ids)
	if err != nil {
		return nil, err
	}
	now := h.Invitations.Now()
	for _, i := range list {
		one := h.invitationOf(i, now)
		one.InvitedBy = nil // an id of somebody they do not see
		for _, o := range organizations {
			if o.ID == i.OrganizationID {
				one.Organization = &shape.Belonging{ID: o.ID, OrganizationID: o.ID, Name: o.Name, Slug: o.Slug, Role: one.Role, Roles: one.Roles}
			}
		}
		out = append(out, one)
	}
	return out, nil
}

// accept is POST /invitations/accept.
func (h *Handler) accept(w http.ResponseWriter, r *http.Request) error {
	ctx := r.Context()
	c, err := person(ctx)
	if err != nil {
		return err
	}
	var in AcceptRequest
	if err := web.Decode(r, &in); err != nil {
		return err
	}
	a, err := h.Invitations.Accept(ctx, in.Token, c.ID)
	if err != nil {
		return err
	}
	members, err := h.Store.MemberCounts(ctx, []string{a.Organization.ID})
	if err != nil {
		return err
	}
	said := "You have joined the organization"
	if !a.Added {
		said = "You are a member of the organization already"
	}
	return web.WriteJSON(w, http.StatusOK, Accepted{
		Message: said, InvitationID: a.Invitation.ID, OrganizationID: a.Organization.ID,
		Organization: h.Shape.OrganizationOf(a.Organization, members[a.Organization.ID]),
		Role:         shape.TopRole(a.Membership.Roles), Roles: shape.List(a.Membership.Roles), Added: a.Added,
	})
}
