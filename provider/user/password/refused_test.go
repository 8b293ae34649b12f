package password

import (
	"bytes"
	"crypto/sha1"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

func hexOf(pw string) string { return fmt.Sprintf("%x", sha1.Sum([]byte(pw))) }

func writeList(t testing.TB, content string) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "refused.txt")
	if err := os.WriteFile(path, []byte(content), 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

func TestRefused(t *testing.T) {
	list, err := OpenRefused(writeList(t, strings.Join([]string{
		"Blue Caterpillar\r", " leading space", "e\u0301te\u0301 et e\u0301te\u0301", "",
		hexOf("mad hatter 7"), strings.ToUpper(hexOf("March Hare 9")) + ":37359195", hexOf("dormouse 77") + ": 3",
		"\xff\xfelatin", strings.Repeat("x", 70_000), strings.Repeat("ab", MaxLength), hexOf("not a hash") + "0", "last one stands",
	}, "\n")))
	if err != nil {
		t.Fatal(err)
	}
	if list.Len() != 8 || list.Skipped() != 3 {
		t.Errorf("%d passwords, %d lines skipped", list.Len(), list.Skipped())
	}
	p := NewPolicy(0)
	p.Refused = list
	for pw, want := range map[string]error{
		"Blue Caterpillar": ErrKnown, "blue caterpillar": ErrKnown, "BLUE CATERPILLAR": ErrKnown, "blue caterpillar ": nil,
		" leading space": ErrKnown, "leading space": nil, "été et été": ErrKnown, "last one stands": ErrKnown,
		"mad hatter 7": ErrKnown, "MAD HATTER 7": ErrKnown, "March Hare 9": ErrKnown, "march hare 9": nil, "dormouse 77": ErrKnown,
		"not a hash": nil, "white rabbit": nil,
	} {
		if err := p.Check(pw); !errors.Is(err, want) {
			t.Errorf("%q: %v, want %v", pw, err, want)
		}
	}
	if (*Refused)(nil).Holds("anything") {
		t.Error("no list holds something")
	}
}

func TestRefusedUnreadable(t *testing.T) {
	dir := t.TempDir()
	for name, tc := range map[string]struct{ path, want string }{
		"missing":        {filepath.Join(dir, "no.txt"), "no.txt: no such file"},
		"directory":      {dir, dir},
		"empty":          {writeList(t, ""), "holds no passwords"},
		"nothing usable": {writeList(t, "\xff\xfe\n\x00\n"), "holds no passwords"},
	} {
		if _, err := OpenRefused(tc.path); err == nil || !strings.Contains(err.Error(), tc.want) {
			t.Errorf("%s: %v, want %q in it", name, err, tc.want)
		}
	}
	if _, err := readRefused(strings.NewReader("one\ntwo\nthree\n"), 3); err == nil || !strings.Contains(err.Error(), "more than 3 lines") {
		t.Errorf("a file that is too long: %v", err)
	}
}

// TestRefusedRate: few others are taken for what is in the list, and nothing in
// it is let through.
func TestRefusedRate(t *testing.T) {
	const n = 100_000
	var lines bytes.Buffer
	for i := range n {
		fmt.Fprintf(&lines, "in the list %d\n", i)
	}
	list, err := readRefused(bytes.NewReader(lines.Bytes()), n+1)
	if err != nil {
		t.Fatal(err)
	}
	wrong := 0
	for i := range n {
		if !list.Holds(fmt.Sprintf("in the list %d", i)) {
			t.Fatalf("%d is let through", i)
		}
		if list.Holds(fmt.Sprintf("in no list %d", i)) {
			wrong++
		}
	}
	if wrong > 3 { // one in ten runs of the same size has one
		t.Errorf("%d of %d others are refused", wrong, n)
	}
	if size := list.filter.Cap() / 8; size > n*37/10 {
		t.Errorf("%d bytes for %d passwords", size, n)
	}
}

func FuzzRefused(f *testing.F) {
	f.Add([]byte("password\nletmein\r\n"))
	f.Add([]byte(hexOf("a") + ":1\n\xff\n"))
	f.Fuzz(func(t *testing.T, content []byte) {
		list, err := readRefused(bytes.NewReader(content), 1000)
		if err != nil {
			return
		}
		first, _, _ := bytes.Cut(content, []byte{'\n'})
		pw := string(bytes.TrimRight(first, "\r"))
		if _, isHash := hashOf([]byte(pw)); isHash {
			return
		}
		if text, usable := normalize(pw); usable && !list.Holds(string(text.nfc)) {
			t.Errorf("%q is let through", pw)
		}
	})
}

func BenchmarkOpenRefused(b *testing.B) {
	var lines bytes.Buffer
	for i := range 100_000 {
		fmt.Fprintf(&lines, "%s:%d\n", hexOf(fmt.Sprint(i)), i)
	}
	b.SetBytes(int64(lines.Len()))
	for b.Loop() {
		if _, err := readRefused(bytes.NewReader(lines.Bytes()), MaxRefused); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkCheck(b *testing.B) {
	p := NewPolicy(0)
	p.Words = []string{"signet", "id.acme.example"}
	words := WordsOf("alice.liddell@wonder.example", map[string]any{"name": "Alice Pleasance Liddell"})
	for b.Loop() {
		if err := p.Check("the quick brown caterpillar", words...); err != nil {
			b.Fatal(err)
		}
	}
}
