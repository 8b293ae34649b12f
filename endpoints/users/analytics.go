package users

import (
	"net/http"

	"github.com/signet-idp/signet/endpoints/shape"
	"github.com/signet-idp/signet/endpoints/web"
)

// analytics are the routes of GET /organizations/{org_id}/analytics.
func (h *Handler) analytics() []web.Route {
	var out []web.Route
	for _, one := range shape.Figures() {
		out = append(out, web.Route{
			Name: "organizationAnalytics" + one.Title, Summary: one.Summary + ", of an organization", Tags: []string{"Organizations"},
			Methods: []string{http.MethodGet}, Path: "/organizations/{org_id}/analytics/" + one.Name,
			Auth: web.BearerOneOf(scopeOrganizations, scopeAdmin), Handler: h.figure(one.Name),
			Query: web.TypeOf[shape.AnalyticsQuery](), Response: web.TypeOf[shape.Analytics](),
			Errors: []string{"AUTH_002", "AUTH_005", "AUTH_006", "AUTH_010", "AUTH_011", "ORG_001", "REQ_001"},
		})
	}
	return out
}

func (h *Handler) figure(name string) web.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) error {
		ctx := r.Context()
		o, _, err := h.Directory.Organization(ctx, shape.CallerOf(ctx), r.PathValue("org_id"), "read:dashboard")
		if err != nil {
			return err
		}
		q, err := shape.ReadQuestion(name, r.URL.Query())
		if err != nil {
			return err
		}
		q.Organization = o.ID
		out, err := shape.AnalyticsOf(ctx, h.Figures, q)
		if err != nil {
			return err
		}
		web.NoStore(w)
		return web.WriteJSON(w, http.StatusOK, out)
	}
}
