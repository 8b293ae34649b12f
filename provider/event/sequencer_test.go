package event_test

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/signet-idp/signet/internal/testkit/teststore"
	"github.com/signet-idp/signet/provider/event"
	"github.com/signet-idp/signet/storage"
	"github.com/signet-idp/signet/storage/sqlstore"
)

func TestTickSequencesInBatches(t *testing.T) {
	onEngines(t, func(t *testing.T, replicas []*sqlstore.Store) {
		clk := newClock()
		r := recorders(t, replicas, clk)[0]
		s := sequencer(t, replicas[0], clk, "r")
		if n, err := s.Tick(t.Context()); n != 0 || err != nil {
			t.Fatalf("Tick = %d, %v with no events", n, err)
		}
		record(t, r, logins(500)...)
		record(t, r, logins(500)...)
		record(t, r, logins(200)...)
		for _, want := range []int{500, 500, 200, 0} {
			if n, err := s.Tick(t.Context()); n != want || err != nil {
				t.Errorf("Tick = %d, %v; want %d", n, err, want)
			}
		}
		record(t, r, logins(3)...)
		drain(t, s)

		previous := event.Genesis()
		all := sequenced(t, replicas[0])
		for i, e := range all {
			if e.Seq != int64(i+1) {
				t.Fatalf("row %d has seq %d", i, e.Seq)
			}
			if i > 0 && e.Number <= all[i-1].Number {
				t.Fatalf("seq %d has number %d after %d", e.Seq, e.Number, all[i-1].Number)
			}
			if previous = event.Hash(previous, e); !bytes.Equal(previous, e.Hash) {
				t.Fatalf("seq %d: hash differs", e.Seq)
			}
		}
		v, err := event.Verify(t.Context(), replicas[0], 1)
		if err != nil || v.From != 1 || v.To != 1203 || !bytes.Equal(v.Hash, previous) {
			t.Errorf("Verify = %+v, %v", v, err)
		}
		for _, from := range []int64{-1, 0, 2, 700, 1203, 1204} {
			if v, err := event.Verify(t.Context(), replicas[0], from); err != nil || v.To != 1203 || !bytes.Equal(v.Hash, previous) {
				t.Errorf("Verify from %d = %+v, %v", from, v, err)
			}
		}
		var broken *event.BrokenError
		if _, err := event.Verify(t.Context(), replicas[0], 1205); !errors.As(err, &broken) || broken.Seq != 1204 {
			t.Errorf("Verify from past the end = %v", err)
		}
	})
}

func TestVerifyEmptyRecord(t *testing.T) {
	t.Parallel()
	v, err := event.Verify(t.Context(), teststore.New(t), 1)
	if err != nil || v.From != 1 || v.To != 0 || !bytes.Equal(v.Hash, event.Genesis()) {
		t.Errorf("Verify = %+v, %v", v, err)
	}
}

// tampered shows the record as somebody altered it.
type tampered struct {
	storage.Events
	edit func([]storage.Event) []storage.Event
}

func (s tampered) EventsAfter(ctx context.Context, after int64, limit int) ([]storage.Event, error) {
	page, err := s.Events.EventsAfter(ctx, 0, 500)
	page = s.edit(page)
	page = slices.DeleteFunc(page, func(e storage.Event) bool { return e.Seq <= after })
	return page[:min(limit, len(page))], err
}

