package keys

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/signet-idp/signet/storage"
)

// Rotate lets the next key for tokens under alg begin to sign: now, unless it
// was published so lately that some verifier may not know it yet; Change.At
// says when. A new next key is made as well. Rotations asked for at about the
// same time (twice SyncEvery), here or at other replicas, are one: whoever
// comes later is told of it and changes nothing, and so is whoever asks while
// one waits for its time. Errors: ErrNoActiveKey if there is no such ring,
// ErrConflict, the store's.
func (m *Manager) Rotate(ctx context.Context, alg string) (Change, error) {
	name := ringName(storage.KeyUseSig, alg)
	// If the next key's turn came since the last Tick, it has no successor yet.
	if err := m.Tick(ctx); err != nil {
		return Change{}, fmt.Errorf("keys: rotate %q: %w", alg, err)
	}
	var theirs Change
	change, err := m.edit(ctx, func(ring storage.KeyRing, now time.Time) (*Change, []storage.SigningKey, error) {
		if ring.Name != name {
			return nil, nil, nil
		}
		took := m.config.justRotated(ring.Keys, now)
		keys, next := m.config.advance(ring.Keys, now)
		if took < 0 && next < 0 {
			return nil, nil, ErrNoActiveKey
		}
		if took < 0 && sameKeys(keys, ring.Keys) {
			took = next
		}
		if took >= 0 {
			k := &ring.Keys[took]
			theirs = Change{Kind: KeyRotated, Use: k.Use, Algorithm: k.Algorithm, KID: k.KID, At: k.ActivateAt}
			return nil, nil, errRotated
		}
		return &Change{Kind: KeyRotated, KID: keys[next].KID, At: keys[next].ActivateAt}, keys, nil
	})
	switch {
	case errors.Is(err, errRotated):
		return theirs, nil
	case errors.Is(err, errNoRing):
		err = ErrNoActiveKey
	}
	if err != nil {
		return Change{}, fmt.Errorf("keys: rotate %q: %w", alg, err)
	}
	return change, nil
}

// errRotated: somebody else has just done what was asked for.
var errRotated = errors.New("keys: rotated already")

// Revoke takes a key out of every use at once: nothing it signed verifies any
// more. reason goes into the Change. If it was signing, the next one signs from now, and a new next one is
// made. Options.Commit gets a Change of kind KeyRevoked, to write the
// revocation entry in the same transaction. Errors: ErrUnknownKey,
// ErrKeyRevoked if it was revoked before, ErrConflict, the store's.
func (m *Manager) Revoke(ctx context.Context, kid, reason string) (Change, error) {
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
		return &Change{Kind: KeyRevoked, KID: kid, At: now, Reason: reason}, keys, nil
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
		_ = m.maintain(ctx) // what fails here the next Tick tries again, and reports
		m.publish(readAt)
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
