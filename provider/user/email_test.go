package user

import (
	"strings"
	"testing"

	"pgregory.net/rapid"
)

func TestCanonical(t *testing.T) {
	for _, c := range []struct{ in, want string }{
		{"alice@acme.test", "alice@acme.test"},
		{"  Alice@ACME.Test\n", "alice@acme.test"},
		{"a.b+tag@mail.acme.test", "a.b+tag@mail.acme.test"}, // neither dots nor tags are ours to read
		{"alice@bücher.example", "alice@xn--bcher-kva.example"},
		{"alice@BÜCHER.example", "alice@xn--bcher-kva.example"},
		{"alice@xn--bcher-kva.example", "alice@xn--bcher-kva.example"},
		{"o'hara@acme.test", "o'hara@acme.test"},
		{"", ""},
		{"alice", ""},
		{"@acme.test", ""},
		{"alice@", ""},
		{"alice@acme", ""},             // one label
		{"alice@[127.0.0.1]", ""},      // an address literal
		{"alice@127.0.0.1", ""},        // one without its brackets
		{"alice@acme..test", ""},       //
		{"alice@acme.test.", ""},       //
		{"alice@-acme.test", ""},       //
		{"alice@ac_me.test", ""},       //
		{".alice@acme.test", ""},       //
		{"al..ice@acme.test", ""},      //
		{"al ice@acme.test", ""},       //
		{`"al ice"@acme.test`, ""},     // quoted
		{"alice@acme.test@evil.x", ""}, // two
		{"alice@acme.test\x00", ""},    //
		{"alicé@acme.test", ""},        // RFC 6531
		{"ａlice@acme.test", ""},        // a full-width letter
		{"alice\u200b@acme.test", ""},  // an invisible one
		{strings.Repeat("a", 64) + "@acme.test", strings.Repeat("a", 64) + "@acme.test"},
		{strings.Repeat("a", 65) + "@acme.test", ""},
		{"alice@" + strings.Repeat("a.", 130) + "test", ""},
		{"<alice@acme.test>", ""},
		{"alice@acme.test\r\nBcc: x@y.z", ""},
	} {
		got, err := Canonical(c.in)
		if got != c.want || (err == nil) != (c.want != "") {
			t.Errorf("Canonical(%q) = %q, %v; want %q", c.in, got, err, c.want)
		}
	}
}

func FuzzCanonical(f *testing.F) {
	for _, seed := range []string{"alice@acme.test", "Alice@BÜCHER.example", "a@b.c", "x@xn--0.test", "a@1.2.3.4", "ß@x.y", "a@ſ.test", "a@K.test"} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, in string) {
		once, err := Canonical(in)
		if err != nil {
			return
		}
		if twice, err := Canonical(once); err != nil || twice != once {
			t.Fatalf("%q becomes %q, then %q (%v)", in, once, twice, err)
		}
		if len(once) > maxEmail || once != strings.ToLower(once) || strings.Count(once, "@") != 1 {
			t.Fatalf("%q becomes %q", in, once)
		}
		for i := range len(once) {
			if once[i] <= ' ' || once[i] >= 0x7f {
				t.Fatalf("%q becomes %q", in, once)
			}
		}
	})
}

// However an address is written, it is one account's.
func TestCanonicalIgnoresHowItIsWritten(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		base := rapid.StringMatching(`[a-z0-9]{1,10}(\.[a-z0-9+]{1,5})?@[a-z]{1,10}\.(test|example)`).Draw(t, "address")
		want, err := Canonical(base)
		if err != nil {
			t.Fatal(err)
		}
		var written strings.Builder
		for _, r := range base {
			if rapid.Bool().Draw(t, "upper") {
				written.WriteString(strings.ToUpper(string(r)))
			} else {
				written.WriteRune(r)
			}
		}
		blank := rapid.SampledFrom([]string{"", " ", "\t", "\r\n"})
		in := blank.Draw(t, "before") + written.String() + blank.Draw(t, "after")
		if got, err := Canonical(in); err != nil || got != want {
			t.Fatalf("Canonical(%q) = %q, %v; want %q", in, got, err, want)
		}
	})
}

func BenchmarkCanonical(b *testing.B) {
	for b.Loop() {
		if _, err := Canonical("Alice.Example@Mail.Acme.test"); err != nil {
			b.Fatal(err)
		}
	}
}
