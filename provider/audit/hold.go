package audit

import (
	"bytes"
	"context"
	"errors"
	"strings"

	"github.com/signet-idp/signet/provider/change"
	"github.com/signet-idp/signet/provider/event"
	"github.com/signet-idp/signet/provider/fault"
	"github.com/signet-idp/signet/storage"
)

// maxHolds bounds the holds there can be at once: each removal reads all.
const maxHolds = 1000

// Holds keeps events from being removed by retention: legal holds.
type Holds struct {
	Store  storage.Audit
	Change change.Runner
}

// Add holds all events (kind all), those about or by a subject, or those of an
// organization. reason is a reference, such as a case number, without spaces.
func (h *Holds) Add(ctx context.Context, kind storage.HoldKind, value, reason string) (storage.Hold, error) {
	switch {
	case kind != storage.HoldAll && kind != storage.HoldSubject && kind != storage.HoldOrganization:
		return storage.Hold{}, fault.Field("kind", "a hold is of all, of a subject or of an organization")
	case (kind == storage.HoldAll) != (value == ""):
		return storage.Hold{}, fault.Field("value", "write the id of the subject or organization; all has none")
	case !event.Identifier(value):
		return storage.Hold{}, fault.Field("value", "an id is up to 255 visible characters without @")
	case reason == "" || !event.Identifier(reason):
		return storage.Hold{}, fault.Field("reason", "write a reference of up to 255 visible characters without spaces and @, such as case-17")
	}
	out := storage.Hold{ID: storage.NewID(), Kind: kind, Value: value, Reason: reason, CreatedBy: event.ActorFrom(ctx).ID}
	err := h.Change.Do(ctx, "audit: add hold", func(ctx context.Context, c *change.Change) error {
		if err := h.Store.GuardHolds(ctx); err != nil {
			return err
		}
		list, err := h.Store.Holds(ctx)
		if err != nil {
			return err
		}
		if len(list) >= maxHolds {
			return fault.Newf(fault.Conflict, "there are %d holds, which is as many as there may be; lift one first", len(list))
		}
		out.CreatedAt = c.Now
		if err := h.Store.InsertHold(ctx, out); err != nil {
			return err
		}
		c.Record(event.Event{Type: event.AuditHoldAdded, Subject: event.RecordSubject, Data: holdData(out)})
		return nil
	})
	return out, err
}

// Remove lifts a hold; fault.NotFound when there is none.
func (h *Holds) Remove(ctx context.Context, id string) (storage.Hold, error) {
	var out storage.Hold
	err := h.Change.Do(ctx, "audit: remove hold", func(ctx context.Context, c *change.Change) error {
		if err := h.Store.GuardHolds(ctx); err != nil {
			return err
		}
		var err error
		if out, err = h.Store.DeleteHold(ctx, id); err != nil {
			if errors.Is(err, storage.ErrNotFound) {
				return fault.Wrap(err, fault.NotFound, "there is no such hold")
			}
			return err
		}
		c.Record(event.Event{Type: event.AuditHoldRemoved, Subject: event.RecordSubject, Data: holdData(out)})
		return nil
	})
	return out, err
}

// List lists the holds.
func (h *Holds) List(ctx context.Context) ([]storage.Hold, error) {
	list, err := h.Store.Holds(ctx)
	return list, wrap("holds", err)
}

func holdData(h storage.Hold) map[string]any {
	return map[string]any{"hold_id": h.ID, "kind": string(h.Kind), "value": h.Value, "reason": h.Reason}
}

// mentions says whether an id is a value in an event's data. Ids stand in JSON
// as they are but for two characters.
func mentions(data []byte, id string) bool {
	if strings.ContainsAny(id, `"\`) {
		return true // cannot be told: held rather than lost
	}
	return id != "" && bytes.Contains(data, []byte(`"`+id+`"`))
}
