package gateway

import (
	"bufio"
	"bytes"
	"context"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"strconv"
	"sync/atomic"
	"time"

	"github.com/go-jose/go-jose/v4"
)

const (
	typeRevocations = "revocations+jwt"
	typeHeartbeat   = "heartbeat+jwt"

	maxSnapshot = 64 << 20 // bytes
	maxLine     = 4 << 20  // of the stream, bytes
	// silence is how long a stream may say nothing: heartbeats come every second.
	silence = 4 * time.Second
	// patience is how many heartbeats in a row may name another position than
	// ours before we begin anew.
	patience = 3

	// A proxy that holds a stream back until it ends makes it silent: after so
	// many such streams in a row the follower polls, and tries a stream later.
	mute    = 2
	pollFor = 5 * time.Minute

	retryFirst = 50 * time.Millisecond
	retryMost  = 2 * time.Second
	sweepEvery = 30 * time.Second
)

// errResync: what was heard does not fit what is known; a snapshot is needed.
var errResync = errors.New("gateway: the feed does not lead on from here")

// follower keeps the list of what is revoked, and how old it is.
type follower struct {
	issuer     string
	http       fetcher
	at         endpoints
	keys       *keySet
	credential *credential
	skew       time.Duration
	now        func() time.Time // wall clock
	log        *slog.Logger
	observer   Observer

	list  atomic.Pointer[list]
	fresh atomic.Pointer[freshness]

	synced    bool // the list leads on from a snapshot
	sweep     time.Time
	silent    int // streams in a row that said nothing
	pollUntil time.Time
}

// freshness is the last heartbeat that fits the list. Times of ours are of the
// monotonic clock.
type freshness struct {
	arrived time.Time
	// began is when the stream was asked for and first its first heartbeat's
	// `sent`: that was said after began, so whatever arrives late, and how long
	// it lay somewhere, began bounds its age.
	began             time.Time
	first, sent, asOf int64 // milliseconds, of the server's clock
}

// age is how old the list can be at most, as far as the two clocks run equally
// fast. It compares no time of ours with one of the server's.
func (f *freshness) age(now time.Time) time.Duration {
	const ms = time.Millisecond
	since := now.Sub(f.arrived) + time.Duration(f.sent-f.asOf)*ms
	whole := now.Sub(f.began) - time.Duration(f.asOf-f.first)*ms
	return max(since, whole, 0)
}

// forever is the age of a list that nobody vouches for.
const forever = 1<<63 - 1

// staleness is how old the news is.
func (f *follower) staleness() time.Duration {
	fresh := f.fresh.Load()
	if fresh == nil {
		return forever
	}
	return fresh.age(instant())
}

// entry is a revocation in a message.
type entry struct {
	Seq    int64  `json:"seq"`
	Kind   string `json:"kind"`
	Value  string `json:"value"`
	Expiry int64  `json:"exp"`

	hash hash
}

// message is the payload of what the feed says.
type message struct {
	Issuer  string  `json:"iss"`
	FeedID  string  `json:"feed_id"`
	After   int64   `json:"after"`
	Seq     int64   `json:"seq"`
	Sent    int64   `json:"sent"`
	AsOf    int64   `json:"as_of"`
	Entries []entry `json:"entries"`
}

// open verifies a message.
func (f *follower) open(ctx context.Context, raw, typ string) (*message, error) {
	payload, _, err := f.keys.verifyJWS(ctx, raw, typ, []jose.SignatureAlgorithm{jose.ES256, jose.EdDSA})
	if err != nil {
		return nil, fmt.Errorf("gateway: feed: a message that is not the server's: %w", err)
	}
	var m message
	if err := json.Unmarshal(payload, &m); err != nil || m.Issuer != f.issuer || m.FeedID == "" || m.Seq < 0 || m.After < 0 {
		return nil, errors.New("gateway: feed: a message of another server, or malformed")
	}
	last := m.After
	for i := range m.Entries {
		e := &m.Entries[i]
		if e.Seq <= last || e.Seq > m.Seq {
			return nil, errors.New("gateway: feed: entries out of order")
		}
		last = e.Seq
		b, err := base64.RawURLEncoding.DecodeString(e.Value)
		if err != nil || len(b) != len(e.hash) {
			return nil, errors.New("gateway: feed: a malformed value")
		}
		e.hash = hash(b)
	}
	return &m, nil
}

