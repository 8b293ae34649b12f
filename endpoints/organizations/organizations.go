package organizations

import (
	"context"
	"net/http"
	"slices"
	"strconv"

	"github.com/signet-idp/signet/endpoints/shape"
	"github.com/signet-idp/signet/endpoints/web"
	"github.com/signet-idp/signet/provider/directory"
	"github.com/signet-idp/signet/provider/fault"
	"github.com/signet-idp/signet/provider/hook"
	"github.com/signet-idp/signet/provider/org"
	"github.com/signet-idp/signet/storage"
)

func (h *Handler) organizationRoutes() []web.Route {
	create := route(http.MethodPost, "/organizations")
	create.Name, create.Summary, create.Handler, create.Idempotent = "createOrganization", "Create an organization; the caller becomes its owner", h.create, true
	create.Request, create.Response, create.Status = web.TypeOf[OrganizationRequest](), web.TypeOf[shape.Organization](), http.StatusCreated
	create.Errors = errorCodes("ORG_004", "REQ_001")

	list := route(http.MethodGet, "/organizations")
	list.Name, list.Summary, list.Handler = "listOrganizations", "The caller's organizations, or all", h.list
	list.Query, list.Response, list.Items = web.TypeOf[ListQuery](), web.TypeOf[Organizations](), web.TypeOf[Listed]()
	list.Errors = errorCodes("REQ_001")

	get := route(http.MethodGet, "/organizations/{org_id}")
	get.Name, get.Summary, get.Handler = "getOrganization", "An organization, by id or slug", h.get
	get.Response, get.Errors = web.TypeOf[shape.Organization](), within()

	patch := route(http.MethodPatch, "/organizations/{org_id}")
	patch.Name, patch.Summary, patch.Handler = "updateOrganization", "Change what is sent of an organization; null removes, settings are merged", h.patch
	patch.Request, patch.Response = web.TypeOf[OrganizationPatch](), web.TypeOf[shape.Organization]()
	patch.Errors = within("ORG_004", "REQ_001", "REQ_004")

	remove := route(http.MethodDelete, "/organizations/{org_id}")
	remove.Name, remove.Summary, remove.Handler = "deleteOrganization", "Delete an organization: its tokens, clients and invitations end", h.remove
	remove.Response, remove.Errors = web.TypeOf[shape.Message](), within("REQ_004")
	return []web.Route{create, list, get, patch, remove}
}

// OrganizationRequest describes an organization. The last members of each group
// are other names that clients use.
type OrganizationRequest struct {
	Name               *string         `json:"name" doc:"Text of 1 to 200 bytes; required to create."`
	Slug               *string         `json:"slug" doc:"1 to 63 of a-z, 0-9 and -; derived from the name."`
	DisplayName        *string         `json:"display_name"`
	Description        *string         `json:"description"`
	OrganizationType   *string         `json:"organization_type" enum:"individual,team,business,startup,enterprise,agency,nonprofit,education,government,healthcare,community,other"`
	OrgType            *string         `json:"org_type" alias:"organization_type"`
	Type               *string         `json:"type" alias:"organization_type"`
	Industry           *string         `json:"industry"`
	Size               *string         `json:"size"`
	EmployeeCountRange *string         `json:"employee_count_range" alias:"size"`
	Website            *string         `json:"website"`
	WebsiteURL         *string         `json:"website_url" alias:"website"`
	Domain             *string         `json:"domain"`
	LogoURL            *string         `json:"logo_url"`
	ContactEmail       *string         `json:"contact_email"`
	ContactPhone       *string         `json:"contact_phone"`
	Address            *AddressRequest `json:"address"`
	Settings           map[string]any  `json:"settings" doc:"At most 64 members, 16 KB; merged by PATCH."`
	Customization      map[string]any  `json:"customization" doc:"As settings."`
	BillingEmail       *string         `json:"billing_email"`

	SubscriptionTier *string  `json:"subscription_tier" doc:"This and the next two: only who runs the installation."`
	Features         []string `json:"features"`
	TrialEndsAt      *string  `json:"trial_ends_at"`
}

// AddressRequest is a postal address.
type AddressRequest struct {
	Line1       *string `json:"line1"`
	Line2       *string `json:"line2"`
	City        *string `json:"city"`
	State       *string `json:"state"`
	PostalCode  *string `json:"postal_code"`
	CountryCode *string `json:"country_code" doc:"Two letters."`
}

