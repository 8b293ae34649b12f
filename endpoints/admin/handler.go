package admin

import (
	"context"
	"net/http"
	"strconv"

	"github.com/google/uuid"

	"github.com/signet-idp/signet/endpoints/shape"
	"github.com/signet-idp/signet/endpoints/web"
	"github.com/signet-idp/signet/internal/clock"
	"github.com/signet-idp/signet/keys"
	"github.com/signet-idp/signet/provider/access"
	"github.com/signet-idp/signet/provider/client"
	"github.com/signet-idp/signet/provider/directory"
	"github.com/signet-idp/signet/provider/fault"
	"github.com/signet-idp/signet/provider/figures"
	"github.com/signet-idp/signet/provider/mfa"
	"github.com/signet-idp/signet/provider/operator"
	"github.com/signet-idp/signet/provider/org"
	"github.com/signet-idp/signet/provider/report"
	"github.com/signet-idp/signet/storage"
)

// Store is what the lists read.
type Store interface {
	storage.OrganizationLists
	QueryUsers(ctx context.Context, q storage.UserQuery) ([]storage.User, error)
	CountUsers(ctx context.Context, q storage.UserQuery) (int64, error)
	MemberCounts(ctx context.Context, organizationIDs []string) (map[string]int64, error)
	CountMembers(ctx context.Context, q storage.MemberQuery) (int64, error)
	SessionsOf(ctx context.Context, userID string, limit int) ([]storage.Session, error)
	SystemRoles(ctx context.Context, userID string) ([]string, error)
}

// Keys rotates and revokes signing keys (*keys.Manager).
type Keys interface {
	Tick(ctx context.Context) error
	Snapshot() *keys.Snapshot
	Rotate(ctx context.Context, alg string) (keys.Change, error)
	Revoke(ctx context.Context, kid, reason string) (keys.Change, error)
}

// Factors lists second factors (*mfa.Service).
type Factors interface {
	Methods(ctx context.Context, userID string) (mfa.Methods, error)
}

// Handler serves the routes.
type Handler struct {
	Operator      *operator.Service
	Organizations *org.Service
	Clients       *client.Service
	Access        *access.Service
	Directory     *directory.Directory
	Store         Store
	Keys          Keys
	Factors       Factors
	Figures       *figures.Service
	Reports       *report.Service
	Shape         shape.Options
	Clock         clock.Clock
}

// Mount adds the routes.
func (h *Handler) Mount(t *web.Table) {
	for _, routes := range [][]web.Route{
		h.users(), h.accounts(), h.factors(), h.sessions(), h.roles(), h.organizations(), h.clients(), h.secrets(), h.resources(), h.keys(), h.analytics(), h.reports(),
	} {
		t.Add(routes...)
	}
}

// act is a handler that has been told what the caller holds.
type act func(w http.ResponseWriter, r *http.Request, by access.Holder) error

// route completes a row: the scope, the permission and what follows from them.
func (h *Handler) route(permission string, do act, r web.Route) web.Route {
	r.Summary += " (" + permission + ")"
	r.Auth, r.RateClass = web.Bearer("admin"), web.RateAdmin
	r.Errors = append(r.Errors, "AUTH_002", "AUTH_005", "AUTH_006", "AUTH_010", "AUTH_011", "SRV_002")
	r.Handler = func(w http.ResponseWriter, req *http.Request) error {
		by, err := h.Directory.Holder(req.Context(), shape.CallerOf(req.Context()), "")
		if err != nil {
			return err
		}
		if err := h.may(req.Context(), by, permission); err != nil {
			return err
		}
		web.NoStore(w)
		return do(w, req, by)
	}
	return r
}

func (h *Handler) may(ctx context.Context, by access.Holder, permission string) error {
	may, err := h.Directory.May(ctx, by, permission)
	if err == nil && !may {
		err = fault.New(fault.Forbidden, "this needs the system permission "+permission)
	}
	return err
}

// write answers with an object and its version as its tag.
func write(w http.ResponseWriter, status int, version int64, v any) error {
	w.Header().Set("ETag", `"`+strconv.FormatInt(version, 10)+`"`)
	return web.WriteJSON(w, status, v)
}

// ifMatch is the version that a change is meant for.
func ifMatch(r *http.Request) (operator.Version, error) {
	version, err := web.IfMatch(r)
	return operator.Version(version), err
}

// Removal is what a DELETE may be told.
type Removal struct {
	Reason string `json:"reason" doc:"An enumeration for the record; free text becomes other."`
}

func reason(r *http.Request) string { return given(r.URL.Query().Get("reason")) }

func given(reason string) string {
	if reason == "" {
		return "operator"
	}
	return reason
}

// userID reads an id that can be one.
func userID(r *http.Request) (string, error) {
	id := r.PathValue("user_id")
	if !isID(id) {
		return "", fault.New(fault.UserNotFound, "there is no such user")
	}
	return id, nil
}

func isID(id string) bool { return len(id) == 36 && uuid.Validate(id) == nil }

func optional(s string) *string {
	if s == "" {
		return nil
	}
	return &s
}

// Range is what every list here takes.
type Range struct {
	Page     int    `json:"page"`
	PageSize int    `json:"page_size"`
	Limit    int    `json:"limit"`
	Offset   int    `json:"offset"`
	Cursor   string `json:"cursor"`
}

// Page is what every list here says of itself.
type Page struct {
	TotalCount int64   `json:"total_count"`
	Page       int     `json:"page"`
	PageSize   int     `json:"page_size"`
	NextCursor *string `json:"next_cursor"`
}

// page describes a page of n items that ended with last.
func page(w http.ResponseWriter, r *http.Request, p web.Paging, total int64, n int, last string) Page {
	next := p.NextCursor(n, last)
	cursor := ""
	if next != nil {
		cursor = *next
	}
	p.Describe(w, r, total, cursor)
	return Page{TotalCount: total, Page: p.Page, PageSize: p.Size, NextCursor: next}
}
