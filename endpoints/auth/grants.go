package auth

import (
	"net/http"

	"github.com/signet-idp/signet/endpoints/shape"
	"github.com/signet-idp/signet/endpoints/web"
)

// Grant is an application that the person has let in.
type Grant struct {
	ID         string   `json:"id"` // the client_id
	ClientID   string   `json:"client_id"`
	ClientName string   `json:"client_name"`
	ClientURI  *string  `json:"client_uri"`
	LogoURL    *string  `json:"logo_url"`
	Scopes     []string `json:"scopes"`
	Audience   []string `json:"audience"`
	CreatedAt  *string  `json:"created_at"`
	UpdatedAt  *string  `json:"updated_at"`
	LastUsedAt *string  `json:"last_used_at"`
}

// GrantList is the answer of GET /auth/grants.
type GrantList struct {
	Grants     []Grant `json:"grants"`
	TotalCount int64   `json:"total_count"`
}

// listGrants is GET /auth/grants.
func (h *Handler) listGrants(w http.ResponseWriter, r *http.Request) error {
	given, err := h.Consents.List(r.Context(), web.PrincipalFrom(r.Context()).Subject)
	if err != nil {
		return err
	}
	out := GrantList{Grants: make([]Grant, 0, len(given)), TotalCount: int64(len(given))}
	for _, g := range given {
		m := g.Client.Metadata
		name := m.ClientName
		if name == "" {
			name = g.ClientID
		}
		out.Grants = append(out.Grants, Grant{
			ID: g.ClientID, ClientID: g.ClientID, ClientName: name, ClientURI: optional(m.ClientURI), LogoURL: optional(m.LogoURI),
			Scopes: list(g.Scope), Audience: list(g.Audience), CreatedAt: h.Shapes.Times.Ptr(g.CreatedAt),
			UpdatedAt: h.Shapes.Times.Ptr(g.UpdatedAt), LastUsedAt: h.Shapes.Times.Ptr(g.LastUse),
		})
	}
	if h.Shapes.BareLists {
		return web.WriteJSON(w, http.StatusOK, out.Grants)
	}
	return web.WriteJSON(w, http.StatusOK, out)
}

// withdrawGrant is DELETE /auth/grants/{grant_id}.
func (h *Handler) withdrawGrant(w http.ResponseWriter, r *http.Request) error {
	err := h.Consents.Withdraw(r.Context(), web.PrincipalFrom(r.Context()).Subject, r.PathValue("grant_id"))
	if err != nil {
		return err
	}
	return web.WriteJSON(w, http.StatusOK, shape.Message{Message: "Access withdrawn"})
}
