package audit

import (
	"bytes"
	"crypto/sha256"
	"fmt"
	"hash"
	"strconv"

	"github.com/signet-idp/signet/provider/event"
	"github.com/signet-idp/signet/storage"
)

const (
	// remembered is how many of the latest values are kept: a checkpoint is for
	// a seq shortly before its event.
	remembered = 4096
	// maxShift is how many rows that were inserted, or cut and closed up, are
	// recognised as that.
	maxShift = 16
	// maxMisfits bounds the rows that are kept to find which changed places, and
	// for how many the other explanations are tried.
	maxMisfits = 256
	// unverified is how many of the newest checkpoints that agree are kept, of
	// which one must have a good signature.
	unverified = 8
)

type sum = [sha256.Size]byte

// misfit is a row whose hash is not that of its place.
type misfit struct {
	row  storage.Event
	prev sum // the value before it, as stored
	want sum // what its hash would be
}

// removed is what is known of one removal by retention, while its event is to
// come.
type removed struct {
	first, last, count int64
	digest             hash.Hash
}

// walk is the state of Verify.
type walk struct {
	keys    Keys
	outside Checkpoints
	hasher  event.Hasher
	report  Report

	at     int64 // seq of the last row
	prev   sum   // its hash, as stored
	linked bool  // prev is known: no row is missing right before
	// shift is by how much rows are numbered higher than they were.
	shift  int64
	latest [remembered]struct {
		seq  int64
		hash sum
	}
	misfits []misfit
	strays  int64 // misfits in all
	prunes  map[string]*removed

	next      *Signed // the next checkpoint from outside
	last      int64   // its seq
	published int64   // highest seq of an event that published one
	drained   bool

	agreed         int64    // newest seq that a checkpoint agrees with
	damage         int64    // what was wrong by then
	matching       []Signed // the newest that agree
	differs        *Signed  // the first that does not
	differsOutside bool
}

func newWalk(o Options) *walk {
	w := &walk{keys: o.Keys, outside: o.Checkpoints, linked: true, prev: genesis(), prunes: map[string]*removed{}}
	w.report.Findings = []Finding{}
	if w.outside == nil {
		w.outside = none{}
	}
	if o.Start.Seq > 0 {
		w.at = o.Start.Seq
		copy(w.prev[:], o.Start.Hash)
		w.agreed = w.at
	}
	w.remember(w.at, w.prev)
	return w
}

func (w *walk) remember(seq int64, h sum) {
	slot := &w.latest[seq%remembered]
	slot.seq, slot.hash = seq, h
}

func (w *walk) recall(seq int64) (sum, bool) {
	if seq < 0 {
		return sum{}, false
	}
	slot := w.latest[seq%remembered]
	return slot.hash, slot.seq == seq
}

// arrive notes rows that are missing before seq.
func (w *walk) arrive(seq int64, id string) {
	if seq > w.at+1 {
		w.report.add(Finding{Kind: Cut, Seq: w.at + 1, To: seq - 1, ID: id, Detail: "rows are missing; the id is that of the next"})
		w.linked = false
	}
}

// leave notes that a row was walked over.
func (w *walk) leave(seq int64, stored []byte) {
	w.at, w.linked = seq, true
	w.prev = sum{}
	copy(w.prev[:], stored)
	w.remember(seq, w.prev)
}

// value is what the hash of e would be at a seq behind a value.
func (w *walk) value(prev sum, e storage.Event, seq int64) sum {
	e.Seq = seq
	return w.hasher.Hash(prev[:], e)
}

// fits says whether e was hashed at that seq, behind that value.
func (w *walk) fits(prev sum, e storage.Event, seq int64) bool {
	v := w.value(prev, e, seq)
	return bytes.Equal(v[:], e.Hash)
}

// pruned walks over the place of a row that is not kept.
func (w *walk) pruned(p storage.PrunedEvent) {
	w.arrive(p.Seq, "")
	w.report.Pruned++
	r := w.prunes[p.Prune]
	if r == nil {
		r = &removed{first: p.Seq, digest: sha256.New()}
		w.prunes[p.Prune] = r
	}
	r.last = p.Seq
	r.count++
	digestPlace(r.digest, p.Seq, p.Hash)
	w.leave(p.Seq, p.Hash)
}

