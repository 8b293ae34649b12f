package audit

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"

	"github.com/signet-idp/signet/storage"
)

// settle explains the rows that did not fit, now that all are known: pairs that
// changed places first, the others were changed.
func (w *walk) settle() {
	gone := make([]bool, len(w.misfits))
	for i := range w.misfits {
		if gone[i] {
			continue
		}
		for j := i + 1; j < len(w.misfits); j++ {
			if !gone[j] && w.swapped(i, j, gone) {
				break
			}
		}
	}
	for i, m := range w.misfits {
		if !gone[i] {
			w.changed(m)
		}
	}
	w.misfits = nil
}

// swapped says whether two rows changed places, with their hashes or without,
// and then marks them, and the row behind the first where that only missed it.
func (w *walk) swapped(i, j int, gone []bool) bool {
	first, second := w.misfits[i], w.misfits[j]
	v := w.value(first.prev, second.row, first.row.Seq-w.shift)
	if !bytes.Equal(v[:], second.row.Hash) && !bytes.Equal(v[:], first.row.Hash) {
		return false
	}
	w.report.add(Finding{Kind: Reordered, Seq: first.row.Seq, To: second.row.Seq, ID: first.row.ID, Detail: "two rows changed places"})
	gone[i], gone[j] = true, true
	last := w.value(second.prev, first.row, second.row.Seq-w.shift)
	for k, behind := range w.misfits {
		gone[k] = gone[k] ||
			behind.row.Seq == first.row.Seq+1 && w.fits(v, behind.row, behind.row.Seq-w.shift) ||
			behind.row.Seq == second.row.Seq+1 && w.fits(last, behind.row, behind.row.Seq-w.shift)
	}
	return true
}

// inside compares a checkpoint that the chain itself has.
func (w *walk) inside(e storage.Event) {
	s, err := FromEvent(e)
	if err != nil {
		w.report.add(Finding{Kind: BadCheckpoint, Seq: e.Seq, ID: e.ID, Detail: "the event has no checkpoint that can be read"})
		return
	}
	w.compare(s, false)
}

// compare holds a checkpoint against the chain.
func (w *walk) compare(s Signed, outside bool) {
	value, known := w.recall(s.Seq + w.shift)
	if !known {
		return // not there any more, or long past
	}
	damage := w.report.Total + w.strays
	if hex.EncodeToString(value[:]) == s.Hash {
		w.report.Checkpoints++
		if s.Seq > w.agreed {
			w.agreed, w.damage = s.Seq, damage
		}
		w.matching = append(w.matching, s)
		if len(w.matching) > unverified {
			w.matching = w.matching[1:]
		}
		return
	}
	if !w.genuine(s) {
		w.report.add(Finding{Kind: BadCheckpoint, Seq: s.Seq, Detail: "a checkpoint that does not agree with the chain has no good signature either"})
		return
	}
	// Where rows since the last that agreed are known to be wrong, that is why.
	if w.differs == nil && damage == w.damage {
		w.differs, w.differsOutside = &s, outside
	}
}

// genuine says whether this installation signed the checkpoint.
func (w *walk) genuine(s Signed) bool {
	c, err := ParseCheckpoint(s.JWS)
	if err != nil || c.Seq != s.Seq || c.Hash != s.Hash {
		return false
	}
	if w.keys == nil {
		return true
	}
	jws, err := w.keys.VerifyCheckpoint(s.JWS, TypeCheckpoint)
	return err == nil && (s.KID == "" || jws.KID == s.KID)
}

// newestSigned returns the newest checkpoint that agrees and has a good
// signature: by the chain, it vouches for all before it.
func (w *walk) newestSigned() Signed {
	var best Signed
	for _, s := range w.matching {
		if !w.genuine(s) {
			w.report.add(Finding{Kind: BadCheckpoint, Seq: s.Seq, Detail: "its signature is not by a checkpoint key of this installation"})
			continue
		}
		if s.Seq > best.Seq {
			best = s
		}
	}
	return best
}

// removal holds what is not kept against the event that tells of its removal.
func (w *walk) removal(e storage.Event) {
	var data struct {
		Events int64  `json:"events"`
		Digest string `json:"digest"`
	}
	r := w.prunes[e.ID]
	delete(w.prunes, e.ID)
	if err := json.Unmarshal(e.Data, &data); err != nil {
		w.report.add(Finding{Kind: Pruning, Seq: e.Seq, ID: e.ID, Detail: "the event does not say what was removed"})
		return
	}
	if r == nil {
		r = &removed{first: e.Seq, last: e.Seq, digest: sha256.New()}
	}
	if r.count != data.Events || hex.EncodeToString(r.digest.Sum(nil)) != data.Digest {
		w.report.add(Finding{Kind: Pruning, Seq: r.first, To: r.last, ID: e.ID, Detail: fmt.Sprintf("%d events are marked as removed by the event at seq %d, which tells of %d, or of others", r.count, e.Seq, data.Events)})
	}
}
