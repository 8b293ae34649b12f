package event_test

import (
	"bytes"
	"encoding/hex"
	"reflect"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/signet-idp/signet/provider/event"
	"github.com/signet-idp/signet/storage"
)

// golden is the test vector of docs/events.md.
func golden() storage.Event {
	return storage.Event{
		Number: 7, Seq: 1,
		ID: "0195b2c4-0000-7000-8000-000000000001", Type: "user.login",
		Time:  time.Date(2026, 3, 1, 12, 0, 0, 123456000, time.UTC),
		Actor: "0195b2c4-0000-7000-8000-00000000000a", ActorKind: "user",
		Subject: "0195b2c4-0000-7000-8000-00000000000a", Organization: "0195b2c4-0000-7000-8000-00000000000b",
		Request: "req-1", Data: []byte(`{"acr":"aal1","amr":["pwd"],"client_id":"web"}`),
		Personal: []byte{1, 2, 3}, PersonalOf: "0195b2c4-0000-7000-8000-00000000000a",
	}
}

const (
	goldenHash   = "0e2cabc548f4ae3148140ee0eaa79d782909ffef8c8bcf3e1c2bac2aca3cf108"
	goldenSecond = "bd9133a0eb705595bc46011cd0a0d17e492e55a56510ef6cadef859e753f7dd8"
)

func TestGoldenVector(t *testing.T) {
	t.Parallel()
	first := event.Hash(event.Genesis(), golden())
	if got := hex.EncodeToString(first); got != goldenHash {
		t.Errorf("first hash = %s, want %s", got, goldenHash)
	}
	second := storage.Event{
		Number: 9, Seq: 2, ID: "0195b2c4-0000-7000-8000-000000000002", Type: "system.feed_reset",
		Time: time.Date(2026, 3, 1, 12, 0, 1, 0, time.UTC), Actor: "system", ActorKind: "system", Subject: "feed", Data: []byte(`{}`),
	}
	if got := hex.EncodeToString(event.Hash(first, second)); got != goldenSecond {
		t.Errorf("second hash = %s, want %s", got, goldenSecond)
	}
}

// The encoding, written out by hand.
func TestCanonicalByHand(t *testing.T) {
	t.Parallel()
	e := storage.Event{
		Seq: 1, Number: 2, ID: "i", Type: "t", Time: time.UnixMicro(3), Actor: "a", ActorKind: "k",
		Subject: "s", Organization: "o", Request: "r", Data: []byte("{}"), PersonalOf: "p", Personal: []byte{0xff},
	}
	want := "0000000f" + hex.EncodeToString([]byte("signet.event.v1")) +
		"00000008" + "0000000000000001" + // seq
		"00000008" + "0000000000000002" + // number
		"00000001" + "69" + // id
		"00000001" + "74" + // type
		"00000008" + "0000000000000003" + // time
		"00000001" + "61" + // actor
		"00000001" + "6b" + // actor_kind
		"00000001" + "73" + // subject
		"00000001" + "6f" + // organization
		"00000001" + "72" + // request
		"00000002" + "7b7d" + // data
		"00000001" + "70" + // personal_of
		"00000001" + "ff" // personal
	if got := hex.EncodeToString(event.Canonical(nil, e)); got != want {
		t.Errorf("Canonical =\n%s, want\n%s", got, want)
	}
	e.TraceParent = "00-1"
	if got := hex.EncodeToString(event.Canonical(nil, e)); got != want+"00000004"+"30302d31" {
		t.Errorf("with a traceparent: %s", got)
	}
}

// Every column is covered: a change of any gives another hash.
func TestHashCoversEveryColumn(t *testing.T) {
	t.Parallel()
	base := golden()
	want := event.Hash(event.Genesis(), base)
	fields := reflect.TypeFor[storage.Event]()
	for i := range fields.NumField() {
		name := fields.Field(i).Name
		if name == "Hash" {
			continue
		}
		changed := base
		f := reflect.ValueOf(&changed).Elem().Field(i)
		switch v := f.Interface().(type) {
		case int64:
			f.SetInt(v + 1)
		case string:
			f.SetString(v + "x")
		case []byte:
			f.SetBytes(append(bytes.Clone(v), 'x'))
		case time.Time:
			f.Set(reflect.ValueOf(v.Add(time.Microsecond)))
		default:
			t.Fatalf("column %s is of a type that this test does not know", name)
		}
		if bytes.Equal(event.Hash(event.Genesis(), changed), want) {
			t.Errorf("column %s is not covered", name)
		}
	}
	if bytes.Equal(event.Hash(bytes.Repeat([]byte{1}, 32), base), want) {
		t.Error("the previous hash is not covered")
	}
}

// No two events share an encoding: bytes cannot move from one column to the next.
func TestCanonicalIsInjective(t *testing.T) {
	t.Parallel()
	draw := func(t *rapid.T) storage.Event {
		s := func(l string) string {
			return rapid.StringOfN(rapid.SampledFrom([]rune("ab\x00")), 0, 4, -1).Draw(t, l)
		}
		return storage.Event{
			Seq: rapid.Int64Range(1, 3).Draw(t, "seq"), Number: rapid.Int64Range(1, 3).Draw(t, "number"),
			ID: s("id"), Type: s("type"), Time: time.UnixMicro(rapid.Int64Range(1, 3).Draw(t, "time")),
			Actor: s("actor"), ActorKind: s("kind"), Subject: s("subject"), Organization: s("organization"),
			Request: s("request"), Data: []byte(s("data")), PersonalOf: s("personal_of"), Personal: []byte(s("personal")), TraceParent: s("traceparent"),
		}
	}
	rapid.Check(t, func(t *rapid.T) {
		a, b := draw(t), draw(t)
		if same := reflect.DeepEqual(a, b); same != bytes.Equal(event.Canonical(nil, a), event.Canonical(nil, b)) {
			t.Fatalf("events equal: %v, encodings equal: %v\n%+v\n%+v", same, !same, a, b)
		}
	})
}

func TestBrokenErrorNamesTheRow(t *testing.T) {
	t.Parallel()
	err := &event.BrokenError{Seq: 5, ID: "id-5", Reason: "hash differs"}
	if got := err.Error(); !strings.Contains(got, "seq 5") || !strings.Contains(got, "id-5") || !strings.Contains(got, "hash differs") {
		t.Errorf("Error() = %q", got)
	}
}
