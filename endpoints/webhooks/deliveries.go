package webhooks

import (
	"net/http"
	"strconv"
	"time"

	"github.com/google/uuid"

	"github.com/signet-idp/signet/endpoints/web"
	"github.com/signet-idp/signet/provider/fault"
	"github.com/signet-idp/signet/provider/webhook"
	"github.com/signet-idp/signet/storage"
)

func (h *Handler) deliveryRoutes(p place) []web.Route {
	const one = "/{webhook_id}"
	return []web.Route{
		p.route(p.read, "ListWebhookDeliveries", h.deliveries, web.Route{
			Summary: "What a webhook was or is to be sent, the newest first", Methods: []string{http.MethodGet}, Path: one + "/deliveries",
			Query: web.TypeOf[DeliveriesQuery](), Response: web.TypeOf[Deliveries](), Errors: []string{"REQ_001", "REQ_003"},
		}),
		p.route(p.write, "RetryWebhookDelivery", h.retry, web.Route{
			Summary: "Send an event again", Methods: []string{http.MethodPost}, Path: one + "/deliveries/{delivery_id}/retry",
			Response: web.TypeOf[Delivery](), Errors: []string{"REQ_003", "REQ_004"},
		}),
		p.route(p.write, "ReplayWebhook", h.replay, web.Route{
			Summary: "Send events of the past again, or for the first time", Methods: []string{http.MethodPost}, Path: one + "/replay",
			Request: web.TypeOf[Replay](), Response: web.TypeOf[Replayed](), Errors: []string{"REQ_001", "REQ_003", "REQ_004"},
		}),
	}
}

// DeliveriesQuery pages deliveries.
type DeliveriesQuery struct {
	State    string `json:"state" enum:"pending,delivered,dead"`
	PageSize int    `json:"page_size"`
	Cursor   string `json:"cursor"`
}

// Delivery is one event for one webhook.
type Delivery struct {
	ID        string  `json:"id"` // the event's: the webhook-id of every attempt
	WebhookID string  `json:"webhook_id"`
	Seq       int64   `json:"seq"`
	Type      string  `json:"type"`
	State     string  `json:"state" enum:"pending,delivered,dead"`
	Attempts  int64   `json:"attempts"`
	Status    *int64  `json:"status"` // of the last answer; null: there was none
	Error     *string `json:"error"`  // of the last attempt
	CreatedAt *string `json:"created_at"`
	DueAt     *string `json:"due_at"`     // of the next attempt
	SettledAt *string `json:"settled_at"` // delivered, or given up
}

// Deliveries is a page of deliveries.
type Deliveries struct {
	Deliveries []Delivery `json:"deliveries"`
	PageSize   int        `json:"page_size"`
	NextCursor *string    `json:"next_cursor"`
}

func (h *Handler) delivery(d storage.WebhookDelivery) Delivery {
	t := h.Shape.Times
	return Delivery{
		ID: d.EventID, WebhookID: d.WebhookID, Seq: d.Seq, Type: d.Type, State: string(d.State), Attempts: d.Attempts, Status: number(d.Status),
		Error: optional(d.Error), CreatedAt: t.Ptr(d.BegunAt), DueAt: t.Ptr(d.DueAt), SettledAt: t.Ptr(d.SettledAt),
	}
}

func (h *Handler) deliveries(w http.ResponseWriter, r *http.Request, organizationID string) error {
	id, err := webhookID(r)
	if err != nil {
		return err
	}
	p, q, err := deliveriesQuery(r)
	if err != nil {
		return err
	}
	list, err := h.Webhooks.Deliveries(r.Context(), organizationID, id, q)
	if err != nil {
		return err
	}
	out, last := Deliveries{Deliveries: []Delivery{}, PageSize: p.Size}, ""
	for _, d := range list {
		last = strconv.FormatInt(d.Seq, 10)
		out.Deliveries = append(out.Deliveries, h.delivery(d))
	}
	out.NextCursor = p.NextCursor(len(list), last)
	return web.WriteJSON(w, http.StatusOK, out)
}

