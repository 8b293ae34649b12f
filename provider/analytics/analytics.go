// Package analytics tells an analytics service of the operator's what happened:
// Publisher.Deliver is what a follower of the record hands its batches to. A
// call is
//
//	POST {url}/events  {"events": [{"id", "type", "timestamp", "user_id", "organization_id", "data"}]}
//
// with ids, enumerations and counts only: nothing here says who a person is.
// Every event arrives at least once, in order; the receiver drops ids that it
// has seen.
package analytics

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strings"

	"github.com/signet-idp/signet/internal/safehttp"
	"github.com/signet-idp/signet/provider/event"
	"github.com/signet-idp/signet/storage"
)

// Follower is the name of the consumer that delivers; Batch how many events go
// in one call.
const (
	Follower = "analytics"
	Batch    = 100
)

// path is added to the service's URL.
const path = "/events"

// ErrRefused says that the service answered with something other than 2xx. The events
// wait, and go again.
var ErrRefused = errors.New("analytics: the service did not take the events")

// Client makes calls (*safehttp.Client).
type Client interface {
	Do(ctx context.Context, r safehttp.Request) (*safehttp.Response, error)
}

// Publisher delivers events. It is safe for concurrent use.
type Publisher struct {
	client  Client
	url     string
	token   string
	persons map[event.Type]bool // types whose subject is a person
}

// New makes a Publisher for a service's URL, without the path. token is sent as
// a bearer token; empty: none.
func New(client Client, url, token string) *Publisher {
	p := &Publisher{client: client, url: strings.TrimRight(url, "/") + path, token: token, persons: map[event.Type]bool{}}
	for _, e := range event.Catalogue() {
		p.persons[e.Type] = e.Subject == event.SubjectUser || e.Type == event.UserLoginFailed
	}
	return p
}

// Event is one event as the service reads it.
type Event struct {
	ID             string          `json:"id"`
	Type           string          `json:"type"`
	Timestamp      string          `json:"timestamp"` // RFC 3339, UTC, microseconds
	UserID         *string         `json:"user_id"`
	OrganizationID *string         `json:"organization_id"`
	Data           json.RawMessage `json:"data"`
}

// Deliver makes one call with a batch.
func (p *Publisher) Deliver(ctx context.Context, batch []storage.Event) error {
	body := struct {
		Events []Event `json:"events"`
	}{Events: make([]Event, 0, len(batch))}
	for _, e := range batch {
		body.Events = append(body.Events, p.event(e))
	}
	raw, err := json.Marshal(body)
	if err != nil {
		return fmt.Errorf("analytics: encode: %w", err)
	}
	header := http.Header{"Content-Type": {"application/json"}}
	if p.token != "" {
		header.Set("Authorization", "Bearer "+p.token)
	}
	answer, err := p.client.Do(ctx, safehttp.Request{Method: http.MethodPost, URL: p.url, Header: header, Body: string(raw)})
	if err != nil {
		return fmt.Errorf("analytics: %w", err)
	}
	if answer.Status < 200 || answer.Status > 299 {
		return fmt.Errorf("%w: status %d", ErrRefused, answer.Status)
	}
	return nil
}

func (p *Publisher) event(e storage.Event) Event {
	out := Event{
		ID: e.ID, Type: e.Type, Timestamp: e.Time.UTC().Format("2006-01-02T15:04:05.000000Z"),
		OrganizationID: optional(e.Organization), UserID: optional(p.person(e)), Data: slices.Clone(e.Data),
	}
	if len(out.Data) == 0 {
		out.Data = json.RawMessage("{}")
	}
	return out
}

// person is whom an event is about: its subject, or the member it names.
func (p *Publisher) person(e storage.Event) string {
	if p.persons[event.Type(e.Type)] {
		return e.Subject
	}
	var named struct {
		UserID string `json:"user_id"`
	}
	if json.Unmarshal(e.Data, &named) != nil {
		return ""
	}
	return named.UserID
}

func optional(s string) *string {
	if s == "" {
		return nil
	}
	return &s
}
