package revocation

import (
	"hash/maphash"
	"maps"
	"math"
	"strings"
	"sync/atomic"
	"time"

	"github.com/signet-idp/signet/storage"
)

// shardCount bounds what one new entry makes us copy: with 10,000 entries some
// 40 per shard of the busiest kind.
const shardCount = 256

// mark is how far a value is revoked.
type mark struct {
	seq    int64 // tokens with a lower pe are dead
	expiry int64 // microseconds; when nothing it could match is alive
}

// table holds the marks of one kind. Readers take an immutable map through an
// atomic pointer; the single writer replaces whole maps.
type table[K comparable] struct {
	used   atomic.Bool // false: nothing was ever added
	shards [shardCount]atomic.Pointer[map[K]mark]
}

// kills says whether key is marked above pe; hash is that of the key's most
// varied part.
func (t *table[K]) kills(hash uint64, key K, pe int64) bool {
	m := t.shards[hash%shardCount].Load()
	return m != nil && (*m)[key].seq > pe
}

// change is what one batch does to a table: the shards that it replaces.
type change[K comparable] struct {
	table  *table[K]
	shards map[uint64]map[K]mark
}

func (c *change[K]) add(hash uint64, key K, m mark) {
	i := hash % shardCount
	shard, ok := c.shards[i]
	if !ok {
		if old := c.table.shards[i].Load(); old != nil {
			shard = maps.Clone(*old)
		} else {
			shard = make(map[K]mark)
		}
		if c.shards == nil {
			c.shards = make(map[uint64]map[K]mark)
		}
		c.shards[i] = shard
	}
	old := shard[key]
	shard[key] = mark{seq: max(old.seq, m.seq), expiry: max(old.expiry, m.expiry)}
}

func (c *change[K]) publish() {
	for i, shard := range c.shards {
		c.table.shards[i].Store(&shard)
		c.table.used.Store(true)
	}
}

// sweep drops the marks that expired at now and returns how many are left.
func (t *table[K]) sweep(now int64) int {
	left := 0
	for i := range t.shards {
		m := t.shards[i].Load()
		if m == nil {
			continue
		}
		live := *m
		if expired(live, now) {
			live = maps.Clone(live)
			maps.DeleteFunc(live, func(_ K, m mark) bool { return m.expiry <= now })
			t.shards[i].Store(&live)
		}
		if left += len(live); len(live) == 0 {
			t.shards[i].Store(nil)
		}
	}
	return left
}

func expired[K comparable](shard map[K]mark, now int64) bool {
	for _, m := range shard {
		if m.expiry <= now {
			return true
		}
	}
	return false
}

// pair is the key of the kinds whose value has two parts.
type pair struct{ organization, name string }

// list is the live list. One goroutine changes it, any number ask it.
type list struct {
	seed    maphash.Seed
	jtis    table[string]
	grants  table[string]
	sids    table[string]
	subs    table[string]
	clients table[string]
	orgs    table[string]
	kids    table[string]
	members table[pair]
	roles   table[pair]

	all       atomic.Int64 // the highest seq of kind all
	allExpiry int64
}

func newList() *list { return &list{seed: maphash.MakeSeed()} }

// check asks the list; the gravest verdict wins.
func (l *list) check(t *TokenRef) Verdict {
	switch {
	case l.all.Load() > t.PE,
		l.has(&l.jtis, t.JTI, t.PE),
		l.has(&l.grants, t.GID, t.PE),
		l.has(&l.subs, t.Sub, t.PE),
		l.has(&l.clients, t.ClientID, t.PE),
		l.has(&l.orgs, t.OrgID, t.PE),
		l.has(&l.kids, t.KID, t.PE):
		return Revoked
	case l.has(&l.sids, t.SID, t.PE):
		return SessionEnded
	case l.stale(t):
		return Stale
	default:
		return OK
	}
}

