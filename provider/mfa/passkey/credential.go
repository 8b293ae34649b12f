package passkey

import (
	"bytes"
	"slices"

	"github.com/go-webauthn/webauthn/protocol"
	"github.com/go-webauthn/webauthn/protocol/webauthncose"
	"github.com/go-webauthn/webauthn/webauthn"
)

// Credential is what is kept of one passkey: the credential record of §4.
type Credential struct {
	ID        []byte `json:"id"`         // chosen by the authenticator, 1 to 1023 bytes
	PublicKey []byte `json:"public_key"` // COSE_Key (RFC 9052 §7)
	AAGUID    []byte `json:"aaguid"`     // model of the authenticator, as it says itself; often zero
	SignCount uint32 `json:"sign_count"` // 0 where the authenticator counts nothing
	// Transports are how the browser reached the authenticator; they come back
	// in allowCredentials and excludeCredentials, as a hint where to look.
	Transports []string `json:"transports,omitempty"`
	// Discoverable: the browser says that the passkey can log in by itself.
	// Nobody signed that, so it may choose a wording and nothing else.
	Discoverable bool `json:"discoverable"`
	// UserVerified: the person was verified when the passkey was registered.
	// Whether it was so at a login, its Assertion says.
	UserVerified   bool `json:"user_verified"`
	BackupEligible bool `json:"backup_eligible"` // may be synchronised; never changes
	BackupState    bool `json:"backup_state"`    // is synchronised
}

// Person is somebody who has passkeys, or is about to get one.
type Person struct {
	// Handle is user.id, 1 to 64 bytes that say nothing about the person: those
	// of the account's UUID.
	Handle []byte
	// Name and DisplayName are what the authenticator shows in its list.
	Name, DisplayName string
	Credentials       []Credential
}

// credential is the person's credential of this id.
func (p Person) credential(id []byte) (Credential, bool) {
	i := slices.IndexFunc(p.Credentials, func(c Credential) bool { return bytes.Equal(c.ID, id) })
	if i < 0 {
		return Credential{}, false
	}
	return p.Credentials[i], true
}

// Bounds of what is taken from strangers and kept. Longer RSA keys than these
// would cost more to verify than a login may.
const (
	minRSABytes   = 2048 / 8
	maxRSABytes   = 4096 / 8
	maxExponent   = 4 // bytes
	maxTransports = 8
	maxTransport  = 32
)

// supported says whether key is one that we asked for and that can be verified
// at a bounded cost. Without an attestation nobody else looks at it now.
func supported(key []byte) bool {
	parsed, err := webauthncose.ParsePublicKey(key)
	if err != nil {
		return false
	}
	var algorithm int64
	switch k := parsed.(type) {
	case webauthncose.OKPPublicKeyData:
		algorithm = k.Algorithm
	case webauthncose.EC2PublicKeyData:
		algorithm = k.Algorithm
	case webauthncose.RSAPublicKeyData:
		if len(k.Modulus) < minRSABytes || len(k.Modulus) > maxRSABytes || len(k.Exponent) > maxExponent {
			return false
		}
		algorithm = k.Algorithm
	}
	return slices.Contains(algorithms, webauthncose.COSEAlgorithmIdentifier(algorithm))
}

// transports are those of the answer that may be kept. Unknown ones may
// (§5.8.4), since browsers know more of them every year.
func transports(all []protocol.AuthenticatorTransport) []string {
	var kept []string
	for _, t := range all {
		if t := string(t); t != "" && len(t) <= maxTransport && len(kept) < maxTransports && !slices.Contains(kept, t) {
			kept = append(kept, t)
		}
	}
	return kept
}

// descriptors name credentials in allowCredentials and excludeCredentials.
func descriptors(credentials []Credential) []protocol.CredentialDescriptor {
	all := make([]protocol.CredentialDescriptor, len(credentials))
	for i, c := range credentials {
		record := c.record()
		all[i] = record.Descriptor()
	}
	return all
}

// record is c as the library has it.
func (c Credential) record() webauthn.Credential {
	r := webauthn.Credential{
		ID:        c.ID,
		PublicKey: c.PublicKey,
		Flags: webauthn.CredentialFlags{
			UserVerified:   c.UserVerified,
			BackupEligible: c.BackupEligible,
			BackupState:    c.BackupState,
		},
		Authenticator: webauthn.Authenticator{AAGUID: c.AAGUID, SignCount: c.SignCount},
	}
	for _, t := range c.Transports {
		r.Transport = append(r.Transport, protocol.AuthenticatorTransport(t))
	}
	return r
}

// user is a Person as the library asks for one.
type user struct{ Person }

// WebAuthnID implements webauthn.User.
func (u user) WebAuthnID() []byte { return u.Handle }

// WebAuthnName implements webauthn.User.
func (u user) WebAuthnName() string { return u.Name }

// WebAuthnDisplayName implements webauthn.User.
func (u user) WebAuthnDisplayName() string { return u.DisplayName }

// WebAuthnCredentials implements webauthn.User.
func (u user) WebAuthnCredentials() []webauthn.Credential {
	all := make([]webauthn.Credential, len(u.Credentials))
	for i, c := range u.Credentials {
		all[i] = c.record()
	}
	return all
}
