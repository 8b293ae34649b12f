// Package event is the one record of what happened: every change of state,
// login and security refusal, written in the transaction that made it so.
//
//	Recorder.Record      writes events beside the change (same transaction)
//	Sequencer.Tick       gives them, after commit, a gap-free seq and a chain hash
//	storage.EventsAfter  is how everybody reads: only sequenced rows, by seq
//	Verifier.Verify      walks the chain and names the first row that was altered
//
// What may be said about an event is declared in the catalogue (Catalogue): a
// type that is not there, or a member of Data that its type does not declare,
// is refused. Data holds ids, enumerations and counts. What says something
// about a person (an address, a user agent) goes into Personal, which is sealed
// under a key of that person's own: Recorder.Erase destroys the key, and the
// chain, which covers the ciphertext, stays whole.
//
// # Order
//
// Events of one subject keep the order in which their transactions committed,
// if each transaction locked the subject's row before it recorded: by updating
// it (storage.Users.UpdateUser, storage.Organizations.GuardOrganization,
// storage.Sessions.EndSession, ...) as an earlier statement. The insertion
// number is then taken while the lock is held, so a later holder gets a higher
// one, and the sequencer follows insertion numbers. Two events whose
// transactions wrote no common row happened side by side; their order is that
// in which they were inserted. On SQLite there is one writer at a time, so all
// events are in commit order.
//
// docs/events.md describes the canonical encoding and the chain.
package event
