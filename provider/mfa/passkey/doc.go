// Package passkey is the relying party of WebAuthn (Level 3): it makes the
// options that a browser needs to create or use a passkey, and judges what the
// browser brings back. Register, Assert and Discover each begin a ceremony;
// FinishRegister, FinishAssert and FinishDiscover end it.
//
//	Register(person) ──options──▶ navigator.credentials.create ──answer──▶ FinishRegister ──▶ Credential
//	Assert(person)   ──options──▶ navigator.credentials.get    ──answer──▶ FinishAssert   ──▶ Assertion
//	Discover()       ──options──▶ navigator.credentials.get    ──answer──▶ FinishDiscover ──▶ Assertion
//
// It keeps nothing and knows no HTTP. What has to be remembered between the two
// halves is the state, which the caller seals or stores and brings back once:
// that an answer is used a second time is for the caller to prevent. So are a
// credential that somebody else registered before (the id is to be unique over
// all people), and how often one may try.
//
// Options are the JSON forms PublicKeyCredentialCreationOptionsJSON and
// PublicKeyCredentialRequestOptionsJSON (§5.1.8, §5.1.9), which are the contents
// of the member publicKey without the member around them: a browser hands them to
// PublicKeyCredential.parseCreationOptionsFromJSON or parseRequestOptionsFromJSON.
// An answer is what toJSON() of the credential gives.
//
// What we ask for: a discoverable credential where the authenticator can hold
// one, so that it may become the only login; user verification preferred beside
// another factor and required where the passkey stands alone; ES256, EdDSA or
// RS256; no attestation, and a statement that comes nevertheless is not read,
// since nothing here depends on who made the authenticator. The public key and
// the counter are ours to keep, together with two things an authenticator says
// about copies: whether the key may be synchronised to other devices
// (BackupEligible, which never changes) and whether it is now (BackupState).
//
// A refused answer is an *Error, whose reason is safe to show and to log: it
// never holds anything that was received.
package passkey
