package audit

import (
	"context"
	"math"
	"net/http"
	"net/url"
	"strconv"
	"time"

	"github.com/signet-idp/signet/endpoints/shape"
	"github.com/signet-idp/signet/endpoints/web"
	"github.com/signet-idp/signet/provider/audit"
	"github.com/signet-idp/signet/provider/event"
	"github.com/signet-idp/signet/provider/fault"
)

// The system permissions that the routes ask for.
const (
	readRecord = "read:system:events"
	writeHolds = "write:system:policies"
)

const (
	defaultLimit = 100
	// exportTime bounds an export; who wants more asks on, or uses the command line.
	exportTime = 10 * time.Minute
	// slowReader is how long an export's reader may take to accept a page.
	slowReader = 30 * time.Second
)

// Query is what can be asked for.
type Query struct {
	Type         string `json:"type" doc:"Of this type, such as user.login."`
	Actor        string `json:"actor" doc:"Done by this user, client or system."`
	Subject      string `json:"subject" doc:"About this id."`
	Organization string `json:"organization" doc:"That happened in this organization (its id)."`
	From         string `json:"from" format:"date-time" doc:"From this time on (RFC 3339)."`
	To           string `json:"to" format:"date-time" doc:"Before this time (RFC 3339)."`
	After        int64  `json:"after" doc:"The next_after of the answer before; 0, the default, is the beginning."`
	Limit        int    `json:"limit" doc:"How many entries at most: 1 to 500, 100 by default."`
}

// OrganizationQuery is Query within one organization.
type OrganizationQuery struct {
	Type    string `json:"type" doc:"Of this type, such as organization.role_changed."`
	Actor   string `json:"actor" doc:"Done by this user, client or system."`
	Subject string `json:"subject" doc:"About this id."`
	From    string `json:"from" format:"date-time" doc:"From this time on (RFC 3339)."`
	To      string `json:"to" format:"date-time" doc:"Before this time (RFC 3339)."`
	After   int64  `json:"after" doc:"The next_after of the answer before; 0, the default, is the beginning."`
	Limit   int    `json:"limit" doc:"How many entries at most: 1 to 500, 100 by default."`
}

// ExportQuery is Query for an export.
type ExportQuery struct {
	Format string `json:"format" enum:"jsonl,csv" doc:"JSON lines, the default, or CSV with a header, of which no cell is a formula."`
	Query
}

// List is a stretch of the record.
type List struct {
	Entries   []audit.Entry `json:"entries"`
	NextAfter int64         `json:"next_after" doc:"What to ask for after next: the seq of the last entry, or what was asked for."`
}

func (h *Handler) routes() []web.Route {
	get, tags := []string{http.MethodGet}, []string{"Audit"}
	refused := []string{"AUTH_002", "AUTH_005", "AUTH_006", "AUTH_010", "AUTH_011", "REQ_001", "SRV_002"}
	return []web.Route{
		{
			Name: "adminListAudit", Summary: "The record of events, filtered (read:system:events)", Tags: tags, Methods: get, Path: "/admin/v1/audit",
			Auth: web.Bearer("admin"), RateClass: web.RateAdmin, Handler: h.list, Query: web.TypeOf[Query](), Response: web.TypeOf[List](), Errors: refused,
		},
		{
			Name: "adminExportAudit", Summary: "The record of events as a file (read:system:events)", Tags: tags, Methods: get, Path: "/admin/v1/audit/export",
			Auth: web.Bearer("admin"), RateClass: web.RateAdmin, Handler: h.export, Timeout: exportTime,
			Query: web.TypeOf[ExportQuery](), Response: web.TypeOf[string](), Produces: "application/jsonl", Errors: refused,
		},
		{
			Name: "listOrganizationAudit", Summary: "What happened in an organization (read:events)", Tags: tags, Methods: get, Path: "/organizations/{org_id}/audit",
			Legacy: true, Auth: web.BearerOneOf("organizations", "admin"), CORS: web.CORSClient, RateClass: web.RateRead, Handler: h.listOrganization,
			Query: web.TypeOf[OrganizationQuery](), Response: web.TypeOf[List](),
			Errors: []string{"AUTH_002", "AUTH_004", "AUTH_005", "AUTH_006", "AUTH_010", "AUTH_011", "ORG_001", "REQ_001", "SRV_002"},
		},
	}
}

// may says no to who lacks a system permission.
func (h *Handler) may(ctx context.Context, permission string) error {
	by, err := h.Directory.Holder(ctx, shape.CallerOf(ctx), "")
	if err != nil {
		return err
	}
	may, err := h.Directory.May(ctx, by, permission)
	if err == nil && !may {
		err = fault.New(fault.Forbidden, "this needs the system permission "+permission)
	}
	return err
}

func (h *Handler) list(w http.ResponseWriter, r *http.Request) error {
	if err := h.may(r.Context(), readRecord); err != nil {
		return err
	}
	f, err := readFilter(r.URL.Query(), true)
	if err != nil {
		return err
	}
	return h.answer(w, r, f)
}

