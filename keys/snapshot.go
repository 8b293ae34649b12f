package keys

import (
	"cmp"
	"crypto"
	"slices"
	"time"

	"github.com/signet-idp/signet/internal/clock"
	"github.com/signet-idp/signet/storage"
)

// Snapshot is the state of all rings as last read. It is immutable; its
// methods take no lock and do no I/O.
type Snapshot struct {
	clock  clock.Clock
	config Config
	readAt time.Time // when the read began
	until  time.Time // when the next key changes its state

	signing map[storage.KeyUse]map[string][]turn // by algorithm
	public  map[storage.KeyUse]map[string]*verifyKey
	tokens  KeySet
	feed    KeySet
	audit   KeySet // of checkpoints
	infos   []Info
}

// turn is a key with the time in which it signs.
type turn struct {
	from, to time.Time // to is zero while there is no end
	signer   *Signer
}

// Info describes one key, for people.
type Info struct {
	KID       string
	Use       storage.KeyUse
	Algorithm string
	State     State
	JWK       []byte // public half
	CreatedAt, PublishAt, ActivateAt, RetireAt,
	DropAt, RevokedAt time.Time

	public crypto.PublicKey
}

// Signer returns the signer of the active key for tokens under alg. Errors:
// ErrNoActiveKey (see Manager.EnsureAlgorithms), ErrStale.
func (s *Snapshot) Signer(alg string) (*Signer, error) { return s.signer(storage.KeyUseSig, alg) }

// FeedSigner returns the signer of the revocation feed.
func (s *Snapshot) FeedSigner() (*Signer, error) { return s.signer(storage.KeyUseFeed, ES256) }

// CheckpointSigner returns the signer of the event log's checkpoints.
func (s *Snapshot) CheckpointSigner() (*Signer, error) {
	return s.signer(storage.KeyUseCheckpoint, ES256)
}

func (s *Snapshot) signer(use storage.KeyUse, alg string) (*Signer, error) {
	now := s.clock.Now()
	if now.Sub(s.readAt) > s.config.PublishLead {
		return nil, ErrStale
	}
	// The same choice as activeIndex makes, from the keys that were left when
	// the snapshot was taken: two, as a rule.
	var active *Signer
	for _, t := range s.signing[use][alg] {
		switch {
		case !t.to.IsZero() && !t.to.After(now):
		case !t.from.After(now):
			active = t.signer
		case active == nil:
			return t.signer, nil
		}
	}
	if active == nil {
		return nil, ErrNoActiveKey
	}
	return active, nil
}

// ReadAt is when the rings were last read from the store.
func (s *Snapshot) ReadAt() time.Time { return s.readAt }

// Algorithms lists the algorithms with a ring for tokens, sorted.
func (s *Snapshot) Algorithms() []string {
	var out []string
	for alg := range s.signing[storage.KeyUseSig] {
		out = append(out, alg)
	}
	slices.Sort(out)
	return out
}

// Keys describes every key, ring by ring, in the order in which they sign. The
// states are those of the last Tick.
func (s *Snapshot) Keys() []Info { return slices.Clone(s.infos) }

// newSnapshot derives a snapshot from the rings at now.
func newSnapshot(c clock.Clock, config Config, rings map[string]storage.KeyRing, known map[string]*material, now, readAt time.Time) *Snapshot {
	s := &Snapshot{
		clock: c, config: config, readAt: readAt, until: farFuture,
		signing: make(map[storage.KeyUse]map[string][]turn),
		public:  make(map[storage.KeyUse]map[string]*verifyKey),
	}
	names := make([]string, 0, len(rings))
	for name := range rings {
		names = append(names, name)
	}
	slices.Sort(names)
	sets := make(map[storage.KeyUse][][]byte)
	for _, name := range names {
		keys := rings[name].Keys
		var shown []Info
		for i := range keys {
			info := s.add(keys, i, known[keys[i].KID], now)
			// A checkpoint is verified as long as there is one.
			if info.State == StateNext || info.State == StateActive || info.State == StateRetiring ||
				info.Use == storage.KeyUseCheckpoint && info.State != StateRevoked {
				shown = append(shown, info)
			}
		}
		slices.SortStableFunc(shown, func(a, b Info) int { return cmp.Compare(rank(a), rank(b)) })
		for _, info := range shown {
			sets[info.Use] = append(sets[info.Use], info.JWK)
		}
	}
	s.tokens = newKeySet(sets[storage.KeyUseSig], config.JWKSMaxAge)
	s.feed = newKeySet(sets[storage.KeyUseFeed], config.JWKSMaxAge)
	s.audit = newKeySet(sets[storage.KeyUseCheckpoint], config.JWKSMaxAge)
	return s
}

// add enters keys[i] of a ring.
func (s *Snapshot) add(keys []storage.SigningKey, i int, m *material, now time.Time) Info {
	k := &keys[i]
	if s.public[k.Use] == nil {
		s.public[k.Use] = make(map[string]*verifyKey)
		s.signing[k.Use] = make(map[string][]turn)
	}
	s.public[k.Use][k.KID] = &verifyKey{
		material: m, revoked: revoked(k), dropAt: k.DropAt, hintTill: s.config.hintUntil(k),
	}
	if !revoked(k) && !retired(k, now) && m.signer != nil {
		s.signing[k.Use][k.Algorithm] = append(s.signing[k.Use][k.Algorithm], turn{k.ActivateAt, k.RetireAt, m.signer})
	}
	for _, t := range [...]time.Time{k.ActivateAt, k.RetireAt, k.DropAt} {
		if t.After(now) && t.Before(s.until) {
			s.until = t
		}
	}
	info := Info{
		KID: k.KID, Use: k.Use, Algorithm: k.Algorithm, State: stateOf(keys, i, now), JWK: k.PublicJWK,
		CreatedAt: k.CreatedAt, PublishAt: k.PublishAt, ActivateAt: k.ActivateAt, RetireAt: k.RetireAt,
		DropAt: k.DropAt, RevokedAt: k.RevokedAt, public: m.public,
	}
	s.infos = append(s.infos, info)
	return info
}

// rank puts the active key first: some verifiers take the first that fits.
func rank(i Info) int {
	if i.State == StateActive {
		return 0
	}
	return 1
}
