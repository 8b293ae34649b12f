package keys

import (
	"crypto/hkdf"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/binary"
	"fmt"
	"hash"
	"sync"
	"time"

	"github.com/signet-idp/signet/storage"
)

const (
	dataKeySize = 32
	// nameSize is how many bytes at the front of a sealed value or keyed hash
	// name its key: the generation, big endian.
	nameSize = 4
	// HashSize is the length of a MAC or Hash, in bytes.
	HashSize = nameSize + sha256.Size
)

// dataKey is one generation of a purpose, opened. From the stored key three
// are derived (HKDF, RFC 5869), so that a MAC which leaves the house can never
// be taken for a stored hash, nor either tell anything about the cipher's key.
type dataKey struct {
	generation uint32
	activateAt time.Time
	mac, hash  *keyedHash
	cipher     *Cipher
}

func newDataKey(row *storage.DataKey, key []byte) (*dataKey, error) {
	if len(key) != dataKeySize || row.Generation < 1 || row.Generation > 1<<31 {
		return nil, ErrTampered
	}
	k := &dataKey{generation: uint32(row.Generation), activateAt: row.ActivateAt}
	var derived [3][]byte
	for i, use := range [...]string{"mac", "hash", "seal"} {
		var err error
		if derived[i], err = hkdf.Key(sha256.New, key, nil, "signet "+row.Purpose+" "+use, dataKeySize); err != nil {
			return nil, fmt.Errorf("derive: %w", err)
		}
	}
	k.mac, k.hash = newKeyedHash(derived[0]), newKeyedHash(derived[1])
	var err error
	k.cipher, err = NewCipher(derived[2])
	return k, err
}

// named appends the key's name to dst.
func (k *dataKey) named(dst []byte) []byte { return binary.BigEndian.AppendUint32(dst, k.generation) }

// keyedHash is HMAC-SHA256 under one key. It keeps states that have taken in
// the key already, which saves two of the four compressions of a short input.
type keyedHash struct {
	states sync.Pool
}

func newKeyedHash(key []byte) *keyedHash {
	return &keyedHash{states: sync.Pool{New: func() any { return hmac.New(sha256.New, key) }}}
}

func (h *keyedHash) append(dst, data []byte) []byte {
	state := h.states.Get().(hash.Hash)
	state.Reset()
	state.Write(data)
	dst = state.Sum(dst)
	h.states.Put(state)
	return dst
}
