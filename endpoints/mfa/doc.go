// Package mfa serves the JSON API of second factors: setting them up, proving
// them, at a login that waits and inside a session, the policies that ask for
// them, and the devices on which they are not asked for.
//
//	POST /auth/login -> mfa_token ── /mfa/challenge ── /mfa/verify -> tokens
//	                        └─────── /mfa/setup ──────┘  (a factor is required and there is none)
//	bearer ── /mfa/setup ── /mfa/verify -> a factor more
//	bearer ── /mfa/challenge ── /mfa/verify -> a recent authentication (AUTH_014)
package mfa
