package gateway

import (
	"crypto/sha256"
	"maps"
	"math"
	"strings"
)

// Kinds of revocation (design of the feed: docs/revocation-feed.md).
const (
	kindJTI    = "jti"
	kindGrant  = "grant"
	kindSID    = "sid"
	kindSub    = "sub"
	kindClient = "client"
	kindOrg    = "org"
	kindMember = "member"
	kindRole   = "role"
	kindKID    = "kid"
)

// hash is the value of an entry as the feed tells it: the first 16 bytes of
// SHA-256 over kind, a zero byte and value.
type hash [16]byte

func hashOf(kind, value string) hash {
	b := make([]byte, 0, 128)
	b = append(append(append(b, kind...), 0), value...)
	sum := sha256.Sum256(b)
	return hash(sum[:16])
}

// ref is one entry that would kill a token, and how.
type ref struct {
	hash hash
	err  error
}

// refs are all entries that would kill the token, the gravest first. They are
// made once for each token.
func refs(c *Claims) []ref {
	out := make([]ref, 0, 9+len(c.Roles))
	add := func(err error, kind, value string) {
		if value != "" {
			out = append(out, ref{hashOf(kind, value), err})
		}
	}
	add(ErrRevoked, kindJTI, c.JTI)
	add(ErrRevoked, kindKID, c.KeyID)
	add(ErrRevoked, kindGrant, c.GrantID)
	add(ErrRevoked, kindSub, c.Subject)
	add(ErrRevoked, kindClient, c.ClientID)
	add(ErrRevoked, kindOrg, c.OrgID)
	add(ErrSessionEnded, kindSID, c.SessionID)
	add(ErrStale, kindMember, "/"+c.Subject) // system roles
	if c.OrgID != "" {
		add(ErrStale, kindMember, c.OrgID+"/"+c.Subject)
	}
	for _, role := range c.Roles {
		if name, system := strings.CutPrefix(role, systemPrefix); system {
			add(ErrStale, kindRole, "/"+name)
		} else if c.OrgID != "" {
			add(ErrStale, kindRole, c.OrgID+"/"+role)
		}
	}
	return out
}

// mark is how far a value is revoked: tokens with a lower position are dead.
type mark struct{ seq, expiry int64 }

// list is an immutable state of what is revoked.
type list struct {
	feedID string
	head   int64
	base   map[hash]mark // shared by many states
	recent map[hash]mark // few; what came since base was made
	all    mark
}

// fold is how many recent marks are copied at each change at most.
const fold = 512

// with returns the state after entries that lead to head.
func (l *list) with(head int64, entries []entry) *list {
	n := &list{feedID: l.feedID, head: head, base: l.base, recent: maps.Clone(l.recent), all: l.all}
	if n.recent == nil {
		n.recent = make(map[hash]mark, len(entries))
	}
	for _, e := range entries {
		m := mark{seq: e.Seq, expiry: e.Expiry}
		switch e.Kind {
		case kindJTI, kindKID:
			m.seq = math.MaxInt64
		case kindGrant, kindSID, kindSub, kindClient, kindOrg, kindMember, kindRole:
		default:
			// All, and kinds of a newer server: rather too much than too little.
			n.all = mark{seq: max(n.all.seq, m.seq), expiry: max(n.all.expiry, m.expiry)}
			continue
		}
		old := n.recent[e.hash]
		n.recent[e.hash] = mark{seq: max(old.seq, m.seq), expiry: max(old.expiry, m.expiry)}
	}
	if len(n.recent) > fold {
		base := make(map[hash]mark, len(n.base)+len(n.recent))
		maps.Copy(base, n.base)
		for h, m := range n.recent {
			old := base[h]
			base[h] = mark{seq: max(old.seq, m.seq), expiry: max(old.expiry, m.expiry)}
		}
		n.base, n.recent = base, nil
	}
	return n
}

// without returns the state without what has expired at now, in seconds.
func (l *list) without(now int64) *list {
	n := &list{feedID: l.feedID, head: l.head, base: make(map[hash]mark, len(l.base)+len(l.recent)), all: l.all}
	for _, from := range []map[hash]mark{l.base, l.recent} {
		for h, m := range from {
			if m.expiry >= now {
				old := n.base[h]
				n.base[h] = mark{seq: max(old.seq, m.seq), expiry: max(old.expiry, m.expiry)}
			}
		}
	}
	if l.all.expiry < now {
		n.all = mark{}
	}
	return n
}

// check says whether the list kills a token; the gravest reason wins.
func (l *list) check(position int64, refs []ref) error {
	if l.all.seq > position {
		return ErrRevoked
	}
	for i := range refs {
		if l.recent[refs[i].hash].seq > position || l.base[refs[i].hash].seq > position {
			return refs[i].err
		}
	}
	return nil
}
