// Package events serves the record of what happened to services that read it
// here rather than from Kafka: GET /events, page by page or waiting for news.
package events

import (
	"context"
	"math"
	"net/http"
	"strconv"
	"sync/atomic"
	"time"

	"github.com/signet-idp/signet/endpoints/web"
	"github.com/signet-idp/signet/provider/event"
	"github.com/signet-idp/signet/provider/fault"
	"github.com/signet-idp/signet/storage"
)

// Bounds of a request.
const (
	defaultLimit = 100
	maxLimit     = 500
	maxWait      = 30 // seconds
	// maxWaiting is how many requests wait at once; further ones are answered
	// with what there is.
	maxWaiting = 1000
	// look is how often who waits looks without being told: another replica may
	// have sequenced.
	look = 500 * time.Millisecond
)

// Store is what the handler reads.
type Store interface {
	EventsAfter(ctx context.Context, after int64, limit int) ([]storage.Event, error)
	OrganizationEventsAfter(ctx context.Context, organization string, after int64, limit int) ([]storage.Event, error)
}

// Handler serves the record.
type Handler struct {
	Store         Store
	Origin        event.Origin
	News          *event.News
	Authenticator web.Authenticator // asked again for who has waited

	waiting atomic.Int64
}

// Query is the query of GET /events.
type Query struct {
	After int64 `json:"after" doc:"The next_after of the answer before; 0, the default, is the beginning."`
	Limit int   `json:"limit" doc:"How many events at most: 1 to 500, 100 by default."`
	Wait  int   `json:"wait" doc:"Seconds to wait when there is nothing yet: 0, the default, to 30."`
}

// List is a stretch of the record.
type List struct {
	Events    []event.Envelope `json:"events"`
	NextAfter int64            `json:"next_after" doc:"What to ask for after next: the seq of the last event, or what was asked for."`
}

// Mount adds the routes.
func (h *Handler) Mount(t *web.Table) {
	t.Add(web.Route{
		Name: "listEvents", Summary: "The record of what happened, from a position on", Tags: []string{"Events"},
		Methods: []string{http.MethodGet}, Path: "/events", Legacy: true, Auth: web.Bearer("events:read"), RateClass: web.RateRead,
		Timeout: (maxWait + 10) * time.Second,
		Handler: h.list, Query: web.TypeOf[Query](), Response: web.TypeOf[List](),
		Errors: []string{"AUTH_002", "AUTH_005", "AUTH_006", "AUTH_010", "AUTH_011", "REQ_001"},
	})
}

// list is GET /events. A service of an organization reads what happened in it,
// one of none reads all.
func (h *Handler) list(w http.ResponseWriter, r *http.Request) error {
	p := web.PrincipalFrom(r.Context())
	if p == nil || !p.Service {
		return fault.New(fault.Forbidden, "the record is read by services, with a token of their own")
	}
	q, err := readQuery(r)
	if err != nil {
		return err
	}
	rows, waited, err := h.read(r.Context(), p.OrgID, q)
	if err != nil {
		return err
	}
	if waited { // the token may have ended meanwhile
		bearer, err := web.BearerToken(r)
		if err != nil {
			return err
		}
		if _, err := h.Authenticator.Authenticate(r.Context(), bearer); err != nil {
			return err
		}
	}
	out := List{Events: make([]event.Envelope, 0, len(rows)), NextAfter: q.After}
	for _, e := range rows {
		out.Events = append(out.Events, h.Origin.Envelope(e))
		out.NextAfter = e.Seq
	}
	return web.WriteJSON(w, http.StatusOK, out)
}

// read returns what there is, or, if that is nothing, what comes within the
// time that the caller waits.
func (h *Handler) read(ctx context.Context, organization string, q Query) (rows []storage.Event, waited bool, err error) {
	if q.Wait > 0 {
		defer h.waiting.Add(-1)
		if h.waiting.Add(1) > maxWaiting {
			q.Wait = 0
		}
	}
	timeout := time.NewTimer(time.Duration(q.Wait) * time.Second)
	defer timeout.Stop()
	tick := time.NewTicker(look)
	defer tick.Stop()
	for {
		news := h.News.Wait() // before the look: what comes behind it is not missed
		if organization == "" {
			rows, err = h.Store.EventsAfter(ctx, q.After, q.Limit)
		} else {
			rows, err = h.Store.OrganizationEventsAfter(ctx, organization, q.After, q.Limit)
		}
		if err != nil || len(rows) > 0 || q.Wait == 0 || h.News.Closed() {
			return rows, waited, err
		}
		waited = true
		select {
		case <-ctx.Done():
			return nil, waited, ctx.Err()
		case <-timeout.C:
			q.Wait = 0 // one last look
		case <-news:
		case <-tick.C:
		}
	}
}

func readQuery(r *http.Request) (Query, error) {
	q := r.URL.Query()
	var fields []fault.FieldError
	number := func(name string, low, high, def int64) int64 {
		if len(q[name]) == 0 {
			return def
		}
		n, err := strconv.ParseInt(q.Get(name), 10, 64)
		if err != nil || len(q[name]) != 1 || n < low || n > high {
			fields = append(fields, fault.FieldError{
				Field: "query." + name, Message: "write a number from " + strconv.FormatInt(low, 10) + " to " + strconv.FormatInt(high, 10),
			})
			return def
		}
		return n
	}
	out := Query{
		After: number("after", 0, math.MaxInt64, 0), Limit: int(number("limit", 1, maxLimit, defaultLimit)), Wait: int(number("wait", 0, maxWait, 0)),
	}
	if len(fields) > 0 {
		return out, &fault.Error{Code: fault.Invalid, Message: "the query is not valid", Fields: fields}
	}
	return out, nil
}
