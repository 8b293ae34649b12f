package storage

import "context"

// Erasure removes what rows beside the account say of a person who is erased.
type Erasure interface {
	// EraseTraces deletes the person's links, consents and waiting messages,
	// and the invitations that were sent to the address or accepted by the
	// person; of their sessions it blanks the device, agent and address. Once
	// more changes nothing.
	EraseTraces(ctx context.Context, userID, emailCanonical string) error
}
