package control

import (
	"context"
	"fmt"
	"time"

	"github.com/signet-idp/signet/provider/activity"
	"github.com/signet-idp/signet/provider/event"
	"github.com/signet-idp/signet/provider/fault"
	"github.com/signet-idp/signet/provider/figures"
	"github.com/signet-idp/signet/storage"
)

// rebuildStep is how long one step may count.
const rebuildStep = time.Second

// Rebuild implements Operations.
func (l Local) Rebuild(ctx context.Context, r Rebuilding) (Rebuilding, error) {
	switch r.What {
	case RebuildCounts:
		return l.rebuildCounts(ctx, r)
	case RebuildSearch:
		return l.rebuildSearch(ctx, r)
	}
	return r, fault.New(fault.Invalid, fmt.Sprintf("there is no %q to rebuild", r.What))
}

func (l Local) rebuildCounts(ctx context.Context, r Rebuilding) (_ Rebuilding, err error) {
	followers := []event.Recount{activity.Recount(l.Core.Store, l.Core.Clock), figures.Recount(l.Core.Store, l.Core.Clock)}
	if !r.Begun {
		r.Begun = true
		for _, f := range followers {
			if r.Total, err = f.Restart(ctx); err != nil {
				return r, err
			}
		}
		since, err := followers[0].Since(ctx)
		if err != nil {
			return r, err
		}
		if since.Unix() > 0 {
			r.Since = since.Format(time.DateOnly)
		}
	} else {
		r.Done = r.Total
		for _, f := range followers { // done is what the slower one has
			done, err := f.Advance(ctx, r.Total, rebuildStep)
			if err != nil {
				return r, err
			}
			r.Done = min(r.Done, done)
		}
	}
	r.Finished = r.Done >= r.Total
	return r, err
}

func (l Local) rebuildSearch(ctx context.Context, r Rebuilding) (Rebuilding, error) {
	if !r.Begun {
		total, err := l.Core.Store.CountUsers(ctx, storage.UserQuery{})
		r.Begun, r.Total = true, total
		return r, err
	}
	last, n, err := l.Core.Users.Reindex(ctx, r.After, pageSize)
	r.After, r.Done, r.Finished = last, r.Done+int64(n), n < pageSize
	return r, err
}
