package strictjson

import (
	"bytes"
	"encoding/json"
	"errors"
	"strings"
	"testing"

	josejson "github.com/go-jose/go-jose/v4/json"
)

func TestCheck(t *testing.T) {
	for _, tc := range []struct {
		name  string
		in    string
		depth int
		want  error
	}{
		{"scalar", `"x"`, 0, nil},
		{"object at its depth", `{"a":{"b":[1]}}`, 3, nil},
		{"one level too deep", `{"a":{"b":[1]}}`, 2, ErrDepth},
		{"empty object counts as a level", `{}`, 0, ErrDepth},
		{"duplicate", `{"a":1,"a":1}`, 3, ErrDuplicate},
		{"duplicate below", `[{"a":{"b":1,"b":2}}]`, 5, ErrDuplicate},
		{"duplicate by escape", `{"a":1,"\u0061":2}`, 3, ErrDuplicate},
		{"same name in two objects", `[{"a":1},{"a":2}]`, 3, nil},
		{"names that differ in case", `{"a":1,"A":2}`, 3, nil},
		{"empty", ``, 3, ErrSyntax},
		{"two values", `{} {}`, 3, ErrSyntax},
		{"trailing comma", `{"a":1,}`, 3, ErrSyntax},
		{"bad UTF-8", "\"\xff\"", 3, ErrSyntax},
		{"deep bomb", strings.Repeat("[", 5000) + strings.Repeat("]", 5000), 5, ErrDepth},
	} {
		t.Run(tc.name, func(t *testing.T) {
			t.Parallel()
			if err := Check([]byte(tc.in), tc.depth); !errors.Is(err, tc.want) {
				t.Fatalf("Check(%q) = %v, want %v", tc.in, err, tc.want)
			}
		})
	}
}

func TestObject(t *testing.T) {
	members, err := Object([]byte(` {"iss":"a","Iss":"b","n":1.50}`), 2)
	if err != nil {
		t.Fatal(err)
	}
	if got := string(members["n"]); got != "1.50" {
		t.Errorf("number text changed: %q", got)
	}
	if s, ok := String(members["iss"]); !ok || s != "a" {
		t.Errorf("iss = %q, %v", s, ok)
	}
	if _, ok := String(members["n"]); ok {
		t.Error("a number was read as a string")
	}
	for _, in := range []string{"null", "[]", "1", `"x"`} {
		if _, err := Object([]byte(in), 2); !errors.Is(err, ErrNotObject) {
			t.Errorf("Object(%s) = %v, want ErrNotObject", in, err)
		}
	}
}

// FuzzCheck holds Check against go-jose's own JSON reader, which refuses
// duplicates too: what we accept it must accept, and what it reads of a flat
// object must be what we read.
func FuzzCheck(f *testing.F) {
	f.Add([]byte(`{"a":{"b":[1,"x",null]}}`))
	f.Add([]byte(`{"a":1,"\u0061":2}`))
	f.Add([]byte("{\"a\":\"\xff\"}"))
	f.Fuzz(func(t *testing.T, data []byte) {
		members, err := Object(data, 8)
		if err != nil {
			return
		}
		theirs := map[string]any{}
		if err := josejson.Unmarshal(data, &theirs); err != nil {
			t.Fatalf("accepted %q, which go-jose refuses: %v", data, err)
		}
		if len(theirs) != len(members) {
			t.Fatalf("%d members, go-jose sees %d", len(members), len(theirs))
		}
		for name, raw := range members {
			want, ok := theirs[name].(string)
			got, isString := String(raw)
			if ok != isString || got != want {
				t.Fatalf("member %q: %q (%v), go-jose reads %q (%v)", name, got, isString, want, ok)
			}
			if !bytes.Equal(raw, bytes.TrimSpace(raw)) || !json.Valid(raw) {
				t.Fatalf("member %q keeps %q", name, raw)
			}
		}
	})
}