func TestVerifyNamesTheFirstBadRow(t *testing.T) {
	t.Parallel()
	store, clk := teststore.New(t), newClock()
	r := recorders(t, []*sqlstore.Store{store}, clk)[0]
	record(t, r, logins(9)...)
	record(t, r, personalLogin("alice", map[string]string{"name": "Alice"}))
	drain(t, sequencer(t, store, clk, "r"))

	tests := []struct {
		name string
		edit func([]storage.Event) []storage.Event
		bad  int64 // 0: whole
		from int64
	}{
		{name: "untouched", edit: func(e []storage.Event) []storage.Event { return e }},
		{name: "data altered", bad: 4, edit: func(e []storage.Event) []storage.Event { e[3].Data = []byte(`{}`); return e }},
		{name: "subject altered in the first row", bad: 1, edit: func(e []storage.Event) []storage.Event { e[0].Subject = "mallory"; return e }},
		{name: "personal altered in the last row", bad: 10, edit: func(e []storage.Event) []storage.Event { e[9].Personal[5] ^= 1; return e }},
		{name: "personal removed", bad: 10, edit: func(e []storage.Event) []storage.Event { e[9].Personal = nil; return e }},
		{name: "hash altered", bad: 5, edit: func(e []storage.Event) []storage.Event { e[4].Hash = event.Genesis(); return e }},
		{name: "row and hash altered", bad: 6, edit: func(e []storage.Event) []storage.Event {
			e[4].Actor = "mallory"
			e[4].Hash = event.Hash(e[3].Hash, e[4])
			return e
		}},
		{name: "row removed", bad: 3, edit: func(e []storage.Event) []storage.Event { return slices.Delete(e, 2, 3) }},
		{name: "row removed and the rest moved up", bad: 3, edit: func(e []storage.Event) []storage.Event {
			e = slices.Delete(e, 2, 3)
			for i := range e {
				e[i].Seq = int64(i + 1)
			}
			return e
		}},
		{name: "rows swapped", bad: 2, edit: func(e []storage.Event) []storage.Event {
			e[1], e[2] = e[2], e[1]
			e[1].Seq, e[2].Seq = 2, 3
			return e
		}},
		{name: "altered before from", from: 5, edit: func(e []storage.Event) []storage.Event { e[2].Subject = "mallory"; return e }},
		{name: "altered at from", from: 5, bad: 5, edit: func(e []storage.Event) []storage.Event { e[4].Subject = "mallory"; return e }},
		{name: "row before from missing", from: 5, bad: 4, edit: func(e []storage.Event) []storage.Event { return slices.Delete(e, 3, 4) }},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			v, err := event.Verify(t.Context(), tampered{store, tt.edit}, max(tt.from, 1))
			var broken *event.BrokenError
			switch {
			case tt.bad == 0 && (err != nil || v.To != 10):
				t.Errorf("Verify = %+v, %v; want whole", v, err)
			case tt.bad != 0 && (!errors.As(err, &broken) || broken.Seq != tt.bad):
				t.Errorf("Verify = %+v, %v; want row %d", v, err, tt.bad)
			}
		})
	}
}

// Writers on all replicas change the same few organizations and record what
// they saw, while the record is being sequenced. Each organization's events
// must come in the order of its versions.
func TestOrderPerSubject(t *testing.T) {
	onEngines(t, func(t *testing.T, replicas []*sqlstore.Store) {
		clk := newClock()
		rs := recorders(t, replicas, clk)
		ids := make([]string, 3)
		for i := range ids {
			ids[i] = storage.NewID()
			o := storage.Organization{ID: ids[i], Slug: fmt.Sprint("org-", i), Name: "Org", Status: storage.OrganizationActive, Version: 1}
			if err := replicas[0].InsertOrganization(t.Context(), o); err != nil {
				t.Fatal(err)
			}
		}
		const writers, each = 8, 25
		var writing, sequencing sync.WaitGroup
		stop := make(chan struct{})
		for i, store := range replicas {
			s := sequencer(t, store, clk, fmt.Sprint("r", i))
			sequencing.Go(func() {
				for {
					select {
					case <-stop:
						return
					default:
						if _, err := s.Tick(t.Context()); err != nil {
							t.Error(err)
							return
						}
					}
				}
			})
		}
		for w := range writers {
			store, r := replicas[w%len(replicas)], rs[w%len(rs)]
			writing.Go(func() {
				for i := range each {
					id := ids[(w+i)%len(ids)]
					err := store.InTx(t.Context(), func(ctx context.Context) error {
						if err := store.GuardOrganization(ctx, id); err != nil {
							return err
						}
						o, err := store.OrganizationByID(ctx, id)
						if err != nil {
							return err
						}
						return r.Record(ctx, event.Event{Type: event.SCIMSynced, Subject: id, Organization: id, Data: map[string]any{"updated": o.Version}})
					})
					if err != nil {
						t.Error(err)
						return
					}
				}
			})
		}
		writing.Wait()
		close(stop)
		sequencing.Wait()
		for i, store := range replicas {
			drain(t, sequencer(t, store, clk, fmt.Sprint("r", i)))
		}

		last := map[string]int64{}
		all := sequenced(t, replicas[0])
		for _, e := range all {
			var data struct{ Updated int64 }
			if err := json.Unmarshal(e.Data, &data); err != nil {
				t.Fatal(err)
			}
			if data.Updated <= last[e.Subject] {
				t.Errorf("seq %d: version %d of %s after %d", e.Seq, data.Updated, e.Subject, last[e.Subject])
			}
			last[e.Subject] = data.Updated
		}
		if v, err := event.Verify(t.Context(), replicas[0], 1); err != nil || v.To != writers*each {
			t.Errorf("Verify = %+v, %v; want %d rows", v, err, writers*each)
		}
	})
}

