package keys

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/signet-idp/signet/storage"
)

// read brings rings and known up to date with the store.
func (m *Manager) read(ctx context.Context, always bool) error {
	if !always {
		versions, err := m.store.KeyRingVersions(ctx)
		if err != nil {
			return err
		}
		if maps.EqualFunc(versions, m.rings, func(v int64, r storage.KeyRing) bool { return v == r.Version }) {
			return nil
		}
	}
	stored, err := m.store.KeyRings(ctx)
	if err != nil {
		return err
	}
	rings := make(map[string]storage.KeyRing, len(stored))
	known := make(map[string]*material)
	now := m.clock.Now()
	for _, ring := range stored {
		inOrder(ring.Keys)
		for i := range ring.Keys {
			k := &ring.Keys[i]
			if ringName(k.Use, k.Algorithm) != ring.Name {
				return fmt.Errorf("key %s in ring %s: %w", k.KID, ring.Name, ErrTampered)
			}
			signs := !revoked(k) && !retired(k, now)
			mat := m.known[k.KID]
			switch {
			case !mat.of(k) || signs && mat.signer == nil:
				if mat, err = m.loadMaterial(ctx, k, signs); err != nil {
					return err
				}
			case !signs:
				mat = mat.publicOnly()
			}
			known[k.KID] = mat
		}
		rings[ring.Name] = ring
	}
	m.rings, m.known, m.dirty = rings, known, true
	return nil
}

// maintain makes every ring what it should be by now. Keys are made for all
// rings at the same time, as RSA keys take long; then the rings are written
// one after the other.
func (m *Manager) maintain(ctx context.Context) error {
	ids := m.every()
	rings := make([]storage.KeyRing, len(ids))
	fresh := make([]newKeys, len(ids))
	var group sync.WaitGroup
	for i, id := range ids {
		var ok bool
		if rings[i], ok = m.rings[id.name()]; !ok {
			rings[i].Name = id.name()
		}
		count := missing(rings[i].Keys, m.clock.Now())
		group.Go(func() { fresh[i] = m.makeKeys(ctx, id, count) })
	}
	group.Wait()
	var errs []error
	lost := false
	for i, id := range ids {
		err := m.maintainRing(ctx, id, rings[i], fresh[i])
		if errors.Is(err, ErrConflict) {
			lost = true
		} else if err != nil {
			errs = append(errs, err)
		}
	}
	if lost { // somebody else did it, so that theirs is what counts
		errs = append(errs, m.read(ctx, true))
	}
	return errors.Join(errs...)
}

// keep takes over a ring that was just written.
func (m *Manager) keep(ring storage.KeyRing, fresh []*material) {
	for _, mat := range fresh {
		m.known[mat.kid] = mat
	}
	m.rings[ring.Name] = ring
	m.dirty = true
}

type ringID struct {
	use storage.KeyUse
	alg string
}

func (id ringID) name() string { return ringName(id.use, id.alg) }

// every lists the rings there are and those there should be.
func (m *Manager) every() []ringID {
	out := []ringID{{storage.KeyUseFeed, ES256}, {storage.KeyUseCheckpoint, ES256}}
	for _, alg := range m.wanted {
		out = append(out, ringID{storage.KeyUseSig, alg})
	}
	for name := range m.rings {
		use, alg, _ := strings.Cut(name, "/")
		id := ringID{storage.KeyUse(use), alg}
		if !slices.Contains(out, id) {
			out = append(out, id)
		}
	}
	return out
}

// lacking reports whether a ring has no next key.
func (m *Manager) lacking() bool {
	now := m.clock.Now()
	for _, ring := range m.rings {
		if missing(ring.Keys, now) > 0 {
			return true
		}
	}
	return false
}

// newKeys are keys that were just made, still without their times.
type newKeys struct {
	rows      []storage.SigningKey
	materials []*material
	err       error
}

// makeKeys makes count keys at the same time.
func (m *Manager) makeKeys(ctx context.Context, id ringID, count int) newKeys {
	out := newKeys{rows: make([]storage.SigningKey, count), materials: make([]*material, count)}
	errs := make([]error, count)
	var group sync.WaitGroup
	for i := range count {
		group.Go(func() { out.rows[i], out.materials[i], errs[i] = m.newKey(ctx, id.use, id.alg) })
	}
	group.Wait()
	out.err = errors.Join(errs...)
	return out
}

// maintainRing does what is due for one ring: makes it, gives the active key a
// successor, destroys what is spent.
func (m *Manager) maintainRing(ctx context.Context, id ringID, ring storage.KeyRing, fresh newKeys) error {
	if fresh.err != nil {
		return fresh.err
	}
	now := m.clock.Now()
	if missing(ring.Keys, now) != len(fresh.rows) {
		return nil // moved on while keys were made; the next Tick will see
	}
	keys := m.config.settle(ring.Keys, fresh.rows, now)
	m.destroy(keys, now)
	if sameKeys(keys, ring.Keys) {
		return nil
	}
	change := Change{Kind: RingCleaned, Use: id.use, Algorithm: id.alg, At: now}
	if len(fresh.rows) > 0 {
		change.Kind = KeyPublished
		if len(fresh.rows) > 1 {
			change.Kind = RingCreated
		}
		i := slices.IndexFunc(keys, func(k storage.SigningKey) bool { return k.KID == fresh.rows[0].KID })
		change.KID, change.At = keys[i].KID, keys[i].ActivateAt
	}
	ring.Keys = keys
	ring, err := m.write(ctx, change, ring)
	if err != nil {
		return err
	}
	m.keep(ring, fresh.materials)
	return nil
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
