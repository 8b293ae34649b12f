// Package audit asks questions of the record of events (package event), and
// keeps the record worth asking.
//
//	Checkpointer   signs the chain's value every minute in which something
//	               happened, as an event
//	File           keeps the signed checkpoints in a file outside the database
//	Verify         says where a chain was changed, cut, reordered, truncated or
//	               replaced by an older copy
//
// The chain alone shows a change in the middle. That its end is missing, or that
// all of it was computed anew, shows against a checkpoint that was kept
// elsewhere: only the server has the key that signs them.
package audit
