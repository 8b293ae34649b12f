package admin

import (
	"encoding/base64"
	"net/http"
	"time"

	"github.com/signet-idp/signet/endpoints/shape"
	"github.com/signet-idp/signet/endpoints/web"
	"github.com/signet-idp/signet/provider/access"
	"github.com/signet-idp/signet/provider/client"
	"github.com/signet-idp/signet/provider/fault"
	"github.com/signet-idp/signet/storage"
)

func (h *Handler) resources() []web.Route {
	tags, one := []string{"Operators: resources"}, "/admin/v1/resources/{resource_id}"
	return []web.Route{
		h.route("read:system:resources", h.listResources, web.Route{
			Name: "adminListResources", Summary: "The APIs that verify tokens", Tags: tags, Methods: []string{http.MethodGet}, Path: "/admin/v1/resources",
			Query: web.TypeOf[CursorQuery](), Response: web.TypeOf[Resources](), Errors: []string{"REQ_001"},
		}),
		h.route("write:system:resources", h.createResource, web.Route{
			Name: "adminCreateResource", Summary: "Register an API", Tags: tags, Methods: []string{http.MethodPost}, Path: "/admin/v1/resources",
			Idempotent: true, Request: web.TypeOf[CreateResource](), Response: web.TypeOf[Resource](), Status: http.StatusCreated,
			Errors: []string{"REQ_001", "REQ_004", "ORG_001"},
		}),
		h.route("read:system:resources", h.getResource, web.Route{
			Name: "adminGetResource", Summary: "An API", Tags: tags, Methods: []string{http.MethodGet}, Path: one,
			Response: web.TypeOf[Resource](), Errors: []string{"REQ_003"},
		}),
		h.route("write:system:resources", h.patchResource, web.Route{
			Name: "adminUpdateResource", Summary: "Change an API", Tags: tags, Methods: []string{http.MethodPatch}, Path: one,
			Request: web.TypeOf[PatchResource](), Response: web.TypeOf[Resource](), Errors: []string{"REQ_001", "REQ_003", "REQ_007"},
		}),
		h.route("write:system:resources", h.deleteResource, web.Route{
			Name: "adminDeleteResource", Summary: "Remove an API; its tokens run out", Tags: tags, Methods: []string{http.MethodDelete}, Path: one,
			Query: web.TypeOf[Removal](), Status: http.StatusNoContent, Errors: []string{"REQ_003"},
		}),
	}
}

// Resource is an API that verifies tokens. ID is the identifier in base64url,
// as it stands in paths.
type Resource struct {
	ID             string   `json:"id"`
	Identifier     string   `json:"identifier"`
	OrganizationID *string  `json:"organization_id"`
	Name           *string  `json:"name"`
	Scopes         []Scope  `json:"scopes"`
	SigningAlg     *string  `json:"signing_alg"`    // null: the client's, then the default
	TokenLifetime  *int64   `json:"token_lifetime"` // seconds; null: the client's, then the default
	Introspectors  []string `json:"introspectors"`
	ManagedBy      *string  `json:"managed_by"`
	Version        int64    `json:"version"`
	CreatedAt      *string  `json:"created_at"`
	UpdatedAt      *string  `json:"updated_at"`
}

// Scope is a scope that a resource defines.
type Scope struct {
	Name        string `json:"name" required:"true"`
	Description string `json:"description"`
}

func (h *Handler) resource(r storage.Resource) Resource {
	out := Resource{
		ID: base64.RawURLEncoding.EncodeToString([]byte(r.Identifier)), Identifier: r.Identifier, OrganizationID: optional(r.OrganizationID),
		Name: optional(r.Name), Scopes: []Scope{}, SigningAlg: optional(r.SigningAlg), Introspectors: shape.List(r.Introspectors),
		ManagedBy: optional(r.ManagedBy), Version: r.Version, CreatedAt: h.Shape.Times.Ptr(r.CreatedAt), UpdatedAt: h.Shape.Times.Ptr(r.UpdatedAt),
	}
	for _, s := range r.Scopes {
		out.Scopes = append(out.Scopes, Scope(s))
	}
	if r.TokenLifetime > 0 {
		seconds := int64(r.TokenLifetime / time.Second)
		out.TokenLifetime = &seconds
	}
	return out
}

// Resources is a page of APIs, by identifier.
type Resources struct {
	Resources  []Resource `json:"resources"`
	PageSize   int        `json:"page_size"`
	NextCursor *string    `json:"next_cursor"`
}

func (h *Handler) listResources(w http.ResponseWriter, r *http.Request, _ access.Holder) error {
	p, err := cursor(r, client.ValidResource)
	if err != nil {
		return err
	}
	list, err := h.Clients.Resources(r.Context(), p.Cursor, p.Size)
	if err != nil {
		return err
	}
	out, last := Resources{Resources: []Resource{}, PageSize: p.Size}, ""
	for _, res := range list {
		last = res.Identifier
		out.Resources = append(out.Resources, h.resource(res))
	}
	out.NextCursor = p.NextCursor(len(list), last)
	return web.WriteJSON(w, http.StatusOK, out)
}

