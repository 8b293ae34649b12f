package gateway

import (
	"crypto/sha256"
	"sync"
)

// token is a JWS whose signature was good, with what would revoke it.
type token struct {
	claims *Claims
	refs   []ref
}

const shards = 16

// cache remembers tokens whose signature was checked, by the hash of the whole
// token: one that differs in one bit is another token. Each shard has two
// generations; what is used lives on in the younger one, and the older one is
// dropped as a whole.
type cache struct {
	half   int // entries of one generation of a shard
	shards [shards]shard
}

type shard struct {
	mu         sync.RWMutex
	young, old map[[sha256.Size]byte]*token
}

// newCache returns a cache of about n tokens; nil for none.
func newCache(n int) *cache {
	if n <= 0 {
		return nil
	}
	return &cache{half: max(n/shards/2, 1)}
}

func (c *cache) get(key [sha256.Size]byte) *token {
	if c == nil {
		return nil
	}
	s := &c.shards[key[0]%shards]
	s.mu.RLock()
	t, young := s.young[key]
	if !young {
		t = s.old[key]
	}
	s.mu.RUnlock()
	if t != nil && !young {
		c.put(key, t)
	}
	return t
}

func (c *cache) put(key [sha256.Size]byte, t *token) {
	if c == nil {
		return
	}
	s := &c.shards[key[0]%shards]
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.young == nil || len(s.young) >= c.half {
		s.old, s.young = s.young, make(map[[sha256.Size]byte]*token, c.half)
	}
	s.young[key] = t
}
