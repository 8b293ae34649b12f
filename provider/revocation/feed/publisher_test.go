package feed_test

import (
	"bytes"
	"compress/gzip"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"sync"
	"testing"
	"time"

	"github.com/go-jose/go-jose/v4"

	"github.com/signet-idp/signet/internal/testkit/fakeclock"
	"github.com/signet-idp/signet/keys"
	"github.com/signet-idp/signet/keys/keytest"
	"github.com/signet-idp/signet/provider/revocation"
	"github.com/signet-idp/signet/provider/revocation/feed"
	"github.com/signet-idp/signet/storage"
)

const issuer = "https://id.example.test"

func start() time.Time { return time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC) }

type kit struct {
	tb   testing.TB
	clk  *fakeclock.Clock
	keys *keys.Manager
	p    *feed.Publisher
	head int64
}

func newKit(tb testing.TB) *kit {
	tb.Helper()
	clk := fakeclock.New(start())
	m := keytest.Manager(tb, clk)
	return &kit{tb: tb, clk: clk, keys: m, p: feed.New(feed.Config{Issuer: issuer, Keys: m, Clock: clk})}
}

// load begins anew with n entries.
func (k *kit) load(n int) {
	k.head = int64(n)
	k.p.Step(revocation.Step{FeedID: "feed", Head: k.head, AsOf: k.clk.Now(), Entries: k.entries(1, n), Whole: true})
}

func (k *kit) entries(first, n int) []storage.Revocation {
	var list []storage.Revocation
	for i := range n {
		list = append(list, storage.Revocation{
			Seq: int64(first + i), Kind: storage.RevokeSID, Value: fmt.Sprint("s", first+i), Expiry: k.clk.Now().Add(time.Hour),
		})
	}
	return list
}

// add has n more take effect.
func (k *kit) add(n int) {
	list := k.entries(int(k.head)+1, n)
	k.head += int64(n)
	k.p.Step(revocation.Step{FeedID: "feed", Head: k.head, AsOf: k.clk.Now(), Entries: list})
}

type payload struct {
	Issuer  string `json:"iss"`
	FeedID  string `json:"feed_id"`
	IssueAt int64  `json:"iat"`
	After   int64  `json:"after"`
	Seq     int64  `json:"seq"`
	Sent    int64  `json:"sent"`
	AsOf    int64  `json:"as_of"`
	Entries []struct {
		Seq   int64  `json:"seq"`
		Kind  string `json:"kind"`
		Value string `json:"value"`
		Exp   int64  `json:"exp"`
	} `json:"entries"`
}

// open verifies a message by the feed's key set, with another implementation.
func (k *kit) open(raw, typ string) payload {
	k.tb.Helper()
	jws, err := jose.ParseSignedCompact(raw, []jose.SignatureAlgorithm{jose.ES256})
	if err != nil {
		k.tb.Fatal(err)
	}
	if got := jws.Signatures[0].Protected.ExtraHeaders[jose.HeaderType]; got != typ {
		k.tb.Fatalf("typ %v, want %s", got, typ)
	}
	var set jose.JSONWebKeySet
	if err := json.Unmarshal(k.p.KeySet().Body, &set); err != nil {
		k.tb.Fatal(err)
	}
	found := set.Key(jws.Signatures[0].Protected.KeyID)
	if len(found) != 1 {
		k.tb.Fatal("signed by a key that is not in the feed's set")
	}
	b, err := jws.Verify(found[0].Key)
	if err != nil {
		k.tb.Fatal(err)
	}
	var p payload
	if err := json.Unmarshal(b, &p); err != nil {
		k.tb.Fatalf("%v: %s", err, b)
	}
	if p.Issuer != issuer || p.FeedID != "feed" {
		k.tb.Fatalf("%+v", p)
	}
	return p
}

