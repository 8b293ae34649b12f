package engine_test

import (
	"reflect"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/signet-idp/signet/storage/sqlstore/engine"
)

type named string

func TestEncode(t *testing.T) {
	at := time.Date(2026, 3, 14, 15, 9, 26, 535897999, time.FixedZone("x", 3600))
	for _, c := range []struct {
		name      string
		arg, want any
	}{
		{"int64", int64(-1), int64(-1)},
		{"int", 7, int64(7)},
		{"text", "x", "x"},
		{"named text", named("x"), "x"},
		{"nil", nil, nil},
		{"bytes", []byte{0}, []byte{0}},
		{"no bytes are NULL", []byte(nil), nil},
		{"empty bytes are not", []byte{}, []byte{}},
		{"true", true, int64(1)},
		{"false", false, int64(0)},
		{"time", at, at.UnixMicro()},
		{"time not set", time.Time{}, int64(0)},
		{"duration", 1500 * time.Microsecond, int64(1500)},
		{"list", []string{"a", "b"}, "a b"},
		{"no list", []string(nil), ""},
		{"JSON", engine.JSON{V: map[string]any{"a": 1}}, `{"a":1}`},
		{"JSON nil map", engine.JSON{V: map[string]any(nil)}, ""},
		{"JSON nil", engine.JSON{}, ""},
	} {
		t.Run(c.name, func(t *testing.T) {
			args := []any{c.arg}
			for range 2 { // a retried statement is encoded again
				if err := engine.Encode(args); err != nil {
					t.Fatal(err)
				}
				if !reflect.DeepEqual(args[0], c.want) {
					t.Errorf("got %#v, want %#v", args[0], c.want)
				}
			}
		})
	}
	for _, bad := range []any{3.14, uint8(1), struct{}{}, engine.JSON{V: func() {}}} {
		if err := engine.Encode([]any{bad}); err == nil {
			t.Errorf("%T was encoded", bad)
		}
	}
}

func TestDecodeRefuses(t *testing.T) {
	for _, c := range []struct {
		name      string
		src, dest any
	}{
		{"NULL as text", nil, new(string)},
		{"NULL as number", nil, new(int64)},
		{"number as text", int64(1), new(string)},
		{"text as number", "1", new(int64)},
		{"text as bytes", "1", new([]byte)},
		{"no pointer", "1", "x"},
		{"other pointer", int64(1), new(int)},
		{"broken JSON", "{", engine.JSON{V: new(map[string]any)}},
	} {
		t.Run(c.name, func(t *testing.T) {
			if err := engine.Decode(c.src, c.dest); err == nil {
				t.Error("it was decoded")
			}
		})
	}
}

// What is decoded is what was encoded, whatever the destination held before.
func TestCodecRoundTrip(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		us := rapid.Int64Range(1, 1<<53).Draw(t, "µs")
		at, old := time.UnixMicro(us).UTC(), time.Unix(1, 0)
		flag, was := rapid.Bool().Draw(t, "flag"), rapid.Bool().Draw(t, "was")
		list := rapid.SliceOfN(rapid.StringMatching(`[a-z:/.]{1,9}`), 1, 5).Draw(t, "list")
		words := []string{"old"}
		args := []any{at, flag, list}
		if err := engine.Encode(args); err != nil {
			t.Fatal(err)
		}
		for i, dest := range []any{&old, &was, &words} {
			if err := engine.Decode(args[i], dest); err != nil {
				t.Fatal(err)
			}
		}
		if !old.Equal(at) || was != flag || !reflect.DeepEqual(words, list) {
			t.Fatalf("%v %v %v became %v %v %v", at, flag, list, old, was, words)
		}
	})
}
