package passkey

import (
	"context"
	"encoding/json"
	"fmt"

	"github.com/go-webauthn/webauthn/protocol"
	"github.com/go-webauthn/webauthn/webauthn"
)

// Register begins the registration of a passkey. It gives the options for
// navigator.credentials.create, and a state for FinishRegister that the browser
// must neither read nor change.
func (p *Party) Register(ctx context.Context, person Person) (options json.RawMessage, sealed []byte, err error) {
	s, err := p.begin(ctx, register, person)
	if err != nil {
		return nil, nil, err
	}
	creation, _, err := p.library.BeginRegistration(user{person},
		webauthn.WithCredentialParameters(p.parameters),
		webauthn.WithExclusions(descriptors(person.Credentials)),
		webauthn.WithExtensions(webauthn.WithExtensionCredProps()),
		func(o *protocol.PublicKeyCredentialCreationOptions) error {
			o.Challenge = s.Challenge
			return nil
		})
	if err != nil {
		return nil, nil, fmt.Errorf("passkey: begin a registration: %w", err)
	}
	return s.pack(creation.Response)
}

// FinishRegister judges the answer of navigator.credentials.create and gives the
// passkey to keep. Whether another person has a credential of this id, only the
// caller can know (§7.1 step 26).
func (p *Party) FinishRegister(ctx context.Context, person Person, sealed []byte, answer json.RawMessage) (Credential, error) {
	s, err := p.resume(ctx, sealed, register, answer)
	if err != nil {
		return Credential{}, err
	}
	if !s.of(person) {
		return Credential{}, refuse(ReasonPerson)
	}
	parsed, err := protocol.ParseCredentialCreationResponseBytes(answer)
	if err != nil {
		return Credential{}, refuse(ReasonMalformed)
	}
	attested := &parsed.Response.AttestationObject
	// Asked for none; see the package's comment.
	attested.Format, attested.AttStatement, attested.SubStatements = string(protocol.AttestationFormatNone), nil, nil

	if !supported(attested.AuthData.AttData.CredentialPublicKey) {
		return Credential{}, refuse(ReasonKey)
	}
	session := s.session(person)
	session.CredParams = p.parameters
	made, err := p.library.CreateCredential(user{person}, session, parsed)
	if err != nil {
		return Credential{}, p.explain(s, parsed.Response.CollectedClientData, attested.AuthData, err)
	}
	if len(made.ID) == 0 {
		return Credential{}, refuse(ReasonMalformed)
	}
	if _, exists := person.credential(made.ID); exists {
		return Credential{}, refuse(ReasonRegistered)
	}
	properties := parsed.ClientExtensionResults.CredProps
	return Credential{
		ID:             made.ID,
		PublicKey:      made.PublicKey,
		AAGUID:         made.Authenticator.AAGUID,
		SignCount:      made.Authenticator.SignCount,
		Transports:     transports(made.Transport),
		Discoverable:   properties != nil && properties.RK != nil && *properties.RK,
		UserVerified:   made.Flags.UserVerified,
		BackupEligible: made.Flags.BackupEligible,
		BackupState:    made.Flags.BackupState,
	}, nil
}
