package passkey

import (
	"bytes"
	"context"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"io"
	"time"

	"github.com/go-webauthn/webauthn/protocol"
	"github.com/go-webauthn/webauthn/webauthn"
)

// ceremony is one of the three things a person can be asked for.
type ceremony string

const (
	register ceremony = "register"
	assert   ceremony = "assert"
	discover ceremony = "discover"
)

// clientType is what the browser writes into the client data of a ceremony.
func (c ceremony) clientType() protocol.CeremonyType {
	if c == register {
		return protocol.CreateCeremony
	}
	return protocol.AssertCeremony
}

// verification is what a ceremony asks for: a passkey that logs in alone has to
// be two factors.
func (c ceremony) verification() protocol.UserVerificationRequirement {
	if c == discover {
		return protocol.VerificationRequired
	}
	return protocol.VerificationPreferred
}

// state is what is remembered of a ceremony that has begun. It is ours and not
// the library's, so that no sealed state depends on the library's version.
type state struct {
	Ceremony  ceremony  `json:"ceremony"`
	Challenge []byte    `json:"challenge"`
	Handle    []byte    `json:"handle,omitempty"`  // whom it is for; not with discover
	Allowed   [][]byte  `json:"allowed,omitempty"` // credential ids of allowCredentials
	Expires   time.Time `json:"expires"`
}

// challengeBytes is twice what §13.4.3 asks for.
const challengeBytes = 32

// begin is the state of a new ceremony.
func (p *Party) begin(ctx context.Context, c ceremony, person Person) (state, error) {
	if err := ctx.Err(); err != nil {
		return state{}, err
	}
	s := state{Ceremony: c, Challenge: make([]byte, challengeBytes), Handle: person.Handle, Expires: p.config.Clock.Now().Add(Timeout)}
	if _, err := io.ReadFull(p.config.Rand, s.Challenge); err != nil {
		return state{}, fmt.Errorf("passkey: challenge: %w", err)
	}
	return s, nil
}

// resume is the state that was sealed, if an answer to this ceremony and of
// this size may still come.
func (p *Party) resume(ctx context.Context, sealed []byte, c ceremony, answer json.RawMessage) (state, error) {
	if err := ctx.Err(); err != nil {
		return state{}, err
	}
	var s state
	if err := json.Unmarshal(sealed, &s); err != nil {
		return state{}, fmt.Errorf("passkey: damaged state: %w", err)
	}
	switch {
	case s.Ceremony != c:
		return state{}, refuse(ReasonCeremony)
	case !p.config.Clock.Now().Before(s.Expires):
		return state{}, refuse(ReasonExpired)
	case len(answer) > MaxAnswer:
		return state{}, refuse(ReasonTooLarge)
	}
	return s, nil
}

// pack encodes what a ceremony begins with.
func (s state) pack(options any) (json.RawMessage, []byte, error) {
	encoded, err := json.Marshal(options)
	if err != nil {
		return nil, nil, fmt.Errorf("passkey: options: %w", err)
	}
	sealed, err := json.Marshal(s)
	if err != nil {
		return nil, nil, fmt.Errorf("passkey: state: %w", err)
	}
	return encoded, sealed, nil
}

// session is the state as the library asks for it, when the answer is the
// person's.
func (s state) session(person Person) webauthn.SessionData {
	return webauthn.SessionData{
		Challenge:        s.challenge(),
		UserID:           person.Handle,
		UserVerification: s.Ceremony.verification(),
	}
}

func (s state) challenge() string { return base64.RawURLEncoding.EncodeToString(s.Challenge) }

// of says whether the ceremony was begun for this person.
func (s state) of(person Person) bool { return bytes.Equal(s.Handle, person.Handle) }
