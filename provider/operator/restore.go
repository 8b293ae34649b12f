package operator

import (
	"context"
	"fmt"

	"github.com/signet-idp/signet/provider/change"
	"github.com/signet-idp/signet/provider/event"
	"github.com/signet-idp/signet/storage"
)

// RestoreStore is what a restore is finished in.
type RestoreStore interface {
	storage.Restored
	ResetFeed(ctx context.Context, feedID string) error
}

// Restore finishes a restore of the database: it has forgotten what ended since
// the backup, and nothing of that may live again.
type Restore struct {
	Store  RestoreStore
	Change change.Runner
}

// Ended is what was alive.
type Ended struct {
	FeedID                  string
	Sessions, Grants, Links int64
}

const (
	reasonRestored = "database_restored"
	// restorePage is how many rows are looked at in one statement.
	restorePage = 1000
)

// Finish ends every session, every grant and every unused link, then every
// access token: the revocation feed begins anew, far ahead of all that the lost
// time can have counted to, with an entry that ends all. It may run again after
// it was interrupted.
func (s *Restore) Finish(ctx context.Context) (Ended, error) {
	out := Ended{FeedID: storage.NewID()}
	for _, kind := range []struct {
		what  storage.Surviving
		count *int64
	}{{storage.SurvivingSessions, &out.Sessions}, {storage.SurvivingGrants, &out.Grants}, {storage.SurvivingLinks, &out.Links}} {
		for after := ""; ; {
			last, n, err := s.Store.EndSurviving(ctx, kind.what, after, restorePage, reasonRestored, s.Change.Clock.Now())
			if err != nil {
				return out, fmt.Errorf("operator: finish restore: %w", err)
			}
			*kind.count += n
			if last == "" {
				break
			}
			after = last
		}
	}
	err := s.Change.Do(ctx, "operator: finish restore", func(ctx context.Context, c *change.Change) error {
		if err := s.Store.ResetFeed(ctx, out.FeedID); err != nil {
			return err
		}
		c.Revoke(storage.RevokeAll, "")
		c.Record(event.Event{Type: event.SystemFeedReset, Subject: "system", Data: map[string]any{
			"feed_id": out.FeedID, "reason": reasonRestored, "grants_ended": out.Grants,
		}})
		return nil
	})
	return out, err
}
