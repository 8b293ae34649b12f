package audit

import (
	"context"
	"sort"

	"github.com/signet-idp/signet/storage"
)

// MaxPage is how many places of the chain a Source gives at once.
const MaxPage = 2000

// Page is a stretch of the chain: the rows that are kept, and the places of
// those that are not. Both are complete up to Through.
type Page struct {
	Events  []storage.Event       `json:"events"`
	Pruned  []storage.PrunedEvent `json:"pruned"`
	Through int64                 `json:"through"`
	// Next is the first seq behind Through; 0: there was none.
	Next int64 `json:"next"`
}

// Source is where Verify reads. It is asked for several pages at once.
type Source interface {
	// Page returns a stretch from behind a seq on.
	Page(ctx context.Context, after int64) (Page, error)
	// Reach is the highest seq that any consumer of the record has come to.
	Reach(ctx context.Context) (int64, error)
}

// ChainStore is what a Source reads from a store.
type ChainStore interface {
	EventsAfter(ctx context.Context, after int64, limit int) ([]storage.Event, error)
	PrunedEventsAfter(ctx context.Context, after int64, limit int) ([]storage.PrunedEvent, error)
	EventReach(ctx context.Context) (int64, error)
}

// FromStore reads the chain of a store, size places at once (0: MaxPage).
func FromStore(store ChainStore, size int) Source {
	if size <= 0 || size > MaxPage {
		size = MaxPage
	}
	return stored{store, size}
}

type stored struct {
	store ChainStore
	size  int
}

// Page implements Source. The rows come first: one that is pruned meanwhile is
// then in both lists, not in neither.
func (s stored) Page(ctx context.Context, after int64) (Page, error) {
	p := Page{Through: after + int64(s.size)}
	var err error
	// One more than fits: it is behind the page.
	if p.Events, err = s.store.EventsAfter(ctx, after, s.size+1); err != nil {
		return Page{}, err
	}
	if p.Pruned, err = s.store.PrunedEventsAfter(ctx, after, s.size+1); err != nil {
		return Page{}, err
	}
	events := sort.Search(len(p.Events), func(i int) bool { return p.Events[i].Seq > p.Through })
	pruned := sort.Search(len(p.Pruned), func(i int) bool { return p.Pruned[i].Seq > p.Through })
	if events < len(p.Events) {
		p.Next = p.Events[events].Seq
	}
	if pruned < len(p.Pruned) && (p.Next == 0 || p.Pruned[pruned].Seq < p.Next) {
		p.Next = p.Pruned[pruned].Seq
	}
	p.Events, p.Pruned = p.Events[:events], p.Pruned[:pruned]
	return p, nil
}

// Reach implements Source.
func (s stored) Reach(ctx context.Context) (int64, error) { return s.store.EventReach(ctx) }

// ahead is how many pages are read at once.
const ahead = 3

// pages reads the pages behind a seq in order, some of them ahead, and calls
// each until it is done or the chain ends.
func pages(ctx context.Context, src Source, after int64, each func(Page) error) error {
	type result struct {
		page Page
		err  error
	}
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	var waiting []chan result
	read := func(after int64) {
		c := make(chan result, 1)
		waiting = append(waiting, c)
		go func() {
			page, err := src.Page(ctx, after)
			c <- result{page, err}
		}()
	}
	defer func() { // nobody reads on behind the caller's back
		cancel()
		for _, c := range waiting {
			<-c
		}
	}()
	size := int64(0) // not known before the first page
	for next := after; ; {
		for size > 0 && len(waiting) < ahead || len(waiting) == 0 {
			read(next)
			next += size
			if size == 0 {
				break
			}
		}
		r := <-waiting[0]
		waiting = waiting[1:]
		if r.err != nil {
			return r.err
		}
		if err := each(r.page); err != nil || r.page.Next == 0 {
			return err
		}
		if size == 0 {
			size = r.page.Through - after
			next = r.page.Through
		}
		if r.page.Next > r.page.Through+ahead*size { // rows are missing: no page for each of them
			for _, c := range waiting {
				<-c
			}
			waiting, next = nil, r.page.Next-1
		}
	}
}
