// Package token mints and verifies access tokens (RFC 9068).
//
// Minter.Mint turns Claims into a compact JWS; Verifier.Verify turns one back
// and says whether it is still good, with no I/O: the signature is checked with
// the keys in memory and the revocations with the replica's revocation view.
package token
