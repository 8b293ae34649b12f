package audit

import (
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/signet-idp/signet/keys"
	"github.com/signet-idp/signet/provider/event"
	"github.com/signet-idp/signet/storage"
)

// TypeCheckpoint is the JWS type of a signed checkpoint, without "application/"
// (RFC 7515 §4.1.9).
const TypeCheckpoint = "checkpoint+jwt"

// Checkpoint says what the chain's value was.
type Checkpoint struct {
	Issuer string `json:"iss"`
	Seq    int64  `json:"seq"`
	Hash   string `json:"hash"` // hexadecimal
	Time   int64  `json:"iat"`  // when it was signed, seconds since 1970 UTC
}

// Signed is a Checkpoint with its signature: a line of the file.
type Signed struct {
	Checkpoint
	KID string `json:"kid"`
	// Event is the seq of the event that published it.
	Event int64  `json:"event"`
	JWS   string `json:"checkpoint"`
}

// Keys verifies checkpoints (*keys.Snapshot, *keys.VerifySet).
type Keys interface {
	VerifyCheckpoint(compact string, types ...string) (keys.JWS, error)
}

// ErrCheckpoint says that what should be a checkpoint is none.
var ErrCheckpoint = errors.New("audit: malformed checkpoint")

// maxJWS bounds a checkpoint: one takes some 500 bytes.
const maxJWS = 2048

// ParseCheckpoint reads what a signed checkpoint says, without a look at the
// signature (see Keys).
func ParseCheckpoint(compact string) (Checkpoint, error) {
	parts := strings.Split(compact, ".")
	if len(compact) > maxJWS || len(parts) != 3 {
		return Checkpoint{}, ErrCheckpoint
	}
	payload, err := base64.RawURLEncoding.Strict().DecodeString(parts[1])
	if err != nil {
		return Checkpoint{}, ErrCheckpoint
	}
	return readPayload(payload)
}

func readPayload(payload []byte) (Checkpoint, error) {
	var c Checkpoint
	if err := json.Unmarshal(payload, &c); err != nil || c.Seq < 1 || len(c.Hash) != hex.EncodedLen(len(event.Genesis())) {
		return Checkpoint{}, ErrCheckpoint
	}
	if _, err := hex.DecodeString(c.Hash); err != nil {
		return Checkpoint{}, ErrCheckpoint
	}
	return c, nil
}

// signer signs checkpoints (*keys.Signer).
type signer interface {
	KID() string
	Sign(typ string, payload []byte) (string, error)
}

// sign makes the checkpoint of a position.
func sign(s signer, issuer string, at Position, now time.Time) (Signed, error) {
	c := Checkpoint{Issuer: issuer, Seq: at.Seq, Hash: hex.EncodeToString(at.Hash), Time: now.Unix()}
	payload, err := json.Marshal(c)
	if err != nil {
		return Signed{}, fmt.Errorf("audit: checkpoint: %w", err)
	}
	compact, err := s.Sign(TypeCheckpoint, payload)
	if err != nil {
		return Signed{}, fmt.Errorf("audit: checkpoint: %w", err)
	}
	return Signed{Checkpoint: c, KID: s.KID(), JWS: compact}, nil
}

// data is the checkpoint as an event has it.
func (s Signed) data() map[string]any {
	return map[string]any{"seq": s.Seq, "value": s.Hash, "kid": s.KID, "checkpoint": s.JWS}
}

// FromEvent reads the checkpoint that an event published.
func FromEvent(e storage.Event) (Signed, error) {
	var data struct {
		KID string `json:"kid"`
		JWS string `json:"checkpoint"`
	}
	if e.Type != string(event.AuditCheckpoint) {
		return Signed{}, ErrCheckpoint
	}
	if err := json.Unmarshal(e.Data, &data); err != nil {
		return Signed{}, ErrCheckpoint
	}
	c, err := ParseCheckpoint(data.JWS)
	if err != nil {
		return Signed{}, err
	}
	return Signed{Checkpoint: c, KID: data.KID, Event: e.Seq, JWS: data.JWS}, nil
}
