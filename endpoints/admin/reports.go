package admin

import (
	"net/http"
	"time"

	"github.com/signet-idp/signet/endpoints/shape"
	"github.com/signet-idp/signet/endpoints/web"
	"github.com/signet-idp/signet/provider/access"
	"github.com/signet-idp/signet/provider/fault"
	"github.com/signet-idp/signet/provider/report"
)

// reportTime is how long a report may take: some read the whole record.
const reportTime = time.Minute

func (h *Handler) reports() []web.Route {
	var out []web.Route
	for _, one := range []struct {
		name, path, summary, permission string
		do                              func(r *http.Request) (report.Report, error)
		route                           web.Route
	}{
		{
			"adminReportAccess", "access-review", "Who has which role, since when, given by whom, and last signed in", "read:system:users",
			h.accessReview,
			web.Route{Query: web.TypeOf[ReportScope](), Errors: []string{"REQ_001", "ORG_001"}},
		},
		{
			"adminReportSOC2", report.SOC2, "What the record shows for the Trust Services Criteria (SOC 2)", "read:system:events",
			h.evidence(report.SOC2),
			web.Route{Query: web.TypeOf[ReportPeriod](), Errors: []string{"REQ_001", "ORG_001"}},
		},
		{
			"adminReportHIPAA", report.HIPAA, "What the record shows for the HIPAA Security Rule", "read:system:events",
			h.evidence(report.HIPAA),
			web.Route{Query: web.TypeOf[ReportPeriod](), Errors: []string{"REQ_001", "ORG_001"}},
		},
		{
			"adminReportErasure", "erasure", "What is left of a person who was erased", "read:system:users",
			h.erasure,
			web.Route{Query: web.TypeOf[ReportPerson](), Errors: []string{"REQ_001", "USER_001"}},
		},
	} {
		for _, format := range shape.ReportFormats() {
			r := one.route
			r.Name, r.Path, r.Summary, r.Tags = one.name, "/admin/v1/reports/"+one.path, one.summary, []string{"Operators: reports"}
			r.Methods, r.Timeout = []string{http.MethodGet}, reportTime
			out = append(out, h.route(one.permission, func(w http.ResponseWriter, req *http.Request, _ access.Holder) error {
				made, err := one.do(req)
				if err != nil {
					return err
				}
				return format.Write(w, made)
			}, format.Route(r)))
		}
	}
	return out
}

// ReportScope is the query of a report on things as they are.
type ReportScope struct {
	OrganizationID string `json:"organization_id" doc:"Only this organization; the whole system by default."`
}

// ReportPeriod is the query of a report on what happened.
type ReportPeriod struct {
	OrganizationID string `json:"organization_id" doc:"Only this organization; the whole system by default."`
	From           string `json:"from" doc:"The first day (2026-01-31, UTC); a year before to by default."`
	To             string `json:"to" doc:"The last day; until now by default."`
}

// ReportPerson is the query of a report on one person.
type ReportPerson struct {
	UserID string `json:"user_id"`
}

func (h *Handler) accessReview(r *http.Request) (report.Report, error) {
	organization, err := h.organizationOfQuery(r)
	if err != nil {
		return report.Report{}, err
	}
	return h.Reports.Access(r.Context(), organization)
}

func (h *Handler) organizationOfQuery(r *http.Request) (string, error) {
	idOrSlug := r.URL.Query().Get("organization_id")
	if idOrSlug == "" {
		return "", nil
	}
	o, err := h.organization(r.Context(), idOrSlug)
	return o.ID, err
}

func (h *Handler) evidence(framework string) func(r *http.Request) (report.Report, error) {
	return func(r *http.Request) (report.Report, error) {
		organization, err := h.organizationOfQuery(r)
		if err != nil {
			return report.Report{}, err
		}
		from, err := shape.ReadDay(r.URL.Query(), "from")
		if err != nil {
			return report.Report{}, err
		}
		to, err := shape.ReadDay(r.URL.Query(), "to")
		if err != nil {
			return report.Report{}, err
		}
		if !to.IsZero() {
			to = to.Truncate(24*time.Hour).AddDate(0, 0, 1)
		}
		return h.Reports.Evidence(r.Context(), framework, organization, from.Truncate(24*time.Hour), to)
	}
}

func (h *Handler) erasure(r *http.Request) (report.Report, error) {
	id := r.URL.Query().Get("user_id")
	if !isID(id) {
		return report.Report{}, fault.Field("query.user_id", "write the id of a person")
	}
	return h.Reports.Erasure(r.Context(), id)
}