// run follows the feed until ctx ends.
func (f *follower) run(ctx context.Context) {
	wait, failing := retryFirst, false
	for ctx.Err() == nil {
		heard, err := f.session(ctx)
		if ctx.Err() != nil {
			return
		}
		if heard {
			wait, failing = retryFirst, false
		}
		if errors.Is(err, errResync) {
			f.lost()
		}
		if err != nil && !errors.Is(err, io.EOF) && !failing {
			failing = true
			f.log.WarnContext(ctx, "gateway: revocation feed interrupted", slog.Any("error", err))
		}
		if !sleep(ctx, wait) {
			return
		}
		wait = min(2*wait, retryMost)
	}
}

// lost: nobody vouches for the list until it was read anew.
func (f *follower) lost() {
	f.synced = false
	f.fresh.Store(nil)
}

// session is one connection: a snapshot if need be, then the stream until it
// ends. heard says that a heartbeat came.
func (f *follower) session(ctx context.Context) (heard bool, err error) {
	if !f.synced {
		if err := f.load(ctx); err != nil {
			return false, err
		}
	}
	connection, cancel := context.WithCancel(ctx)
	defer cancel()
	// Nothing heard for a while is a connection that died without a word.
	watch := time.AfterFunc(silence, cancel)
	defer watch.Stop()
	began := instant()
	address := f.at.stream + "?after=" + strconv.FormatInt(f.list.Load().head, 10)
	if began.Before(f.pollUntil) {
		address += "&wait=20"
	}
	resp, err := f.get(connection, address, "text/event-stream")
	if err != nil {
		return false, err
	}
	defer resp.Body.Close()
	s := stream{f: f, began: began, first: -1}
	err = readEvents(resp.Body, func(name, data string) error {
		watch.Reset(silence)
		return s.handle(connection, name, data)
	})
	heard = s.first >= 0
	if heard {
		f.silent = 0
	} else if connection.Err() != nil && ctx.Err() == nil {
		f.silent++
	}
	if f.silent >= mute {
		f.silent, f.pollUntil = 0, instant().Add(pollFor)
	}
	return heard, err
}

// get asks for a document of the feed.
func (f *follower) get(ctx context.Context, from, accept string) (*http.Response, error) {
	token, err := f.credential.get(ctx)
	if err != nil {
		return nil, err
	}
	header := http.Header{"Accept": {accept}}
	if token != "" {
		header.Set("Authorization", "Bearer "+token)
	}
	resp, err := f.http.do(ctx, http.MethodGet, from, header, nil)
	if err != nil {
		return nil, err
	}
	if resp.StatusCode != http.StatusOK {
		_ = resp.Body.Close()
		if resp.StatusCode == http.StatusUnauthorized {
			f.credential.forget()
		}
		return nil, fmt.Errorf("gateway: feed: %w", statusError(resp.StatusCode))
	}
	return resp, nil
}

// load replaces the list by a snapshot. It proves nothing about how fresh that
// is: the stream's heartbeat does.
func (f *follower) load(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, 4*fetchTimeout)
	defer cancel()
	resp, err := f.get(ctx, f.at.snapshot, "application/"+typeRevocations)
	if err != nil {
		return err
	}
	defer resp.Body.Close()
	body, err := readAll(resp, maxSnapshot)
	if err != nil {
		return fmt.Errorf("gateway: feed: snapshot: %w", err)
	}
	return f.begin(ctx, string(bytes.TrimSpace(body)))
}