// OrganizationPatch is what PATCH takes.
type OrganizationPatch struct {
	OrganizationRequest
	Status *string `json:"status" enum:"active,suspended" doc:"Only who runs the installation."`
}

// create is POST /organizations.
func (h *Handler) create(w http.ResponseWriter, r *http.Request) error {
	ctx := r.Context()
	c, err := person(ctx)
	if err != nil {
		return err
	}
	holder, err := h.Directory.Holder(ctx, c, "")
	if err != nil {
		return err
	}
	switch may, err := h.Directory.May(ctx, holder, "create:organization"); {
	case err != nil:
		return err
	case !may:
		return fault.New(fault.Forbidden, "this needs the permission create:organization")
	}
	plans, err := h.Directory.May(ctx, holder, writeSystem)
	if err != nil {
		return err
	}
	var in OrganizationRequest
	profile, err := web.DecodePatch(r, &in)
	if err != nil {
		return err
	}
	name, slug := text(profile, "name"), text(profile, "slug")
	if err := h.ask(ctx, c, name, slug, profile); err != nil {
		return err
	}
	o, err := h.Organizations.Create(ctx, org.Organization{
		Name: name, Slug: slug, Profile: profile, OwnerID: c.ID, Restricted: !plans, Source: "api",
	})
	if err != nil {
		return err
	}
	w.Header().Set("Location", "/organizations/"+o.ID)
	return web.WriteJSON(w, http.StatusCreated, h.Shape.OrganizationOf(o, 1))
}

// ask lets the operator's rules forbid it.
func (h *Handler) ask(ctx context.Context, c directory.Caller, name, slug string, profile map[string]any) error {
	if h.Rules == nil {
		return nil
	}
	u, err := h.Store.UserByID(ctx, c.ID)
	if err != nil {
		return err
	}
	kind, _ := profile["organization_type"].(string)
	return h.Rules.Check(ctx, hook.OrganizationCreation{Name: name, Slug: slug, OrganizationType: kind, UserID: c.ID, Email: u.Email})
}

// text takes a member that is no part of the profile out of it.
func text(profile map[string]any, name string) string {
	s, _ := profile[name].(string)
	delete(profile, name)
	return s
}

// ListQuery is what GET /organizations takes.
type ListQuery struct {
	web.PageQuery
	All bool `json:"all" doc:"Every organization there is: for operators."`
}

// Organizations is a page of organizations.
type Organizations struct {
	Organizations []Listed `json:"organizations"`
	TotalCount    int64    `json:"total_count"`
	Page          int      `json:"page"`
	PageSize      int      `json:"page_size"`
	NextCursor    *string  `json:"next_cursor"`
}

// Listed is an organization with what the caller holds there.
type Listed struct {
	shape.Organization
	Role  *string  `json:"role"` // the highest; null: no member
	Roles []string `json:"roles"`
}

// list is GET /organizations.
func (h *Handler) list(w http.ResponseWriter, r *http.Request) error {
	p, err := paging(r)
	if err != nil {
		return err
	}
	ctx, c := r.Context(), shape.CallerOf(r.Context())
	var mine []storage.Membership
	if !c.Service {
		if mine, err = h.Store.MembershipsOf(ctx, c.ID, "", directory.MaxMemberships); err != nil {
			return err
		}
	} else if c.OrganizationID != "" {
		mine = []storage.Membership{{OrganizationID: c.OrganizationID, OrganizationStatus: storage.OrganizationActive}}
	}
	mine = slices.DeleteFunc(mine, func(m storage.Membership) bool { return m.OrganizationStatus != storage.OrganizationActive })
	var page []storage.Organization
	var total int64
	if all, _ := strconv.ParseBool(r.URL.Query().Get("all")); all {
		page, total, err = h.all(ctx, c, p)
	} else {
		page, total, err = h.mine(ctx, mine, p)
	}
	if err != nil {
		return err
	}
	out := Organizations{TotalCount: total, Page: p.Page, PageSize: p.Size}
	if out.Organizations, err = h.listed(ctx, page, mine); err != nil {
		return err
	}
	last := ""
	if len(page) > 0 {
		last = page[len(page)-1].ID
	}
	out.NextCursor = p.NextCursor(len(page), last)
	return h.Shape.WriteList(w, r, p, total, out.NextCursor, out.Organizations, out)
}

