package keys

import (
	"context"
	"fmt"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/signet-idp/signet/internal/clock"
	"github.com/signet-idp/signet/storage"
)

// attempts is how often a change is tried when other replicas keep winning.
const attempts = 5

// ChangeKind says what a Change does to a ring.
type ChangeKind string

// The kinds of change.
const (
	RingCreated   ChangeKind = "ring_created"   // KID: the active key
	KeyPublished  ChangeKind = "key_published"  // KID: the new next key
	KeyRotated    ChangeKind = "key_rotated"    // by command; KID: the key that begins to sign
	KeyRevoked    ChangeKind = "key_revoked"    // KID: the revoked key
	RingCleaned   ChangeKind = "ring_cleaned"   // spent private halves destroyed, old keys deleted
	RingRewrapped ChangeKind = "ring_rewrapped" // sealed under the first master key
)

// Change is one change of one ring.
type Change struct {
	Kind      ChangeKind
	Use       storage.KeyUse
	Algorithm string
	KID       string    // see the kinds
	At        time.Time // when KID begins to sign (created, published, rotated) or was revoked
	Reason    string    // of a revocation, as it was given
}

// Commit stores a change. It calls write in a transaction, together with what
// else belongs to the change (an event, the revocation entry for a revoked
// kid, a configuration bump), and returns write's error if there is one. It may run again if another replica was faster, but never
// twice at the same time.
type Commit func(ctx context.Context, change Change, write func(context.Context) error) error

// Options are what a Manager needs.
type Options struct {
	Store  storage.SigningKeys
	Master *Master
	Clock  clock.Clock
	Config Config
	// Source makes and opens private keys. Default Software.
	Source Source
	// Commit stores changes. Default: just the write.
	Commit Commit
}

// Manager keeps the signing key rings: it reads them, rotates them when due,
// and publishes a Snapshot. Safe for concurrent use.
type Manager struct {
	store   storage.SigningKeys
	master  *Master
	clock   clock.Clock
	config  Config
	source  Source
	commit  Commit
	current atomic.Pointer[Snapshot]

	mu     sync.Mutex // guards what follows; never held by requests
	rings  map[string]storage.KeyRing
	known  map[string]*material // by kid
	wanted []string             // algorithms of the rings for tokens
	dirty  bool                 // rings changed since the last snapshot
}

// NewManager returns a Manager that has read nothing yet: until Load its
// snapshot signs and verifies nothing. Errors: ErrConfig, ErrAlgorithm.
func NewManager(o Options) (*Manager, error) {
	config, err := o.Config.withDefaults()
	if err != nil {
		return nil, fmt.Errorf("keys: new manager: %w", err)
	}
	m := &Manager{
		store: o.Store, master: o.Master, clock: o.Clock, config: config, source: o.Source, commit: o.Commit,
		rings: make(map[string]storage.KeyRing), known: make(map[string]*material),
		wanted: config.Algorithms,
	}
	if m.source == nil {
		m.source = Software{}
	}
	if m.commit == nil {
		m.commit = func(ctx context.Context, _ Change, write func(context.Context) error) error { return write(ctx) }
	}
	m.publish(time.Time{})
	return m, nil
}

// Config is the configuration with its defaults filled in.
func (m *Manager) Config() Config { return m.config }

// Snapshot is the newest state, for one request.
func (m *Manager) Snapshot() *Snapshot { return m.current.Load() }

// Load reads all rings, makes those that are missing, and does what Tick does.
// Only the very first start of an installation has keys to make.
func (m *Manager) Load(ctx context.Context) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	if err := m.refresh(ctx, true); err != nil {
		return fmt.Errorf("keys: load: %w", err)
	}
	return nil
}

// Tick reads the rings if they changed and rotates those that are due. Call it
// every Config.SyncEvery. After an error the last snapshot stays in use, until
// it is stale.
func (m *Manager) Tick(ctx context.Context) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	if err := m.refresh(ctx, false); err != nil {
		return fmt.Errorf("keys: tick: %w", err)
	}
	return nil
}

// EnsureAlgorithms makes rings for those of algs that have none. Their first
// key signs at once: the only verifiers of its tokens are those that have just
// asked for the algorithm. Errors: ErrAlgorithm, the store's.
func (m *Manager) EnsureAlgorithms(ctx context.Context, algs ...string) error {
	have := m.Snapshot().signing[storage.KeyUseSig]
	var lacking []string
	for _, alg := range algs {
		if err := checkAlgorithm(alg); err != nil {
			return fmt.Errorf("keys: ensure algorithms: %w", err)
		}
		if have[alg] == nil {
			lacking = append(lacking, alg)
		}
	}
	if lacking == nil {
		return nil
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	for _, alg := range lacking {
		if !slices.Contains(m.wanted, alg) {
			m.wanted = append(slices.Clip(m.wanted), alg)
		}
	}
	if err := m.refresh(ctx, true); err != nil {
		return fmt.Errorf("keys: ensure algorithms: %w", err)
	}
	return nil
}

// refresh reads, maintains and publishes. The caller holds the lock.
func (m *Manager) refresh(ctx context.Context, always bool) error {
	readAt := m.clock.Now()
	if err := m.read(ctx, always); err != nil {
		return err
	}
	// What was read is published first: making keys takes a while.
	m.publish(readAt)
	err := m.maintain(ctx)
	if err == nil && m.lacking() { // the next key was due at once
		err = m.maintain(ctx)
	}
	m.publish(readAt)
	return err
}

// publish makes a new snapshot if something changed or the time for something
// has come, or else notes in a copy of the old one that it is still good.
func (m *Manager) publish(readAt time.Time) {
	now := m.clock.Now()
	if old := m.current.Load(); old != nil && !m.dirty && now.Before(old.until) {
		same := *old
		same.readAt = readAt
		m.current.Store(&same)
		return
	}
	m.dirty = false
	m.current.Store(newSnapshot(m.clock, m.config, m.rings, m.known, now, readAt))
}
