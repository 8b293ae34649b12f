package keys

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
	"time"

	"github.com/signet-idp/signet/storage"
)

// Rotate lets the next key for tokens under alg begin to sign: now, unless it
// was published so lately that some verifier may not know it yet; Change.At
// says when. A new next key is made as well. Errors: ErrNoActiveKey if there is
// no such ring, ErrConflict, the store's.
func (m *Manager) Rotate(ctx context.Context, alg string) (Change, error) {
	name := ringName(storage.KeyUseSig, alg)
	// If the next key's turn came since the last Tick, it has no successor yet.
	if err := m.Tick(ctx); err != nil {
		return Change{}, fmt.Errorf("keys: rotate %q: %w", alg, err)
	}
	change, err := m.edit(ctx, func(ring storage.KeyRing, now time.Time) (*Change, []storage.SigningKey, error) {
		if ring.Name != name {
			return nil, nil, nil
		}
		keys, next := m.config.advance(ring.Keys, now)
		if next < 0 {
			return nil, nil, ErrNoActiveKey
		}
		return &Change{Kind: KeyRotated, KID: keys[next].KID, At: keys[next].ActivateAt}, keys, nil
	})
	if errors.Is(err, errNoRing) {
		err = ErrNoActiveKey
	}
	if err != nil {
		return Change{}, fmt.Errorf("keys: rotate %q: %w", alg, err)
	}
	return change, nil
}

// Revoke takes a key out of every use at once: nothing it signed verifies any
// more. If it was signing, the next one signs from now, and a new next one is
// made. Options.Commit gets a Change of kind KeyRevoked, to write the
// revocation entry in the same transaction. Errors: ErrUnknownKey,
// ErrKeyRevoked if it was revoked before, ErrConflict, the store's.
func (m *Manager) Revoke(ctx context.Context, kid string) (Change, error) {
	change, err := m.edit(ctx, func(ring storage.KeyRing, now time.Time) (*Change, []storage.SigningKey, error) {
		i := slices.IndexFunc(ring.Keys, func(k storage.SigningKey) bool { return k.KID == kid })
		if i < 0 {
			return nil, nil, nil
		}
		if revoked(&ring.Keys[i]) {
			return nil, nil, ErrKeyRevoked
		}
		keys := m.config.revoke(ring.Keys, i, now)
		m.destroy(keys, now)
		return &Change{Kind: KeyRevoked, KID: kid, At: now}, keys, nil
	})
	if errors.Is(err, errNoRing) {
		err = ErrUnknownKey
	}
	if err != nil {
		return Change{}, fmt.Errorf("keys: revoke %q: %w", kid, err)
	}
	return change, nil
}

// Rewrap seals every private half that is sealed under an older master key
// anew under the first one, and returns how many there were. Errors:
// ErrUnknownMaster, ErrSealed, ErrConflict, the store's.
func (m *Manager) Rewrap(ctx context.Context) (int, error) {
	count := 0
	for {
		rewrapped := 0
		_, err := m.edit(ctx, func(ring storage.KeyRing, now time.Time) (*Change, []storage.SigningKey, error) {
			keys := slices.Clone(ring.Keys)
			rewrapped = 0
			for i := range keys {
				sealed, changed, err := m.master.Rewrap(rowBinding(&keys[i]), keys[i].PrivateSealed)
				if err != nil {
					return nil, nil, err
				}
				if changed {
					keys[i].PrivateSealed = sealed
					rewrapped++
				}
			}
			if rewrapped == 0 {
				return nil, nil, nil
			}
			return &Change{Kind: RingRewrapped, At: now}, keys, nil
		})
		switch {
		case errors.Is(err, errNoRing):
			return count, nil
		case err != nil:
			return count, fmt.Errorf("keys: rewrap: %w", err)
		}
		count += rewrapped
	}
}

// errNoRing: no ring wanted the edit.
var errNoRing = errors.New("keys: no such ring")

