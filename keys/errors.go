package keys

import "errors"

// What can go wrong, for errors.Is. None of these, nor anything wrapped around
// them here, holds a key, a token or a part of one.
var (
	// ErrMaster: the text of the master keys is not well-formed.
	ErrMaster = errors.New("keys: malformed master key")
	// ErrUnknownMaster: a value is sealed under a master key we were not given.
	ErrUnknownMaster = errors.New("keys: sealed under an unknown master key")
	// ErrSealed: a sealed value is damaged, forged, or was moved from elsewhere.
	ErrSealed = errors.New("keys: sealed value does not open")
	// ErrPurpose: the name of a purpose is not well-formed.
	ErrPurpose = errors.New("keys: malformed purpose")
	// ErrUnknownDataKey: a sealed value names a data key that does not exist,
	// was retired, or has not been read yet.
	ErrUnknownDataKey = errors.New("keys: unknown data key")

	// ErrConfig: the configuration contradicts itself.
	ErrConfig = errors.New("keys: bad configuration")
	// ErrAlgorithm: an algorithm we do not have, or one that is not the key's.
	ErrAlgorithm = errors.New("keys: algorithm not allowed")
	// ErrTampered: a stored key row is not one that we wrote.
	ErrTampered = errors.New("keys: stored key is not genuine")
	// ErrStale: the ring has not been read within the lead time, so that this
	// replica can no longer know which key is active.
	ErrStale = errors.New("keys: ring not read within the lead time")
	// ErrNoActiveKey: the ring does not exist or has no key that may sign.
	ErrNoActiveKey = errors.New("keys: no active key")
	// ErrConflict: other replicas kept changing the ring at the same time.
	ErrConflict = errors.New("keys: ring changed by others")

	// ErrMalformed: not a compact JWS in the one form we accept.
	ErrMalformed = errors.New("keys: malformed JWS")
	// ErrType: the typ of the JWS is not one that was asked for.
	ErrType = errors.New("keys: unexpected JWS type")
	// ErrUnknownKey: the kid names no key for this use.
	ErrUnknownKey = errors.New("keys: unknown key")
	// ErrKeyRetired: the key signed long ago; every token of it has expired.
	ErrKeyRetired = errors.New("keys: key retired")
	// ErrKeyRevoked: the key was revoked.
	ErrKeyRevoked = errors.New("keys: key revoked")
	// ErrSignature: the signature is not the key's over this input.
	ErrSignature = errors.New("keys: bad signature")
)
