package keys

import (
	"context"
	"fmt"

	"github.com/signet-idp/signet/storage"
)

// Column is a column of the store whose values live for long, sealed under the
// keys of a purpose.
type Column struct {
	Name    storage.SealedColumn
	Purpose *Purpose
	// Binding is what the value of a row is bound to.
	Binding func(id string) []byte
}

// Resealed is what one step of sealing a column anew came to.
type Resealed struct {
	Last   string // the row that was last, where the next step begins
	Seen   int    // less than was asked for: there are no more
	Sealed int    // how many of them were under an older key
}

// Reseal looks at up to limit rows behind one, and seals under the current key
// what is sealed under an older one. What somebody else replaces meanwhile is
// left alone. Who read a row before may write its old value back, which opens
// as it did and is sealed the next time.
func (c Column) Reseal(ctx context.Context, store storage.SealedValues, after string, limit int) (Resealed, error) {
	r := Resealed{Last: after}
	list, err := store.SealedValues(ctx, c.Name, after, limit)
	if err != nil {
		return r, fmt.Errorf("keys: reseal %s: %w", c.Name, err)
	}
	for _, v := range list {
		r.Last = v.ID
		r.Seen++
		if c.Purpose.Current(v.Sealed) {
			continue
		}
		won, err := c.reseal(ctx, store, v)
		if err != nil {
			return r, fmt.Errorf("keys: reseal %s %s: %w", c.Name, v.ID, err)
		}
		if won {
			r.Sealed++
		}
	}
	return r, nil
}

func (c Column) reseal(ctx context.Context, store storage.SealedValues, v storage.SealedValue) (bool, error) {
	was := v.Sealed
	plain, err := c.Purpose.Open(c.Binding(v.ID), was)
	if err != nil {
		return false, err
	}
	defer clear(plain)
	v.Sealed = c.Purpose.Seal(c.Binding(v.ID), plain)
	return store.ReplaceSealedValue(ctx, c.Name, v, was)
}
