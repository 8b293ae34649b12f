package audit

import (
	"net/http"

	"github.com/signet-idp/signet/endpoints/web"
	"github.com/signet-idp/signet/storage"
)

// HoldRequest is a hold to add.
type HoldRequest struct {
	Kind   string `json:"kind" enum:"all,subject,organization" doc:"What is held: all events, those about or by a subject, or those of an organization."`
	Value  string `json:"value" doc:"The id of the subject or organization; left out for all."`
	Reason string `json:"reason" doc:"A reference, such as a case number, without spaces."`
}

// Hold is a legal hold.
type Hold struct {
	ID        string  `json:"id"`
	Kind      string  `json:"kind" enum:"all,subject,organization"`
	Value     string  `json:"value"`
	Reason    string  `json:"reason"`
	CreatedBy string  `json:"created_by"`
	CreatedAt *string `json:"created_at" format:"date-time"`
}

// Holds is all of them.
type Holds struct {
	Holds []Hold `json:"holds"`
}

func (h *Handler) holdRoutes() []web.Route {
	const path = "/admin/v1/audit/holds"
	refused := []string{"AUTH_002", "AUTH_005", "AUTH_006", "AUTH_010", "AUTH_011", "SRV_002"}
	route := func(r web.Route) web.Route {
		r.Tags, r.Auth, r.RateClass = []string{"Audit"}, web.Bearer("admin"), web.RateAdmin
		r.Errors = append(r.Errors, refused...)
		return r
	}
	return []web.Route{
		route(web.Route{
			Name: "adminListHolds", Summary: "The legal holds (" + readRecord + ")", Methods: []string{http.MethodGet}, Path: path,
			Handler: h.listHolds, Response: web.TypeOf[Holds](),
		}),
		route(web.Route{
			Name: "adminAddHold", Summary: "Keep events from being removed (" + writeHolds + ")", Methods: []string{http.MethodPost}, Path: path,
			Handler: h.addHold, Request: web.TypeOf[HoldRequest](), Response: web.TypeOf[Hold](), Status: http.StatusCreated, Errors: []string{"REQ_001", "REQ_004"},
		}),
		route(web.Route{
			Name: "adminRemoveHold", Summary: "Lift a legal hold (" + writeHolds + ")", Methods: []string{http.MethodDelete}, Path: path + "/{hold_id}",
			Handler: h.removeHold, Response: web.TypeOf[Hold](), Errors: []string{"REQ_003", "REQ_004"},
		}),
	}
}

func (h *Handler) hold(x storage.Hold) Hold {
	return Hold{x.ID, string(x.Kind), x.Value, x.Reason, x.CreatedBy, h.Shape.Times.Ptr(x.CreatedAt)}
}

func (h *Handler) listHolds(w http.ResponseWriter, r *http.Request) error {
	if err := h.may(r.Context(), readRecord); err != nil {
		return err
	}
	list, err := h.Holds.List(r.Context())
	if err != nil {
		return err
	}
	out := Holds{Holds: []Hold{}}
	for _, x := range list {
		out.Holds = append(out.Holds, h.hold(x))
	}
	web.NoStore(w)
	return web.WriteJSON(w, http.StatusOK, out)
}

func (h *Handler) addHold(w http.ResponseWriter, r *http.Request) error {
	if err := h.may(r.Context(), writeHolds); err != nil {
		return err
	}
	var in HoldRequest
	if err := web.Decode(r, &in); err != nil {
		return err
	}
	x, err := h.Holds.Add(r.Context(), storage.HoldKind(in.Kind), in.Value, in.Reason)
	if err != nil {
		return err
	}
	web.NoStore(w)
	return web.WriteJSON(w, http.StatusCreated, h.hold(x))
}

func (h *Handler) removeHold(w http.ResponseWriter, r *http.Request) error {
	if err := h.may(r.Context(), writeHolds); err != nil {
		return err
	}
	x, err := h.Holds.Remove(r.Context(), r.PathValue("hold_id"))
	if err != nil {
		return err
	}
	web.NoStore(w)
	return web.WriteJSON(w, http.StatusOK, h.hold(x))
}
