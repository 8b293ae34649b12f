package passkey

// Reasons why an answer is refused, as Error.Reason has them.
const (
	ReasonTooLarge          = "the answer is too large"
	ReasonMalformed         = "the answer is malformed"
	ReasonExpired           = "the answer came too late"
	ReasonCeremony          = "the answer is one to another question"
	ReasonPerson            = "the question was for somebody else"
	ReasonChallenge         = "wrong challenge"
	ReasonOrigin            = "wrong origin"
	ReasonRPID              = "wrong RP id"
	ReasonUserHandle        = "wrong or missing user handle"
	ReasonUnknownCredential = "unknown credential"
	ReasonRegistered        = "this credential is registered already"
	ReasonNotPresent        = "nobody was present"
	ReasonNotVerified       = "the user was not verified"
	ReasonKey               = "unsupported public key"
	ReasonBackup            = "contradictory backup flags"
	ReasonSignature         = "bad signature"
	// ReasonCounter is the caller's to give (Assertion.CounterWentBack).
	ReasonCounter = "its counter went back, so there may be a copy of it; sign in by another way and remove it"
)

// Error is a refused answer.
type Error struct {
	Reason string // one of the Reason constants
}

// Error implements error.
func (e *Error) Error() string { return "passkey: " + e.Reason }

// refuse is an Error as an error.
func refuse(reason string) error { return &Error{Reason: reason} }
