package keys

import (
	"bytes"
	"fmt"

	"golang.org/x/crypto/cryptobyte"
	"golang.org/x/crypto/cryptobyte/asn1"
)

const (
	coordinate = 32             // bytes of r and of s
	rawES256   = 2 * coordinate // r || s (RFC 7518 §3.4)
	maxDER     = 2 + 2*(2+1+coordinate)
)

// rawFromDER turns the ASN.1 signature that crypto.Signer makes into r || s,
// with the lower of the two possible s: if (r, s) is a signature then so is
// (r, n-s), and we want a token to have one text only.
func rawFromDER(der []byte) ([]byte, error) {
	input := cryptobyte.String(der)
	var inner cryptobyte.String
	var r, s []byte
	if !input.ReadASN1(&inner, asn1.SEQUENCE) || !input.Empty() ||
		!inner.ReadASN1Integer(&r) || !inner.ReadASN1Integer(&s) || !inner.Empty() ||
		len(r) > coordinate || len(s) > coordinate {
		return nil, fmt.Errorf("keys: signature from key is not ASN.1: %w", ErrSignature)
	}
	raw := make([]byte, rawES256)
	copy(raw[coordinate-len(r):coordinate], r)
	low := raw[coordinate:]
	copy(low[coordinate-len(s):], s)
	if !isLow(low) {
		subtractFromOrder(low)
	}
	return raw, nil
}

// derFromRaw appends the ASN.1 form of an r || s signature to dst. It reports
// false for another length, a zero, or the higher of the two possible s.
func derFromRaw(dst, raw []byte) ([]byte, bool) {
	if len(raw) != rawES256 || !isLow(raw[coordinate:]) {
		return nil, false
	}
	dst = append(dst, 0x30, 0)
	for _, n := range [2][]byte{raw[:coordinate], raw[coordinate:]} {
		for len(n) > 0 && n[0] == 0 {
			n = n[1:]
		}
		if len(n) == 0 {
			return nil, false
		}
		if n[0] >= 0x80 {
			dst = append(dst, 0x02, byte(len(n)+1), 0)
		} else {
			dst = append(dst, 0x02, byte(len(n)))
		}
		dst = append(dst, n...)
	}
	dst[1] = byte(len(dst) - 2)
	return dst, true
}

// p256Order is n of NIST P-256 (SP 800-186 §3.2.1.3).
var p256Order = [coordinate]byte{
	0xff, 0xff, 0xff, 0xff, 0x00, 0x00, 0x00, 0x00, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff,
	0xbc, 0xe6, 0xfa, 0xad, 0xa7, 0x17, 0x9e, 0x84, 0xf3, 0xb9, 0xca, 0xc2, 0xfc, 0x63, 0x25, 0x51,
}

// p256Half is n / 2, rounded down: the highest s that counts as low.
var p256Half = [coordinate]byte{
	0x7f, 0xff, 0xff, 0xff, 0x80, 0x00, 0x00, 0x00, 0x7f, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff,
	0xde, 0x73, 0x7d, 0x56, 0xd3, 0x8b, 0xcf, 0x42, 0x79, 0xdc, 0xe5, 0x61, 0x7e, 0x31, 0x92, 0xa8,
}

// isLow reports whether s, 32 bytes, is at most half the order of P-256.
func isLow(s []byte) bool { return bytes.Compare(s, p256Half[:]) <= 0 }

// subtractFromOrder replaces s by n - s. Signatures are public, so that it
// need not take constant time.
func subtractFromOrder(s []byte) {
	borrow := 0
	for i := coordinate - 1; i >= 0; i-- {
		d := int(p256Order[i]) - int(s[i]) - borrow
		borrow = 0
		if d < 0 {
			d, borrow = d+256, 1
		}
		s[i] = byte(d)
	}
}