// mine is a page of those the caller belongs to.
func (h *Handler) mine(ctx context.Context, mine []storage.Membership, p web.Paging) ([]storage.Organization, int64, error) {
	ids := make([]string, 0, len(mine))
	for _, m := range mine {
		if m.OrganizationID > p.Cursor {
			ids = append(ids, m.OrganizationID)
		}
	}
	from := min(p.Offset, len(ids))
	page, err := h.Store.OrganizationsByID(ctx, ids[from:min(from+p.Size, len(ids))])
	return page, int64(len(mine)), err
}

// all is a page of every organization.
func (h *Handler) all(ctx context.Context, c directory.Caller, p web.Paging) ([]storage.Organization, int64, error) {
	holder, err := h.Directory.Holder(ctx, c, "")
	if err != nil {
		return nil, 0, err
	}
	switch may, err := h.Directory.May(ctx, holder, "read:system:organizations"); {
	case err != nil:
		return nil, 0, err
	case !may:
		return nil, 0, fault.New(fault.Forbidden, "this needs the permission read:system:organizations and the scope admin")
	}
	page, err := h.Store.QueryOrganizations(ctx, storage.OrganizationQuery{After: p.Cursor, Offset: p.Offset, Limit: p.Size})
	if err != nil {
		return nil, 0, err
	}
	total, err := h.Store.CountOrganizations(ctx)
	return page, total, err
}

func (h *Handler) listed(ctx context.Context, page []storage.Organization, mine []storage.Membership) ([]Listed, error) {
	ids := make([]string, 0, len(page))
	for _, o := range page {
		ids = append(ids, o.ID)
	}
	members, err := h.Store.MemberCounts(ctx, ids)
	if err != nil {
		return nil, err
	}
	out := make([]Listed, 0, len(page))
	for _, o := range page {
		l := Listed{Organization: h.Shape.OrganizationOf(o, members[o.ID]), Roles: []string{}}
		if i := slices.IndexFunc(mine, func(m storage.Membership) bool { return m.OrganizationID == o.ID }); i >= 0 && len(mine[i].Roles) > 0 {
			top := shape.TopRole(mine[i].Roles)
			l.Role, l.Roles = &top, mine[i].Roles
		}
		out = append(out, l)
	}
	return out, nil
}

// get is GET /organizations/{org_id}.
func (h *Handler) get(w http.ResponseWriter, r *http.Request) error {
	o, _, err := h.organization(r, "read:organization")
	if err != nil {
		return err
	}
	return h.write(w, r, o)
}

func (h *Handler) write(w http.ResponseWriter, r *http.Request, o storage.Organization) error {
	members, err := h.Store.MemberCounts(r.Context(), []string{o.ID})
	if err != nil {
		return err
	}
	return web.WriteJSON(w, http.StatusOK, h.Shape.OrganizationOf(o, members[o.ID]))
}

// writeSystem is what it takes to change what the operator decides.
const writeSystem = "write:system:organizations"

// patch is PATCH /organizations/{org_id}.
func (h *Handler) patch(w http.ResponseWriter, r *http.Request) error {
	o, holder, err := h.organization(r, "write:organization")
	if err != nil {
		return err
	}
	ctx := r.Context()
	runs, err := h.Directory.May(ctx, holder, writeSystem)
	if err != nil {
		return err
	}
	var in OrganizationPatch
	profile, err := web.DecodePatch(r, &in)
	if err != nil {
		return err
	}
	status := storage.OrganizationStatus(text(profile, "status"))
	switch {
	case status == "" || status == o.Status:
		status = ""
	case !runs:
		return fault.New(fault.Forbidden, "this needs the permission "+writeSystem)
	case status != storage.OrganizationActive && status != storage.OrganizationSuspended:
		return fault.Field("status", "write active or suspended")
	}
	update := org.Update{Restricted: !runs, Name: in.Name, Slug: in.Slug}
	delete(profile, "name")
	delete(profile, "slug")
	update.Patch = profile
	if o, err = h.Organizations.Update(ctx, o.ID, update, "api"); err != nil {
		return err
	}
	if status != "" {
		if o, err = h.Organizations.SetStatus(ctx, o.ID, status, "api"); err != nil {
			return err
		}
	}
	return h.write(w, r, o)
}

// remove is DELETE /organizations/{org_id}.
func (h *Handler) remove(w http.ResponseWriter, r *http.Request) error {
	o, _, err := h.organization(r, "delete:organization")
	if err != nil {
		return err
	}
	if _, err := h.Organizations.SetStatus(r.Context(), o.ID, storage.OrganizationDeleted, "api"); err != nil {
		return err
	}
	return message(w, "Organization deleted successfully")
}
