package admin

import (
	"net/http"

	"github.com/signet-idp/signet/endpoints/shape"
	"github.com/signet-idp/signet/endpoints/web"
	"github.com/signet-idp/signet/provider/access"
)

// factors are the second factors of a person, for who has made sure who asks.
func (h *Handler) factors() []web.Route {
	tags, path := []string{"Operators: users"}, "/admin/v1/users/{user_id}/mfa"
	return []web.Route{
		h.route("read:system:users", h.listFactors, web.Route{
			Name: "adminListFactors", Summary: "The second factors of a person", Tags: tags, Methods: []string{http.MethodGet}, Path: path,
			Response: web.TypeOf[shape.Methods](), Errors: []string{"USER_001"},
		}),
		h.route("write:system:users", h.resetFactors, web.Route{
			Name: "adminResetFactors", Summary: "Remove every second factor of a person, who is told", Tags: tags, Methods: []string{http.MethodDelete}, Path: path,
			Query: web.TypeOf[Removal](), Response: web.TypeOf[FactorsReset](), Errors: []string{"USER_001"},
		}),
	}
}

func (h *Handler) listFactors(w http.ResponseWriter, r *http.Request, _ access.Holder) error {
	id, err := userID(r)
	if err != nil {
		return err
	}
	if _, err := h.Directory.Account(r.Context(), id, ""); err != nil {
		return err
	}
	list, err := h.Factors.Methods(r.Context(), id)
	if err != nil {
		return err
	}
	return web.WriteJSON(w, http.StatusOK, h.Shape.MethodsOf(list))
}

// FactorsReset says how many second factors there were.
type FactorsReset struct {
	UserID  string `json:"user_id"`
	Removed int    `json:"methods_removed"`
}

func (h *Handler) resetFactors(w http.ResponseWriter, r *http.Request, by access.Holder) error {
	id, err := userID(r)
	if err != nil {
		return err
	}
	n, err := h.Operator.ResetFactors(r.Context(), by, id, r.URL.Query().Get("reason"))
	if err != nil {
		return err
	}
	return web.WriteJSON(w, http.StatusOK, FactorsReset{UserID: id, Removed: n})
}
