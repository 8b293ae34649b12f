package activity

import (
	"cmp"
	"context"
	"fmt"
	"slices"

	"github.com/signet-idp/signet/internal/clock"
	"github.com/signet-idp/signet/provider/event"
	"github.com/signet-idp/signet/storage"
)

// Follower is the name of the consumer that counts.
const Follower = "rollups"

// Adder adds counts in the running transaction.
type Adder interface {
	AddRollups(ctx context.Context, rollups ...storage.Rollup) error
}

// Count returns what the follower applies: it adds what a batch of events
// counts, in the transaction that moves the cursor past them.
func Count(store Adder) func(ctx context.Context, batch []storage.Event) error {
	return func(ctx context.Context, batch []storage.Event) error {
		sums := Sum(batch)
		if len(sums) == 0 {
			return nil
		}
		if err := store.AddRollups(ctx, sums...); err != nil {
			return fmt.Errorf("activity: count: %w", err)
		}
		return nil
	}
}

// Sum adds up what events count, in the order of the rows' key: two writers
// never wait for each other crosswise.
func Sum(events []storage.Event) []storage.Rollup {
	totals := map[storage.Rollup]int64{}
	for _, e := range events {
		for _, r := range Counted(e) {
			n := r.Total
			r.Total = 0
			totals[r] += n
		}
	}
	out := make([]storage.Rollup, 0, len(totals))
	for r, n := range totals {
		r.Total = n
		out = append(out, r)
	}
	slices.SortFunc(out, func(a, b storage.Rollup) int {
		return cmp.Or(
			cmp.Compare(a.Dimension, b.Dimension), cmp.Compare(a.Subject, b.Subject), cmp.Compare(a.Day, b.Day),
			cmp.Compare(a.Type, b.Type), cmp.Compare(a.Outcome, b.Outcome),
		)
	})
	return out
}

// Recount counts activity anew.
func Recount(store interface {
	event.RecountStore
	Adder
	ClearRollups(ctx context.Context, from int64, dimensions ...string) error
}, now clock.Clock,
) event.Recount {
	return event.Recount{
		Store: store, Clock: now, Name: Follower, Apply: Count(store), Clear: func(ctx context.Context, from int64) error {
			return store.ClearRollups(ctx, from, DimensionUser, DimensionOrganization, DimensionMember, DimensionSystem)
		},
	}
}
