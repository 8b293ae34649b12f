package web

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/base64"
	"encoding/binary"
	"io"
	"log/slog"
	"net/http"
	"strings"
	"time"

	"github.com/signet-idp/signet/provider/fault"
)

// MaxIdempotencyKey is the longest Idempotency-Key accepted, in bytes.
const MaxIdempotencyKey = 255

const (
	idempotencyHeader = "Idempotency-Key"
	replayedHeader    = "Idempotent-Replayed"
	// finishTime is what remembering an answer may take once it is there.
	finishTime = 5 * time.Second
)

// Replays remembers the answers to requests with an Idempotency-Key
// (draft-ietf-httpapi-idempotency-key-header).
type Replays interface {
	// Begin claims id. Exactly one of several callers gets a Claim; the others
	// get the Answer, if there is one. Errors: ErrOtherRequest when id was used
	// with other content, ErrAtWork while the first one works.
	Begin(ctx context.Context, id string, content []byte) (Claim, *Answer, error)
}

// Claim is the right to answer a request.
type Claim interface {
	// Finish remembers the answer.
	Finish(ctx context.Context, a Answer) error
	// Drop forgets the request, so that it can be made again.
	Drop(ctx context.Context) error
}

// Answer is what a request was answered with. It may hold tokens.
type Answer struct {
	Status int
	Header http.Header
	Body   []byte
}

// Errors of Replays.Begin.
var (
	ErrOtherRequest = NewError(http.StatusUnprocessableEntity, "REQ_001", "the Idempotency-Key was used with another request")
	ErrAtWork       = &Error{Status: http.StatusConflict, Code: "REQ_004", Detail: "the first request with this Idempotency-Key is still at work", RetryAfter: time.Second}
)

// once answers a request that carries an Idempotency-Key: the first with its
// caller, route and key runs the handler, every later one gets its answer.
func (f *frame) once(x *exchange, r *http.Request) error {
	key, err := idempotencyKey(r)
	if err != nil {
		return err
	}
	caller, known := f.idempotentCaller(x, r)
	if !known {
		return x.bound.route.Handler(x, r) // it refuses the credential
	}
	body, err := ReadBody(r)
	if err != nil {
		return err
	}
	path, _ := canonical(r.URL.Path, f.router.base)
	claim, answer, err := f.o.Replays.Begin(r.Context(),
		digest(caller, x.bound.route.Name, key), []byte(digest(r.Method, path, r.URL.RawQuery, string(body))))
	switch {
	case err != nil:
		if e := toError(err); e.Status == http.StatusUnprocessableEntity {
			return keyError(e.Detail)
		}
		return err
	case answer != nil:
		return replay(x, *answer)
	}
	r.Body = io.NopCloser(bytes.NewReader(body))
	r.ContentLength = int64(len(body))
	return f.claimed(x, r, claim)
}

// claimed runs the handler and remembers the answer before it is sent: an
// answer that a caller has seen is one that can be repeated.
func (f *frame) claimed(x *exchange, r *http.Request, claim Claim) error {
	c := &capture{ResponseWriter: x.ResponseWriter}
	x.ResponseWriter = c
	finished := false
	defer func() {
		x.ResponseWriter = c.ResponseWriter
		if !finished { // a panic, on its way to the frame
			x.status, x.written = 0, 0
			f.settle(r, claim.Drop)
		}
	}()
	if err := x.bound.route.Handler(x, r); err != nil {
		f.answer(x, r, err)
	}
	finished = true
	if c.status == 0 {
		c.status = http.StatusOK
	}
	if c.status >= http.StatusInternalServerError || c.status == http.StatusTooManyRequests {
		f.settle(r, claim.Drop)
	} else {
		f.settle(r, func(ctx context.Context) error {
			return claim.Finish(ctx, Answer{Status: c.status, Header: kept(c.Header()), Body: c.body.Bytes()})
		})
	}
	c.ResponseWriter.WriteHeader(c.status)
	_, _ = c.ResponseWriter.Write(c.body.Bytes())
	return nil
}

// settle ends a claim even when the caller has gone. What fails is logged: the
// claim then runs out by itself.
func (f *frame) settle(r *http.Request, end func(context.Context) error) {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(r.Context()), finishTime)
	defer cancel()
	if err := end(ctx); err != nil {
		f.o.Logger.LogAttrs(ctx, slog.LevelWarn, "an idempotent request could not be remembered",
			slog.String("request_id", RequestID(ctx)), slog.Any("error", err))
	}
}

// replay sends a remembered answer.
func replay(x *exchange, a Answer) error {
	h := x.Header()
	for name, values := range a.Header {
		h[name] = values
	}
	h.Set(replayedHeader, "true")
	x.WriteHeader(a.Status)
	_, _ = x.Write(a.Body)
	return nil
}

// kept are the headers that belong to an answer and not to the request that
// asked for it.
func kept(h http.Header) http.Header {
	out := http.Header{}
	for _, name := range []string{"Cache-Control", "Content-Type", "Etag", "Link", "Location", "Pragma", "Retry-After", "Set-Cookie", "Www-Authenticate"} {
		if values := h[name]; len(values) > 0 {
			out[name] = values
		}
	}
	return out
}

// idempotencyKey reads the header: one value of printable ASCII.
func idempotencyKey(r *http.Request) (string, error) {
	values := r.Header[idempotencyHeader]
	if len(values) != 1 {
		return "", keyError("send one Idempotency-Key")
	}
	key := values[0]
	if key == "" || len(key) > MaxIdempotencyKey || strings.ContainsFunc(key, func(c rune) bool { return c < 0x21 || c > 0x7e }) {
		return "", keyError("an Idempotency-Key is 1 to 255 printable ASCII characters without spaces")
	}
	return key, nil
}

func keyError(message string) error {
	return &fault.Error{
		Code: fault.Invalid, Message: message,
		Fields: []fault.FieldError{{Field: "header." + idempotencyHeader, Message: message}},
	}
}

// idempotentCaller names who makes the request: subject and client, or the
// address of somebody who shows no credential. Where the handler judges the
// credential, it is looked at here first; known is false when it is no good.
func (f *frame) idempotentCaller(x *exchange, r *http.Request) (caller string, known bool) {
	p := x.principal
	if p == nil && r.Header.Get("Authorization") != "" {
		token, err := BearerToken(r)
		if err != nil || token == "" || f.o.Authenticator == nil {
			return "", false
		}
		who, err := f.o.Authenticator.Authenticate(r.Context(), token)
		if err != nil {
			return "", false
		}
		p = &who
	}
	if p == nil {
		return "address " + x.client.String(), true
	}
	return "subject " + p.Subject + " client " + p.ClientID, true
}

// digest hashes texts so that no two lists of them give the same.
func digest(parts ...string) string {
	h := sha256.New()
	var size [8]byte
	for _, p := range parts {
		binary.BigEndian.PutUint64(size[:], uint64(len(p)))
		h.Write(size[:])
		h.Write([]byte(p))
	}
	return base64.RawURLEncoding.EncodeToString(h.Sum(nil))
}

// capture holds an answer back until it is remembered. Headers go to the real
// writer's map, which nothing sends before the status.
type capture struct {
	http.ResponseWriter
	status int
	body   bytes.Buffer
}

// WriteHeader implements http.ResponseWriter.
func (c *capture) WriteHeader(status int) {
	if c.status == 0 && status >= http.StatusOK {
		c.status = status
	}
}

// Write implements http.ResponseWriter.
func (c *capture) Write(p []byte) (int, error) {
	if c.status == 0 {
		c.status = http.StatusOK
	}
	return c.body.Write(p)
}
