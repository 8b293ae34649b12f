package sqlstore

import (
	"context"
	"fmt"
	"time"

	"github.com/signet-idp/signet/storage"
)

// survivors: how one kind of what may live on is ended between the ids $1 and $2.
var survivors = map[storage.Surviving]string{
	storage.SurvivingSessions: `UPDATE sessions SET ended_at = $3, end_reason = $4 WHERE id > $1 AND id <= $2 AND ended_at = 0`,
	storage.SurvivingGrants:   `UPDATE grants SET revoked_at = $3, revoke_reason = $4 WHERE id > $1 AND id <= $2 AND revoked_at = 0`,
	storage.SurvivingLinks:    `UPDATE links SET used_at = $3 WHERE id > $1 AND id <= $2 AND used_at = 0 AND $4 <> ''`,
}

// EndSurviving implements storage.Restored. It walks by the primary key: what is
// alive has no index of its own.
func (s *Store) EndSurviving(ctx context.Context, kind storage.Surviving, after string, limit int, reason string, at time.Time) (last string, n int64, err error) {
	update, ok := survivors[kind]
	if !ok {
		return "", 0, fmt.Errorf("sqlstore: end surviving: no kind %q", kind)
	}
	err = s.row(ctx, "end surviving", `SELECT COALESCE(MAX(id), '') FROM (SELECT id FROM `+string(kind)+` WHERE id > $1 ORDER BY id LIMIT $2) page`,
		[]any{after, page(limit)}, &last)
	if err != nil || last == "" {
		return "", 0, err
	}
	n, err = s.exec(ctx, "end surviving", update, after, last, at, reason)
	return last, n, err
}
