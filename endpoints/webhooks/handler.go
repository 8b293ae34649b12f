// Package webhooks serves webhooks: those of the system below /admin/v1/webhooks,
// for operators, and those of an organization below /organizations/{org_id}/webhooks,
// for who runs it. Both are the same routes; a place says whose they are.
package webhooks

import (
	"context"
	"net/http"
	"strconv"

	"github.com/google/uuid"

	"github.com/signet-idp/signet/endpoints/shape"
	"github.com/signet-idp/signet/endpoints/web"
	"github.com/signet-idp/signet/provider/directory"
	"github.com/signet-idp/signet/provider/fault"
	"github.com/signet-idp/signet/provider/webhook"
	"github.com/signet-idp/signet/storage"
)

// Handler serves the routes.
type Handler struct {
	Directory *directory.Directory
	Webhooks  *webhook.Service
	Shape     shape.Options
}

// place is where webhooks are served, and whose they are there.
type place struct {
	base, tag, prefix string
	// read and write are the permissions that the routes ask for.
	read, write string
	// owner is the organization that is meant, empty for the system, if the
	// caller may do permission there.
	owner func(r *http.Request, permission string) (organizationID string, err error)
	// complete adds to a row what all rows of the place have.
	complete func(r *web.Route)
}

// Mount adds the routes.
func (h *Handler) Mount(t *web.Table) {
	for _, p := range []place{h.system(), h.organization()} {
		t.Add(h.routes(p)...)
		t.Add(h.deliveryRoutes(p)...)
	}
}

func (h *Handler) system() place {
	return place{
		base: "/admin/v1/webhooks", tag: "Operators: webhooks", prefix: "admin", read: "read:system:webhooks", write: "write:system:webhooks",
		owner: func(r *http.Request, permission string) (string, error) {
			by, err := h.Directory.Holder(r.Context(), shape.CallerOf(r.Context()), "")
			if err != nil {
				return "", err
			}
			may, err := h.Directory.May(r.Context(), by, permission)
			if err == nil && !may {
				err = fault.New(fault.Forbidden, "this needs the system permission "+permission)
			}
			return "", err
		},
		complete: func(r *web.Route) {
			r.Auth, r.RateClass = web.Bearer("admin"), web.RateAdmin
			r.Errors = append(r.Errors, "AUTH_002", "AUTH_005", "AUTH_006", "AUTH_010", "AUTH_011", "SRV_002")
		},
	}
}

func (h *Handler) organization() place {
	return place{
		base: "/organizations/{org_id}/webhooks", tag: "Organizations", read: "read:webhooks", write: "write:webhooks",
		owner: func(r *http.Request, permission string) (string, error) {
			o, _, err := h.Directory.Organization(r.Context(), shape.CallerOf(r.Context()), r.PathValue("org_id"), permission)
			return o.ID, err
		},
		complete: func(r *web.Route) {
			r.Auth, r.Legacy, r.CORS, r.RateClass = web.BearerOneOf("organizations", "admin"), true, web.CORSClient, web.RateWrite
			if r.Methods[0] == http.MethodGet {
				r.RateClass = web.RateRead
			}
			r.Errors = append(r.Errors, "AUTH_002", "AUTH_004", "AUTH_005", "AUTH_006", "AUTH_010", "AUTH_011", "ORG_001", "SRV_002")
		},
	}
}

// act does what a route is for to the webhooks of an organization, or of the
// system (empty).
type act func(w http.ResponseWriter, r *http.Request, organizationID string) error

// route completes a row: whose webhooks they are, and who may.
func (p place) route(permission, name string, do act, r web.Route) web.Route {
	r.Name, r.Tags, r.Path = name, []string{p.tag}, p.base+r.Path
	if p.prefix != "" {
		r.Name = p.prefix + name
	} else {
		r.Name = string(name[0]|0x20) + name[1:]
	}
	r.Summary += " (" + permission + ")"
	p.complete(&r)
	r.Handler = func(w http.ResponseWriter, req *http.Request) error {
		id, err := p.owner(req, permission)
		if err != nil {
			return err
		}
		web.NoStore(w)
		return do(w, req, id)
	}
	return r
}

