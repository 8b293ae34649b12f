package keys

import (
	"context"
	"crypto/rand"
	"fmt"
	"slices"
	"strconv"
	"sync"
	"time"

	"github.com/signet-idp/signet/internal/clock"
	"github.com/signet-idp/signet/storage"
)

// DataKeyring keeps the data keys, by purpose. Ask for each Purpose once, when
// the program starts, and hand it to what needs it. Safe for concurrent use.
type DataKeyring struct {
	store  storage.DataKeys
	master *Master
	clock  clock.Clock
	lead   time.Duration

	mu       sync.Mutex // guards what follows
	rows     []storage.DataKey
	opened   map[dataKeyID]*dataKey
	purposes map[string]*Purpose
}

type dataKeyID struct {
	purpose    string
	generation int64
}

// NewDataKeyring returns a keyring that has read nothing yet. A rotated key
// begins to seal lead after it was made, so that every replica, which calls
// Tick more often than that, can open by then; Config.PublishLead of the
// Manager will do.
func NewDataKeyring(store storage.DataKeys, master *Master, c clock.Clock, lead time.Duration) *DataKeyring {
	return &DataKeyring{
		store: store, master: master, clock: c, lead: lead,
		opened: make(map[dataKeyID]*dataKey), purposes: make(map[string]*Purpose),
	}
}

// Master are the master keys that it was made with.
func (r *DataKeyring) Master() *Master { return r.master }

// Load reads all data keys. Errors: the store's, ErrUnknownMaster, ErrSealed,
// ErrTampered.
func (r *DataKeyring) Load(ctx context.Context) error { return r.Tick(ctx) }

// Tick reads the data keys again. After an error the keys read before stay in use.
func (r *DataKeyring) Tick(ctx context.Context) error {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.read(ctx)
}

