package users

import (
	"net/http"

	"github.com/signet-idp/signet/endpoints/shape"
	"github.com/signet-idp/signet/endpoints/web"
)

// exports are the routes of GET /users/{user_id}/export, in every format.
func (h *Handler) exports(errors []string) []web.Route {
	var out []web.Route
	for _, format := range shape.ReportFormats() {
		out = append(out, format.Route(web.Route{
			Name: "exportUser", Summary: "Everything known of a person (GDPR Art. 15 and 20): for themself and administrators of the system",
			Methods: []string{http.MethodGet}, Path: "/users/{user_id}/export", Auth: web.BearerOneOf(scopeAccount, scopeAdmin),
			Handler: func(w http.ResponseWriter, r *http.Request) error {
				u, err := h.fully(r)
				if err != nil {
					return err
				}
				source := "admin"
				if c := shape.CallerOf(r.Context()); !c.Service && c.ID == u.ID {
					source = "self"
				}
				made, err := h.Reports.Person(r.Context(), u.ID, source)
				if err != nil {
					return err
				}
				web.NoStore(w)
				return format.Write(w, made)
			},
			RateClass: web.RateWrite, Errors: errors,
		}))
	}
	return out
}
