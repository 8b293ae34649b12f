// Package risk says what is unusual about a login, beside what is known of the
// person: Judge compares it with earlier ones. Database says where an address
// is, for those who have supplied a file that tells.
//
//	address ── Geo ── Place ┐
//	device, failures ───────┴ Login ── Judge(previous, now) ── Signals
//
// Nothing here reads a clock or stores anything, and nothing decides: what a
// signal leads to is the caller's policy. None of them proves an attack. People
// buy telephones and travel, and networks pretend to be elsewhere.
package risk
