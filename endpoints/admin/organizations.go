package admin

import (
	"context"
	"net/http"
	"strings"

	"github.com/signet-idp/signet/endpoints/shape"
	"github.com/signet-idp/signet/endpoints/web"
	"github.com/signet-idp/signet/provider/access"
	"github.com/signet-idp/signet/provider/fault"
	"github.com/signet-idp/signet/provider/operator"
	"github.com/signet-idp/signet/provider/org"
	"github.com/signet-idp/signet/storage"
)

func (h *Handler) organizations() []web.Route {
	tags, one := []string{"Operators: organizations"}, "/admin/v1/organizations/{organization_id}"
	return []web.Route{
		h.route("read:system:organizations", h.listOrganizations, web.Route{
			Name: "adminListOrganizations", Summary: "Find organizations", Tags: tags, Methods: []string{http.MethodGet}, Path: "/admin/v1/organizations",
			Query: web.TypeOf[OrganizationQuery](), Response: web.TypeOf[Organizations](), Errors: []string{"REQ_001"},
		}),
		h.route("read:system:organizations", h.getOrganization, web.Route{
			Name: "adminGetOrganization", Summary: "An organization", Tags: tags, Methods: []string{http.MethodGet}, Path: one,
			Response: web.TypeOf[Organization](), Errors: []string{"ORG_001"},
		}),
		h.route("write:system:organizations", h.patchOrganization, web.Route{
			Name: "adminUpdateOrganization", Summary: "Set what only operators decide", Tags: tags, Methods: []string{http.MethodPatch}, Path: one,
			Request: web.TypeOf[PatchOrganization](), Response: web.TypeOf[Organization](), Errors: []string{"REQ_001", "ORG_001", "REQ_007"},
		}),
		h.route("write:system:organizations", h.setOrganizationStatus, web.Route{
			Name: "adminSetOrganizationStatus", Summary: "Suspend, restore or delete an organization", Tags: tags,
			Methods: []string{http.MethodPatch}, Path: one + "/status",
			Request: web.TypeOf[OrganizationStatus](), Response: web.TypeOf[Organization](), Errors: []string{"REQ_001", "ORG_001", "REQ_007"},
		}),
	}
}

// Organization is a tenant as operators see it.
type Organization struct {
	shape.Organization
	ManagedBy *string `json:"managed_by"`
	// Version rises with every change, also of who belongs to the organization.
	Version int64 `json:"version"`
}

// OrganizationQuery finds organizations.
type OrganizationQuery struct {
	Range
	Q      string `json:"q" doc:"A part of the name; it is looked for in the slug."`
	Status string `json:"status" enum:"active,suspended,deleted"`
}

// Organizations is a page of organizations.
type Organizations struct {
	Page
	Organizations []Organization `json:"organizations"`
}

func (h *Handler) listOrganizations(w http.ResponseWriter, r *http.Request, _ access.Holder) error {
	p, err := web.ReadPaging(r)
	if err != nil {
		return err
	}
	q := r.URL.Query()
	oq := storage.OrganizationSearch{Status: storage.OrganizationStatus(q.Get("status")), After: p.Cursor, Offset: p.Offset, Limit: p.Size}
	switch oq.Status {
	case "", storage.OrganizationActive, storage.OrganizationSuspended, storage.OrganizationDeleted:
	default:
		return fault.Field("query.status", "a status is active, suspended or deleted")
	}
	if p.Cursor != "" && !isID(p.Cursor) {
		return fault.Field("query.cursor", "use the next_cursor of the answer before")
	}
	if text := q.Get("q"); text != "" {
		if oq.Slug = org.SlugOf(text); oq.Slug == "" {
			return fault.Field("query.q", "write a part of the name in letters and digits")
		}
	}
	list, err := h.Store.FindOrganizations(r.Context(), oq)
	if err != nil {
		return err
	}
	total, err := h.Store.CountFoundOrganizations(r.Context(), oq)
	if err != nil {
		return err
	}
	ids := make([]string, 0, len(list))
	for _, o := range list {
		ids = append(ids, o.ID)
	}
	members, err := h.Store.MemberCounts(r.Context(), ids)
	if err != nil {
		return err
	}
	out, last := Organizations{Organizations: []Organization{}}, ""
	for _, o := range list {
		last = o.ID
		out.Organizations = append(out.Organizations, h.organizationOf(o, members[o.ID]))
	}
	out.Page = page(w, r, p, total, len(list), last)
	return web.WriteJSON(w, http.StatusOK, out)
}