func (l *list) has(t *table[string], value string, pe int64) bool {
	return value != "" && t.used.Load() && t.kills(maphash.String(l.seed, value), value, pe)
}

func (l *list) stale(t *TokenRef) bool {
	if l.members.used.Load() && t.Sub != "" {
		// Without an organization the entry speaks of system roles, which are in
		// every token of its subject.
		hash := maphash.String(l.seed, t.Sub)
		if l.members.kills(hash, pair{"", t.Sub}, t.PE) ||
			t.OrgID != "" && l.members.kills(hash, pair{t.OrgID, t.Sub}, t.PE) {
			return true
		}
	}
	if !l.roles.used.Load() {
		return false
	}
	for _, role := range t.Roles {
		key := pair{t.OrgID, role}
		if name, system := strings.CutPrefix(role, SystemRole); system {
			key = pair{"", name}
		} else if t.OrgID == "" {
			continue // a bare role means nothing without its organization
		}
		if l.roles.kills(maphash.String(l.seed, key.name), key, t.PE) {
			return true
		}
	}
	return false
}

// apply adds entries. Each takes effect at once and for good; an entry of
// unknown kind, written by a newer version, is taken for one of kind all: it
// kills too much rather than too little.
func (l *list) apply(entries []storage.Revocation) {
	c := struct {
		jtis, grants, sids, subs, clients, orgs, kids change[string]
		members, roles                                change[pair]
	}{
		jtis: change[string]{table: &l.jtis}, grants: change[string]{table: &l.grants},
		sids: change[string]{table: &l.sids}, subs: change[string]{table: &l.subs},
		clients: change[string]{table: &l.clients}, orgs: change[string]{table: &l.orgs},
		kids: change[string]{table: &l.kids}, members: change[pair]{table: &l.members},
		roles: change[pair]{table: &l.roles},
	}
	one := func(c *change[string], e storage.Revocation, m mark) {
		c.add(maphash.String(l.seed, e.Value), e.Value, m)
	}
	two := func(c *change[pair], e storage.Revocation, m mark) {
		organization, name, _ := strings.Cut(e.Value, "/")
		c.add(maphash.String(l.seed, name), pair{organization, name}, m)
	}
	for _, e := range entries {
		m := mark{seq: e.Seq, expiry: e.Expiry.UnixMicro()}
		if always(e.Kind) {
			m.seq = math.MaxInt64
		}
		switch e.Kind {
		case storage.RevokeJTI:
			one(&c.jtis, e, m)
		case storage.RevokeGrant:
			one(&c.grants, e, m)
		case storage.RevokeSID:
			one(&c.sids, e, m)
		case storage.RevokeSub:
			one(&c.subs, e, m)
		case storage.RevokeClient:
			one(&c.clients, e, m)
		case storage.RevokeOrg:
			one(&c.orgs, e, m)
		case storage.RevokeKID:
			one(&c.kids, e, m)
		case storage.RevokeMember:
			two(&c.members, e, m)
		case storage.RevokeRole:
			two(&c.roles, e, m)
		default:
			l.allExpiry = max(l.allExpiry, m.expiry)
			l.all.Store(max(l.all.Load(), m.seq))
		}
	}
	for _, c := range []*change[string]{&c.jtis, &c.grants, &c.sids, &c.subs, &c.clients, &c.orgs, &c.kids} {
		c.publish()
	}
	c.members.publish()
	c.roles.publish()
}

// sweep drops what expired at now and returns how many marks are left.
func (l *list) sweep(now time.Time) int {
	at, left := now.UnixMicro(), 0
	for _, t := range []*table[string]{&l.jtis, &l.grants, &l.sids, &l.subs, &l.clients, &l.orgs, &l.kids} {
		left += t.sweep(at)
	}
	left += l.members.sweep(at) + l.roles.sweep(at)
	if l.all.Load() == 0 {
		return left
	}
	if l.allExpiry <= at {
		l.all.Store(0)
		l.allExpiry = 0
		return left
	}
	return left + 1
}
