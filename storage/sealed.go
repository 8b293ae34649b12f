package storage

import "context"

// SealedColumn is a column whose values are sealed under data keys and live
// longer than those should.
type SealedColumn string

// The columns of that kind.
const (
	SealedFactors    SealedColumn = "factors.sealed"
	SealedWebhooks   SealedColumn = "webhooks.secret"
	SealedWebhookOld SealedColumn = "webhooks.old_secret"
	SealedPersons    SealedColumn = "person_keys.sealed"
)

// SealedValue is what stands in the column of one row.
type SealedValue struct {
	ID     string
	Sealed []byte
}

// SealedValues reads and replaces sealed values, so that they can be sealed
// under newer keys.
type SealedValues interface {
	// SealedValues lists values with an id above after, by id. Rows that hold
	// none, or a tombstone of one byte, are left out.
	SealedValues(ctx context.Context, c SealedColumn, after string, limit int) ([]SealedValue, error)
	CountSealedValues(ctx context.Context, c SealedColumn) (int64, error)
	// ReplaceSealedValue writes v if what stands there still is was, and says
	// whether it did.
	ReplaceSealedValue(ctx context.Context, c SealedColumn, v SealedValue, was []byte) (bool, error)
}
