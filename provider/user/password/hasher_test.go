package password

import (
	"context"
	"errors"
	"io"
	"strings"
	"sync"
	"testing"
	"testing/iotest"
	"time"

	"pgregory.net/rapid"
)

const (
	english = "correct horse battery staple"
	worldly = "Grüße, 世界 🙂" // in NFC
)

// cheap is the least that argon2id takes.
func cheap() Argon2 { return Argon2{MemoryKiB: 8, Passes: 1, Lanes: 1} }

func newHasher(t testing.TB, c Config) *Hasher {
	t.Helper()
	h, err := New(c)
	if err != nil {
		t.Fatal(err)
	}
	return h
}

func TestHashAndVerify(t *testing.T) {
	h := newHasher(t, Config{Argon2: cheap()})
	rapid.Check(t, func(t *rapid.T) {
		pw := rapid.StringOfN(rapid.Rune(), 1, 100, MaxLength).Draw(t, "password")
		encoded, err := h.Hash(context.Background(), pw)
		if err != nil {
			if strings.Contains(pw, "\x00") && errors.Is(err, ErrPassword) {
				return
			}
			t.Fatal(err)
		}
		ok, upgrade, err := h.Verify(context.Background(), encoded, pw)
		if err != nil || !ok || upgrade {
			t.Fatalf("own hash: ok %v, upgrade %v, %v", ok, upgrade, err)
		}
		if ok, _, err := h.Verify(context.Background(), encoded, pw+"x"); err != nil || ok {
			t.Fatalf("another password: ok %v, %v", ok, err)
		}
		again, err := h.Hash(context.Background(), pw)
		if err != nil || again == encoded {
			t.Fatalf("the same salt twice (%v)", err)
		}
	})
}

func TestDefaultCost(t *testing.T) {
	h := newHasher(t, Config{})
	encoded, err := h.Hash(context.Background(), english)
	if err != nil {
		t.Fatal(err)
	}
	if want := "$argon2id$v=19$m=19456,t=2,p=1$"; !strings.HasPrefix(encoded, want) {
		t.Fatalf("%q does not begin with %q", encoded, want)
	}
}

