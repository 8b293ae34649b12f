package audit

import (
	"context"
	"encoding/hex"
	"errors"
	"fmt"
	"io"

	"github.com/signet-idp/signet/provider/event"
)

// Position is a place in the chain and its value there.
type Position struct {
	Seq  int64
	Hash []byte
}

// Checkpoints gives checkpoints that were kept outside of the chain, by seq, and
// io.EOF at the end.
type Checkpoints interface{ Next() (Signed, error) }

// Options say how to verify. The zero value walks the whole chain and takes its
// own checkpoints at their word.
type Options struct {
	// Start is taken as true; zero: the beginning.
	Start Position
	// Checkpoints are those kept outside; nil: none.
	Checkpoints Checkpoints
	// Keys judges signatures; nil: every one counts.
	Keys Keys
	// Progress is called after each page; nil: nobody is told.
	Progress func(seq int64)
	// Pause waits for what is about to be sequenced; nil: not.
	Pause func(ctx context.Context) error
}

// ErrOrder says that checkpoints do not come by seq.
var ErrOrder = errors.New("audit: checkpoints are out of order: sort them by seq")

// pauses is how often Verify waits for the event that tells of a removal which
// it has seen.
const pauses = 5

// Verify walks the chain once, in memory that does not grow with it, and says
// what is wrong. An error means that it could not read to the end.
//
// What is behind the newest checkpoint could be written anew, hashes and all, by
// who can write to the database: Report.Signed says how far the signatures
// reach.
func Verify(ctx context.Context, src Source, o Options) (Report, error) {
	w := newWalk(o)
	reach, err := src.Reach(ctx) // first: consumers go on meanwhile
	if err != nil {
		return w.report, fmt.Errorf("audit: verify: %w", err)
	}
	for waited := 0; ; waited++ {
		err := pages(ctx, src, w.at, func(p Page) error {
			if err := w.page(p); err != nil {
				return err
			}
			if o.Progress != nil {
				o.Progress(w.at)
			}
			return nil
		})
		if err != nil {
			return w.report, fmt.Errorf("audit: verify: %w", err)
		}
		if len(w.prunes) == 0 || o.Pause == nil || waited == pauses {
			break
		}
		if err := o.Pause(ctx); err != nil {
			return w.report, err
		}
	}
	if err := w.end(reach); err != nil {
		return w.report, fmt.Errorf("audit: verify: %w", err)
	}
	w.report.Head, w.report.Hash = w.at, hex.EncodeToString(w.prev[:])
	return w.report, nil
}

// page walks over a page: rows and places merged by seq.
func (w *walk) page(p Page) error {
	i, j := 0, 0
	for i < len(p.Events) || j < len(p.Pruned) {
		switch {
		case j == len(p.Pruned) || i < len(p.Events) && p.Events[i].Seq <= p.Pruned[j].Seq:
			if j < len(p.Pruned) && p.Pruned[j].Seq == p.Events[i].Seq {
				j++ // pruned between the two reads
			}
			w.event(p.Events[i])
			i++
		default:
			w.pruned(p.Pruned[j])
			j++
		}
		if err := w.compareOutside(); err != nil {
			return err
		}
	}
	return nil
}

// compareOutside compares the checkpoints that the walk has come to.
func (w *walk) compareOutside() error {
	for {
		if w.next == nil && !w.drained {
			s, err := w.outside.Next()
			switch {
			case errors.Is(err, io.EOF):
				w.drained = true
			case err != nil:
				return err
			case s.Seq < w.last:
				return ErrOrder
			default:
				w.next, w.last, w.published = &s, s.Seq, max(w.published, s.Event)
			}
		}
		if w.next == nil || w.next.Seq > w.at-w.shift {
			return nil
		}
		w.compare(*w.next, true)
		w.next = nil
	}
}

// end closes the books.
func (w *walk) end(reach int64) error {
	w.settle()
	for id, p := range w.prunes {
		w.report.add(Finding{Kind: Pruning, Seq: p.first, To: p.last, Detail: fmt.Sprintf("%d events are marked as removed by %s, which no event tells of", p.count, id)})
	}
	// What the checkpoints tell of and the chain does not have.
	head := w.at - w.shift
	var beyond *Signed
	for {
		if w.next != nil && w.genuine(*w.next) {
			beyond = w.next
		}
		w.next = nil
		if err := w.compareOutside(); err != nil {
			return err
		}
		if w.next == nil {
			break
		}
	}
	if beyond == nil && w.published > head {
		// The checkpoint is there, and the event that published it is not.
		beyond = &Signed{Checkpoint: Checkpoint{Seq: w.published}}
	}
	signed := w.newestSigned()
	if d := w.differs; d != nil {
		f := Finding{Kind: Rewritten, Seq: w.agreed + 1, To: d.Seq, Detail: fmt.Sprintf("the checkpoint at seq %d has another value: the chain was written anew", d.Seq)}
		if w.differsOutside && signed.Seq >= d.Seq {
			// Only the server signs: it went on behind what it was given.
			f.Kind, f.Detail = OlderCopy, fmt.Sprintf("the checkpoint kept outside for seq %d has another value, and the server has signed this chain since: an older copy was put back, and went on", d.Seq)
		}
		w.report.add(f)
	}
	if beyond != nil {
		f := Finding{Kind: Truncated, Seq: head + 1, To: beyond.Seq, Detail: fmt.Sprintf("the chain ends at seq %d, and a checkpoint tells of seq %d", head, beyond.Seq)}
		if reach <= head {
			f.Kind = OlderCopy
			f.Detail += "; no consumer has come further than the end: an older copy was put back"
		}
		w.report.add(f)
	} else if reach > head {
		w.report.add(Finding{Kind: Truncated, Seq: head + 1, To: reach, Detail: fmt.Sprintf("the chain ends at seq %d, and a consumer of the record has come to seq %d", head, reach)})
	}
	w.report.Signed = signed.Seq
	return nil
}

// none are no checkpoints.
type none struct{}

func (none) Next() (Signed, error) { return Signed{}, io.EOF }

func genesis() (out [32]byte) { copy(out[:], event.Genesis()); return out }
