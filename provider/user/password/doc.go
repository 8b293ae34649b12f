// Package password hashes and verifies passwords. Hasher.Hash makes an argon2id
// string for a new password; Hasher.Verify checks one against a stored string,
// ours or one that another system left behind, and says whether the stored
// string should be replaced.
//
//	password ── text (bounds, NFC) ── gate (few at once, short queue) ── scheme
//
// A hash costs tens of milliseconds and 19 MiB, so that a flood of logins would
// take the machine down; the gate turns it into ErrBusy, which becomes a 503.
// Stored strings may come from an import file: every parameter in them is
// bounded before any work is done.
//
// Passwords are compared in Unicode Normalization Form C (RFC 8265 §4.2; NIST
// SP 800-63B asks for a normalization before hashing). Not form KC: it would
// make different characters, such as ² and 2, equal. A password stored before
// it went through here may be hashed as typed, so Verify tries that too.
package password