// TestVerifyForeign: strings made by Django 5.2, argon2-cffi, passlib and
// libxcrypt, with low costs.
func TestVerifyForeign(t *testing.T) {
	for _, tc := range []struct{ name, scheme, password, encoded string }{
		{"django pbkdf2", "pbkdf2_sha256", english, "pbkdf2_sha256$1000$seasalt0123456789$ZbPh9hGq10zqAmGD+qamwkM0V7Tu+Zym7jnOkK4fEPc="},
		{"django pbkdf2, unicode", "pbkdf2_sha256", worldly, "pbkdf2_sha256$1000$seasalt0123456789$hQhK9BCZ7gXi8kTKK+BMPjdrDTpKE0mY5kGvC0/f1Bw="},
		{"django bcrypt_sha256", "bcrypt_sha256", english, "bcrypt_sha256$$2b$05$abcdefghijklmnopqrstuuo5UaIBysJIH5CaMip.8XQbctZzHcXPa"},
		{"django bcrypt_sha256, unicode", "bcrypt_sha256", worldly, "bcrypt_sha256$$2b$05$abcdefghijklmnopqrstuuRq5BqtYP3bQGS7vMOtUAZZ/3M6LxQO6"},
		{"django bcrypt", "bcrypt", english, "bcrypt$$2b$05$abcdefghijklmnopqrstuuFiPhXf1sVd3pCCRO.uVh34H/qI/ZsuS"},
		{"django bcrypt, unicode", "bcrypt", worldly, "bcrypt$$2b$05$abcdefghijklmnopqrstuuuMkxnzwXKBMtoxRAq/mpzqDKL04MH7W"},
		{"django scrypt", "scrypt", english, "scrypt$1024$seasalt0123456789$8$1$ZzqAB6Pvi3jEFtE+G0kQU1/hh2zVmaLxhMtxl3r0qWwhxMbV06wTcFIJXO9pLwpnKaXPH8Sw3F5JtfhozR6uGA=="},
		{"django scrypt, default cost", "scrypt", english, "scrypt$16384$salt$8$5$3O7c69/0yHYnwE48DWkzJ1JbbaliZpBJb4UWlqNLlIQ4/MH7JW9CD8mhQSQgsB1ErIt0zvQ0wPFAgo883sq5fA=="},
		{"django argon2", "argon2id", english, "argon2$argon2id$v=19$m=1024,t=2,p=2$c2Vhc2FsdDAxMjM0NTY3ODk$203VWBmQsSt2t+GY/G50YTtwjsG4cl7tXvMw9CkeTys"},
		{"argon2-cffi", "argon2id", english, "$argon2id$v=19$m=256,t=3,p=1$3sh8YzIa+CbrDCVYLgPNPQ$QG/LkAfwBXxN3ZuaRG0GlCPnPzGc7hbW"},
		{"argon2-cffi, unicode", "argon2id", worldly, "$argon2id$v=19$m=256,t=3,p=1$f5WPnV2qdLc1ycbWgK3t+A$FmHB/j0wrwxxaqw3YqXPDVUJDEx2dd1c"},
		{"passlib pbkdf2-sha256", "pbkdf2_sha256", english, "$pbkdf2-sha256$1000$qzXmfA/B2HsPwRjDuLc2Bg$i3X4Q6IejUtjsVMcb9mNl8JZ0xwqBLbDhFo9jKfle5A"},
		{"passlib pbkdf2-sha256, dots", "pbkdf2_sha256", worldly, "$pbkdf2-sha256$1000$.98bo9R6DwGgFOJ8LyVk7A$rCVQjj90IrnW4EA5tmluLWm1NbnBM68rev/flePMYNY"},
		{"passlib pbkdf2-sha512", "pbkdf2_sha512", english, "$pbkdf2-sha512$1000$c85Za00pZQzhvNd67/2/dw$n1yTWOSJfmo75eucGv1exVJ3zZR28pzJ.7tPzY5Hk3zyZz58nVa/qOblqouOfS0ACtNafXCvlsK0mDxovrtewA"},
		{"pbkdf2 as PHC", "pbkdf2_sha256", english, "$pbkdf2-sha256$i=1000,l=32$c2Vhc2FsdDAxMjM0NTY3ODk$ZbPh9hGq10zqAmGD+qamwkM0V7Tu+Zym7jnOkK4fEPc"},
		{"passlib scrypt", "scrypt", english, "$scrypt$ln=10,r=8,p=2$XssZY4wxZiyldI5RSmlNiQ$dEjUu/v0B+p22hfs9iSKrPYdyGOUbaZq73NuQRIVxSs"},
		{"libxcrypt $2a$", "bcrypt", english, "$2a$05$abcdefghijklmnopqrstuuFiPhXf1sVd3pCCRO.uVh34H/qI/ZsuS"},
		{"libxcrypt $2b$", "bcrypt", english, "$2b$05$abcdefghijklmnopqrstuuFiPhXf1sVd3pCCRO.uVh34H/qI/ZsuS"},
		{"libxcrypt $2y$", "bcrypt", english, "$2y$05$abcdefghijklmnopqrstuuFiPhXf1sVd3pCCRO.uVh34H/qI/ZsuS"},
		// Made from 100 times x; bcrypt has read 72 of them.
		{"libxcrypt, cut at 72 bytes", "bcrypt", strings.Repeat("x", 100), "$2b$05$abcdefghijklmnopqrstuujf8SX2ahXLwp9w/B.Y5XdysS6yR576q"},
		{"libxcrypt, cut elsewhere", "bcrypt", strings.Repeat("x", 72), "$2y$05$abcdefghijklmnopqrstuujf8SX2ahXLwp9w/B.Y5XdysS6yR576q"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			t.Parallel()
			h := newHasher(t, Config{Argon2: cheap()})
			if scheme, err := Recognize(tc.encoded); err != nil || scheme != tc.scheme {
				t.Fatalf("recognized as %q, %v", scheme, err)
			}
			ok, upgrade, err := h.Verify(context.Background(), tc.encoded, tc.password)
			if err != nil || !ok || !upgrade {
				t.Fatalf("ok %v, upgrade %v, %v", ok, upgrade, err)
			}
			wrong := "x" + tc.password[1:] // differs early: bcrypt reads 72 bytes
			if wrong == tc.password {
				wrong = "y" + tc.password[1:]
			}
			ok, upgrade, err = h.Verify(context.Background(), tc.encoded, wrong)
			if err != nil || ok || upgrade {
				t.Fatalf("wrong password: ok %v, upgrade %v, %v", ok, upgrade, err)
			}
		})
	}
}