func (h *Handler) routes(p place) []web.Route {
	get, post, one := []string{http.MethodGet}, []string{http.MethodPost}, "/{webhook_id}"
	return []web.Route{
		p.route(p.read, "ListWebhooks", h.list, web.Route{
			Summary: "The webhooks", Methods: get, Response: web.TypeOf[Webhooks](),
		}),
		p.route(p.write, "CreateWebhook", h.create, web.Route{
			Summary: "Be told of events; the answer has the secret, this once", Methods: post, Idempotent: true,
			Request: web.TypeOf[CreateWebhook](), Response: web.TypeOf[NewWebhook](), Status: http.StatusCreated, Errors: []string{"REQ_001", "REQ_004"},
		}),
		p.route(p.read, "GetWebhook", h.get, web.Route{
			Summary: "A webhook", Methods: get, Path: one, Response: web.TypeOf[Webhook](), Errors: []string{"REQ_003"},
		}),
		p.route(p.write, "UpdateWebhook", h.update, web.Route{
			Summary: "Change, disable or enable a webhook", Methods: []string{http.MethodPatch}, Path: one,
			Request: web.TypeOf[PatchWebhook](), Response: web.TypeOf[Webhook](), Errors: []string{"REQ_001", "REQ_003", "REQ_004", "REQ_007"},
		}),
		p.route(p.write, "DeleteWebhook", h.remove, web.Route{
			Summary: "Remove a webhook with what waits for it", Methods: []string{http.MethodDelete}, Path: one,
			Status: http.StatusNoContent, Errors: []string{"REQ_003", "REQ_004"},
		}),
		p.route(p.write, "RotateWebhookSecret", h.rotate, web.Route{
			Summary: "Give a webhook a new secret; the old one signs too for a while", Methods: post, Path: one + "/rotate-secret",
			Request: web.TypeOf[RotateSecret](), Response: web.TypeOf[NewWebhook](), Errors: []string{"REQ_001", "REQ_003", "REQ_004"},
		}),
		p.route(p.write, "TestWebhook", h.test, web.Route{
			Summary: "Send a message that says nothing, and see what comes of it", Methods: post, Path: one + "/test",
			Response: web.TypeOf[TestResult](), Errors: []string{"REQ_003"},
		}),
	}
}

// Webhook is an address that is told of events.
type Webhook struct {
	ID             string   `json:"id"`
	OrganizationID *string  `json:"organization_id"` // null: the system's
	URL            string   `json:"url"`
	Events         []string `json:"events"`
	Description    string   `json:"description"`
	Status         string   `json:"status" enum:"enabled,disabled"`
	Reason         *string  `json:"reason" doc:"Why it is disabled: operator, gone, failing, backlog."`
	FailingSince   *string  `json:"failing_since"`    // null: the last attempt succeeded
	PausedUntil    *string  `json:"paused_until"`     // null: nobody was silent
	OldSecretUntil *string  `json:"old_secret_until"` // null: one secret signs
	Version        int64    `json:"version"`
	CreatedAt      *string  `json:"created_at"`
	UpdatedAt      *string  `json:"updated_at"`
}

// NewWebhook is a webhook with its secret, which is shown this once.
type NewWebhook struct {
	Webhook
	Secret string `json:"secret" doc:"whsec_ and base64: what Standard Webhooks libraries take."`
}

// Webhooks lists all of them: they are few.
type Webhooks struct {
	Webhooks   []Webhook `json:"webhooks"`
	TotalCount int64     `json:"total_count"`
}

func (h *Handler) webhook(w storage.Webhook) Webhook {
	t := h.Shape.Times
	return Webhook{
		ID: w.ID, OrganizationID: optional(w.OrganizationID), URL: w.URL, Events: shape.List(w.Events), Description: w.Description,
		Status: string(w.Status), Reason: optional(w.Reason), FailingSince: t.Ptr(w.FailingSince), PausedUntil: t.Ptr(w.PausedUntil),
		OldSecretUntil: t.Ptr(w.OldUntil), Version: w.Version, CreatedAt: t.Ptr(w.CreatedAt), UpdatedAt: t.Ptr(w.UpdatedAt),
	}
}

func optional(s string) *string {
	if s == "" {
		return nil
	}
	return &s
}

func (h *Handler) list(w http.ResponseWriter, r *http.Request, organizationID string) error {
	list, err := h.Webhooks.List(r.Context(), organizationID)
	if err != nil {
		return err
	}
	out := Webhooks{Webhooks: []Webhook{}, TotalCount: int64(len(list))}
	for _, hook := range list {
		out.Webhooks = append(out.Webhooks, h.webhook(hook))
	}
	return web.WriteJSON(w, http.StatusOK, out)
}

// CreateWebhook is a webhook to make.
type CreateWebhook struct {
	URL         string   `json:"url" required:"true" format:"uri" doc:"https; who answers there is told."`
	Events      []string `json:"events" required:"true" doc:"Types of events: names such as user.created, user.* for all of a noun, * for all."`
	Description string   `json:"description"`
}

