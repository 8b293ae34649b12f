package sqlstore

import (
	"context"

	"github.com/signet-idp/signet/storage"
	"github.com/signet-idp/signet/storage/sqlstore/engine"
)

const eventColumns = `number, COALESCE(seq, 0), id, type, time, actor, actor_kind, subject, organization, request, data,
	personal, personal_of, hash, traceparent`

func scanEvent(scan engine.Scan) (e storage.Event, err error) {
	var data string
	err = scan(&e.Number, &e.Seq, &e.ID, &e.Type, &e.Time, &e.Actor, &e.ActorKind, &e.Subject, &e.Organization, &e.Request,
		&data, &e.Personal, &e.PersonalOf, &e.Hash, &e.TraceParent)
	if data != "" {
		e.Data = []byte(data)
	}
	return e, err
}

// InsertEvents implements storage.Events. The rows are written with the
// commit, in one trip with it, or earlier when the transaction reads events; a
// conflict shows then.
func (s *Store) InsertEvents(ctx context.Context, events ...storage.Event) error {
	if len(events) == 0 {
		return nil
	}
	return s.InTx(ctx, func(ctx context.Context) error {
		t := s.tx(ctx)
		for _, e := range events {
			t.events = append(t.events, engine.Statement{
				SQL: `INSERT INTO events (id, type, time, actor, actor_kind, subject, organization, request, data, personal, personal_of, traceparent)
					VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12)`,
				Args: []any{
					e.ID, e.Type, e.Time, e.Actor, e.ActorKind, e.Subject, e.Organization, e.Request, string(e.Data),
					e.Personal, e.PersonalOf, e.TraceParent,
				},
			})
		}
		return nil
	})
}

// events lists what the rest of the statement selects.
func (s *Store) events(ctx context.Context, op, rest string, args ...any) ([]storage.Event, error) {
	if t := s.tx(ctx); t != nil {
		if err := t.flushEvents(ctx); err != nil {
			return nil, opErr(op, err)
		}
	}
	return rows(ctx, s, op, `SELECT `+eventColumns+` FROM events `+rest, args, scanEvent)
}

// UnsequencedEvents implements storage.Events.
func (s *Store) UnsequencedEvents(ctx context.Context, limit int) ([]storage.Event, error) {
	return s.events(ctx, "unsequenced events", `WHERE seq IS NULL ORDER BY number LIMIT $1`, max(limit, 1))
}

// SequenceEvents implements storage.Events; ErrVersion when one of them has a
// seq already, and then none is written.
func (s *Store) SequenceEvents(ctx context.Context, events []storage.Event) error {
	return s.InTx(ctx, func(ctx context.Context) error {
		stmts := make([]engine.Statement, 0, len(events))
		for _, e := range events {
			stmts = append(stmts, engine.Statement{
				SQL:  `UPDATE events SET seq = $2, hash = $3 WHERE number = $1 AND seq IS NULL`,
				Args: []any{e.Number, e.Seq, e.Hash},
			})
		}
		t := s.tx(ctx)
		counts, err := t.inner.Batch(ctx, stmts)
		if err := t.note(err); err != nil {
			return opErr("sequence events", err)
		}
		for _, n := range counts {
			if n == 0 {
				return opErr("sequence events", t.note(storage.ErrVersion))
			}
		}
		return nil
	})
}

// LastEvent implements storage.Events.
func (s *Store) LastEvent(ctx context.Context) (storage.Event, error) {
	list, err := s.events(ctx, "last event", `WHERE seq IS NOT NULL ORDER BY seq DESC LIMIT 1`)
	if err != nil {
		return storage.Event{}, err
	}
	if len(list) == 0 {
		return storage.Event{}, opErr("last event", storage.ErrNotFound)
	}
	return list[0], nil
}

// EventsAfter implements storage.Events.
func (s *Store) EventsAfter(ctx context.Context, after int64, limit int) ([]storage.Event, error) {
	return s.events(ctx, "events after", `WHERE seq > $1 ORDER BY seq LIMIT $2`, after, max(limit, 1))
}