func TestVerifyNormalizes(t *testing.T) {
	ctx := context.Background()
	const composed, decomposed = "caf\u00e9 au lait", "cafe\u0301 au lait"
	h := newHasher(t, Config{Argon2: cheap()})
	ours, err := h.Hash(ctx, decomposed)
	if err != nil {
		t.Fatal(err)
	}
	for _, pw := range []string{composed, decomposed} {
		if ok, upgrade, err := h.Verify(ctx, ours, pw); err != nil || !ok || upgrade {
			t.Errorf("%+q against ours: ok %v, upgrade %v, %v", pw, ok, upgrade, err)
		}
	}
	// Another system hashed what was typed, at our cost even.
	typed := argon2Hash{Argon2: cheap(), salt: make([]byte, argon2SaltLength)}
	typed.key = typed.derive([]byte(decomposed), argon2KeyLength)
	if ok, upgrade, err := h.Verify(ctx, typed.String(), decomposed); err != nil || !ok || !upgrade {
		t.Errorf("as typed: ok %v, upgrade %v, %v", ok, upgrade, err)
	}
	if ok, _, err := h.Verify(ctx, typed.String(), composed); err != nil || ok {
		t.Errorf("composed against a decomposed hash: ok %v, %v", ok, err)
	}
	// Compatibility forms stay apart.
	square, err := h.Hash(ctx, "passwordx²")
	if err != nil {
		t.Fatal(err)
	}
	if ok, _, err := h.Verify(ctx, square, "passwordx2"); err != nil || ok {
		t.Errorf("² was taken for 2: ok %v, %v", ok, err)
	}
}

func TestVerifyUpgradesOtherCosts(t *testing.T) {
	ctx := context.Background()
	old := newHasher(t, Config{Argon2: cheap()})
	encoded, err := old.Hash(ctx, english)
	if err != nil {
		t.Fatal(err)
	}
	for name, cost := range map[string]Argon2{
		"more memory": {MemoryKiB: 16, Passes: 1, Lanes: 1},
		"more passes": {MemoryKiB: 8, Passes: 2, Lanes: 1},
	} {
		if ok, upgrade, err := newHasher(t, Config{Argon2: cost}).Verify(ctx, encoded, english); err != nil || !ok || !upgrade {
			t.Errorf("%s: ok %v, upgrade %v, %v", name, ok, upgrade, err)
		}
	}
}

func TestUnusablePasswords(t *testing.T) {
	ctx := context.Background()
	observed := &observer{}
	h := newHasher(t, Config{Argon2: cheap(), Observer: observed})
	encoded, err := h.Hash(ctx, strings.Repeat("x", MaxLength))
	if err != nil {
		t.Fatalf("the longest password: %v", err)
	}
	for name, pw := range map[string]string{
		"empty": "", "too long": strings.Repeat("x", MaxLength+1), "not UTF-8": "pass\xffword", "NUL": "pass\x00word",
	} {
		if _, err := h.Hash(ctx, pw); !errors.Is(err, ErrPassword) {
			t.Errorf("%s: Hash %v", name, err)
		}
		if ok, upgrade, err := h.Verify(ctx, encoded, pw); ok || upgrade || err != nil {
			t.Errorf("%s: Verify %v, %v, %v", name, ok, upgrade, err)
		}
		if err := h.VerifyDummy(ctx, pw); err != nil {
			t.Errorf("%s: VerifyDummy %v", name, err)
		}
	}
	if got := observed.count("argon2id"); got != 1 {
		t.Errorf("%d derivations, only the first was due", got)
	}
}