// pausing stops a sequencer between its lease and its transaction.
type pausing struct {
	*sqlstore.Store
	pause func()
}

func (p *pausing) InTx(ctx context.Context, fn func(context.Context) error) error {
	if pause := p.pause; pause != nil {
		p.pause = nil
		pause()
	}
	return p.Store.InTx(ctx, fn)
}

// A replica is paused while it holds the lease; another takes over and goes on
// with the chain. When the first wakes up it must not write.
func TestFenceStopsASleeper(t *testing.T) {
	onEngines(t, func(t *testing.T, replicas []*sqlstore.Store) {
		clk := newClock()
		a := &pausing{Store: replicas[0]}
		b := replicas[len(replicas)-1]
		r := recorders(t, replicas, clk)[0]
		sleeper, other := sequencer(t, a, clk, "a"), sequencer(t, b, clk, "b")
		record(t, r, logins(3)...)
		drain(t, sleeper)
		if n, err := other.Tick(t.Context()); n != 0 || err != nil {
			t.Fatalf("Tick of the other = %d, %v; want nothing without the lease", n, err)
		}

		record(t, r, logins(5)...)
		a.pause = func() {
			clk.Advance(time.Minute)
			if n := drain(t, other); n != 5 {
				t.Errorf("the other sequenced %d, want 5", n)
			}
			record(t, r, logins(2)...)
		}
		if n, err := sleeper.Tick(t.Context()); n != 0 || err != nil {
			t.Errorf("Tick of the sleeper = %d, %v; want nothing written", n, err)
		}
		if n := drain(t, other); n != 2 {
			t.Errorf("the other sequenced %d, want 2", n)
		}
		if v, err := event.Verify(t.Context(), replicas[0], 1); err != nil || v.To != 10 {
			t.Errorf("Verify = %+v, %v", v, err)
		}
	})
}

// Two sequencers whose clocks race each other take the lease from each other
// all the time, while events come in. The chain must not fork.
func TestTwoSequencersNeverFork(t *testing.T) {
	onEngines(t, func(t *testing.T, replicas []*sqlstore.Store) {
		base := newClock()
		rs := recorders(t, replicas, base)
		const writers, each = 4, 50
		var writing, sequencing sync.WaitGroup
		stop := make(chan struct{})
		for i := range 2 {
			clk := newClock()
			s := sequencer(t, replicas[i%len(replicas)], clk, fmt.Sprint("r", i))
			sequencing.Go(func() {
				for step := 0; ; step++ {
					select {
					case <-stop:
						return
					default:
					}
					clk.Advance(time.Duration(step%4) * 3 * time.Second)
					if _, err := s.Tick(t.Context()); err != nil {
						t.Error(err)
						return
					}
				}
			})
		}
		for w := range writers {
			writing.Go(func() {
				for range each {
					if err := rs[w%len(rs)].Record(t.Context(), logins(2)...); err != nil {
						t.Error(err)
						return
					}
				}
			})
		}
		writing.Wait()
		close(stop)
		sequencing.Wait()
		base.Advance(24 * time.Hour)
		drain(t, sequencer(t, replicas[0], base, "last"))
		if v, err := event.Verify(t.Context(), replicas[0], 1); err != nil || v.To != writers*each*2 {
			t.Errorf("Verify = %+v, %v; want %d rows", v, err, writers*each*2)
		}
	})
}

