package storage

import "context"

// Erasure removes what rows beside the account say of a person who is erased.
type Erasure interface {
	// EraseTraces deletes the person's links, consents and waiting messages,
	// and the invitations that were sent to the address or accepted by the
	// person; of their sessions it blanks the device, agent and address. Once
	// more changes nothing.
	EraseTraces(ctx context.Context, userID, emailCanonical string) error
	// Scrub takes what EraseTraces and the transaction around it removed out of
	// the database's files as well, where the engine keeps it there and it is not
	// the operator's to do (PostgreSQL). It belongs after the commit, is done in
	// pieces and, when nothing was erased since the last one, does nothing; the
	// first after Open does it anyway, since a process may have ended in between.
	Scrub(ctx context.Context) error
}
