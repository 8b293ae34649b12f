package password

import (
	"context"
	"crypto/rand"
	"fmt"
	"io"
	"runtime"
	"time"

	"github.com/signet-idp/signet/internal/clock"
)

// Observer is told what hashing costs. Implementations are safe for concurrent
// use and return at once.
type Observer interface {
	// HashDuration: one derivation with the scheme took d, without the wait
	// (signet_password_hash_duration_seconds).
	HashDuration(scheme string, d time.Duration)
	// HashQueueDepth: so many callers wait now (signet_hash_queue_depth).
	HashQueueDepth(waiting int)
}

// Config of a Hasher. The zero value is ready for use.
type Config struct {
	// Argon2 is the cost of new hashes; default 19 MiB, 2 passes, 1 lane.
	Argon2 Argon2
	// Concurrency is how many derivations run at once; default GOMAXPROCS.
	Concurrency int
	// QueueLength is how many callers may wait; default 128 for each of
	// Concurrency, about what can be done within QueueTimeout.
	QueueLength int
	// QueueTimeout is how long a caller waits at most; default 2 s.
	QueueTimeout time.Duration

	Rand     io.Reader   // salts; default crypto/rand
	Clock    clock.Clock // measures durations for the Observer; default the system's
	Observer Observer    // default: nobody
}

// Hasher hashes and verifies passwords behind a concurrency gate. It is safe
// for concurrent use.
type Hasher struct {
	argon2   Argon2
	dummy    argon2Hash
	gate     *gate
	rand     io.Reader
	clock    clock.Clock
	observer Observer
}

// New returns a Hasher. It fails if the cost in c is outside the bounds that
// Verify would accept, or if no randomness is to be had.
func New(c Config) (*Hasher, error) {
	if c.Argon2 == (Argon2{}) {
		c.Argon2 = DefaultArgon2()
	}
	if err := c.Argon2.check(); err != nil {
		return nil, fmt.Errorf("password: new hasher: %w", err)
	}
	if c.Concurrency <= 0 {
		c.Concurrency = runtime.GOMAXPROCS(0)
	}
	if c.QueueLength <= 0 {
		c.QueueLength = 128 * c.Concurrency
	}
	if c.QueueTimeout <= 0 {
		c.QueueTimeout = 2 * time.Second
	}
	if c.Rand == nil {
		c.Rand = rand.Reader
	}
	if c.Clock == nil {
		c.Clock = clock.System{}
	}
	if c.Observer == nil {
		c.Observer = nobody{}
	}
	h := &Hasher{argon2: c.Argon2, rand: c.Rand, clock: c.Clock, observer: c.Observer}
	h.gate = newGate(c.Concurrency, c.QueueLength, c.QueueTimeout, c.Observer.HashQueueDepth)
	salt, err := h.salt()
	if err != nil {
		return nil, err
	}
	// No password has this key: it is random and never derived.
	key, err := h.random(argon2KeyLength)
	if err != nil {
		return nil, err
	}
	h.dummy = argon2Hash{Argon2: c.Argon2, salt: salt, key: key}
	return h, nil
}

// Hash returns the argon2id string to store for a password. It returns
// ErrPassword for what cannot be one, ErrBusy, or the context's error. Whether
// the password is a good one is for Policy to say.
func (h *Hasher) Hash(ctx context.Context, pw string) (string, error) {
	text, usable := normalize(pw)
	if !usable {
		return "", ErrPassword
	}
	salt, err := h.salt()
	if err != nil {
		return "", err
	}
	hash := argon2Hash{Argon2: h.argon2, salt: salt}
	if err := h.derive(ctx, hash.scheme(), func() { hash.key = hash.derive(text.nfc, argon2KeyLength) }); err != nil {
		return "", err
	}
	return hash.String(), nil
}

// Verify reports whether pw is the password behind the stored string; upgrade,
// given only together with ok, that the caller should store a new Hash of it.
// It returns ErrFormat or ErrCost for a stored string that cannot be used,
// ErrBusy, or the context's error. What cannot be a password is not ok, at no
// cost and without an error.
func (h *Hasher) Verify(ctx context.Context, encoded, pw string) (ok, upgrade bool, err error) {
	stored, err := parse(encoded)
	if err != nil {
		return false, false, err
	}
	text, usable := normalize(pw)
	if !usable {
		return false, false, nil
	}
	if ok, err = h.matches(ctx, stored, text.nfc); err != nil {
		return false, false, err
	}
	if ok {
		return true, !h.isCurrent(stored), nil
	}
	if text.typed == nil {
		return false, false, nil
	}
	ok, err = h.matches(ctx, stored, text.typed)
	return ok, ok, err
}

// VerifyDummy does the work of Verify for an account that does not exist or has
// no password, so that the time of the answer does not tell. It returns ErrBusy
// or the context's error like Verify.
func (h *Hasher) VerifyDummy(ctx context.Context, pw string) error {
	text, usable := normalize(pw)
	if !usable {
		return nil
	}
	if _, err := h.matches(ctx, h.dummy, text.nfc); err != nil || text.typed == nil {
		return err
	}
	_, err := h.matches(ctx, h.dummy, text.typed)
	return err
}

func (h *Hasher) matches(ctx context.Context, stored encoded, pw []byte) (ok bool, err error) {
	err = h.derive(ctx, stored.scheme(), func() { ok = stored.matches(pw) })
	return ok, err
}

// derive runs work inside the gate and measures it.
func (h *Hasher) derive(ctx context.Context, scheme string, work func()) error {
	return h.gate.do(ctx, func() {
		start := h.clock.Now()
		work()
		h.observer.HashDuration(scheme, h.clock.Now().Sub(start))
	})
}

// isCurrent reports whether stored is what Hash makes today.
func (h *Hasher) isCurrent(stored encoded) bool {
	hash, ok := stored.(argon2Hash)
	return ok && hash.Argon2 == h.argon2 && !hash.django &&
		len(hash.salt) == argon2SaltLength && len(hash.key) == argon2KeyLength
}

func (h *Hasher) salt() ([]byte, error) { return h.random(argon2SaltLength) }

func (h *Hasher) random(n int) ([]byte, error) {
	b := make([]byte, n)
	if _, err := io.ReadFull(h.rand, b); err != nil {
		return nil, fmt.Errorf("password: read randomness: %w", err)
	}
	return b, nil
}

type nobody struct{}

func (nobody) HashDuration(string, time.Duration) {}
func (nobody) HashQueueDepth(int)                 {}
