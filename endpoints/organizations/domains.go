package organizations

import (
	"net/http"

	"github.com/signet-idp/signet/endpoints/shape"
	"github.com/signet-idp/signet/endpoints/web"
	"github.com/signet-idp/signet/provider/org"
	"github.com/signet-idp/signet/storage"
)

func (h *Handler) domainRoutes() []web.Route {
	const base = "/organizations/{org_id}/domains"
	list := route(http.MethodGet, base)
	list.Name, list.Summary, list.Handler = "listDomains", "The DNS domains of an organization", h.domains
	list.Response, list.Items, list.Errors = web.TypeOf[Domains](), web.TypeOf[Domain](), within()

	add := route(http.MethodPost, base)
	add.Name, add.Summary, add.Handler = "addDomain", "Say that a domain is the organization's; the answer says how to prove it", h.addDomain
	add.Request, add.Response, add.Status = web.TypeOf[DomainRequest](), web.TypeOf[Domain](), http.StatusCreated
	add.Errors = within("REQ_001", "REQ_004")

	verify := route(http.MethodPost, base+"/{domain}/verify")
	verify.Name, verify.Summary, verify.Handler = "verifyDomain", "Look for the proof in the DNS", h.verifyDomain
	verify.Response, verify.Errors = web.TypeOf[Domain](), within("REQ_001", "REQ_003", "REQ_004")

	remove := route(http.MethodDelete, base+"/{domain}")
	remove.Name, remove.Summary, remove.Handler = "removeDomain", "Give a domain up", h.removeDomain
	remove.Response, remove.Errors = web.TypeOf[shape.Message](), within("REQ_003", "REQ_004")
	return []web.Route{list, add, verify, remove}
}

// DomainRequest names a domain.
type DomainRequest struct {
	Domain string `json:"domain" required:"true"`
}

// Domain is a DNS domain that an organization says is its own.
type Domain struct {
	Domain     string    `json:"domain"`
	Verified   bool      `json:"verified"`
	VerifiedAt *string   `json:"verified_at"`
	CreatedAt  *string   `json:"created_at"`
	Challenge  Challenge `json:"challenge"`
}

// Challenge is the DNS record that proves it.
type Challenge struct {
	Type  string `json:"type"` // TXT
	Name  string `json:"name"`
	Value string `json:"value"`
}

// Domains lists all domains: they are few.
type Domains struct {
	Domains    []Domain `json:"domains"`
	TotalCount int64    `json:"total_count"`
}

func (h *Handler) domainOf(d storage.Domain) Domain {
	return Domain{
		Domain: d.Domain, Verified: !d.VerifiedAt.IsZero(), VerifiedAt: h.Shape.Times.Ptr(d.VerifiedAt), CreatedAt: h.Shape.Times.Ptr(d.CreatedAt),
		Challenge: Challenge{Type: "TXT", Name: org.ChallengeName(d.Domain), Value: d.Challenge},
	}
}

// domains is GET /organizations/{org_id}/domains.
func (h *Handler) domains(w http.ResponseWriter, r *http.Request) error {
	o, _, err := h.organization(r, "write:organization")
	if err != nil {
		return err
	}
	list, err := h.Domains.List(r.Context(), o.ID)
	if err != nil {
		return err
	}
	out := Domains{Domains: make([]Domain, 0, len(list)), TotalCount: int64(len(list))}
	for _, d := range list {
		out.Domains = append(out.Domains, h.domainOf(d))
	}
	return h.Shape.WriteList(w, r, web.Paging{Page: 1, Size: len(list)}, out.TotalCount, nil, out.Domains, out)
}

// addDomain is POST /organizations/{org_id}/domains.
func (h *Handler) addDomain(w http.ResponseWriter, r *http.Request) error {
	o, _, err := h.organization(r, "write:organization")
	if err != nil {
		return err
	}
	var in DomainRequest
	if err := web.Decode(r, &in); err != nil {
		return err
	}
	d, err := h.Domains.Add(r.Context(), o.ID, in.Domain)
	if err != nil {
		return err
	}
	return web.WriteJSON(w, http.StatusCreated, h.domainOf(d))
}

// verifyDomain is POST /organizations/{org_id}/domains/{domain}/verify.
func (h *Handler) verifyDomain(w http.ResponseWriter, r *http.Request) error {
	o, _, err := h.organization(r, "write:organization")
	if err != nil {
		return err
	}
	d, err := h.Domains.Verify(r.Context(), o.ID, r.PathValue("domain"))
	if err != nil {
		return err
	}
	return web.WriteJSON(w, http.StatusOK, h.domainOf(d))
}

// removeDomain is DELETE /organizations/{org_id}/domains/{domain}.
func (h *Handler) removeDomain(w http.ResponseWriter, r *http.Request) error {
	o, _, err := h.organization(r, "write:organization")
	if err != nil {
		return err
	}
	if err := h.Domains.Remove(r.Context(), o.ID, r.PathValue("domain")); err != nil {
		return err
	}
	return message(w, "Domain removed")
}
