package event_test

import (
	"bytes"
	"context"
	"crypto/rand"
	"errors"
	"maps"
	"strings"
	"sync"
	"testing"
	"unicode/utf8"

	"github.com/signet-idp/signet/internal/testkit/teststore"
	"github.com/signet-idp/signet/keys/keytest"
	"github.com/signet-idp/signet/provider/event"
	"github.com/signet-idp/signet/storage"
	"github.com/signet-idp/signet/storage/sqlstore"
)

func personalLogin(userID string, personal map[string]string) event.Event {
	return event.Event{Type: event.UserLogin, Subject: userID, PersonalOf: userID, Personal: personal}
}

func TestPersonalIsSealed(t *testing.T) {
	onEngines(t, func(t *testing.T, replicas []*sqlstore.Store) {
		rs := recorders(t, replicas, newClock())
		personal := map[string]string{"ip_address": "192.0.2.7", "user_agent": "Firefox/140", "email": "alice@acme.test"}
		record(t, rs[0], personalLogin("alice", personal), personalLogin("alice", personal), event.Event{Type: event.UserLogin, Subject: "bob"})
		rows := waiting(t, replicas[0])
		for name, value := range personal {
			for _, part := range [][]byte{rows[0].Personal, rows[0].Data} {
				if bytes.Contains(part, []byte(value)) {
					t.Errorf("%s is readable in the row", name)
				}
			}
		}
		if bytes.Equal(rows[0].Personal, rows[1].Personal) {
			t.Error("the same data gives the same ciphertext")
		}
		for i, r := range rs { // any replica may read
			got, err := r.Open(t.Context(), rows[0])
			if err != nil || !maps.Equal(got, personal) {
				t.Errorf("replica %d: Open = %v, %v", i, got, err)
			}
		}
		if got, err := rs[0].Open(t.Context(), rows[2]); got != nil || err != nil {
			t.Errorf("nothing personal: Open = %v, %v", got, err)
		}
		key, err := replicas[0].PersonKey(t.Context(), "alice")
		if err != nil || len(key) < 32+40 {
			t.Errorf("the person's key is stored in %d bytes, %v: not sealed", len(key), err)
		}
	})
}

// A personal part opens in its own event only.
func TestPersonalIsBoundToItsEvent(t *testing.T) {
	onEngines(t, func(t *testing.T, replicas []*sqlstore.Store) {
		r := recorders(t, replicas, newClock())[0]
		record(t, r,
			personalLogin("alice", map[string]string{"name": "Alice"}),
			personalLogin("alice", map[string]string{"name": "Alice"}),
			personalLogin("bob", map[string]string{"name": "Bob"}))
		rows := waiting(t, replicas[0])
		tests := []struct {
			name string
			edit func(*storage.Event)
		}{
			{"in another event", func(e *storage.Event) { e.Personal = rows[1].Personal }},
			{"under another type", func(e *storage.Event) { e.Type = "user.logout" }},
			{"of another person", func(e *storage.Event) { e.PersonalOf = "bob" }},
			{"with a bit flipped", func(e *storage.Event) { e.Personal[len(e.Personal)/2] ^= 1 }},
			{"of another version", func(e *storage.Event) { e.Personal[0] = 2 }},
			{"cut", func(e *storage.Event) { e.Personal = e.Personal[:10] }},
			{"only a version", func(e *storage.Event) { e.Personal = e.Personal[:1] }},
		}
		for _, tt := range tests {
			e := rows[0]
			e.Personal = bytes.Clone(e.Personal)
			tt.edit(&e)
			if got, err := r.Open(t.Context(), e); !errors.Is(err, event.ErrSealed) || got != nil {
				t.Errorf("%s: Open = %v, %v; want ErrSealed", tt.name, got, err)
			}
		}
	})
}

func TestPersonalValuesAreCut(t *testing.T) {
	onEngines(t, func(t *testing.T, replicas []*sqlstore.Store) {
		r := recorders(t, replicas, newClock())[0]
		record(t, r, personalLogin("alice", map[string]string{
			"user_agent": "a" + strings.Repeat("ü", event.MaxPersonalValue), // its bound falls inside a letter
			"name":       "a\xff\x00b",
		}))
		got, err := r.Open(t.Context(), waiting(t, replicas[0])[0])
		if err != nil {
			t.Fatal(err)
		}
		if ua := got["user_agent"]; len(ua) != event.MaxPersonalValue-1 || !utf8.ValidString(ua) || strings.Trim(ua, "aü") != "" {
			t.Errorf("user_agent of %d bytes: %q", len(ua), ua)
		}
		if got["name"] != "a\uFFFD\x00b" {
			t.Errorf("name = %q", got["name"])
		}
	})
}

