// Package keytest gives tests signing and data keys without a database.
package keytest

import (
	"context"
	"fmt"
	"slices"
	"sync"

	"github.com/signet-idp/signet/storage"
)

// Store keeps key rings and data keys in memory. It implements
// storage.SigningKeys and storage.DataKeys. Use NewStore.
type Store struct {
	mu    sync.Mutex
	rings map[string]storage.KeyRing
	data  []storage.DataKey
	fail  error
	Reads int // how often all rings were read
}

var (
	_ storage.SigningKeys = (*Store)(nil)
	_ storage.DataKeys    = (*Store)(nil)
)

// NewStore returns an empty store.
func NewStore() *Store { return &Store{rings: make(map[string]storage.KeyRing)} }

// Fail makes every call return err, until called with nil.
func (s *Store) Fail(err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.fail = err
}

// KeyRings implements storage.SigningKeys.
func (s *Store) KeyRings(context.Context) ([]storage.KeyRing, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.Reads++
	var out []storage.KeyRing
	for _, ring := range s.rings {
		ring.Keys = slices.Clone(ring.Keys)
		out = append(out, ring)
	}
	return out, s.fail
}

// KeyRingVersions implements storage.SigningKeys.
func (s *Store) KeyRingVersions(context.Context) (map[string]int64, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	out := make(map[string]int64)
	for name, ring := range s.rings {
		out[name] = ring.Version
	}
	return out, s.fail
}

// ReplaceKeyRing implements storage.SigningKeys.
func (s *Store) ReplaceKeyRing(_ context.Context, ring storage.KeyRing) (bool, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.fail != nil || s.rings[ring.Name].Version != ring.Version {
		return false, s.fail
	}
	ring.Version++
	ring.Keys = slices.Clone(ring.Keys)
	s.rings[ring.Name] = ring
	return true, nil
}

// DataKeys implements storage.DataKeys.
func (s *Store) DataKeys(context.Context) ([]storage.DataKey, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.Clone(s.data), s.fail
}

// InsertDataKey implements storage.DataKeys.
func (s *Store) InsertDataKey(_ context.Context, key storage.DataKey) (bool, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.fail != nil || s.find(key) >= 0 {
		return false, s.fail
	}
	s.data = append(s.data, key)
	return true, nil
}

// UpdateDataKey implements storage.DataKeys.
func (s *Store) UpdateDataKey(_ context.Context, key storage.DataKey) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	i := s.find(key)
	if s.fail != nil || i < 0 {
		return fmt.Errorf("keytest: update data key: %w", cmpErr(s.fail, storage.ErrNotFound))
	}
	s.data[i].Sealed, s.data[i].RetiredAt = key.Sealed, key.RetiredAt
	return nil
}

func (s *Store) find(key storage.DataKey) int {
	return slices.IndexFunc(s.data, func(k storage.DataKey) bool {
		return k.Purpose == key.Purpose && k.Generation == key.Generation
	})
}

func cmpErr(first, second error) error {
	if first != nil {
		return first
	}
	return second
}
