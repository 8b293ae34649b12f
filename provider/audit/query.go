package audit

import (
	"context"
	"encoding/hex"
	"encoding/json"
	"time"

	"github.com/signet-idp/signet/storage"
)

// MaxLimit is how many entries one question can get.
const MaxLimit = 500

// Filter says which events are asked for; what is empty does not matter.
type Filter struct {
	Type         string    `json:"type,omitempty"`
	Actor        string    `json:"actor,omitempty"`
	Subject      string    `json:"subject,omitempty"`
	Organization string    `json:"organization,omitempty"`
	From         time.Time `json:"from,omitzero"` // from this time on
	To           time.Time `json:"to,omitzero"`   // before this time
	After        int64     `json:"after,omitempty"`
	Limit        int       `json:"limit,omitempty"`
}

// Entry is an event as auditors read it: the fields of the record. What is
// personal stays sealed.
type Entry struct {
	Seq          int64           `json:"seq"`
	ID           string          `json:"id"`
	Type         string          `json:"type"`
	Time         string          `json:"time" format:"date-time"` // RFC 3339, UTC, microseconds
	Actor        string          `json:"actor"`
	ActorKind    string          `json:"actor_kind" enum:"user,client,system"`
	Subject      string          `json:"subject"`
	Organization string          `json:"organization"`
	Request      string          `json:"request"`
	Data         json.RawMessage `json:"data" doc:"Ids, enumerations and counts, as the type declares them."`
	Hash         string          `json:"hash" doc:"The chain's value at this event, hexadecimal."`
}

func entry(e storage.Event) Entry {
	data := json.RawMessage(e.Data)
	if len(data) == 0 {
		data = json.RawMessage("{}")
	}
	return Entry{
		Seq: e.Seq, ID: e.ID, Type: e.Type, Time: e.Time.UTC().Format("2006-01-02T15:04:05.000000Z"), Actor: e.Actor, ActorKind: e.ActorKind,
		Subject: e.Subject, Organization: e.Organization, Request: e.Request, Data: data, Hash: hex.EncodeToString(e.Hash),
	}
}

// QueryStore is what questions read.
type QueryStore interface {
	QueryEvents(ctx context.Context, q storage.EventQuery) ([]storage.Event, error)
}

// Query returns what matches, oldest first; the seq of the last is where to ask
// on.
func Query(ctx context.Context, store QueryStore, f Filter) ([]Entry, error) {
	q := storage.EventQuery{
		Actor: f.Actor, Subject: f.Subject, Organization: f.Organization, From: f.From, To: f.To,
		After: f.After, OldestFirst: true, Limit: f.Limit,
	}
	if f.Type != "" {
		q.Types = []string{f.Type}
	}
	if q.Limit <= 0 || q.Limit > MaxLimit {
		q.Limit = MaxLimit
	}
	rows, err := store.QueryEvents(ctx, q)
	if err != nil {
		return nil, wrap("query", err)
	}
	out := make([]Entry, 0, len(rows))
	for _, e := range rows {
		out = append(out, entry(e))
	}
	return out, nil
}
