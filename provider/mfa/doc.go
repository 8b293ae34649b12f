// Package mfa keeps second factors and judges them: one-time codes of an
// authenticator app (RFC 6238), codes by mail and text message, backup codes,
// and passkeys (WebAuthn, package passkey). It also keeps the policies that say
// when a factor is asked for, and the devices that are trusted without one.
//
// Whoever proves something is a Holder: a person in a login that waits for its
// second factor, or one who is signed in. Every try belongs to a challenge,
// which is the holder's own, lives for minutes and takes three wrong answers;
// beyond that every failure counts for the account, on the counter that wrong
// passwords count on. What a right answer uses up (the challenge, the time
// step, the backup code) is used up by Judged.Consume, in the transaction that
// lets the person in: of several at once one wins.
package mfa