func TestErase(t *testing.T) {
	onEngines(t, func(t *testing.T, replicas []*sqlstore.Store) {
		clk := newClock()
		rs := recorders(t, replicas, clk)
		personal := map[string]string{"email": "alice@acme.test"}
		record(t, rs[0], personalLogin("alice", personal), personalLogin("bob", personal))
		before := waiting(t, replicas[0])
		for _, r := range rs { // both hold the opened key in memory now
			if _, err := r.Open(t.Context(), before[0]); err != nil {
				t.Fatal(err)
			}
		}

		if err := rs[0].Erase(t.Context(), "alice"); err != nil {
			t.Fatal(err)
		}
		for i, r := range rs {
			if got, err := r.Open(t.Context(), before[0]); !errors.Is(err, event.ErrErased) || got != nil {
				t.Errorf("replica %d: Open = %v, %v; want ErrErased", i, got, err)
			}
			if got, err := r.Open(t.Context(), before[1]); err != nil || !maps.Equal(got, personal) {
				t.Errorf("replica %d, another person: Open = %v, %v", i, got, err)
			}
			record(t, r, personalLogin("alice", personal))
		}
		for _, e := range waiting(t, replicas[0])[2:] {
			if e.Personal != nil || e.PersonalOf != "" || e.Subject != "alice" {
				t.Errorf("after the erasure: personal %x of %q, subject %q", e.Personal, e.PersonalOf, e.Subject)
			}
		}

		drain(t, sequencer(t, replicas[0], clk, "r"))
		if v, err := event.Verify(t.Context(), replicas[0], 1); err != nil || v.To != int64(2+len(rs)) {
			t.Errorf("Verify = %+v, %v: the chain has to hold after an erasure", v, err)
		}
		// Again, and of somebody who never had a key.
		for _, who := range []string{"alice", "carol"} {
			if err := rs[0].Erase(t.Context(), who); err != nil {
				t.Errorf("Erase %s: %v", who, err)
			}
		}
		record(t, rs[0], personalLogin("carol", personal))
		if last := waiting(t, replicas[0]); last[len(last)-1].Personal != nil {
			t.Error("personal data of somebody erased before their first event")
		}
	})
}

// A key made in a transaction that was rolled back exists nowhere: what is
// sealed later must not be sealed under it.
func TestRolledBackKeyIsNotUsed(t *testing.T) {
	onEngines(t, func(t *testing.T, replicas []*sqlstore.Store) {
		rs := recorders(t, replicas, newClock())
		personal := map[string]string{"name": "Alice"}
		rollback := errors.New("rollback")
		err := replicas[0].InTx(t.Context(), func(ctx context.Context) error {
			for range 2 { // the second finds the first's key in the transaction
				if err := rs[0].Record(ctx, personalLogin("alice", personal)); err != nil {
					return err
				}
			}
			return rollback
		})
		if !errors.Is(err, rollback) {
			t.Fatal(err)
		}
		record(t, rs[0], personalLogin("alice", personal))
		for i, r := range rs {
			if got, err := r.Open(t.Context(), waiting(t, replicas[0])[0]); err != nil || !maps.Equal(got, personal) {
				t.Errorf("replica %d: Open = %v, %v", i, got, err)
			}
		}
	})
}

// Many first events of one person at once agree on one key.
func TestFirstEventsAtOnce(t *testing.T) {
	onEngines(t, func(t *testing.T, replicas []*sqlstore.Store) {
		rs := recorders(t, replicas, newClock())
		const n = 32
		var wg sync.WaitGroup
		for i := range n {
			wg.Go(func() {
				if err := rs[i%len(rs)].Record(t.Context(), personalLogin("alice", map[string]string{"name": "Alice"})); err != nil {
					t.Error(err)
				}
			})
		}
		wg.Wait()
		rows := waiting(t, replicas[0])
		if len(rows) != n {
			t.Fatalf("%d rows, want %d", len(rows), n)
		}
		for _, e := range rows {
			if got, err := rs[0].Open(t.Context(), e); err != nil || got["name"] != "Alice" {
				t.Errorf("Open = %v, %v", got, err)
			}
		}
	})
}

// An erasure beside writers: afterwards nothing of the person can be read.
func TestEraseWhileWriting(t *testing.T) {
	onEngines(t, func(t *testing.T, replicas []*sqlstore.Store) {
		rs := recorders(t, replicas, newClock())
		var wg sync.WaitGroup
		for i := range 16 {
			wg.Go(func() {
				if err := rs[i%len(rs)].Record(t.Context(), personalLogin("alice", map[string]string{"name": "Alice"})); err != nil {
					t.Error(err)
				}
			})
			if i == 8 {
				wg.Go(func() {
					if err := rs[0].Erase(t.Context(), "alice"); err != nil {
						t.Error(err)
					}
				})
			}
		}
		wg.Wait()
		for _, e := range waiting(t, replicas[0]) {
			for _, r := range rs {
				if got, err := r.Open(t.Context(), e); got != nil || err != nil && !errors.Is(err, event.ErrErased) {
					t.Errorf("Open = %v, %v", got, err)
				}
			}
		}
	})
}

// countingKeys counts how often a person's key is asked for.
type countingKeys struct {
	event.Store
	read int
}

func (c *countingKeys) PersonKey(ctx context.Context, userID string) ([]byte, error) {
	c.read++
	return c.Store.PersonKey(ctx, userID)
}

// TestNobodyTakesAsLong: a failed login asks the store for as much when the
// identifier is nobody's.
func TestNobodyTakesAsLong(t *testing.T) {
	t.Parallel()
	clk := newClock()
	purpose, err := keytest.DataKeyring(t, clk).Purpose(t.Context(), "person")
	if err != nil {
		t.Fatal(err)
	}
	store := &countingKeys{Store: teststore.New(t)}
	r, err := event.NewRecorder(event.Config{Store: store, Sealer: purpose, Clock: clk, Random: rand.Reader})
	if err != nil {
		t.Fatal(err)
	}
	data := map[string]any{"reason": "credentials", "method": "password"}
	id := storage.NewID()
	for _, e := range []event.Event{
		{Type: event.UserLoginFailed, Data: data},
		{Type: event.UserLoginFailed, Subject: id, PersonalOf: id, Personal: map[string]string{"ip_address": "192.0.2.1"}, Data: data},
	} {
		store.read = 0
		if err := r.Record(t.Context(), e); err != nil {
			t.Fatal(err)
		}
		if store.read != 1 {
			t.Errorf("subject %q: %d reads of a person's key, want 1", e.Subject, store.read)
		}
	}
}