// CreateResource registers an API.
type CreateResource struct {
	Identifier     string   `json:"identifier" required:"true" format:"uri"`
	OrganizationID string   `json:"organization_id" doc:"An id or a slug; left out: of the whole system."`
	Name           string   `json:"name"`
	Scopes         []Scope  `json:"scopes"`
	SigningAlg     string   `json:"signing_alg"`
	TokenLifetime  int64    `json:"token_lifetime" doc:"Seconds; 0: the default."`
	Introspectors  []string `json:"introspectors" doc:"The client_ids that may introspect tokens for it."`
}

func (h *Handler) createResource(w http.ResponseWriter, r *http.Request, _ access.Holder) error {
	var in CreateResource
	if err := web.Decode(r, &in); err != nil {
		return err
	}
	res := storage.Resource{
		Identifier: in.Identifier, Name: in.Name, SigningAlg: in.SigningAlg, Scopes: scopes(in.Scopes), Introspectors: in.Introspectors,
	}
	var err error
	if res.TokenLifetime, err = lifetime(in.TokenLifetime); err != nil {
		return err
	}
	if in.OrganizationID != "" {
		o, err := h.organization(r.Context(), in.OrganizationID)
		if err != nil {
			return err
		}
		res.OrganizationID = o.ID
	}
	res, err = h.Operator.PutResource(r.Context(), in.Identifier, 0, true, func(made *storage.Resource) { *made = res })
	if err != nil {
		return err
	}
	out := h.resource(res)
	w.Header().Set("Location", "/admin/v1/resources/"+out.ID)
	return write(w, http.StatusCreated, res.Version, out)
}

func scopes(in []Scope) []storage.ResourceScope {
	out := make([]storage.ResourceScope, 0, len(in))
	for _, s := range in {
		out = append(out, storage.ResourceScope(s))
	}
	return out
}

// maxLifetime bounds what is multiplied into a duration; what a resource may
// have is less.
const maxLifetime = 1 << 30

func lifetime(seconds int64) (time.Duration, error) {
	if seconds < 0 || seconds > maxLifetime {
		return 0, fault.Field("token_lifetime", "write a number of seconds")
	}
	return time.Duration(seconds) * time.Second, nil
}

func resourceID(r *http.Request) (string, error) {
	raw, err := base64.RawURLEncoding.Strict().DecodeString(r.PathValue("resource_id"))
	if err != nil || !client.ValidResource(string(raw)) {
		return "", fault.New(fault.NotFound, "there is no such resource; its id is the identifier in base64url")
	}
	return string(raw), nil
}

func (h *Handler) getResource(w http.ResponseWriter, r *http.Request, _ access.Holder) error {
	id, err := resourceID(r)
	if err != nil {
		return err
	}
	res, err := h.Clients.Resource(r.Context(), id)
	if err != nil {
		return err
	}
	return write(w, http.StatusOK, res.Version, h.resource(res))
}

// PatchResource changes an API; what is left out stays.
type PatchResource struct {
	Name          *string   `json:"name"`
	Scopes        *[]Scope  `json:"scopes"`
	SigningAlg    *string   `json:"signing_alg"`
	TokenLifetime *int64    `json:"token_lifetime" doc:"Seconds; 0: the default."`
	Introspectors *[]string `json:"introspectors"`
}

func (h *Handler) patchResource(w http.ResponseWriter, r *http.Request, _ access.Holder) error {
	id, err := resourceID(r)
	if err != nil {
		return err
	}
	version, err := ifMatch(r)
	if err != nil {
		return err
	}
	var in PatchResource
	if err := web.Decode(r, &in); err != nil {
		return err
	}
	var lives time.Duration
	if in.TokenLifetime != nil {
		if lives, err = lifetime(*in.TokenLifetime); err != nil {
			return err
		}
	}
	res, err := h.Operator.PutResource(r.Context(), id, version, false, func(res *storage.Resource) {
		set(&res.Name, in.Name)
		set(&res.SigningAlg, in.SigningAlg)
		set(&res.Introspectors, in.Introspectors)
		if in.Scopes != nil {
			res.Scopes = scopes(*in.Scopes)
		}
		if in.TokenLifetime != nil {
			res.TokenLifetime = lives
		}
	})
	if err != nil {
		return err
	}
	return write(w, http.StatusOK, res.Version, h.resource(res))
}

func set[T any](to, v *T) {
	if v != nil {
		*to = *v
	}
}

func (h *Handler) deleteResource(w http.ResponseWriter, r *http.Request, _ access.Holder) error {
	id, err := resourceID(r)
	if err != nil {
		return err
	}
	if err := h.Clients.DeleteResource(r.Context(), id, reason(r)); err != nil {
		return err
	}
	return web.NoContent(w)
}
