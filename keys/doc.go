// Package keys holds every secret key of the installation and lends out what
// can be done with them, never the keys themselves.
//
// Two nouns to start from:
//
//	Manager      the signing key rings: Load once, Tick every few seconds.
//	             Manager.Snapshot() is what requests use:
//	             snapshot.Signer("ES256").Sign("at+jwt", claims)
//	             snapshot.Verify(token, "at+jwt")
//	             snapshot.JWKS()
//	DataKeyring  keys for sealing and keyed hashing, one Purpose each:
//	             refresh, err := keyring.Purpose(ctx, "refresh")
//	             refresh.MAC(data), refresh.Seal(aad, plaintext)
//
// Requests read one immutable Snapshot through an atomic pointer: no lock, no
// database. What a signing key is at a moment follows from the times in its
// row (schedule.go), so that a rotation planned long ago happens on every
// replica at its time, whether or not the database can be reached:
//
//	PublishAt        ActivateAt        RetireAt            DropAt        + HintRetention
//	    |    next        |    active       |    retiring      |     gone       |
//	    in the JWKS, not signing           verifies only      id_token_hint    deleted
//
// A key is published as soon as its predecessor begins to sign, so there is
// always a next one that verifiers which cache the JWKS know already. Changes
// are one compare-and-swap of a whole ring: of many replicas exactly one wins.
//
// At rest everything is sealed under a Master key: the private halves of
// signing keys and the data keys; all other secrets are sealed under data
// keys. Every sealed value and keyed hash names its key.
package keys
