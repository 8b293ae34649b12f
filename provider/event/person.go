package event

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"

	"github.com/maypok86/otter/v2"

	"github.com/signet-idp/signet/internal/clock"
	"github.com/signet-idp/signet/keys"
	"github.com/signet-idp/signet/storage"
)

const (
	personKeySize = 32
	// openedKeys bounds the person keys held opened in memory (some 200 bytes each).
	openedKeys = 10_000
	// personalVersion begins every sealed personal part.
	personalVersion = 1
)

// persons seals and opens personal data, one key per person.
//
// The person's row is read at every use and only the opened key comes from
// memory, and only if it was opened from the very bytes that stand in the row.
// So a key that another replica destroyed is not used once more, and a key made
// by a transaction that was rolled back seals nothing that lasts.
type persons struct {
	store  Store
	sealer Sealer
	clock  clock.Clock
	random io.Reader
	opened *otter.Cache[string, openedKey]
}

type openedKey struct {
	sealed []byte // the row it was opened from
	cipher *keys.Cipher
}

func newPersons(c Config) (*persons, error) {
	opened, err := otter.New(&otter.Options[string, openedKey]{MaximumSize: openedKeys})
	if err != nil {
		return nil, fmt.Errorf("event: person keys: %w", err)
	}
	return &persons{store: c.Store, sealer: c.Sealer, clock: c.Clock, random: c.Random, opened: opened}, nil
}

// tombstone stands in the row of a person whose key was destroyed, so that no
// later event makes a new one. It is shorter than any sealed key.
func tombstone() []byte { return []byte{0} }

func erased(sealed []byte) bool { return len(sealed) <= 1 }

// seal returns the sealed personal part of row, or nil when the person's key
// was destroyed.
func (p *persons) seal(ctx context.Context, userID string, row storage.Event, personal map[string]string) ([]byte, error) {
	sealed, err := p.store.PersonKey(ctx, userID)
	if errors.Is(err, storage.ErrNotFound) {
		sealed, err = p.create(ctx, userID)
	}
	if err != nil {
		return nil, fmt.Errorf("person key: %w", err)
	}
	if erased(sealed) {
		return nil, nil
	}
	cipher, err := p.cipher(userID, sealed)
	if err != nil {
		return nil, err
	}
	short := make(map[string]string, len(personal))
	for name, value := range personal {
		short[name] = cut(name, value)
	}
	plain, err := json.Marshal(short)
	if err != nil {
		return nil, fmt.Errorf("personal: %w", err)
	}
	return append([]byte{personalVersion}, cipher.Seal(place(row.ID, row.Type), plain)...), nil
}

// open undoes seal.
func (p *persons) open(ctx context.Context, e storage.Event) (map[string]string, error) {
	sealed, err := p.store.PersonKey(ctx, e.PersonalOf)
	if errors.Is(err, storage.ErrNotFound) {
		return nil, ErrErased
	}
	if err != nil {
		return nil, fmt.Errorf("person key: %w", err)
	}
	if erased(sealed) {
		return nil, ErrErased
	}
	cipher, err := p.cipher(e.PersonalOf, sealed)
	if err != nil {
		return nil, err
	}
	if e.Personal[0] != personalVersion {
		return nil, ErrSealed
	}
	plain, err := cipher.Open(place(e.ID, e.Type), e.Personal[1:])
	if err != nil {
		return nil, ErrSealed
	}
	var personal map[string]string
	if err := json.Unmarshal(plain, &personal); err != nil {
		return nil, fmt.Errorf("personal: %w", err)
	}
	return personal, nil
}

func (p *persons) erase(ctx context.Context, userID string) error {
	err := p.store.InTx(ctx, func(ctx context.Context) error {
		// Put comes first: it locks the row that stands, so no other writer can
		// make a key between the two statements that follow.
		stands, err := p.store.PutPersonKey(ctx, userID, tombstone(), p.clock.Now())
		if err != nil || erased(stands) {
			return err
		}
		if err := p.store.DeletePersonKey(ctx, userID); err != nil {
			return err
		}
		_, err = p.store.PutPersonKey(ctx, userID, tombstone(), p.clock.Now())
		return err
	})
	p.forget(userID)
	return err
}

func (p *persons) forget(userID string) { p.opened.Invalidate(userID) }

// create makes the person's key, or returns the one that somebody else made.
func (p *persons) create(ctx context.Context, userID string) ([]byte, error) {
	key := make([]byte, personKeySize)
	defer clear(key)
	if _, err := io.ReadFull(p.random, key); err != nil {
		return nil, fmt.Errorf("random: %w", err)
	}
	return p.store.PutPersonKey(ctx, userID, p.sealer.Seal(binding(userID), key), p.clock.Now())
}

func (p *persons) cipher(userID string, sealed []byte) (*keys.Cipher, error) {
	if k, ok := p.opened.GetIfPresent(userID); ok && bytes.Equal(k.sealed, sealed) {
		return k.cipher, nil
	}
	key, err := p.sealer.Open(binding(userID), sealed)
	if err != nil {
		return nil, fmt.Errorf("open person key: %w", err)
	}
	defer clear(key)
	cipher, err := keys.NewCipher(key)
	if err != nil {
		return nil, fmt.Errorf("open person key: %w", err)
	}
	p.opened.Set(userID, openedKey{sealed: bytes.Clone(sealed), cipher: cipher})
	return cipher, nil
}

// PersonPurpose names the data keys that seal the keys of persons.
const PersonPurpose = "person"

// Column is where those are kept.
func Column(p *keys.Purpose) keys.Column {
	return keys.Column{Name: storage.SealedPersons, Purpose: p, Binding: binding}
}

// binding ties a sealed key to its row, place a personal part to its event.
func binding(userID string) []byte { return keys.Binding("person_keys", "sealed", userID) }
func place(id, kind string) []byte { return keys.Binding("events", "personal", id, kind) }
