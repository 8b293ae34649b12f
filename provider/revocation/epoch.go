package revocation

import (
	"hash/maphash"
	"strings"
)

// Epoch is the highest position of the live list that touches what the subject
// may do in the organization (empty: in none): entries about the person, their
// membership, their system roles, the roles given (as in the roles claim), the
// organization, or everybody. 0: nothing on the list does, so that every token
// alive says what is true. Entries run out; then the epoch falls back, to 0 in
// the end. Like Check it takes no lock, does no I/O and allocates nothing.
//
// An answer made from what was read after Head must not claim a later epoch:
// take the smaller of the two.
func (v *View) Epoch(sub, organizationID string, roles []string) int64 {
	return v.list.Load().epoch(sub, organizationID, roles)
}

// maxEpochRoles bounds the lookups of one question; no token holds more.
const maxEpochRoles = 64

func (l *list) epoch(sub, organizationID string, roles []string) int64 {
	highest := l.all.Load()
	if sub != "" {
		hash := maphash.String(l.seed, sub)
		highest = max(highest, l.subs.seq(hash, sub), l.members.seq(hash, pair{"", sub}))
		if organizationID != "" {
			highest = max(highest, l.members.seq(hash, pair{organizationID, sub}))
		}
	}
	if organizationID != "" {
		highest = max(highest, l.orgs.seq(maphash.String(l.seed, organizationID), organizationID))
	}
	for _, role := range roles[:min(len(roles), maxEpochRoles)] {
		key := pair{organizationID, role}
		if name, system := strings.CutPrefix(role, SystemRole); system {
			key = pair{"", name}
		} else if organizationID == "" {
			continue
		}
		highest = max(highest, l.roles.seq(maphash.String(l.seed, key.name), key))
	}
	return highest
}

// seq is the position of key's mark, 0 without one.
func (t *table[K]) seq(hash uint64, key K) int64 {
	if !t.used.Load() {
		return 0
	}
	m := t.shards[hash%shardCount].Load()
	if m == nil {
		return 0
	}
	return (*m)[key].seq
}
