// Package revocations serves the revocation feed to gateways:
//
//	GET /revocations             everything that is alive, as one signed document
//	GET /revocations/stream      server-sent events: what comes after a position,
//	                             and a signed heartbeat every second
//	GET /revocations/jwks.json   the keys that sign them
//
// It is closed (scope revocations:read) unless the operator opens it.
package revocations

import (
	"context"
	"net/http"
	"net/netip"
	"reflect"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/signet-idp/signet/endpoints/shape"
	"github.com/signet-idp/signet/endpoints/web"
	"github.com/signet-idp/signet/provider/fault"
	"github.com/signet-idp/signet/provider/revocation/feed"
)

// Paths of the feed.
const (
	PathSnapshot = "/revocations"
	PathStream   = "/revocations/stream"
	PathKeys     = "/revocations/jwks.json"
)

// scopeRead lets a service read the feed.
const scopeRead = "revocations:read"

// Handler serves the feed.
type Handler struct {
	Feed *feed.Publisher
	// Open: no token is needed.
	Open bool
	// Subscribers bounds open streams, PerAddress those of one client address
	// where the feed is open.
	Subscribers, PerAddress int
	// Alive says whether the token of a running stream still is.
	Alive func(ctx context.Context) error
	// WriteTimeout: who takes longer to accept a message is cut off.
	WriteTimeout time.Duration

	mu   sync.Mutex
	open int
	from map[netip.Addr]int

	keys prepared
}

// StreamQuery are the parameters of the stream.
type StreamQuery struct {
	After int64 `json:"after" doc:"The position the caller has; without it the stream begins with everything that is alive. Last-Event-ID stands in for it."`
	Wait  int64 `json:"wait" doc:"For those who cannot read a stream: the answer ends after the first change, or after so many seconds (1 to 60)."`
}

// Mount adds the routes.
func (h *Handler) Mount(t *web.Table) {
	rule := web.Bearer(scopeRead)
	refused := []string{"AUTH_002", "AUTH_004", "AUTH_005", "AUTH_006", "AUTH_010", "AUTH_011", "REQ_001", "SRV_002"}
	if h.Open {
		rule, refused = web.Public(), []string{"AUTH_004", "REQ_001", "SRV_002"}
	}
	get, tags := []string{http.MethodGet}, []string{"Revocation feed"}
	t.Add(web.Route{
		Name: "revocationSnapshot", Summary: "All revocations that are alive, as a signed document (revocations+jwt)", Tags: tags,
		Methods: get, Path: PathSnapshot, Auth: rule, RateClass: web.RateRead, Handler: h.snapshot,
		Response: web.TypeOf[string](), Produces: "application/" + feed.TypeRevocations,
		Answers: map[int]reflect.Type{http.StatusNotModified: nil}, Errors: refused,
	}, web.Route{
		Name: "revocationStream", Summary: "Revocations as they happen, and a signed heartbeat every second", Tags: tags,
		Methods: get, Path: PathStream, Auth: rule, RateClass: web.RateRead, Handler: h.stream, Timeout: -1, Quiet: true,
		Query: web.TypeOf[StreamQuery](), Response: web.TypeOf[string](), Produces: "text/event-stream", Errors: refused,
	}, web.Route{
		Name: "revocationKeys", Summary: "Keys that sign the revocation feed", Tags: tags,
		Methods: get, Path: PathKeys, Auth: web.Public(), CORS: web.CORSAny, Prepared: h.keySet, Style: web.OAuth,
		Response: web.TypeOf[shape.KeySet](),
	})
}

// snapshot is GET /revocations.
func (h *Handler) snapshot(w http.ResponseWriter, r *http.Request) error {
	s, err := h.Feed.Snapshot()
	if err != nil {
		return fault.Wrap(err, fault.Unavailable, "the revocation feed cannot be told now")
	}
	head := w.Header()
	head.Set("ETag", s.Tag)
	head.Set("Cache-Control", "private, no-cache")
	head.Add("Vary", "Authorization")
	head.Add("Vary", "Accept-Encoding")
	if web.NoneMatch(r, s.Tag) {
		w.WriteHeader(http.StatusNotModified)
		return nil
	}
	body := s.JWS
	if acceptsGzip(r) {
		head.Set("Content-Encoding", "gzip")
		body = s.Gzip
	}
	return web.WriteBody(w, http.StatusOK, "application/"+feed.TypeRevocations, body)
}

// acceptsGzip reads Accept-Encoding far enough (RFC 9110 §12.5.3).
func acceptsGzip(r *http.Request) bool {
	for _, line := range r.Header.Values("Accept-Encoding") {
		for part := range strings.SplitSeq(line, ",") {
			coding, q, _ := strings.Cut(strings.TrimSpace(part), ";")
			if strings.EqualFold(strings.TrimSpace(coding), "gzip") {
				q = strings.ReplaceAll(q, " ", "")
				return q != "q=0" && q != "q=0.0" && q != "q=0.00" && q != "q=0.000"
			}
		}
	}
	return false
}

