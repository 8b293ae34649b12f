package guard

import "context"

// Unlock lifts an identifier's lock and forgets its failures and earlier locks;
// it says whether it was locked.
func (g *Guard) Unlock(ctx context.Context, identifier string) (locked bool, err error) {
	n, _, err := g.counter.Add(ctx, lockOf(identifier), 0, 0)
	if err != nil {
		return false, err
	}
	// The lock goes last: an attempt in between finds the failures gone.
	for _, key := range []string{failures(identifier), locks(identifier), lockOf(identifier)} {
		if err := g.counter.Reset(ctx, key); err != nil {
			return false, err
		}
	}
	return n > 0, nil
}
