package control

import (
	"context"
	"fmt"
	"time"

	"github.com/signet-idp/signet/provider/activity"
	"github.com/signet-idp/signet/provider/fault"
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
	recount := activity.Recount{Store: l.Core.Store, Clock: l.Core.Clock}
	if !r.Begun {
		r.Begun = true
		r.Total, err = recount.Restart(ctx)
	} else {
		r.Done, err = recount.Advance(ctx, r.Total, rebuildStep)
		r.Done = min(r.Done, r.Total) // events that came meanwhile are counted too
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
