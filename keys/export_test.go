package keys

import "crypto"

// What the tests in keys_test need of the inside.
var (
	SignRaw    = sign
	RawFromDER = rawFromDER
)

// Private lends the private half of a signer.
func (s *Signer) Private() crypto.Signer { return s.key }

// Public lends the public half of a key.
func (i Info) Public() crypto.PublicKey { return i.public }
