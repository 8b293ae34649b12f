package feed

import (
	"bytes"
	"compress/gzip"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"sort"
	"strconv"
	"sync"
	"time"

	"github.com/signet-idp/signet/internal/clock"
	"github.com/signet-idp/signet/keys"
	"github.com/signet-idp/signet/provider/revocation"
)

const (
	// heartbeatEvery is how often a subscriber hears that all is well.
	heartbeatEvery = time.Second
	// snapshotFor is how long a snapshot is handed out again while nothing changes.
	snapshotFor = time.Second
	// chunk bounds the entries of one message to some 500 KB.
	chunk = 5000
	// kept is how many messages are remembered for subscribers that wake together.
	kept = 16
	// sweepEvery is how often entries that expired are dropped.
	sweepEvery = 10 * time.Second
)

// ErrClosed says that the server is going; another replica has the same feed.
var ErrClosed = errors.New("feed: closed")

// ErrNotReady says that the feed has not been read yet.
var ErrNotReady = errors.New("feed: not read yet")

// Keys lends the feed's signing key (keys.Manager).
type Keys interface{ Snapshot() *keys.Snapshot }

// Config is what a Publisher is made of.
type Config struct {
	Issuer string
	Keys   Keys
	Clock  clock.Clock
	Log    *slog.Logger
}

// Publisher holds the live entries and signs what subscribers get. One message
// is made once, whoever asks for it, and none when nobody does. Safe for
// concurrent use.
type Publisher struct {
	issuer string
	keys   Keys
	clock  clock.Clock
	log    *slog.Logger

	mu          sync.Mutex
	ready       bool
	feedID      string
	head        int64
	asOf        time.Time
	entries     []entry // alive, by seq
	messages    []message
	beat        Event
	beats       int64
	nextSweep   time.Time
	changed     chan struct{} // closed when there is something new
	closed      bool
	subscribers int

	// building is held by the one Snapshot that is being made. It is taken
	// before mu, and mu is not held meanwhile: what the view enforces must not
	// wait for a compressor.
	building sync.Mutex
	snapshot Snapshot
	made     time.Time
	of       state
}

// message is an Event of entries with what it covers.
type message struct {
	after, seq int64
	event      Event
}

// Event is one message to subscribers.
type Event struct {
	Name string // entries, heartbeat
	// ID is the position after it; with which a subscriber resumes.
	ID   int64
	Data string // compact JWS
}

// Snapshot is everything that is alive.
type Snapshot struct {
	JWS  []byte
	Gzip []byte // the same, compressed (RFC 1952)
	// Tag names what is in it, not when it was signed (RFC 9110 §8.8.1: weak).
	Tag string
	Seq int64
}

// New makes a Publisher; hand its Step to View.OnStep.
func New(c Config) *Publisher {
	if c.Log == nil {
		c.Log = slog.New(slog.DiscardHandler)
	}
	return &Publisher{issuer: c.Issuer, keys: c.Keys, clock: c.Clock, log: c.Log, changed: make(chan struct{})}
}

// Step takes over what the view enforces now (revocation.View.OnStep).
func (p *Publisher) Step(s revocation.Step) {
	p.mu.Lock()
	defer p.mu.Unlock()
	moved := s.Whole || s.Head != p.head
	if s.Whole {
		p.entries, p.messages = nil, nil
	}
	for _, r := range s.Entries {
		p.entries = append(p.entries, newEntry(r))
	}
	p.feedID, p.head, p.asOf, p.ready = shortID(s.FeedID), s.Head, s.AsOf, true
	if !s.AsOf.Before(p.nextSweep) {
		now := s.AsOf.Unix()
		// A copy: a snapshot may be reading the old one.
		p.entries = slices.DeleteFunc(slices.Clone(p.entries), func(e entry) bool { return e.expiry < now })
		p.nextSweep = s.AsOf.Add(sweepEvery)
	}
	if moved {
		p.wake()
	}
}

// wake tells the subscribers to look. The caller holds the lock.
func (p *Publisher) wake() {
	close(p.changed)
	p.changed = make(chan struct{})
}

// Run sends heartbeats until ctx ends, then closes.
func (p *Publisher) Run(ctx context.Context) error {
	defer p.Close()
	ticker := time.NewTicker(heartbeatEvery)
	defer ticker.Stop()
	for {
		select {
		case <-ctx.Done():
			return nil
		case <-ticker.C:
			if err := p.Beat(); err != nil {
				p.log.WarnContext(ctx, "revocation feed: no heartbeat", slog.Any("error", err))
			}
		}
	}
}

// Beat sends a heartbeat to all subscribers.
func (p *Publisher) Beat() error {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.subscribers == 0 || !p.ready {
		return nil
	}
	event, err := p.heartbeat()
	if err != nil {
		return err
	}
	p.beat = event
	p.beats++
	p.wake()
	return nil
}

// Close ends all subscriptions.
func (p *Publisher) Close() {
	p.mu.Lock()
	defer p.mu.Unlock()
	if !p.closed {
		p.closed = true
		p.wake()
	}
}

// Subscribers counts who is subscribed.
func (p *Publisher) Subscribers() int {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.subscribers
}

