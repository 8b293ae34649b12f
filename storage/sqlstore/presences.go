package sqlstore

import (
	"context"
	"slices"

	"github.com/signet-idp/signet/storage"
	"github.com/signet-idp/signet/storage/sqlstore/engine"
)

// presencesAtOnce keeps a statement below the number of arguments that the
// engines take.
const presencesAtOnce = 256

// MarkPresent implements storage.Presences.
func (s *Store) MarkPresent(ctx context.Context, presences ...storage.Presence) (fresh []storage.Presence, err error) {
	err = s.InTx(ctx, func(ctx context.Context) error {
		fresh = nil
		for some := range slices.Chunk(presences, presencesAtOnce) {
			added, err := s.markPresent(ctx, some)
			if err != nil {
				return err
			}
			fresh = append(fresh, added...)
		}
		return nil
	})
	return fresh, err
}

// markPresent writes as many rows as the next power of two, the last one
// repeated, so that a few texts serve all lengths.
func (s *Store) markPresent(ctx context.Context, some []storage.Presence) ([]storage.Presence, error) {
	var q query
	q.add(`INSERT INTO presences (period, day, organization, user_id) VALUES `)
	for i := range powerOfTwo(len(some)) {
		p := some[min(i, len(some)-1)]
		if i > 0 {
			q.add(`, `)
		}
		q.add(`(`, q.arg(p.Period), `, `, q.arg(p.Day), `, `, q.arg(p.Organization), `, `, q.arg(p.UserID), `)`)
	}
	q.add(` ON CONFLICT (period, day, organization, user_id) DO NOTHING RETURNING period, day, organization, user_id`)
	return rows(ctx, s, "mark present", q.text.String(), q.args, func(scan engine.Scan) (p storage.Presence, err error) {
		err = scan(&p.Period, &p.Day, &p.Organization, &p.UserID)
		return p, err
	})
}

// ForgetPresences implements storage.Presences.
func (s *Store) ForgetPresences(ctx context.Context, period string, before int64) error {
	return s.batch(ctx, "forget presences", []engine.Statement{{
		SQL: `DELETE FROM presences WHERE period = $1 AND day < $2`, Args: []any{period, before},
	}})
}

// ClearPresences implements storage.Presences.
func (s *Store) ClearPresences(ctx context.Context, from int64) error {
	return s.batch(ctx, "clear presences", []engine.Statement{{SQL: `DELETE FROM presences WHERE day >= $1`, Args: []any{from}}})
}