// begin replaces the list by that of a snapshot.
func (f *follower) begin(ctx context.Context, snapshot string) error {
	m, err := f.open(ctx, snapshot, typeRevocations)
	if err != nil {
		return err
	}
	if m.After != 0 {
		return errors.New("gateway: feed: no snapshot, but a part")
	}
	old := f.list.Load()
	if old != nil && old.feedID == m.FeedID && m.Seq < old.head {
		// Of a replica that is behind, or an old one played again. What we have
		// is newer; if the feed itself went back its id is another.
		return errors.New("gateway: feed: the snapshot is older than what is known")
	}
	fresh := &list{feedID: m.FeedID}
	f.list.Store(fresh.with(m.Seq, m.Entries))
	f.synced = true
	return nil
}

// stream is what is known of one connection.
type stream struct {
	f     *follower
	began time.Time
	first int64 // sent of the first heartbeat; -1: none yet
	last  int64 // sent of the last one
	apart int   // heartbeats in a row that named another position than ours
}

func (s *stream) handle(ctx context.Context, name, data string) error {
	switch name {
	case "entries":
		m, err := s.f.open(ctx, data, typeRevocations)
		if err != nil {
			return err
		}
		return s.f.extend(m)
	case "heartbeat":
		m, err := s.f.open(ctx, data, typeHeartbeat)
		if err != nil {
			return err
		}
		return s.beat(m)
	}
	return nil // of a newer server
}

// extend applies entries that lead on from the list.
func (f *follower) extend(m *message) error {
	l := f.list.Load()
	switch {
	case m.FeedID != l.feedID, m.After > l.head:
		return errResync
	case m.Seq <= l.head:
		return nil // said before
	}
	entries := m.Entries
	for len(entries) > 0 && entries[0].Seq <= l.head {
		entries = entries[1:]
	}
	n := l.with(m.Seq, entries)
	if now := f.now(); now.After(f.sweep) {
		n = n.without(now.Add(-f.skew).Unix())
		f.sweep = now.Add(sweepEvery)
	}
	f.list.Store(n)
	return nil
}

// beat takes a heartbeat for what it proves.
func (s *stream) beat(m *message) error {
	f, arrived := s.f, instant()
	l := f.list.Load()
	if m.FeedID != l.feedID {
		return errResync
	}
	if m.Sent <= s.last {
		return errors.New("gateway: feed: a heartbeat that was heard before")
	}
	s.last = m.Sent
	// One that was recorded and is played to us anew is in order, but of another
	// time; so are heartbeats to a machine whose clock is wrong, which can judge
	// no token's expiry either.
	if off := f.now().Sub(time.UnixMilli(m.Sent)).Abs(); off > 2*f.skew {
		return fmt.Errorf("gateway: feed: a heartbeat that is %s off our clock", off.Round(time.Second))
	}
	if s.first < 0 {
		s.first = m.Sent
	}
	if m.Seq != l.head {
		// A replica that is behind, or entries that were kept from us.
		if s.apart++; s.apart >= patience {
			return errResync
		}
		return nil
	}
	s.apart = 0
	if m.AsOf <= 0 || m.AsOf > m.Sent {
		return errors.New("gateway: feed: a heartbeat without a time")
	}
	fresh := &freshness{arrived: arrived, began: s.began, first: s.first, sent: m.Sent, asOf: m.AsOf}
	f.fresh.Store(fresh)
	f.observer.Staleness(fresh.age(arrived))
	return nil
}

// readEvents reads server-sent events (HTML Living Standard, § 9.2) until the
// stream ends or handle returns an error.
func readEvents(r io.Reader, handle func(name, data string) error) error {
	scanner := bufio.NewScanner(r)
	scanner.Buffer(make([]byte, 0, 8<<10), maxLine)
	var name, data string
	for scanner.Scan() {
		line := scanner.Bytes()
		if len(line) == 0 {
			if data != "" {
				if err := handle(name, data); err != nil {
					return err
				}
			}
			name, data = "", ""
			continue
		}
		field, value, _ := bytes.Cut(line, []byte(":"))
		value = bytes.TrimPrefix(value, []byte(" "))
		switch string(field) {
		case "event":
			name = string(value)
		case "data":
			data = string(value) // ours are of one line
		}
	}
	if err := scanner.Err(); err != nil {
		return err
	}
	return io.EOF
}
