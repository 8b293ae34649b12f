package web

import (
	"context"
	"net/http"
	"net/netip"
)

// exchange is everything the frame knows about one request: the response
// writer that remembers status and size, and the record of the log line. It is
// not pooled: a goroutine that outlives its request would otherwise write into
// a stranger's record.
type exchange struct {
	http.ResponseWriter
	frame *frame
	bound *bound

	status    int
	written   int64
	requestID string
	client    netip.Addr
	principal *Principal
	record    Record
	err       *Error

	limit, remaining int // of the nearest rate limit so far
}

type exchangeKey struct{}

func exchangeFrom(ctx context.Context) *exchange {
	x, _ := ctx.Value(exchangeKey{}).(*exchange)
	return x
}

// WriteHeader implements http.ResponseWriter.
func (x *exchange) WriteHeader(status int) {
	if x.status == 0 && status >= 200 { // 1xx answers come before the real one
		x.status = status
	}
	x.ResponseWriter.WriteHeader(status)
}

// Write implements http.ResponseWriter.
func (x *exchange) Write(p []byte) (int, error) {
	if x.status == 0 {
		x.status = http.StatusOK
	}
	n, err := x.ResponseWriter.Write(p)
	x.written += int64(n)
	return n, err
}

// Flush implements http.Flusher for streams.
func (x *exchange) Flush() {
	if x.status == 0 {
		x.status = http.StatusOK
	}
	_ = http.NewResponseController(x.ResponseWriter).Flush()
}

// Unwrap lets http.ResponseController reach the connection.
func (x *exchange) Unwrap() http.ResponseWriter { return x.ResponseWriter }

func (x *exchange) setPrincipal(p *Principal) {
	x.principal = p
	x.record.setPrincipal(p)
}

// RequestID returns the request's id: the caller's X-Request-ID when it was
// acceptable, else one of ours. Empty outside the frame.
func RequestID(ctx context.Context) string {
	if x := exchangeFrom(ctx); x != nil {
		return x.requestID
	}
	return ""
}

// ClientAddr returns the address the request came from, seen through trusted
// proxies; invalid when it is not known (unix socket, tests).
func ClientAddr(ctx context.Context) netip.Addr {
	if x := exchangeFrom(ctx); x != nil {
		return x.client
	}
	return netip.Addr{}
}
