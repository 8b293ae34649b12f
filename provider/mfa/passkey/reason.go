package passkey

import (
	"crypto/sha256"
	"errors"

	"github.com/go-webauthn/webauthn/protocol"
)

// explain gives the reason why the library refused an answer. The library has
// decided; its own texts quote what was received, so the fault is looked for
// again, in the order of §7.1 and §7.2.
func (p *Party) explain(s state, client protocol.CollectedClientData, data protocol.AuthenticatorData, err error) error {
	known, flags := sha256.Sum256([]byte(p.config.RPID)), data.Flags
	refused, _ := errors.AsType[*protocol.Error](err)
	switch {
	case client.Type != s.Ceremony.clientType():
		return refuse(ReasonCeremony)
	case client.Challenge != s.challenge():
		return refuse(ReasonChallenge)
	case !protocol.IsOriginInHaystack(client.Origin, p.config.Origins) || client.CrossOrigin || client.TopOrigin != "":
		return refuse(ReasonOrigin)
	case string(data.RPIDHash) != string(known[:]):
		return refuse(ReasonRPID)
	case !flags.HasUserPresent():
		return refuse(ReasonNotPresent)
	case s.Ceremony.verification() == protocol.VerificationRequired && !flags.HasUserVerified():
		return refuse(ReasonNotVerified)
	case flags.HasBackupState() && !flags.HasBackupEligible():
		return refuse(ReasonBackup)
	case refused != nil && refused.Type == protocol.ErrAssertionSignature.Type:
		return refuse(ReasonSignature)
	}
	return refuse(ReasonMalformed)
}
