package feed

import (
	"crypto/sha256"
	"encoding/base64"
	"fmt"
	"strconv"
	"time"

	"github.com/google/uuid"

	"github.com/signet-idp/signet/storage"
)

// Types of the feed's messages, without "application/" (RFC 7515 §4.1.9).
const (
	TypeRevocations = "revocations+jwt"
	TypeHeartbeat   = "heartbeat+jwt"
)

// entry is a revocation as it leaves the house.
type entry struct {
	seq    int64
	kind   storage.RevocationKind
	value  string // Hash
	expiry int64  // seconds since 1970
}

// hashSize is how much of the hash leaves: enough that no two values meet, and
// no reader learns what it does not hold already.
const hashSize = 16

// Hash is the value of an entry as the feed tells it: base64url of the first 16
// bytes of SHA-256 over kind, a zero byte and value.
func Hash(kind storage.RevocationKind, value string) string {
	h := sha256.New()
	h.Write([]byte(kind))
	h.Write([]byte{0})
	h.Write([]byte(value))
	var sum [sha256.Size]byte
	return base64.RawURLEncoding.EncodeToString(h.Sum(sum[:0])[:hashSize])
}

func newEntry(r storage.Revocation) entry {
	// Rounded up: an entry must not vanish before what it kills.
	return entry{seq: r.Seq, kind: r.Kind, value: Hash(r.Kind, r.Value), expiry: r.Expiry.Add(time.Second - 1).Unix()}
}

// shortID is the id of the feed with as few characters as its bits need: it is
// in every heartbeat.
func shortID(id string) string {
	u, err := uuid.Parse(id)
	if err != nil {
		return id
	}
	return base64.RawURLEncoding.EncodeToString(u[:])
}

// state is what a message tells besides its entries.
type state struct {
	issuer, feedID string
	asOf           time.Time
}

// entries is the payload of a message that covers (after, seq].
func (s state) entries(now time.Time, after, seq int64, list []entry) []byte {
	b := make([]byte, 0, 256+80*len(list))
	b = append(b, `{"iss":`...)
	b = strconv.AppendQuote(b, s.issuer)
	b = fmt.Appendf(b, `,"iat":%d,"feed_id":%q,"after":%d,"seq":%d,"as_of":%d,"entries":[`,
		now.Unix(), s.feedID, after, seq, millis(s.asOf))
	for i, e := range list {
		if i > 0 {
			b = append(b, ',')
		}
		b = append(b, `{"seq":`...)
		b = strconv.AppendInt(b, e.seq, 10)
		b = append(b, `,"kind":"`...)
		b = append(b, e.kind...)
		b = append(b, `","value":"`...)
		b = append(b, e.value...)
		b = append(b, `","exp":`...)
		b = strconv.AppendInt(b, e.expiry, 10)
		b = append(b, '}')
	}
	return append(b, "]}"...)
}

func (s state) heartbeat(now time.Time, seq int64) []byte {
	return fmt.Appendf(strconv.AppendQuote([]byte(`{"iss":`), s.issuer), `,"feed_id":%q,"seq":%d,"sent":%d,"as_of":%d}`,
		s.feedID, seq, now.UnixMilli(), millis(s.asOf))
}

// millis is 0 for a time that is not known: never fresh.
func millis(t time.Time) int64 {
	if t.IsZero() {
		return 0
	}
	return t.UnixMilli()
}