// edit changes one ring by command. change is asked about each ring as stored
// now; the first one for which it answers with a Change is written. If another
// replica is faster the whole is done again. Then the next key, if it was used
// up, is made: apart, so that a revocation never waits for an RSA key.
func (m *Manager) edit(ctx context.Context, change func(storage.KeyRing, time.Time) (*Change, []storage.SigningKey, error)) (Change, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	for range attempts {
		readAt := m.clock.Now()
		if err := m.read(ctx, true); err != nil {
			return Change{}, err
		}
		done, err := m.editOnce(ctx, change)
		m.publish(readAt)
		if errors.Is(err, ErrConflict) {
			continue
		}
		if err != nil {
			return Change{}, err
		}
		if m.maintain(ctx) == nil { // the next Tick tries again, and reports
			m.publish(readAt)
		}
		return done, nil
	}
	return Change{}, ErrConflict
}

func (m *Manager) editOnce(ctx context.Context, change func(storage.KeyRing, time.Time) (*Change, []storage.SigningKey, error)) (Change, error) {
	now := m.clock.Now()
	for _, ring := range m.rings {
		done, keys, err := change(ring, now)
		if err != nil {
			return Change{}, err
		}
		if done == nil {
			continue
		}
		done.Use, done.Algorithm = keys[0].Use, keys[0].Algorithm
		ring.Keys = keys
		ring, err = m.write(ctx, *done, ring)
		if err != nil {
			return Change{}, err
		}
		m.keep(ring, nil)
		return *done, nil
	}
	return Change{}, errNoRing
}

// maintainRing does what is due for one ring: makes it, gives the active key a
// successor, destroys what is spent. It touches nothing of m that is guarded.
func (m *Manager) maintainRing(ctx context.Context, ring storage.KeyRing, use storage.KeyUse, alg string) (storage.KeyRing, []*material, error) {
	fresh, materials, err := m.newKeys(ctx, missing(ring.Keys, m.clock.Now()), use, alg)
	if err != nil {
		return ring, nil, err
	}
	now := m.clock.Now() // making keys took a while
	if lacking := missing(ring.Keys, now); lacking != len(fresh) {
		return ring, nil, fmt.Errorf("keys: ring %s moved on while keys were made: %w", ring.Name, ErrConflict)
	}
	change := Change{Kind: RingCleaned, Use: use, Algorithm: alg, At: now}
	keys := m.config.settle(ring.Keys, fresh, now)
	m.destroy(keys, now)
	if sameKeys(keys, ring.Keys) {
		return ring, nil, nil
	}
	if len(fresh) > 0 {
		change.Kind = KeyPublished
		if len(fresh) > 1 {
			change.Kind = RingCreated
		}
		i := slices.IndexFunc(keys, func(k storage.SigningKey) bool { return k.KID == fresh[0].KID })
		change.KID, change.At = keys[i].KID, keys[i].ActivateAt
	}
	ring.Keys = keys
	ring, err = m.write(ctx, change, ring)
	return ring, materials, err
}

// newKeys makes count keys at the same time.
func (m *Manager) newKeys(ctx context.Context, count int, use storage.KeyUse, alg string) ([]storage.SigningKey, []*material, error) {
	rows, materials, errs := make([]storage.SigningKey, count), make([]*material, count), make([]error, count)
	var group sync.WaitGroup
	for i := range count {
		group.Go(func() { rows[i], materials[i], errs[i] = m.newKey(ctx, use, alg) })
	}
	group.Wait()
	return rows, materials, errors.Join(errs...)
}

// destroy replaces private halves that have no use any more by nothing.
func (m *Manager) destroy(keys []storage.SigningKey, now time.Time) {
	for i := range keys {
		if k := &keys[i]; spent(k, now) && !sealsNothing(k.PrivateSealed) {
			k.PrivateSealed = m.master.Seal(rowBinding(k), nil)
		}
	}
}

// write stores a ring through Options.Commit and returns it with its new
// version. It returns ErrConflict if another replica was faster.
func (m *Manager) write(ctx context.Context, change Change, ring storage.KeyRing) (storage.KeyRing, error) {
	err := m.commit(ctx, change, func(ctx context.Context) error {
		won, err := m.store.ReplaceKeyRing(ctx, ring)
		if err == nil && !won {
			err = ErrConflict
		}
		return err
	})
	if err != nil {
		return ring, fmt.Errorf("keys: write ring %s: %w", ring.Name, err)
	}
	ring.Version++
	return ring, nil
}
