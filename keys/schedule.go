package keys

import (
	"bytes"
	"cmp"
	"slices"
	"time"

	"github.com/signet-idp/signet/storage"
)

// State is what a key is at a moment; it is never stored.
type State string

// The states of a signing key.
const (
	StateNext     State = "next"     // published, not signing
	StateActive   State = "active"   // signing
	StateRetiring State = "retiring" // verifying until its last token is dead
	StateGone     State = "gone"     // outside the JWKS, verifying id_token_hint
	StateRevoked  State = "revoked"  // refused
)

// stateOf derives the state of keys[i] at now. keys are in order.
func stateOf(keys []storage.SigningKey, i int, now time.Time) State {
	k := &keys[i]
	switch {
	case revoked(k):
		return StateRevoked
	case i == activeIndex(keys, now):
		return StateActive
	case k.ActivateAt.After(now):
		return StateNext
	case k.DropAt.IsZero() || k.DropAt.After(now):
		return StateRetiring
	}
	return StateGone
}

func revoked(k *storage.SigningKey) bool { return !k.RevokedAt.IsZero() }

// retired reports whether the key has a successor that signs by now.
func retired(k *storage.SigningKey, now time.Time) bool {
	return !k.RetireAt.IsZero() && !k.RetireAt.After(now)
}

// inOrder sorts keys by the time they begin to sign, and those that begin at
// the same moment by the time they stop.
func inOrder(keys []storage.SigningKey) {
	end := func(k storage.SigningKey) time.Time {
		if k.RetireAt.IsZero() {
			return farFuture
		}
		return k.RetireAt
	}
	slices.SortFunc(keys, func(a, b storage.SigningKey) int {
		return cmp.Or(a.ActivateAt.Compare(b.ActivateAt), end(a).Compare(end(b)), cmp.Compare(a.KID, b.KID))
	})
}

// activeIndex finds the key that signs at now: the latest one whose time has
// come and is not over. If there is none (the active one was revoked, and the
// clock here is behind that of the replica which did it), the next one steps
// in. It returns -1 if there is neither.
func activeIndex(keys []storage.SigningKey, now time.Time) int {
	active := -1
	for i := range keys {
		k := &keys[i]
		switch {
		case revoked(k) || retired(k, now):
		case !k.ActivateAt.After(now):
			active = i
		case active < 0:
			return i
		}
	}
	return active
}

// nextIndex finds the successor of keys[active], or -1.
func nextIndex(keys []storage.SigningKey, active int, now time.Time) int {
	for i := active + 1; active >= 0 && i < len(keys); i++ {
		if !revoked(&keys[i]) && !retired(&keys[i], now) {
			return i
		}
	}
	return -1
}

// missing says how many new keys a ring needs at now: none, a next one, or
// both an active and a next one.
func missing(keys []storage.SigningKey, now time.Time) int {
	active := activeIndex(keys, now)
	switch {
	case active < 0:
		return 2
	case nextIndex(keys, active, now) < 0:
		return 1
	}
	return 0
}

// settle returns the keys of a ring as they should be at now, in order. fresh
// are as many new keys as missing asked for. It is the automatic part of a
// rotation: it gives the active key its successor, and deletes the keys that
// nothing can ask for any more.
func (c Config) settle(keys, fresh []storage.SigningKey, now time.Time) []storage.SigningKey {
	keys = append(slices.Clone(keys), fresh...)
	for i := len(keys) - len(fresh); i < len(keys); i++ {
		keys[i].PublishAt, keys[i].ActivateAt = now, now
	}
	if n := len(keys); len(fresh) > 0 {
		keys[n-1].ActivateAt = farFuture // until its turn is known, below
		if len(fresh) > 1 {
			// No JWKS will ever show the active key without this next one, so
			// that it counts as known to all who know that one.
			keys[n-1].PublishAt = now.Add(-c.PublishLead)
		}
	}
	inOrder(keys)
	active := activeIndex(keys, now)
	if keys[active].ActivateAt.After(now) {
		keys[active].ActivateAt = now
	}
	next := &keys[nextIndex(keys, active, now)]
	due := latest(now, keys[active].ActivateAt.Add(c.RotateEvery), c.knownAt(next))
	if due.Before(next.ActivateAt) { // new, or RotateEvery was made shorter
		next.ActivateAt = due
	}
	c.hand(&keys[active], next.ActivateAt)
	return slices.DeleteFunc(keys, func(k storage.SigningKey) bool { return c.forgotten(&k, now) })
}