// Purpose returns the purpose with that name (1 to 64 letters,
// digits, '-' and '_'), with a first key made if it has none: of many replicas
// the first writer wins and all get the same. Errors: ErrPurpose and those of
// Load.
func (r *DataKeyring) Purpose(ctx context.Context, name string) (*Purpose, error) {
	if !validID(name, 64) {
		return nil, fmt.Errorf("keys: purpose %q: %w", name, ErrPurpose)
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	if p := r.purposes[name]; p != nil {
		return p, nil
	}
	if r.newest(name) == 0 {
		if err := r.insert(ctx, name, 1, r.clock.Now()); err != nil {
			return nil, err
		}
	}
	p := &Purpose{name: name}
	state, err := r.stateOf(name)
	if err != nil {
		return nil, err
	}
	p.state.Store(state)
	r.purposes[name] = p
	return p, nil
}

// Rotated is a purpose's newest key.
type Rotated struct {
	Generation int64
	At         time.Time // when it begins to seal
	New        bool      // it was made just now
}

// Rotate gives a purpose a new key. It seals from its time on; all older keys go
// on opening. Of several rotations at once one wins; while a key waits for its
// time there is no other.
func (r *DataKeyring) Rotate(ctx context.Context, name string) (Rotated, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if err := r.read(ctx); err != nil {
		return Rotated{}, err
	}
	last := r.newest(name)
	if last == 0 {
		return Rotated{}, fmt.Errorf("keys: rotate purpose %q: %w", name, ErrPurpose)
	}
	if at := r.activation(name, last); at.After(r.clock.Now()) {
		return Rotated{last, at, false}, nil
	}
	if err := r.insert(ctx, name, last+1, r.clock.Now().Add(r.lead)); err != nil {
		return Rotated{}, err
	}
	return Rotated{last + 1, r.activation(name, last+1), true}, nil
}

// Settled is when the newest key of every purpose seals; in the past, if they all
// do.
func (r *DataKeyring) Settled() time.Time {
	r.mu.Lock()
	defer r.mu.Unlock()
	var last time.Time
	for i := range r.rows {
		if at := r.rows[i].ActivateAt; at.After(last) {
			last = at
		}
	}
	return last
}

// activation is when a key that there is begins to seal.
func (r *DataKeyring) activation(name string, generation int64) time.Time {
	for i := range r.rows {
		if row := &r.rows[i]; row.Purpose == name && row.Generation == generation {
			return row.ActivateAt
		}
	}
	return time.Time{}
}

// Retire refuses a key of a purpose from now on: what is sealed under it is
// lost, what is hashed under it never matches again. The key that seals, and
// one to come, can't be retired: ErrConflict.
func (r *DataKeyring) Retire(ctx context.Context, name string, generation int64) error {
	r.mu.Lock()
	defer r.mu.Unlock()
	if err := r.read(ctx); err != nil {
		return err
	}
	state, err := r.stateOf(name)
	if err != nil {
		return err
	}
	for _, row := range r.rows {
		if row.Purpose != name || row.Generation != generation {
			continue
		}
		if generation >= int64(state.current.generation) {
			return fmt.Errorf("keys: retire %s key %d: in use: %w", name, generation, ErrConflict)
		}
		row.RetiredAt = r.clock.Now()
		if err := r.store.UpdateDataKey(ctx, row); err != nil {
			return fmt.Errorf("keys: retire %s key %d: %w", name, generation, err)
		}
		return r.read(ctx)
	}
	return fmt.Errorf("keys: retire %s key %d: %w", name, generation, ErrUnknownDataKey)
}

// Rewrap seals every data key that is sealed under an older master key anew
// under the first one, and returns how many there were.
func (r *DataKeyring) Rewrap(ctx context.Context) (int, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if err := r.read(ctx); err != nil {
		return 0, err
	}
	count := 0
	for _, row := range r.rows {
		sealed, changed, err := r.master.Rewrap(dataBinding(&row), row.Sealed)
		if err == nil && changed {
			row.Sealed = sealed
			count++
			err = r.store.UpdateDataKey(ctx, row)
		}
		if err != nil {
			return count, fmt.Errorf("keys: rewrap %s key %d: %w", row.Purpose, row.Generation, err)
		}
	}
	return count, nil
}

// read reads all rows, opens the new ones and refreshes the purposes handed
// out. It changes nothing unless all rows are good.
func (r *DataKeyring) read(ctx context.Context) error {
	rows, err := r.store.DataKeys(ctx)
	if err != nil {
		return fmt.Errorf("keys: read data keys: %w", err)
	}
	opened := make(map[dataKeyID]*dataKey, len(rows))
	for i := range rows {
		row := &rows[i]
		if !row.RetiredAt.IsZero() {
			continue
		}
		id := dataKeyID{row.Purpose, row.Generation}
		if opened[id] = r.opened[id]; opened[id] == nil {
			if opened[id], err = r.open(row); err != nil {
				return fmt.Errorf("keys: read %s key %d: %w", row.Purpose, row.Generation, err)
			}
		}
	}
	r.rows, r.opened = rows, opened
	for name, p := range r.purposes {
		state, err := r.stateOf(name)
		if err != nil {
			return err
		}
		p.state.Store(state)
	}
	return nil
}

func (r *DataKeyring) open(row *storage.DataKey) (*dataKey, error) {
	key, err := r.master.Open(dataBinding(row), row.Sealed)
	if err != nil {
		return nil, err
	}
	defer clear(key)
	return newDataKey(row, key)
}

// insert stores a new key for a purpose, or finds that somebody just did, and
// reads what stands.
func (r *DataKeyring) insert(ctx context.Context, name string, generation int64, activateAt time.Time) error {
	key := make([]byte, dataKeySize)
	rand.Read(key)
	defer clear(key)
	row := storage.DataKey{Purpose: name, Generation: generation, CreatedAt: r.clock.Now(), ActivateAt: activateAt}
	row.Sealed = r.master.Seal(dataBinding(&row), key)
	if _, err := r.store.InsertDataKey(ctx, row); err != nil {
		return fmt.Errorf("keys: insert %s key %d: %w", name, generation, err)
	}
	return r.read(ctx)
}

// newest is the highest generation of a purpose as last read, 0 if none.
func (r *DataKeyring) newest(name string) int64 {
	var newest int64
	for i := range r.rows {
		if r.rows[i].Purpose == name {
			newest = max(newest, r.rows[i].Generation)
		}
	}
	return newest
}

// stateOf picks the keys of a purpose: the newest one whose time has come is
// current; if a clock is so far behind that none has, the oldest one is.
func (r *DataKeyring) stateOf(name string) (*purposeState, error) {
	state := &purposeState{}
	for id, k := range r.opened {
		if id.purpose == name {
			state.all = append(state.all, k)
		}
	}
	if len(state.all) == 0 {
		return nil, fmt.Errorf("keys: purpose %q: %w", name, ErrUnknownDataKey)
	}
	slices.SortFunc(state.all, func(a, b *dataKey) int { return int(int64(b.generation) - int64(a.generation)) })
	now := r.clock.Now()
	state.current = state.all[len(state.all)-1]
	for _, k := range state.all {
		if !k.activateAt.After(now) {
			state.current = k
			break
		}
	}
	return state, nil
}

func dataBinding(row *storage.DataKey) []byte {
	return Binding("data_keys", "sealed", row.Purpose, strconv.FormatInt(row.Generation, 10))
}
