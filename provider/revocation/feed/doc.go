// Package feed gives the revocation feed to verifiers outside: what the view
// of this replica enforces, hashed and signed (design §4, §15).
//
//	Publisher.Snapshot   everything that is alive, as one JWS
//	Publisher.Subscribe  what comes after a position, then each change when it
//	                     is enforced here, and a heartbeat every second
//
// Every message is a compact JWS by a key of the feed's own ring and of its own
// type, so that no token can pass for one. A message of entries says which
// positions it covers, (after, seq], so that a reader notices what is missing,
// repeated or out of order. `as_of` is when this replica last read the feed's
// head from the database: a replica that is cut off cannot pass for fresh.
package feed
