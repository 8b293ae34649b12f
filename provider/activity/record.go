package activity

import (
	"context"
	"encoding/json"
	"fmt"
	"time"

	"github.com/signet-idp/signet/provider/change"
	"github.com/signet-idp/signet/provider/event"
	"github.com/signet-idp/signet/provider/fault"
	"github.com/signet-idp/signet/storage"
)

// MaxReports is how many activities are reported in one call.
const MaxReports = event.MaxBatch

// Bounds of when a reported activity may have happened.
const (
	oldest = 30 * 24 * time.Hour
	// ahead is how far a service's clock may be ahead of ours.
	ahead = 5 * time.Minute
)

// Report is what a service says that a person did there.
type Report struct {
	Action     string // 1 to 64 of a-z 0-9 _ . : -
	Resource   string // the same, or empty
	ResourceID string // at most 255 visible ASCII characters without @
	// Metadata is the service's own, at most 4 KB of JSON; it is kept sealed
	// under the person's key.
	Metadata   map[string]any
	OccurredAt time.Time // zero: now; within the last 30 days
}

// Source is who reports.
type Source struct {
	ClientID       string
	OrganizationID string // the service's own, or empty
}

// Recorded is a report that was written down.
type Recorded struct {
	ID        string
	Action    string
	CreatedAt time.Time
}

// Check says what is wrong with a report; fault.Invalid.
func (s *Service) Check(r Report) error {
	switch {
	case r.Action == "" || !event.Enumeration(r.Action):
		return fault.Field("action", "write 1 to 64 characters a-z 0-9 _ . : -")
	case !event.Enumeration(r.Resource):
		return fault.Field("resource", "write at most 64 characters a-z 0-9 _ . : -")
	case !event.Identifier(r.ResourceID):
		return fault.Field("resource_id", "write at most 255 visible characters without @")
	case len(metadata(r.Metadata)) > event.MaxMetadata:
		return fault.Field("metadata", fmt.Sprintf("write at most %d bytes of JSON", event.MaxMetadata))
	}
	now := s.Clock.Now()
	if at := r.OccurredAt; !at.IsZero() && (at.Before(now.Add(-oldest)) || at.After(now.Add(ahead))) {
		return fault.Field("occurred_at", "write a time within the last 30 days")
	}
	return nil
}

// Record writes down what a service reports about a person, all of it or
// nothing. Each was checked. Whether the service may, the caller has asked.
func (s *Service) Record(ctx context.Context, from Source, userID string, reports []Report) ([]Recorded, error) {
	if len(reports) > MaxReports {
		return nil, fmt.Errorf("activity: record: %w", fault.Newf(fault.TooLarge, "report at most %d activities at once", MaxReports))
	}
	var out []Recorded
	err := s.Changes.Do(ctx, "activity: record", func(_ context.Context, c *change.Change) error {
		out = make([]Recorded, 0, len(reports))
		for _, r := range reports {
			e := s.event(from, userID, r)
			c.Record(e)
			out = append(out, Recorded{ID: e.ID, Action: r.Action, CreatedAt: c.Now})
		}
		return nil
	})
	return out, err
}

func (s *Service) event(from Source, userID string, r Report) event.Event {
	e := event.Event{
		ID: storage.NewID(), Type: event.UserActivity, Subject: userID, Organization: from.OrganizationID,
		Data: map[string]any{"action": r.Action, "resource": r.Resource, "resource_id": r.ResourceID, "client_id": from.ClientID},
	}
	if !r.OccurredAt.IsZero() {
		e.Data["occurred_at"] = r.OccurredAt.Unix()
	}
	if len(r.Metadata) > 0 {
		e.PersonalOf, e.Personal = userID, map[string]string{"metadata": string(metadata(r.Metadata))}
	}
	return e
}

func metadata(m map[string]any) []byte {
	if len(m) == 0 {
		return nil
	}
	raw, err := json.Marshal(m)
	if err != nil { // what came as JSON goes as JSON
		return make([]byte, event.MaxMetadata+1)
	}
	return raw
}
