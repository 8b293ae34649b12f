// Package user keeps people's accounts: what an address, a profile and a
// status may be, and every change of them.
//
// Canonical is the one form of an e-mail address (lookup, limits and locks all
// use it); Service makes the changes. Each change is one transaction: the row,
// compared and swapped on its version, the event that says so and, when it
// takes something away, the entries of the revocation feed. Passwords are
// hashed before the transaction begins (package password).
package user
