package keys

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/binary"
	"fmt"
	"sync/atomic"
)

// Purpose seals and hashes for one purpose with its data keys: new values with
// the current key, old values with whichever key they name. Safe for
// concurrent use; takes no lock and does no I/O.
type Purpose struct {
	name  string
	state atomic.Pointer[purposeState]
}

// purposeState is immutable.
type purposeState struct {
	current *dataKey
	all     []*dataKey // not retired, newest first
}

// Name is the purpose's name.
func (p *Purpose) Name() string { return p.name }

// MAC authenticates data that leaves the house and comes back: the key's name
// and HMAC-SHA256, HashSize bytes.
func (p *Purpose) MAC(data []byte) []byte {
	return p.AppendMAC(make([]byte, 0, HashSize), data)
}

// AppendMAC appends MAC(data) to dst.
func (p *Purpose) AppendMAC(dst, data []byte) []byte {
	k := p.state.Load().current
	return k.mac.append(k.named(dst), data)
}

// VerifyMAC reports whether mac is a MAC of data under a key that is not
// retired. It compares in constant time.
func (p *Purpose) VerifyMAC(mac, data []byte) bool {
	k := p.state.Load().find(mac)
	return k != nil && k.mac.equal(mac[nameSize:], data)
}

// Hash is the keyed hash under which a high-entropy secret is stored or looked
// up: the key's name and HMAC-SHA256, HashSize bytes. The same data gives the
// same hash until the key is rotated.
func (p *Purpose) Hash(data []byte) []byte {
	k := p.state.Load().current
	return k.hash.append(k.named(make([]byte, 0, HashSize)), data)
}

// HashAll returns the hash of data under every key that is not retired, the
// newest first: what to look up when the row may be older than the current key.
func (p *Purpose) HashAll(data []byte) [][]byte {
	all := p.state.Load().all
	out := make([][]byte, 0, len(all))
	for _, k := range all {
		out = append(out, k.hash.append(k.named(make([]byte, 0, HashSize)), data))
	}
	return out
}

// VerifyHash reports whether hash is the Hash of data under a key that is not
// retired. It compares in constant time.
func (p *Purpose) VerifyHash(hash, data []byte) bool {
	k := p.state.Load().find(hash)
	return k != nil && k.hash.equal(hash[nameSize:], data)
}

// Seal encrypts plaintext and binds it to aad (see Binding): the key's name,
// then what Cipher.Seal makes.
func (p *Purpose) Seal(aad, plaintext []byte) []byte {
	k := p.state.Load().current
	out := make([]byte, 0, nameSize+len(plaintext)+Overhead)
	return k.cipher.appendSeal(k.named(out), aad, plaintext)
}

// Open undoes Seal. Errors: ErrSealed, ErrUnknownDataKey.
func (p *Purpose) Open(aad, sealed []byte) ([]byte, error) {
	k := p.state.Load().find(sealed)
	if k == nil {
		return nil, fmt.Errorf("keys: open %s: %w", p.name, ErrUnknownDataKey)
	}
	plaintext, err := k.cipher.Open(aad, sealed[nameSize:])
	if err != nil {
		return nil, fmt.Errorf("keys: open %s: %w", p.name, err)
	}
	return plaintext, nil
}

// Current reports whether a sealed value or keyed hash is under the current
// key. If not, it is time to make it anew where that is cheap.
func (p *Purpose) Current(value []byte) bool {
	s := p.state.Load()
	return s.current != nil && s.find(value) == s.current
}

// find returns the key that value names, or nil.
func (s *purposeState) find(value []byte) *dataKey {
	if len(value) < nameSize {
		return nil
	}
	generation := binary.BigEndian.Uint32(value)
	for _, k := range s.all {
		if k.generation == generation {
			return k
		}
	}
	return nil
}

// equal compares sum with the keyed hash of data in constant time.
func (h *keyedHash) equal(sum, data []byte) bool {
	var buf [sha256.Size]byte
	return hmac.Equal(sum, h.append(buf[:0], data))
}