// maxWait bounds a long poll, in seconds.
const maxWait = 60

// position is where a stream begins: the parameter, or what a browser's
// EventSource had last.
func position(r *http.Request) (after int64, wait time.Duration, err error) {
	q := r.URL.Query()
	text := q.Get("after")
	if last := r.Header.Get("Last-Event-ID"); last != "" {
		text = last
	}
	if text != "" {
		if after, err = strconv.ParseInt(text, 10, 64); err != nil || after < 0 {
			return 0, 0, fault.New(fault.Malformed, "after is the position the caller has, a number")
		}
	}
	if text := q.Get("wait"); text != "" {
		seconds, err := strconv.ParseInt(text, 10, 64)
		if err != nil || seconds < 1 || seconds > maxWait {
			return 0, 0, fault.New(fault.Malformed, "wait is a number of seconds from 1 to "+strconv.Itoa(maxWait))
		}
		wait = time.Duration(seconds) * time.Second
	}
	return after, wait, nil
}

// stream is GET /revocations/stream.
func (h *Handler) stream(w http.ResponseWriter, r *http.Request) error {
	after, wait, err := position(r)
	if err != nil {
		return err
	}
	leave, err := h.enter(r.Context())
	if err != nil {
		return err
	}
	defer leave()
	head := w.Header()
	head.Set("Content-Type", "text/event-stream")
	head.Set("Cache-Control", "no-store")
	head.Set("X-Accel-Buffering", "no") // proxies that would wait for more
	if r.Method == http.MethodHead {
		w.WriteHeader(http.StatusOK)
		return nil
	}
	ctx := r.Context()
	if wait > 0 {
		var cancel context.CancelFunc
		ctx, cancel = context.WithTimeout(ctx, wait)
		defer cancel()
	}
	s := h.Feed.Subscribe(after)
	defer s.Close()
	c := http.NewResponseController(w)
	// The server's deadline is for requests, not for answers without an end.
	_ = c.SetReadDeadline(time.Time{})
	w.WriteHeader(http.StatusOK)
	h.write(ctx, w, c, s, after, wait > 0)
	return nil
}

// write sends messages until the reader or the server goes, or the token ends.
func (h *Handler) write(ctx context.Context, w http.ResponseWriter, c *http.ResponseController, s *feed.Subscription, pos int64, poll bool) {
	buf := make([]byte, 0, 1<<10)
	told := int64(-1) // the id the reader was told last
	beaten := false
	for {
		e, err := s.Next(ctx)
		if err != nil || h.Alive(ctx) != nil {
			return
		}
		buf = append(append(buf[:0], "event:"...), e.Name...)
		if e.ID != told {
			buf = strconv.AppendInt(append(buf, "\nid:"...), e.ID, 10)
			told = e.ID
		}
		buf = append(append(append(buf, "\ndata:"...), e.Data...), "\n\n"...)
		// Reading deadlines is by wall clock in net/http; a test's clock has no say.
		if c.SetWriteDeadline(time.Now().Add(h.WriteTimeout)) != nil { //nolint:forbidigo // a deadline of the kernel's
			return
		}
		if _, err := w.Write(buf); err != nil {
			return
		}
		if c.Flush() != nil {
			return
		}
		if cap(buf) > 64<<10 {
			buf = make([]byte, 0, 1<<10) // catching up is over
		}
		// A poll that had something to tell ends with the heartbeat behind it.
		beat := e.Name == "heartbeat"
		if poll && beat && (e.ID > pos || beaten) {
			return
		}
		beaten = beaten || beat
	}
}

// enter counts a stream in, or refuses it.
func (h *Handler) enter(ctx context.Context) (leave func(), err error) {
	var addr netip.Addr
	if h.Open {
		addr = web.ClientAddr(ctx)
	}
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.open >= h.Subscribers {
		return nil, fault.New(fault.Unavailable, "there are too many subscribers here")
	}
	if addr.IsValid() && h.from[addr] >= h.PerAddress {
		return nil, fault.New(fault.RateLimited, "there are too many streams from this address")
	}
	h.open++
	if addr.IsValid() {
		if h.from == nil {
			h.from = make(map[netip.Addr]int)
		}
		h.from[addr]++
	}
	return func() {
		h.mu.Lock()
		defer h.mu.Unlock()
		h.open--
		if !addr.IsValid() {
			return
		}
		if h.from[addr]--; h.from[addr] == 0 {
			delete(h.from, addr)
		}
	}, nil
}

// prepared is the key set as it was last handed out.
type prepared struct {
	mu        sync.Mutex
	tag       string
	cache     string
	published *web.Prepared
}

func (h *Handler) keySet() *web.Prepared {
	set := h.Feed.KeySet()
	h.keys.mu.Lock()
	defer h.keys.mu.Unlock()
	if k := &h.keys; k.published == nil || k.tag != set.ETag || k.cache != set.CacheControl {
		k.tag, k.cache, k.published = set.ETag, set.CacheControl, web.NewPrepared("application/json", set.CacheControl, set.Body)
	}
	return h.keys.published
}
