package passkey

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"slices"

	"github.com/go-webauthn/webauthn/protocol"
	"github.com/go-webauthn/webauthn/webauthn"
)

// Assertion is a login with a passkey.
type Assertion struct {
	// Credential is the one that was used, with its new counter and backup
	// state: the caller keeps it in place of the old.
	Credential Credential
	Person     Person
	// UserVerified: the authenticator checked a PIN, a finger or a face.
	UserVerified bool
	// CounterWentBack: the counter did not grow, so there may be a second copy
	// of the key (§6.1.1). What follows is policy; the old counter is kept.
	CounterWentBack bool
}

// AMR are the authentication methods of the login (RFC 8176 §2). A key that may
// be synchronised is one held in software, as it has left the hardware.
func (a Assertion) AMR() []string {
	amr := []string{"hwk", "user"}
	if a.Credential.BackupEligible {
		amr[0] = "swk"
	}
	if a.UserVerified {
		amr = append(amr, "mfa")
	}
	return amr
}

// Assert begins a login of a person who is known: as a second factor, or to
// step up. It gives the options for navigator.credentials.get, and a state for
// FinishAssert. Somebody without passkeys is refused as ReasonUnknownCredential.
func (p *Party) Assert(ctx context.Context, person Person) (options json.RawMessage, sealed []byte, err error) {
	s, err := p.begin(ctx, assert, person)
	if err != nil {
		return nil, nil, err
	}
	if len(person.Credentials) == 0 {
		return nil, nil, refuse(ReasonUnknownCredential)
	}
	for _, c := range person.Credentials {
		s.Allowed = append(s.Allowed, c.ID)
	}
	request, _, err := p.library.BeginLogin(user{person},
		webauthn.WithChallenge(s.Challenge),
		webauthn.WithUserVerification(s.Ceremony.verification()))
	if err != nil {
		return nil, nil, fmt.Errorf("passkey: begin a login: %w", err)
	}
	return s.pack(request.Response)
}

// FinishAssert judges the answer of navigator.credentials.get. The person's
// credentials are those of now: one removed meanwhile is unknown, and so is one
// that was added.
func (p *Party) FinishAssert(ctx context.Context, person Person, sealed []byte, answer json.RawMessage) (Assertion, error) {
	s, err := p.resume(ctx, sealed, assert, answer)
	if err != nil {
		return Assertion{}, err
	}
	if !s.of(person) {
		return Assertion{}, refuse(ReasonPerson)
	}
	parsed, err := protocol.ParseCredentialRequestResponseBytes(answer)
	if err != nil {
		return Assertion{}, refuse(ReasonMalformed)
	}
	if !slices.ContainsFunc(s.Allowed, func(id []byte) bool { return bytes.Equal(id, parsed.RawID) }) {
		return Assertion{}, refuse(ReasonUnknownCredential)
	}
	return p.judge(s, person, parsed)
}

// Discover begins a login of a person who is not known yet: the authenticator
// finds out. The options do for a button and for autofill (mediation
// "conditional") alike.
func (p *Party) Discover(ctx context.Context) (options json.RawMessage, sealed []byte, err error) {
	s, err := p.begin(ctx, discover, Person{})
	if err != nil {
		return nil, nil, err
	}
	request, _, err := p.library.BeginDiscoverableLogin(
		webauthn.WithChallenge(s.Challenge),
		webauthn.WithUserVerification(s.Ceremony.verification()))
	if err != nil {
		return nil, nil, fmt.Errorf("passkey: begin a discoverable login: %w", err)
	}
	return s.pack(request.Response)
}

// FinishDiscover judges the answer of navigator.credentials.get. find gives the
// person of a user handle and a credential id, neither of which is proved at
// that point; a Person without that credential is as good as none. Its own
// errors come back wrapped.
func (p *Party) FinishDiscover(
	ctx context.Context, sealed []byte, answer json.RawMessage,
	find func(ctx context.Context, credentialID, userHandle []byte) (Person, error),
) (Assertion, error) {
	s, err := p.resume(ctx, sealed, discover, answer)
	if err != nil {
		return Assertion{}, err
	}
	parsed, err := protocol.ParseCredentialRequestResponseBytes(answer)
	if err != nil {
		return Assertion{}, refuse(ReasonMalformed)
	}
	if len(parsed.Response.UserHandle) == 0 {
		return Assertion{}, refuse(ReasonUserHandle)
	}
	person, err := find(ctx, parsed.RawID, parsed.Response.UserHandle)
	if err != nil {
		return Assertion{}, fmt.Errorf("passkey: find a person: %w", err)
	}
	return p.judge(s, person, parsed)
}

// judge verifies an answer of the person (§7.2 steps 6 to 25).
func (p *Party) judge(s state, person Person, parsed *protocol.ParsedCredentialAssertionData) (Assertion, error) {
	kept, ok := person.credential(parsed.RawID)
	if !ok {
		return Assertion{}, refuse(ReasonUnknownCredential)
	}
	if handle := parsed.Response.UserHandle; len(handle) > 0 && !bytes.Equal(handle, person.Handle) {
		return Assertion{}, refuse(ReasonUserHandle)
	}
	data := parsed.Response.AuthenticatorData
	if data.Flags.HasBackupEligible() != kept.BackupEligible {
		return Assertion{}, refuse(ReasonBackup)
	}
	used, err := p.library.ValidateLogin(user{person}, s.session(person), parsed)
	if err != nil {
		return Assertion{}, p.explain(s, parsed.Response.CollectedClientData, data, err)
	}
	kept.SignCount = used.Authenticator.SignCount
	kept.BackupState = used.Flags.BackupState
	return Assertion{
		Credential:      kept,
		Person:          person,
		UserVerified:    data.Flags.HasUserVerified(),
		CounterWentBack: used.Authenticator.CloneWarning,
	}, nil
}