func (h *Handler) create(w http.ResponseWriter, r *http.Request, organizationID string) error {
	var in CreateWebhook
	if err := web.Decode(r, &in); err != nil {
		return err
	}
	hook, secret, err := h.Webhooks.Create(r.Context(), organizationID, webhook.Registration{URL: in.URL, Events: in.Events, Description: in.Description})
	if err != nil {
		return err
	}
	w.Header().Set("Location", r.URL.Path+"/"+hook.ID)
	return write(w, http.StatusCreated, hook, NewWebhook{Webhook: h.webhook(hook), Secret: secret})
}

// write answers with an object and its version as its tag.
func write(w http.ResponseWriter, status int, hook storage.Webhook, v any) error {
	w.Header().Set("ETag", `"`+strconv.FormatInt(hook.Version, 10)+`"`)
	return web.WriteJSON(w, status, v)
}

// webhookID reads an id that can be one.
func webhookID(r *http.Request) (string, error) {
	id := r.PathValue("webhook_id")
	if len(id) != 36 || uuid.Validate(id) != nil {
		return "", fault.New(fault.NotFound, "there is no such webhook")
	}
	return id, nil
}

func (h *Handler) get(w http.ResponseWriter, r *http.Request, organizationID string) error {
	id, err := webhookID(r)
	if err != nil {
		return err
	}
	hook, err := h.Webhooks.Get(r.Context(), organizationID, id)
	if err != nil {
		return err
	}
	return write(w, http.StatusOK, hook, h.webhook(hook))
}

// PatchWebhook changes a webhook; what is left out stays.
type PatchWebhook struct {
	URL         *string   `json:"url" format:"uri"`
	Events      *[]string `json:"events"`
	Description *string   `json:"description"`
	Status      *string   `json:"status" enum:"enabled,disabled"`
}

func (h *Handler) update(w http.ResponseWriter, r *http.Request, organizationID string) error {
	id, err := webhookID(r)
	if err != nil {
		return err
	}
	version, err := web.IfMatch(r)
	if err != nil {
		return err
	}
	var in PatchWebhook
	if err := web.Decode(r, &in); err != nil {
		return err
	}
	p := webhook.Patch{Version: version, URL: in.URL, Events: in.Events, Description: in.Description}
	if in.Status != nil {
		enabled := *in.Status == string(storage.WebhookEnabled)
		if !enabled && *in.Status != string(storage.WebhookDisabled) {
			return fault.Field("status", "write enabled or disabled")
		}
		p.Enabled = &enabled
	}
	hook, err := h.Webhooks.Update(r.Context(), organizationID, id, p)
	if err != nil {
		return err
	}
	return write(w, http.StatusOK, hook, h.webhook(hook))
}

func (h *Handler) remove(w http.ResponseWriter, r *http.Request, organizationID string) error {
	id, err := webhookID(r)
	if err != nil {
		return err
	}
	if err := h.Webhooks.Delete(r.Context(), organizationID, id, "operator"); err != nil {
		return err
	}
	return web.NoContent(w)
}

// RotateSecret says what becomes of the old secret.
type RotateSecret struct {
	Overlap *int64 `json:"overlap" doc:"Seconds for which the old secret signs too: 86400 by default, at most 30 days; 0: it ends now."`
}

func (h *Handler) rotate(w http.ResponseWriter, r *http.Request, organizationID string) error {
	id, err := webhookID(r)
	if err != nil {
		return err
	}
	var in RotateSecret
	if _, err := web.DecodeOptional(r, &in); err != nil {
		return err
	}
	overlap := webhook.DefaultOverlap
	if in.Overlap != nil {
		if overlap, err = seconds("overlap", *in.Overlap); err != nil {
			return err
		}
	}
	hook, secret, err := h.Webhooks.Rotate(r.Context(), organizationID, id, overlap)
	if err != nil {
		return err
	}
	return write(w, http.StatusOK, hook, NewWebhook{Webhook: h.webhook(hook), Secret: secret})
}

// TestResult is what came of a test message.
type TestResult struct {
	ID         string  `json:"id"` // the webhook-id of the message
	Delivered  bool    `json:"delivered"`
	Status     *int64  `json:"status"` // of the answer; null: there was none
	Error      *string `json:"error"`
	DurationMS int64   `json:"duration_ms"`
}

func (h *Handler) test(w http.ResponseWriter, r *http.Request, organizationID string) error {
	id, err := webhookID(r)
	if err != nil {
		return err
	}
	// Whoever goes away meanwhile still has it sent once, whole.
	got, err := h.Webhooks.Test(context.WithoutCancel(r.Context()), organizationID, id)
	if err != nil {
		return err
	}
	return web.WriteJSON(w, http.StatusOK, TestResult{
		ID: got.ID, Delivered: got.Delivered, Status: number(int64(got.Status)), Error: optional(got.Problem), DurationMS: got.Took.Milliseconds(),
	})
}

func number(n int64) *int64 {
	if n == 0 {
		return nil
	}
	return &n
}
