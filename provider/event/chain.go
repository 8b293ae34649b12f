package event

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/binary"
	"fmt"
	"time"

	"github.com/signet-idp/signet/storage"
)

// Genesis returns what stands before the first event's hash: 32 zero bytes.
func Genesis() []byte { return make([]byte, sha256.Size) }

// encoding begins every canonical encoding, so that no other use of SHA-256
// here can give the same bytes.
const encoding = "signet.event.v1"

// Canonical appends the canonical encoding of e to dst: every column but the
// hash in a fixed order, each as a length of four bytes (big endian) and its
// bytes (docs/events.md). A missing personal part is an empty one; a traceparent
// that is missing, as in all rows of before there were any, is left out.
func Canonical(dst []byte, e storage.Event) []byte {
	dst = appendString(dst, encoding)
	dst = appendInt(dst, e.Seq)
	dst = appendInt(dst, e.Number)
	dst = appendString(dst, e.ID)
	dst = appendString(dst, e.Type)
	dst = appendInt(dst, micros(e.Time))
	dst = appendString(dst, e.Actor)
	dst = appendString(dst, e.ActorKind)
	dst = appendString(dst, e.Subject)
	dst = appendString(dst, e.Organization)
	dst = appendString(dst, e.Request)
	dst = appendBytes(dst, e.Data)
	dst = appendString(dst, e.PersonalOf)
	dst = appendBytes(dst, e.Personal)
	if e.TraceParent != "" {
		dst = appendString(dst, e.TraceParent)
	}
	return dst
}

// Hash returns the chain's value at e: SHA-256 over the previous value and the
// canonical encoding of e.
func Hash(previous []byte, e storage.Event) []byte {
	var h Hasher
	sum := h.Hash(previous, e)
	return sum[:]
}

// Hasher is Hash for many events: it keeps its memory. The zero value is ready.
type Hasher struct{ buf []byte }

// Hash returns the chain's value at e.
func (h *Hasher) Hash(previous []byte, e storage.Event) [sha256.Size]byte {
	h.buf = Canonical(append(h.buf[:0], previous...), e)
	return sha256.Sum256(h.buf)
}

func micros(t time.Time) int64 {
	if t.IsZero() {
		return 0
	}
	return t.UnixMicro()
}

func appendInt(dst []byte, v int64) []byte {
	dst = binary.BigEndian.AppendUint32(dst, 8)
	return binary.BigEndian.AppendUint64(dst, uint64(v))
}

func appendString(dst []byte, s string) []byte {
	dst = binary.BigEndian.AppendUint32(dst, uint32(len(s)))
	return append(dst, s...)
}

func appendBytes(dst, b []byte) []byte {
	dst = binary.BigEndian.AppendUint32(dst, uint32(len(b)))
	return append(dst, b...)
}

// BrokenError names the first row at which the chain does not hold.
type BrokenError struct {
	Seq    int64
	ID     string // empty when the row is missing
	Reason string
}

// Error implements error.
func (e *BrokenError) Error() string {
	return fmt.Sprintf("event: chain broken at seq %d (%s): %s", e.Seq, e.ID, e.Reason)
}

// Verified is the piece of the chain that was found whole.
type Verified struct {
	From, To int64  // seq, inclusive; To is From-1 when there was nothing
	Hash     []byte // the chain's value at To
}

// Verify walks the chain from seq from (1: the beginning) to its end. The row
// before from is taken as true. A broken chain is a *BrokenError. That the end
// was cut off cannot be seen here: compare Verified with a signed checkpoint.
func Verify(ctx context.Context, events storage.Events, from int64) (Verified, error) {
	from = max(from, 1)
	v := Verified{From: from, To: from - 1, Hash: Genesis()}
	if from > 1 {
		before, err := events.EventsAfter(ctx, from-2, 1)
		if err != nil {
			return Verified{}, fmt.Errorf("event: verify: %w", err)
		}
		if len(before) == 0 || before[0].Seq != from-1 {
			return Verified{}, &BrokenError{Seq: from - 1, Reason: "row is missing"}
		}
		v.Hash = before[0].Hash
	}
	for {
		page, err := events.EventsAfter(ctx, v.To, MaxBatch)
		if err != nil {
			return v, fmt.Errorf("event: verify: %w", err)
		}
		if len(page) == 0 {
			return v, nil
		}
		for _, e := range page {
			if e.Seq != v.To+1 {
				return v, &BrokenError{Seq: v.To + 1, Reason: "row is missing"}
			}
			hash := Hash(v.Hash, e)
			if !bytes.Equal(hash, e.Hash) {
				return v, &BrokenError{Seq: e.Seq, ID: e.ID, Reason: "hash differs: this row, or its hash, was altered"}
			}
			v.To, v.Hash = e.Seq, hash
		}
	}
}
