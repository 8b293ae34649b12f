// Package softkey is a passkey in software for tests, with the browser
// that it is used in: Create and Get answer the options of a relying party as
// navigator.credentials would. The protocol is another author's
// (descope/virtualwebauthn), so that no mistake of ours answers itself.
package softkey

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"net/url"

	"github.com/descope/virtualwebauthn"
)

// Passkey is one key, of one person once Create has answered.
type Passkey struct {
	// Counter is the signature counter of the next answer. It grows by itself
	// with every answer of Get; a test may turn it back, as a copy would.
	Counter uint32
	// Origin is the page that the answers come from.
	Origin string

	rpID  string
	owner []byte
	key   virtualwebauthn.Credential
}

// New makes a passkey (ES256) for the pages of an origin.
func New(origin string) (*Passkey, error) {
	u, err := url.Parse(origin)
	if err != nil {
		return nil, fmt.Errorf("softkey: %w", err)
	}
	der, err := P256Key()
	if err != nil {
		return nil, err
	}
	return &Passkey{
		Origin: origin, rpID: u.Hostname(), Counter: 1,
		key: virtualwebauthn.NewCredentialWithImportedKey(virtualwebauthn.KeyTypeEC2, der),
	}, nil
}

// P256Key makes a private key in PKCS #8. It avoids coordinates that begin with
// a zero byte: virtualwebauthn drops it.
func P256Key() ([]byte, error) {
	for {
		key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
		if err != nil {
			return nil, fmt.Errorf("softkey: %w", err)
		}
		point, err := key.PublicKey.Bytes()
		if err != nil {
			return nil, fmt.Errorf("softkey: %w", err)
		}
		if point[1] == 0 || point[33] == 0 {
			continue
		}
		return x509.MarshalPKCS8PrivateKey(key)
	}
}

func (p *Passkey) site() virtualwebauthn.RelyingParty {
	return virtualwebauthn.RelyingParty{ID: p.rpID, Name: p.rpID, Origin: p.Origin}
}

func (p *Passkey) device() virtualwebauthn.Authenticator {
	return virtualwebauthn.NewAuthenticatorWithOptions(virtualwebauthn.AuthenticatorOptions{UserHandle: p.owner})
}

// Create answers the options of a registration: navigator.credentials.create.
func (p *Passkey) Create(options json.RawMessage) (json.RawMessage, error) {
	var o struct{ User struct{ ID string } }
	if err := json.Unmarshal(options, &o); err != nil {
		return nil, fmt.Errorf("softkey: options: %w", err)
	}
	owner, err := base64.RawURLEncoding.DecodeString(o.User.ID)
	if err != nil {
		return nil, fmt.Errorf("softkey: user.id: %w", err)
	}
	parsed, err := virtualwebauthn.ParseAttestationOptions(string(options))
	if err != nil {
		return nil, fmt.Errorf("softkey: options: %w", err)
	}
	p.owner = owner
	return json.RawMessage(virtualwebauthn.CreateAttestationResponse(p.site(), p.device(), p.key, *parsed)), nil
}

// Get answers the options of a login: navigator.credentials.get.
func (p *Passkey) Get(options json.RawMessage) (json.RawMessage, error) {
	parsed, err := virtualwebauthn.ParseAssertionOptions(string(options))
	if err != nil {
		return nil, fmt.Errorf("softkey: options: %w", err)
	}
	p.Counter++
	p.key.Counter = p.Counter
	return json.RawMessage(virtualwebauthn.CreateAssertionResponse(p.site(), p.device(), p.key, *parsed)), nil
}

// Adopt takes over the key of another passkey, as who has copied it would.
func (p *Passkey) Adopt(other *Passkey) {
	p.key, p.owner, p.Counter = other.key, other.owner, other.Counter
}