// advance lets the next key begin to sign as soon as every verifier that
// honours caching knows it. keys are in order and settled.
func (c Config) advance(keys []storage.SigningKey, now time.Time) (changed []storage.SigningKey, next int) {
	keys = slices.Clone(keys)
	active := activeIndex(keys, now)
	next = nextIndex(keys, active, now)
	if next < 0 {
		return keys, -1
	}
	if at := latest(now, c.knownAt(&keys[next])); at.Before(keys[next].ActivateAt) {
		keys[next].ActivateAt = at
		c.hand(&keys[active], at)
	}
	return keys, next
}

// justRotated finds the active key if it took over from another moments ago,
// and not because that one was revoked; else it returns -1. keys are in order.
func (c Config) justRotated(keys []storage.SigningKey, now time.Time) int {
	active := activeIndex(keys, now)
	if active < 0 || now.Sub(keys[active].ActivateAt) >= 2*c.SyncEvery {
		return -1
	}
	for i := range keys[:active] {
		if k := &keys[i]; !revoked(k) && k.RetireAt.Equal(keys[active].ActivateAt) {
			return active
		}
	}
	return -1
}

// revoke marks keys[i] revoked. If it was active the next one signs from now;
// if it was the next one the active key is without successor again.
func (c Config) revoke(keys []storage.SigningKey, i int, now time.Time) []storage.SigningKey {
	keys = slices.Clone(keys)
	active := activeIndex(keys, now)
	next := nextIndex(keys, active, now)
	k := &keys[i]
	k.RevokedAt = now
	if !retired(k, now) {
		k.RetireAt = now
	}
	if k.DropAt.IsZero() || k.DropAt.After(now) {
		k.DropAt = now
	}
	switch {
	case i == active && next >= 0:
		keys[next].ActivateAt = now
	case i == next:
		keys[active].RetireAt, keys[active].DropAt = time.Time{}, time.Time{}
	}
	inOrder(keys)
	return keys
}

// hand sets when a key hands over to its successor.
func (c Config) hand(k *storage.SigningKey, at time.Time) {
	k.RetireAt, k.DropAt = at, at.Add(c.linger())
}

// knownAt is since when every verifier that honours caching knows the key.
func (c Config) knownAt(k *storage.SigningKey) time.Time { return k.PublishAt.Add(c.PublishLead) }

// hintUntil is when even an id_token_hint by this key is refused; zero while
// that is not known.
func (c Config) hintUntil(k *storage.SigningKey) time.Time {
	if k.RetireAt.IsZero() {
		return time.Time{}
	}
	return latest(k.RetireAt.Add(c.HintRetention), k.DropAt)
}

// forgotten reports whether a key can be deleted. Checkpoint keys never can:
// the event log they vouch for outlives them.
func (c Config) forgotten(k *storage.SigningKey, now time.Time) bool {
	until := c.hintUntil(k)
	return k.Use != storage.KeyUseCheckpoint && !until.IsZero() && !until.After(now)
}

// spent reports whether the private half has no use any more.
func spent(k *storage.SigningKey, now time.Time) bool {
	return revoked(k) || !k.DropAt.IsZero() && !k.DropAt.After(now)
}

// farFuture sorts behind every real time.
var farFuture = time.Date(9999, 1, 1, 0, 0, 0, 0, time.UTC)

func latest(times ...time.Time) time.Time {
	return slices.MaxFunc(times, time.Time.Compare)
}

func sameKeys(a, b []storage.SigningKey) bool {
	return slices.EqualFunc(a, b, func(x, y storage.SigningKey) bool {
		return x.KID == y.KID && bytes.Equal(x.PrivateSealed, y.PrivateSealed) &&
			x.PublishAt.Equal(y.PublishAt) && x.ActivateAt.Equal(y.ActivateAt) &&
			x.RetireAt.Equal(y.RetireAt) && x.DropAt.Equal(y.DropAt) && x.RevokedAt.Equal(y.RevokedAt)
	})
}