// TestDummyDoesTheSameWork: an account that is not there costs as many
// derivations of the same scheme as one with a wrong password.
func TestDummyDoesTheSameWork(t *testing.T) {
	ctx := context.Background()
	for _, pw := range []string{english, "cafe\u0301 au lait"} {
		observed := &observer{}
		h := newHasher(t, Config{Argon2: cheap(), Observer: observed})
		encoded, err := h.Hash(ctx, "another password")
		if err != nil {
			t.Fatal(err)
		}
		before := observed.count("argon2id")
		if ok, _, err := h.Verify(ctx, encoded, pw); ok || err != nil {
			t.Fatal(ok, err)
		}
		real := observed.count("argon2id") - before
		if err := h.VerifyDummy(ctx, pw); err != nil {
			t.Fatal(err)
		}
		if dummy := observed.count("argon2id") - before - real; dummy != real {
			t.Errorf("%+q: %d derivations, %d for nobody", pw, real, dummy)
		}
		if h.dummy.Argon2 != h.argon2 || len(h.dummy.key) != argon2KeyLength {
			t.Error("the dummy has another cost")
		}
	}
}

func TestVerifyReportsBadHashes(t *testing.T) {
	h := newHasher(t, Config{Argon2: cheap()})
	if _, _, err := h.Verify(context.Background(), "plain text", english); !errors.Is(err, ErrFormat) {
		t.Errorf("err = %v", err)
	}
	if _, _, err := h.Verify(context.Background(), "$2b$31$abcdefghijklmnopqrstuuFiPhXf1sVd3pCCRO.uVh34H/qI/ZsuS", english); !errors.Is(err, ErrCost) {
		t.Errorf("err = %v", err)
	}
}

func TestNewRefuses(t *testing.T) {
	for name, c := range map[string]Config{
		"no passes":     {Argon2: Argon2{MemoryKiB: 8, Lanes: 1}},
		"no lanes":      {Argon2: Argon2{MemoryKiB: 8, Passes: 1}},
		"little memory": {Argon2: Argon2{MemoryKiB: 7, Passes: 1, Lanes: 1}},
		"much memory":   {Argon2: Argon2{MemoryKiB: 129 << 10, Passes: 1, Lanes: 1}},
		"much work":     {Argon2: Argon2{MemoryKiB: 128 << 10, Passes: 9, Lanes: 1}},
	} {
		if _, err := New(c); !errors.Is(err, ErrCost) {
			t.Errorf("%s: %v", name, err)
		}
	}
	if _, err := New(Config{Rand: iotest.ErrReader(io.ErrUnexpectedEOF)}); !errors.Is(err, io.ErrUnexpectedEOF) {
		t.Errorf("no randomness: %v", err)
	}
}

// observer counts derivations by scheme and keeps the deepest queue.
type observer struct {
	mu      sync.Mutex
	counts  map[string]int
	deepest int
	last    int
}

func (o *observer) HashDuration(scheme string, _ time.Duration) {
	o.mu.Lock()
	defer o.mu.Unlock()
	if o.counts == nil {
		o.counts = map[string]int{}
	}
	o.counts[scheme]++
}

func (o *observer) HashQueueDepth(waiting int) {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.deepest, o.last = max(o.deepest, waiting), waiting
}

func (o *observer) count(scheme string) int {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.counts[scheme]
}

func BenchmarkHash(b *testing.B) {
	h := newHasher(b, Config{})
	b.ReportAllocs()
	for b.Loop() {
		if _, err := h.Hash(context.Background(), english); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkVerify(b *testing.B) {
	for name, encoded := range map[string]string{
		"bcrypt10":       "$2b$10$abcdefghijklmnopqrstuuFiPhXf1sVd3pCCRO.uVh34H/qI/ZsuS",
		"pbkdf2_1000000": "pbkdf2_sha256$1000000$seasalt0123456789$ZbPh9hGq10zqAmGD+qamwkM0V7Tu+Zym7jnOkK4fEPc=",
		"scrypt_django":  "scrypt$16384$salt$8$5$3O7c69/0yHYnwE48DWkzJ1JbbaliZpBJb4UWlqNLlIQ4/MH7JW9CD8mhQSQgsB1ErIt0zvQ0wPFAgo883sq5fA==",
		"argon2_django":  "$argon2id$v=19$m=102400,t=2,p=8$c2Vhc2FsdDAxMjM0NTY3ODk$203VWBmQsSt2t+GY/G50YTtwjsG4cl7tXvMw9CkeTys",
	} {
		b.Run(name, func(b *testing.B) {
			h := newHasher(b, Config{})
			for b.Loop() {
				if _, _, err := h.Verify(context.Background(), encoded, english); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}
