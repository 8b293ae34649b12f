// Package revocation is the revocation feed as a server sees it: the live list
// in memory, followed from the store, asked at every verification.
//
//	View.Check     is this token dead? No lock, no I/O, no allocation.
//	View.Run       follows the feed: Look says that there is something new, and
//	               the head is read every 100 ms in any case
//	View.Head      how far this replica has applied the feed: the pe of tokens
//	               minted from what is in memory
//	View.Fresh     whether the list may still be trusted
//	View.Sync      returns when all that was committed before is applied here
//	Expiry         how long an entry has to live
//
// An entry takes effect in this order: caches are told (OnConfig, OnApply), the
// list changes, the head moves. So who reads Head first and a cache after it
// never puts a position into a token that is newer than what the token says.
package revocation