// digestPlace adds a place to the digest that the event of its removal has.
func digestPlace(h hash.Hash, seq int64, value []byte) {
	h.Write(strconv.AppendInt(nil, seq, 10))
	h.Write([]byte{':'})
	h.Write(value)
}

// event walks over a row.
func (w *walk) event(e storage.Event) {
	w.arrive(e.Seq, e.ID)
	w.report.Events++
	value := e.Hash
	if w.linked && !w.fits(w.prev, e, e.Seq-w.shift) && !w.explained(e, &value) {
		w.stray(misfit{row: e, prev: w.prev, want: w.value(w.prev, e, e.Seq-w.shift)})
	}
	w.leave(e.Seq, value)
	switch e.Type {
	case string(event.AuditCheckpoint):
		w.inside(e)
	case string(event.AuditPruned):
		w.removal(e)
	}
}

func (w *walk) stray(m misfit) {
	w.strays++
	if len(w.misfits) < maxMisfits {
		w.misfits = append(w.misfits, m)
		return
	}
	w.changed(m)
}

func (w *walk) changed(m misfit) {
	w.report.add(Finding{Kind: Changed, Seq: m.row.Seq, ID: m.row.ID, Detail: "the row, its hash or the hash before it was altered"})
}

// before returns the misfit right before seq, if that was one.
func (w *walk) before(seq int64) *misfit {
	if n := len(w.misfits); n > 0 && w.misfits[n-1].row.Seq == seq-1 {
		return &w.misfits[n-1]
	}
	return nil
}

func (w *walk) misfitAt(seq int64) *misfit {
	for i := range w.misfits {
		if w.misfits[i].row.Seq == seq {
			return &w.misfits[i]
		}
	}
	return nil
}

// drop forgets the misfits from seq on: they are explained.
func (w *walk) drop(seq int64) {
	for len(w.misfits) > 0 && w.misfits[len(w.misfits)-1].row.Seq >= seq {
		w.misfits = w.misfits[:len(w.misfits)-1]
	}
}

// explained looks for what makes a row right that does not fit: what happened to
// the rows before it. value is what the chain goes on from.
func (w *walk) explained(e storage.Event, value *[]byte) bool {
	if w.strays >= maxMisfits {
		return false
	}
	place := e.Seq - w.shift
	m := w.before(e.Seq)
	if m != nil {
		var own sum
		copy(own[:], e.Hash)
		switch {
		case w.fits(m.prev, e, place-1) && w.fits(own, m.row, place):
			w.report.add(Finding{Kind: Reordered, Seq: m.row.Seq, To: e.Seq, ID: m.row.ID, Detail: "two rows changed places"})
			*value = bytes.Clone(m.row.Hash) // the last of the two, by right
			w.drop(m.row.Seq)
			return true
		case w.fits(m.want, e, place):
			w.changed(*m) // its hash alone
			w.drop(m.row.Seq)
			return true
		}
		for k := int64(1); k <= maxShift; k++ {
			if w.fits(w.prev, e, place+k) {
				w.report.add(Finding{Kind: Cut, Seq: m.row.Seq, ID: m.row.ID, Detail: fmt.Sprintf("%d rows before it are missing, and those behind were numbered anew", k)})
				w.drop(m.row.Seq)
				w.shift -= k
				return true
			}
		}
	}
	for k := int64(1); k <= maxShift; k++ {
		prev, ok := w.recall(e.Seq - 1 - k)
		if !ok || !w.fits(prev, e, place-k) {
			continue
		}
		if m := w.misfitAt(e.Seq - k); m != nil && w.fits(w.prev, m.row, place) {
			return false // the two changed places: see settle
		}
		w.drop(e.Seq - k)
		w.report.add(Finding{Kind: Inserted, Seq: e.Seq - k, To: e.Seq - 1, Detail: "rows are there that were not, and those behind were numbered anew"})
		w.shift += k
		return true
	}
	return false
}