// KeySet is the key set of the feed.
func (p *Publisher) KeySet() keys.KeySet { return p.keys.Snapshot().FeedJWKS() }

// Snapshot returns everything that is alive, signed within the last second.
// Errors: ErrNotReady, those of signing.
func (p *Publisher) Snapshot() (Snapshot, error) {
	p.building.Lock()
	defer p.building.Unlock()
	p.mu.Lock()
	ready, s, head, entries := p.ready, p.state(), p.head, p.entries // only appended to
	p.mu.Unlock()
	if !ready {
		return Snapshot{}, ErrNotReady
	}
	now := p.clock.Now()
	if age := now.Sub(p.made); p.of.feedID == s.feedID && p.snapshot.Seq == head && age >= 0 && age < snapshotFor {
		return p.snapshot, nil
	}
	data, err := p.sign(TypeRevocations, s.entries(now, 0, head, entries))
	if err != nil {
		return Snapshot{}, err
	}
	var packed bytes.Buffer
	zip, err := gzip.NewWriterLevel(&packed, gzip.BestSpeed)
	if err == nil {
		_, err = zip.Write([]byte(data))
		err = errors.Join(err, zip.Close())
	}
	if err != nil {
		return Snapshot{}, fmt.Errorf("feed: compress: %w", err)
	}
	tag := `W/"` + s.feedID + "." + strconv.FormatInt(head, 36) + "." + strconv.Itoa(len(entries)) + `"`
	p.snapshot = Snapshot{JWS: []byte(data), Gzip: packed.Bytes(), Tag: tag, Seq: head}
	p.made, p.of = now, s
	return p.snapshot, nil
}

func (p *Publisher) state() state {
	return state{issuer: p.issuer, feedID: p.feedID, asOf: p.asOf}
}

func (p *Publisher) sign(typ string, payload []byte) (string, error) {
	s, err := p.keys.Snapshot().FeedSigner()
	if err != nil {
		return "", fmt.Errorf("feed: sign: %w", err)
	}
	return s.Sign(typ, payload)
}

func (p *Publisher) heartbeat() (Event, error) {
	data, err := p.sign(TypeHeartbeat, p.state().heartbeat(p.clock.Now(), p.head))
	return Event{Name: "heartbeat", ID: p.head, Data: data}, err
}

// after makes the message that leads on from a position below the head. The
// caller holds the lock.
func (p *Publisher) after(pos int64) (message, error) {
	for _, m := range p.messages {
		if m.after == pos {
			return m, nil
		}
	}
	first := sort.Search(len(p.entries), func(i int) bool { return p.entries[i].seq > pos })
	list, seq := p.entries[first:], p.head
	if len(list) > chunk {
		list = list[:chunk]
		seq = list[chunk-1].seq
	}
	data, err := p.sign(TypeRevocations, p.state().entries(p.clock.Now(), pos, seq, list))
	if err != nil {
		return message{}, err
	}
	m := message{after: pos, seq: seq, event: Event{Name: "entries", ID: seq, Data: data}}
	if len(p.messages) == kept {
		p.messages = slices.Delete(p.messages, 0, 1)
	}
	p.messages = append(p.messages, m)
	return m, nil
}

// Subscription is one reader of the feed; it belongs to one goroutine.
type Subscription struct {
	p     *Publisher
	pos   int64
	beats int64
	begun bool
}

// Subscribe begins after a position; 0 gets everything that is alive. Close it.
func (p *Publisher) Subscribe(after int64) *Subscription {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.subscribers++
	return &Subscription{p: p, pos: after, beats: p.beats}
}

// Close ends the subscription.
func (s *Subscription) Close() {
	s.p.mu.Lock()
	defer s.p.mu.Unlock()
	s.p.subscribers--
}

// Next waits for the next message: entries as long as there are any, then a
// heartbeat at once, then whatever comes. Who is slow gets the changes of the
// meantime in few messages, so that nothing piles up for anybody. Errors:
// ErrClosed, the context's, those of signing.
func (s *Subscription) Next(ctx context.Context) (Event, error) {
	for {
		event, wait, err := s.look()
		if wait == nil || err != nil {
			return event, err
		}
		select {
		case <-wait:
		case <-ctx.Done():
			return Event{}, ctx.Err()
		}
	}
}

// look returns a message, or what to wait for.
func (s *Subscription) look() (Event, <-chan struct{}, error) {
	p := s.p
	p.mu.Lock()
	defer p.mu.Unlock()
	switch {
	case p.closed:
		return Event{}, nil, ErrClosed
	case !p.ready:
		return Event{}, p.changed, nil
	case s.pos > p.head: // of another feed: the heartbeat tells
		s.pos = p.head
	case s.pos < p.head:
		m, err := p.after(s.pos)
		if err == nil {
			s.pos = m.seq
		}
		return m.event, nil, err
	}
	if !s.begun {
		event, err := p.heartbeat()
		s.begun, s.beats = true, p.beats
		return event, nil, err
	}
	if s.beats != p.beats {
		s.beats = p.beats
		return p.beat, nil, nil
	}
	return Event{}, p.changed, nil
}
