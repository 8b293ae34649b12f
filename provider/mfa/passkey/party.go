package passkey

import (
	"errors"
	"fmt"
	"io"
	"net/url"
	"strings"
	"time"

	"github.com/go-webauthn/webauthn/protocol"
	"github.com/go-webauthn/webauthn/protocol/webauthncose"
	"github.com/go-webauthn/webauthn/webauthn"

	"github.com/signet-idp/signet/internal/clock"
)

// Timeout is how long a person has for a ceremony; a state is good for as long.
const Timeout = 5 * time.Minute

// MaxAnswer is the size of the largest answer that is looked at, in bytes.
const MaxAnswer = 64 << 10

// algorithms that we ask for, the best first (RFC 9053 §2, RFC 8812 §2).
var algorithms = []webauthncose.COSEAlgorithmIdentifier{
	webauthncose.AlgEdDSA, webauthncose.AlgES256, webauthncose.AlgRS256,
}

// Config is what a Party is made of; all of it is needed.
type Config struct {
	// RPID is the domain that the passkeys are for, without scheme and port: the
	// issuer's host or a domain above it. An address like 127.0.0.1 can be none.
	RPID string
	// RPDisplayName is what some authenticators show beside it.
	RPDisplayName string
	// Origins are where the pages may come from, as browsers write them: the
	// issuer's scheme, host and port.
	Origins []string
	Clock   clock.Clock
	Rand    io.Reader
}

// Party is the relying party. It is safe for concurrent use.
type Party struct {
	config     Config
	library    *webauthn.WebAuthn
	parameters []protocol.CredentialParameter
}

// New makes a Party, or says what is wrong with the configuration.
func New(c Config) (*Party, error) {
	if c.Clock == nil || c.Rand == nil || c.RPDisplayName == "" {
		return nil, errors.New("passkey: a clock, randomness and a display name are needed")
	}
	if err := protocol.ValidateRPID(c.RPID); err != nil {
		return nil, fmt.Errorf("passkey: RP id %q: %w", c.RPID, err)
	}
	for _, origin := range c.Origins {
		if err := checkOrigin(origin, c.RPID); err != nil {
			return nil, fmt.Errorf("passkey: origin %q: %w", origin, err)
		}
	}
	timeout := webauthn.TimeoutConfig{Timeout: Timeout, TimeoutUVD: Timeout}
	library, err := webauthn.New(&webauthn.Config{
		RPID:                  c.RPID,
		RPDisplayName:         c.RPDisplayName,
		RPOrigins:             c.Origins,
		AttestationPreference: protocol.PreferNoAttestation,
		AuthenticatorSelection: protocol.AuthenticatorSelection{
			RequireResidentKey: protocol.ResidentKeyNotRequired(),
			ResidentKey:        protocol.ResidentKeyRequirementPreferred,
			UserVerification:   protocol.VerificationPreferred,
		},
		// The library would enforce them by the wall clock; see state.
		Timeouts: webauthn.TimeoutsConfig{Login: timeout, Registration: timeout},
		// Password managers report extensions that nobody asked for, and
		// nothing here depends on what an extension says.
		ExtensionsUnsolicitedOutputPolicy: protocol.UnsolicitedOutputPolicyIgnore,
	})
	if err != nil {
		return nil, fmt.Errorf("passkey: %w", err)
	}
	p := &Party{config: c, library: library}
	for _, a := range algorithms {
		p.parameters = append(p.parameters, protocol.CredentialParameter{Type: protocol.PublicKeyCredentialType, Algorithm: a})
	}
	return p, nil
}

// checkOrigin says whether a page of origin may use passkeys of rpID (§5.1.3:
// a secure context, and the RP id is its host or a domain above it).
func checkOrigin(origin, rpID string) error {
	u, err := url.Parse(origin)
	switch {
	case err != nil:
		return err
	case u.Host == "" || origin != u.Scheme+"://"+strings.ToLower(u.Host):
		return errors.New("not an origin as browsers write it")
	case u.Scheme != "https" && (u.Scheme != "http" || !loopback(u.Hostname())):
		return errors.New("not https")
	case u.Hostname() != rpID && !strings.HasSuffix(u.Hostname(), "."+rpID):
		return errors.New("not within the RP id")
	}
	return nil
}

// loopback names count as secure without TLS.
func loopback(host string) bool {
	return host == "localhost" || strings.HasSuffix(host, ".localhost")
}