func (k *kit) next(s *feed.Subscription) feed.Event {
	k.tb.Helper()
	ctx, cancel := context.WithTimeout(k.tb.Context(), 10*time.Second)
	defer cancel()
	e, err := s.Next(ctx)
	if err != nil {
		k.tb.Fatal(err)
	}
	return e
}

func TestSnapshot(t *testing.T) {
	t.Parallel()
	k := newKit(t)
	if _, err := k.p.Snapshot(); !errors.Is(err, feed.ErrNotReady) {
		t.Fatal(err)
	}
	k.load(3)
	s, err := k.p.Snapshot()
	if err != nil {
		t.Fatal(err)
	}
	p := k.open(string(s.JWS), feed.TypeRevocations)
	if p.After != 0 || p.Seq != 3 || len(p.Entries) != 3 || p.AsOf != start().UnixMilli() || p.IssueAt != start().Unix() {
		t.Errorf("%+v", p)
	}
	// The contract: base64url of 16 bytes of SHA-256 over kind, zero, value.
	if e := p.Entries[0]; e.Seq != 1 || e.Kind != "sid" || e.Value != "EGHdKeIAEaCNDjoW6iUOjw" || e.Exp != start().Add(time.Hour).Unix() {
		t.Errorf("%+v", e)
	}
	r, err := gzip.NewReader(bytes.NewReader(s.Gzip))
	if err != nil {
		t.Fatal(err)
	}
	if b, err := io.ReadAll(r); err != nil || !bytes.Equal(b, s.JWS) {
		t.Error("compressed it is another", err)
	}
	again, err := k.p.Snapshot()
	if err != nil || &again.JWS[0] != &s.JWS[0] {
		t.Error("signed twice within a second", err)
	}
	k.clk.Advance(2 * time.Second)
	later, err := k.p.Snapshot()
	if err != nil || later.Tag != s.Tag || bytes.Equal(later.JWS, s.JWS) {
		t.Error("the same content has another tag, or is not signed anew", err)
	}
	k.add(1)
	if more, err := k.p.Snapshot(); err != nil || more.Tag == s.Tag || more.Seq != 4 {
		t.Error("other content has the same tag", err)
	}
}

func TestExpiredEntriesVanish(t *testing.T) {
	t.Parallel()
	k := newKit(t)
	k.load(3)
	k.clk.Advance(2 * time.Hour)
	if err := k.keys.Tick(t.Context()); err != nil {
		t.Fatal(err)
	}
	k.add(1)
	s, err := k.p.Snapshot()
	if err != nil {
		t.Fatal(err)
	}
	if p := k.open(string(s.JWS), feed.TypeRevocations); len(p.Entries) != 1 || p.Entries[0].Seq != 4 || p.Seq != 4 {
		t.Errorf("%+v", p)
	}
}

func TestStream(t *testing.T) {
	t.Parallel()
	k := newKit(t)
	k.load(10)
	s := k.p.Subscribe(7)
	defer s.Close()
	e := k.next(s)
	if p := k.open(e.Data, feed.TypeRevocations); e.Name != "entries" || e.ID != 10 || p.After != 7 || p.Seq != 10 || len(p.Entries) != 3 {
		t.Errorf("%+v", p)
	}
	e = k.next(s)
	if p := k.open(e.Data, feed.TypeHeartbeat); e.Name != "heartbeat" || p.Seq != 10 || p.Sent != start().UnixMilli() || p.AsOf != p.Sent {
		t.Errorf("%+v", p)
	}
	// Nothing new, nothing said; then a heartbeat, of a replica that has not
	// read the head since.
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Millisecond)
	defer cancel()
	if e, err := s.Next(ctx); !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("%+v %v", e, err)
	}
	k.clk.Advance(time.Second)
	if err := k.p.Beat(); err != nil {
		t.Fatal(err)
	}
	if p := k.open(k.next(s).Data, feed.TypeHeartbeat); p.Sent-p.AsOf != 1000 {
		t.Errorf("%+v", p)
	}
	k.add(2)
	k.add(1) // both before it looks: one message
	if p := k.open(k.next(s).Data, feed.TypeRevocations); p.After != 10 || p.Seq != 13 || len(p.Entries) != 3 {
		t.Errorf("%+v", p)
	}
	k.p.Close()
	if _, err := s.Next(t.Context()); !errors.Is(err, feed.ErrClosed) {
		t.Error(err)
	}
}

