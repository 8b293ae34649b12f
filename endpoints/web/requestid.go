package web

import (
	"encoding/hex"
	"io"
	"net/http"
	"strconv"
	"sync/atomic"
)

// idSource makes request ids: a random prefix for this process and a counter.
// They need to be unique, not secret, and cost no system call.
type idSource struct {
	prefix  string
	counter atomic.Uint64
}

func newIDSource(random io.Reader) (*idSource, error) {
	var b [8]byte
	if _, err := io.ReadFull(random, b[:]); err != nil {
		return nil, err
	}
	return &idSource{prefix: hex.EncodeToString(b[:]) + "-"}, nil
}

func (s *idSource) next() string {
	buf := make([]byte, 0, 32)
	buf = append(buf, s.prefix...)
	n := s.counter.Add(1)
	for width := uint64(1) << 20; n < width && width > 1; width >>= 4 {
		buf = append(buf, '0')
	}
	return string(strconv.AppendUint(buf, n, 16))
}

const requestIDHeader = "X-Request-Id" // canonical form of X-Request-ID

// requestID returns the caller's id when it is one value of 8 to 128 safe
// visible characters, else a new one.
func (f *frame) requestID(r *http.Request) string {
	if v := r.Header[requestIDHeader]; len(v) == 1 && validRequestID(v[0]) {
		return v[0]
	}
	return f.ids.next()
}

func validRequestID(s string) bool {
	if len(s) < 8 || len(s) > 128 {
		return false
	}
	for i := range len(s) {
		c := s[i]
		switch {
		case 'a' <= c && c <= 'z', 'A' <= c && c <= 'Z', '0' <= c && c <= '9':
		case c == '-', c == '_', c == '.', c == ':', c == '/', c == '+', c == '=', c == '@':
		default:
			return false
		}
	}
	return true
}