func TestLeaseIsAskedForOnceASecond(t *testing.T) {
	t.Parallel()
	store, clk := teststore.New(t), newClock()
	holder := sequencer(t, store, clk, "holder")
	drain(t, holder)
	counted := &countingLeases{Store: store}
	other := sequencer(t, counted, clk, "other")
	for range 40 { // four seconds
		drain(t, other)
		clk.Advance(100 * time.Millisecond)
	}
	if counted.asked != 4 {
		t.Errorf("asked %d times for a lease that is taken, want 4", counted.asked)
	}
	clk.Advance(5 * time.Second)
	drain(t, other)
	drain(t, holder)
	record(t, recorders(t, []*sqlstore.Store{store}, clk)[0], logins(1)...)
	if n := drain(t, holder); n != 0 {
		t.Errorf("the old holder sequenced %d", n)
	}
	if n := drain(t, other); n != 1 {
		t.Errorf("the new holder sequenced %d, want 1", n)
	}
}

type countingLeases struct {
	*sqlstore.Store
	asked int
}

func (c *countingLeases) AcquireLease(ctx context.Context, name, holder string, now, expiry time.Time) (storage.Lease, bool, error) {
	c.asked++
	return c.Store.AcquireLease(ctx, name, holder, now, expiry)
}

// Run follows kicks, though they come before their commit, and gives the lease
// back at the end.
func TestRun(t *testing.T) {
	onEngines(t, func(t *testing.T, replicas []*sqlstore.Store) {
		clk := newClock()
		store := replicas[0]
		arrived := &announcing{Store: store, seq: make(chan int64, 100)}
		s, err := event.NewSequencer(event.SequencerConfig{Store: arrived, Clock: clk, Holder: "r", Poll: time.Hour})
		if err != nil {
			t.Fatal(err)
		}
		plain := recorders(t, replicas, clk)[0]
		ctx, cancel := context.WithCancel(t.Context())
		done := make(chan error, 1)
		go func() { done <- s.Run(ctx) }()
		for i := int64(1); i <= 20; i++ {
			err := store.InTx(ctx, func(ctx context.Context) error {
				if err := plain.Record(ctx, logins(1)...); err != nil {
					return err
				}
				s.Kick()
				return nil
			})
			if err != nil {
				t.Fatal(err)
			}
			if got := <-arrived.seq; got != i {
				t.Fatalf("sequenced up to %d, want %d", got, i)
			}
		}
		cancel()
		if err := <-done; err != nil {
			t.Errorf("Run = %v", err)
		}
		record(t, plain, logins(1)...)
		if n := drain(t, sequencer(t, replicas[len(replicas)-1], clk, "next")); n != 1 {
			t.Errorf("the next holder sequenced %d, want 1: the lease was not given back", n)
		}
	})
}

// announcing tells when events were sequenced.
type announcing struct {
	*sqlstore.Store
	seq chan int64
}

func (a *announcing) InTx(ctx context.Context, fn func(context.Context) error) error {
	if err := a.Store.InTx(ctx, fn); err != nil {
		return err
	}
	last, err := a.LastEvent(ctx)
	if err == nil {
		a.seq <- last.Seq
	}
	return err
}

// Polling finds what no kick announced, and goes on after the store was away.
func TestRunPolls(t *testing.T) {
	t.Parallel()
	store, clk := teststore.New(t), newClock()
	flaky := &failing{announcing: announcing{Store: store, seq: make(chan int64, 1)}, left: 3}
	s, err := event.NewSequencer(event.SequencerConfig{Store: flaky, Clock: clk, Holder: "r", Poll: time.Millisecond})
	if err != nil {
		t.Fatal(err)
	}
	record(t, recorders(t, []*sqlstore.Store{store}, clk)[0], logins(1)...)
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan error, 1)
	go func() { done <- s.Run(ctx) }()
	<-flaky.seq
	cancel()
	if err := <-done; err != nil {
		t.Errorf("Run = %v", err)
	}
}

type failing struct {
	announcing
	left int
}

func (f *failing) UnsequencedEvents(ctx context.Context, limit int) ([]storage.Event, error) {
	if f.left > 0 {
		f.left--
		return nil, storage.ErrUnavailable
	}
	return f.announcing.UnsequencedEvents(ctx, limit)
}