// Of another feed, or of a replica that is ahead: the heartbeat tells.
func TestStreamAheadOfTheHead(t *testing.T) {
	t.Parallel()
	k := newKit(t)
	k.load(3)
	s := k.p.Subscribe(99)
	defer s.Close()
	if p := k.open(k.next(s).Data, feed.TypeHeartbeat); p.Seq != 3 {
		t.Errorf("%+v", p)
	}
	k.add(1)
	if p := k.open(k.next(s).Data, feed.TypeRevocations); p.After != 3 || p.Seq != 4 {
		t.Errorf("%+v", p)
	}
}

// TestEverySubscriberGetsAll: readers of all speeds, while entries come and
// beats go, see every entry once and in order.
func TestEverySubscriberGetsAll(t *testing.T) {
	t.Parallel()
	k := newKit(t)
	k.load(11_000) // more than two messages hold
	const readers, more = 8, 300
	var wg sync.WaitGroup
	for n := range readers {
		s := k.p.Subscribe(int64(n * 1000))
		wg.Go(func() {
			defer s.Close()
			pos := int64(n * 1000)
			for pos < 11_000+more {
				e, err := s.Next(t.Context())
				if err != nil {
					t.Error(err)
					return
				}
				if e.Name != "entries" {
					continue
				}
				p := k.open(e.Data, feed.TypeRevocations)
				if p.After != pos || p.Seq != e.ID || int64(len(p.Entries)) != p.Seq-p.After || p.Entries[0].Seq != pos+1 {
					t.Errorf("reader %d at %d: after %d, seq %d, %d entries", n, pos, p.After, p.Seq, len(p.Entries))
					return
				}
				pos = p.Seq
			}
		})
	}
	for range more {
		k.add(1)
		if err := k.p.Beat(); err != nil {
			t.Fatal(err)
		}
	}
	wg.Wait()
	if n := k.p.Subscribers(); n != 0 {
		t.Errorf("%d subscribers are left", n)
	}
}

func BenchmarkHeartbeat(b *testing.B) {
	k := newKit(b)
	k.load(0)
	s := k.p.Subscribe(0)
	defer s.Close()
	b.ReportAllocs()
	for b.Loop() {
		if err := k.p.Beat(); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkSnapshot(b *testing.B) {
	k := newKit(b)
	k.load(10_000)
	b.ReportAllocs()
	for b.Loop() {
		k.clk.Advance(2 * time.Second)
		s, err := k.p.Snapshot()
		if err != nil {
			b.Fatal(err)
		}
		b.ReportMetric(float64(len(s.Gzip)), "B-compressed")
	}
}

// TestSnapshotsWhileEntriesCome: what is being signed does not change under it.
func TestSnapshotsWhileEntriesCome(t *testing.T) {
	t.Parallel()
	k := newKit(t)
	k.load(2000)
	var wg sync.WaitGroup
	for range 4 {
		wg.Go(func() {
			for range 20 {
				s, err := k.p.Snapshot()
				if err != nil {
					t.Error(err)
					return
				}
				if p := k.open(string(s.JWS), feed.TypeRevocations); int64(len(p.Entries)) != p.Seq || p.Entries[p.Seq-1].Seq != p.Seq {
					t.Errorf("%d entries up to %d", len(p.Entries), p.Seq)
					return
				}
			}
		})
	}
	for range 200 {
		k.clk.Advance(100 * time.Millisecond) // sweeps come by, too
		k.add(3)
	}
	wg.Wait()
}