// listOrganization is GET /organizations/{org_id}/audit: what happened there,
// for those who run it.
func (h *Handler) listOrganization(w http.ResponseWriter, r *http.Request) error {
	o, _, err := h.Directory.Organization(r.Context(), shape.CallerOf(r.Context()), r.PathValue("org_id"), "read:events")
	if err != nil {
		return err
	}
	f, err := readFilter(r.URL.Query(), false)
	if err != nil {
		return err
	}
	f.Organization = o.ID
	return h.answer(w, r, f)
}

func (h *Handler) answer(w http.ResponseWriter, r *http.Request, f audit.Filter) error {
	entries, err := audit.Query(r.Context(), h.Store, f)
	if err != nil {
		return err
	}
	out := List{Entries: entries, NextAfter: f.After}
	if n := len(entries); n > 0 {
		out.NextAfter = entries[n-1].Seq
	}
	web.NoStore(w)
	return web.WriteJSON(w, http.StatusOK, out)
}

// export is GET /admin/v1/audit/export: page by page, as the reader takes it.
func (h *Handler) export(w http.ResponseWriter, r *http.Request) error {
	if err := h.may(r.Context(), readRecord); err != nil {
		return err
	}
	q := r.URL.Query()
	f, err := readFilter(q, true)
	if err != nil {
		return err
	}
	format := audit.Format(q.Get("format"))
	if format == "" {
		format = audit.JSONLines
	}
	media := map[audit.Format]string{audit.JSONLines: "application/jsonl", audit.CSV: "text/csv; charset=utf-8; header=present"}[format]
	if media == "" || len(q["format"]) > 1 {
		return fault.Field("query.format", "there are the formats jsonl and csv")
	}
	most := int64(math.MaxInt64)
	if len(q["limit"]) > 0 {
		most = int64(f.Limit)
	}
	f.Limit = audit.MaxLimit
	// The first page comes before the status: an error there is still told.
	page, err := audit.Query(r.Context(), h.Store, f)
	if err != nil {
		return err
	}
	web.NoStore(w)
	w.Header().Set("Content-Type", media)
	w.Header().Set("Content-Disposition", `attachment; filename="audit.`+string(format)+`"`)
	w.WriteHeader(http.StatusOK)
	out, err := audit.NewWriter(w, format)
	if err != nil {
		return err
	}
	control := http.NewResponseController(w)
	for {
		page = page[:min(int64(len(page)), most)]
		most -= int64(len(page))
		_ = control.SetWriteDeadline(h.Clock.Now().Add(slowReader)) // not on every listener
		if err := out.Write(page); err != nil {
			return err
		}
		if len(page) < audit.MaxLimit || most == 0 {
			return nil
		}
		_ = control.Flush()
		f.After = page[len(page)-1].Seq
		if page, err = audit.Query(r.Context(), h.Store, f); err != nil {
			return err
		}
	}
}

func readFilter(q url.Values, organizations bool) (audit.Filter, error) {
	var f audit.Filter
	var fields []fault.FieldError
	wrong := func(name, message string) {
		fields = append(fields, fault.FieldError{Field: "query." + name, Message: message})
	}
	word := func(name string, fits func(string) bool, message string) string {
		v := q.Get(name)
		if len(q[name]) > 1 || !fits(v) {
			wrong(name, message)
		}
		return v
	}
	number := func(name string, low, high, def int64) int64 {
		if len(q[name]) == 0 {
			return def
		}
		n, err := strconv.ParseInt(q.Get(name), 10, 64)
		if err != nil || len(q[name]) > 1 || n < low || n > high {
			wrong(name, "write a number from "+strconv.FormatInt(low, 10)+" to "+strconv.FormatInt(high, 10))
		}
		return n
	}
	moment := func(name string) time.Time {
		if len(q[name]) == 0 {
			return time.Time{}
		}
		t, err := time.Parse(time.RFC3339, q.Get(name))
		if err != nil || len(q[name]) > 1 {
			wrong(name, "write a time such as 2026-03-01T12:00:00Z")
		}
		return t.UTC()
	}
	const id = "an id is up to 255 visible characters without @"
	f.Type = word("type", event.Enumeration, "a type is written user.login")
	f.Actor, f.Subject = word("actor", event.Identifier, id), word("subject", subject, "a subject is an id, or the identifier of a resource")
	if organizations {
		f.Organization = word("organization", event.Identifier, id)
	}
	f.From, f.To = moment("from"), moment("to")
	f.After, f.Limit = number("after", 0, math.MaxInt64, 0), int(number("limit", 1, audit.MaxLimit, defaultLimit))
	if len(fields) > 0 {
		return f, &fault.Error{Code: fault.Invalid, Message: "the query is not valid", Fields: fields}
	}
	return f, nil
}

// subject says whether an event may be about s.
func subject(s string) bool {
	for i := range len(s) {
		if s[i] <= ' ' || s[i] > '~' {
			return false
		}
	}
	return len(s) <= event.MaxURI
}
