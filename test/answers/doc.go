// Package answers asks whole servers over HTTP for what every client relies on
// whoever it asks about: answers that do not tell whether an address is an
// account's, limits that say when to come back, requests that may be repeated.
package answers