func (h *Handler) organizationOf(o storage.Organization, members int64) Organization {
	return Organization{Organization: h.Shape.OrganizationOf(o, members), ManagedBy: optional(o.ManagedBy), Version: o.Version}
}

// organization finds one by id or slug.
func (h *Handler) organization(ctx context.Context, idOrSlug string) (storage.Organization, error) {
	if !isID(idOrSlug) && !org.ValidSlug(idOrSlug) {
		return storage.Organization{}, fault.New(fault.OrganizationNotFound, "there is no such organization")
	}
	return h.Organizations.Get(ctx, strings.ToLower(idOrSlug))
}

func (h *Handler) answerOrganization(w http.ResponseWriter, r *http.Request, o storage.Organization) error {
	members, err := h.Store.CountMembers(r.Context(), storage.MemberQuery{OrganizationID: o.ID})
	if err != nil {
		return err
	}
	return write(w, http.StatusOK, o.Version, h.organizationOf(o, members))
}

func (h *Handler) getOrganization(w http.ResponseWriter, r *http.Request, _ access.Holder) error {
	o, err := h.organization(r.Context(), r.PathValue("organization_id"))
	if err != nil {
		return err
	}
	return h.answerOrganization(w, r, o)
}

// PatchOrganization sets what only operators decide; what is left out stays,
// null takes back.
type PatchOrganization struct {
	SubscriptionTier *string   `json:"subscription_tier"`
	Features         *[]string `json:"features"`
	TrialEndsAt      *string   `json:"trial_ends_at"`
}

func (h *Handler) patchOrganization(w http.ResponseWriter, r *http.Request, _ access.Holder) error {
	version, err := ifMatch(r)
	if err != nil {
		return err
	}
	raw, err := members(r, &PatchOrganization{})
	if err != nil {
		return err
	}
	patch := map[string]any{}
	for name, v := range raw {
		if patch[name], err = value(v); err != nil {
			return err
		}
	}
	o, err := h.organization(r.Context(), r.PathValue("organization_id"))
	if err != nil {
		return err
	}
	if o, err = h.Operator.UpdateOrganization(r.Context(), o.ID, version, patch); err != nil {
		return err
	}
	return h.answerOrganization(w, r, o)
}

// OrganizationStatus is the state an organization should have.
type OrganizationStatus struct {
	Status string `json:"status" required:"true" enum:"active,suspended,deleted"`
	Reason string `json:"reason" doc:"An enumeration for the record; free text becomes other."`
}

func (h *Handler) setOrganizationStatus(w http.ResponseWriter, r *http.Request, by access.Holder) error {
	version, err := ifMatch(r)
	if err != nil {
		return err
	}
	var in OrganizationStatus
	if err := web.Decode(r, &in); err != nil {
		return err
	}
	status := storage.OrganizationStatus(in.Status)
	if status == storage.OrganizationDeleted {
		if err := h.may(r.Context(), by, "delete:system:organizations"); err != nil {
			return err
		}
	}
	o, err := h.organization(r.Context(), r.PathValue("organization_id"))
	if err != nil {
		return err
	}
	o, err = h.Operator.SetOrganizationStatus(r.Context(), o.ID, operator.OrganizationStatus{Version: version, Status: status, Reason: given(in.Reason)})
	if err != nil {
		return err
	}
	return h.answerOrganization(w, r, o)
}
