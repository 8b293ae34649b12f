package password

import (
	"crypto/subtle"
	"encoding/base64"
	"fmt"
	"math/bits"

	"golang.org/x/crypto/scrypt"
)

// scryptHash is scrypt (RFC 7914) in one of two spellings:
//
//	$scrypt$ln=14,r=8,p=1$salt$key   PHC and passlib; the salt is base64
//	scrypt$16384$salt$8$1$key        Django; the salt is text
type scryptHash struct {
	n, r, p   int
	salt, key []byte
	django    bool
}

func (scryptHash) scheme() string { return "scrypt" }

func (h scryptHash) matches(pw []byte) bool {
	key, err := scrypt.Key(pw, h.salt, h.n, h.r, h.p, len(h.key))
	return err == nil && subtle.ConstantTimeCompare(h.key, key) == 1
}

func (h scryptHash) String() string {
	if h.django {
		return fmt.Sprintf("scrypt$%d$%s$%d$%d$%s", h.n, h.salt, h.r, h.p, base64.StdEncoding.EncodeToString(h.key))
	}
	return fmt.Sprintf("$scrypt$ln=%d,r=%d,p=%d$%s$%s", bits.TrailingZeros(uint(h.n)), h.r, h.p,
		base64.RawStdEncoding.EncodeToString(h.salt), base64.RawStdEncoding.EncodeToString(h.key))
}

// check bounds memory (128·n·r bytes) and work (p times that).
func (h scryptHash) check() error {
	if h.n < 2 || h.n&(h.n-1) != 0 {
		return ErrFormat
	}
	const block = 128
	if h.p > maxLanes || h.r > maxMemory/block || h.n > maxMemory/block/h.r || h.n*h.r*block > maxScryptWork/h.p {
		return fmt.Errorf("%w: scrypt n=%d r=%d p=%d", ErrCost, h.n, h.r, h.p)
	}
	return nil
}

func parseScrypt(s string) (encoded, error) {
	parts, err := fields(s, "$scrypt$", 3)
	if err != nil {
		return nil, err
	}
	cost, err := options(parts[0], "ln", "r", "p")
	if err != nil {
		return nil, err
	}
	if cost[0] > 30 {
		return nil, ErrCost
	}
	h := scryptHash{n: 1 << cost[0], r: cost[1], p: cost[2]}
	if err := h.check(); err != nil {
		return nil, err
	}
	if h.salt, err = decode(base64.RawStdEncoding, parts[1], minSalt, maxSalt); err != nil {
		return nil, err
	}
	if h.key, err = decode(base64.RawStdEncoding, parts[2], minKey, maxKey); err != nil {
		return nil, err
	}
	return h, nil
}

func parseDjangoScrypt(s string) (encoded, error) {
	parts, err := fields(s, "scrypt$", 5)
	if err != nil {
		return nil, err
	}
	var cost [3]int
	for i, field := range []int{0, 2, 3} {
		if cost[i], err = number(parts[field]); err != nil {
			return nil, err
		}
	}
	h := scryptHash{n: cost[0], r: cost[1], p: cost[2], django: true}
	if err := h.check(); err != nil {
		return nil, err
	}
	if err := textSalt(parts[1]); err != nil {
		return nil, err
	}
	h.salt = []byte(parts[1])
	if h.key, err = decode(base64.StdEncoding, parts[4], minKey, maxKey); err != nil {
		return nil, err
	}
	return h, nil
}
