package keys

import (
	"crypto"
	"encoding/base64"
	"fmt"
	"slices"
	"sync"
	"sync/atomic"
)

// maxHeaders bounds how many prepared headers a Signer keeps. Only our own
// code names types, and there are fewer.
const maxHeaders = 16

// Signer signs with one key. It is safe for concurrent use. Take it from the
// Snapshot for each signature; a kept one outlives its key's turn.
type Signer struct {
	kid, alg string
	key      crypto.Signer
	headers  atomic.Pointer[[]header]
	scratch  sync.Pool // *[]byte
}

// header is the first part of a JWS with its dot, ready for use.
type header struct {
	typ     string
	encoded []byte
}

func newSigner(kid, alg string, key crypto.Signer) *Signer {
	s := &Signer{kid: kid, alg: alg, key: key}
	s.headers.Store(&[]header{})
	s.scratch.New = func() any { return new([]byte) }
	return s
}

// KID is the key's id: the RFC 7638 thumbprint of its public half.
func (s *Signer) KID() string { return s.kid }

// Algorithm is the JWS algorithm.
func (s *Signer) Algorithm() string { return s.alg }

// Sign returns payload as a compact JWS (RFC 7515 §7.1) with exactly the
// header members alg, kid and typ. typ is a media type without
// "application/", such as "at+jwt" or "JWT".
func (s *Signer) Sign(typ string, payload []byte) (string, error) {
	head, err := s.header(typ)
	if err != nil {
		return "", err
	}
	buf := s.scratch.Get().(*[]byte)
	defer s.scratch.Put(buf)
	out := append((*buf)[:0], head...)
	out = base64.RawURLEncoding.AppendEncode(out, payload)
	signature, err := sign(s.alg, s.key, out)
	if err != nil {
		return "", fmt.Errorf("keys: sign with %s: %w", s.kid, err)
	}
	out = append(out, '.')
	out = base64.RawURLEncoding.AppendEncode(out, signature)
	*buf = out
	return string(out), nil
}

// header returns the encoded header for typ, with the dot behind it.
func (s *Signer) header(typ string) ([]byte, error) {
	known := *s.headers.Load()
	for i := range known {
		if known[i].typ == typ {
			return known[i].encoded, nil
		}
	}
	if !validType(typ) {
		return nil, fmt.Errorf("keys: sign with %s: %w", s.kid, ErrType)
	}
	text := fmt.Appendf(nil, `{"alg":"%s","kid":"%s","typ":"%s"}`, s.alg, s.kid, typ)
	encoded := append(base64.RawURLEncoding.AppendEncode(nil, text), '.')
	for len(known) < maxHeaders {
		more := append(slices.Clip(known), header{typ, encoded})
		if s.headers.CompareAndSwap(s.headers.Load(), &more) {
			break
		}
		known = *s.headers.Load()
	}
	return encoded, nil
}

// validType reports whether typ is made of the characters of a media type
// (RFC 6838 §4.2), none of which JSON would have to escape.
func validType(typ string) bool {
	if typ == "" || len(typ) > 64 {
		return false
	}
	for i := range len(typ) {
		if !headerChar(typ[i]) {
			return false
		}
	}
	return true
}