func deliveriesQuery(r *http.Request) (web.Paging, storage.DeliveryQuery, error) {
	p, err := web.ReadPaging(r)
	q := storage.DeliveryQuery{State: storage.DeliveryState(r.URL.Query().Get("state")), Limit: p.Size}
	if err != nil {
		return p, q, err
	}
	switch q.State {
	case "", storage.DeliveryPending, storage.DeliveryDelivered, storage.DeliveryDead:
	default:
		return p, q, fault.Field("query.state", "write pending, delivered or dead")
	}
	if p.Offset > 0 {
		return p, q, fault.Field("query.page", "this list is read by cursor")
	}
	if p.Cursor != "" {
		if q.Before, err = strconv.ParseInt(p.Cursor, 10, 64); err != nil || q.Before < 1 {
			return p, q, fault.Field("query.cursor", "use the next_cursor of the answer before")
		}
	}
	return p, q, nil
}

func (h *Handler) retry(w http.ResponseWriter, r *http.Request, organizationID string) error {
	id, err := webhookID(r)
	if err != nil {
		return err
	}
	event := r.PathValue("delivery_id")
	if len(event) != 36 || uuid.Validate(event) != nil {
		return fault.New(fault.NotFound, "there is no such delivery")
	}
	d, err := h.Webhooks.Retry(r.Context(), organizationID, id, event)
	if err != nil {
		return err
	}
	return web.WriteJSON(w, http.StatusOK, h.delivery(d))
}

// Replay names a stretch of the record by seq: what is behind after, or from
// one event to another.
type Replay struct {
	After *int64 `json:"after" doc:"Everything behind this seq; 0: from the beginning."`
	From  *int64 `json:"from" doc:"The first seq, instead of after."`
	To    *int64 `json:"to" doc:"The last seq; left out: the newest."`
}

// Replayed is what was put in the queue.
type Replayed struct {
	From       int64  `json:"from"`
	To         int64  `json:"to"`
	Deliveries int64  `json:"deliveries"`
	NextAfter  *int64 `json:"next_after" doc:"The stretch was longer than one call takes: ask again with this as after."`
}

func (in Replay) stretch() (webhook.Range, error) {
	var out webhook.Range
	switch {
	case (in.After == nil) == (in.From == nil):
		return out, fault.Field("after", "write after, or from and to: the seq of events")
	case in.After != nil && (*in.After < 0 || *in.After >= maxSeq):
		return out, fault.Field("after", "the seq of an event, or 0")
	case in.After != nil:
		out.From = *in.After + 1
	default:
		out.From = *in.From
	}
	if in.To != nil {
		if out.To = *in.To; out.To < 1 {
			return out, fault.Field("to", "the seq of an event")
		}
	}
	return out, nil
}

// maxSeq bounds what one is added to.
const maxSeq = 1 << 60

func (h *Handler) replay(w http.ResponseWriter, r *http.Request, organizationID string) error {
	id, err := webhookID(r)
	if err != nil {
		return err
	}
	var in Replay
	if err := web.Decode(r, &in); err != nil {
		return err
	}
	stretch, err := in.stretch()
	if err != nil {
		return err
	}
	done, err := h.Webhooks.Replay(r.Context(), organizationID, id, stretch)
	if err != nil {
		return err
	}
	out := Replayed{From: done.From, To: done.To, Deliveries: done.Deliveries}
	if done.More {
		out.NextAfter = &done.To
	}
	return web.WriteJSON(w, http.StatusOK, out)
}

// seconds reads a time that is multiplied without overflow; what is allowed is
// less.
func seconds(field string, n int64) (time.Duration, error) {
	if n < 0 || n > int64(webhook.MaxOverlap/time.Second) {
		return 0, fault.Field(field, "a number of seconds from 0 to "+strconv.FormatInt(int64(webhook.MaxOverlap/time.Second), 10))
	}
	return time.Duration(n) * time.Second, nil
}
