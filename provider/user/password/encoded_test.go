package password

import (
	"errors"
	"strings"
	"testing"
)

func TestParseBounds(t *testing.T) {
	const salt, key = "c2Vhc2FsdDAxMjM0NTY3ODk", "ZbPh9hGq10zqAmGD+qamwkM0V7Tu+Zym7jnOkK4fEPc"
	const dots = "ZbPh9hGq10zqAmGD.qamwkM0V7Tu.Zym7jnOkK4fEPc"
	for _, tc := range []struct {
		name, encoded string
		want          error
	}{
		{"empty", "", ErrFormat},
		{"plain text", "hunter2", ErrFormat},
		{"unusable mark of Django", "!abc", ErrFormat},
		{"md5 of Django", "md5$salt$5f4dcc3b5aa765d61d8327deb882cf99", ErrFormat},
		{"sha512 crypt", "$6$salt$abc", ErrFormat},
		{"too long", "$argon2id$" + strings.Repeat("a", MaxEncoded), ErrFormat},

		{"argon2id, largest", "$argon2id$v=19$m=131072,t=8,p=16$" + salt + "$" + key, nil},
		{"argon2id, gigabytes", "$argon2id$v=19$m=4194304,t=1,p=1$" + salt + "$" + key, ErrCost},
		{"argon2id, minutes", "$argon2id$v=19$m=1024,t=2000000000,p=1$" + salt + "$" + key, ErrCost},
		{"argon2id, memory overflows", "$argon2id$v=19$m=4294967296,t=1,p=1$" + salt + "$" + key, ErrCost},
		{"argon2id, lanes wrap around", "$argon2id$v=19$m=4096,t=1,p=257$" + salt + "$" + key, ErrCost},
		{"argon2id, no passes", "$argon2id$v=19$m=4096,t=0,p=1$" + salt + "$" + key, ErrFormat},
		{"argon2id, leading zero", "$argon2id$v=19$m=04096,t=1,p=1$" + salt + "$" + key, ErrFormat},
		{"argon2id, sign", "$argon2id$v=19$m=+4096,t=1,p=1$" + salt + "$" + key, ErrFormat},
		{"argon2id, other order", "$argon2id$v=19$t=1,m=4096,p=1$" + salt + "$" + key, ErrFormat},
		{"argon2id, old version", "$argon2id$v=16$m=4096,t=1,p=1$" + salt + "$" + key, ErrFormat},
		{"argon2i", "$argon2i$v=19$m=4096,t=1,p=1$" + salt + "$" + key, ErrFormat},
		{"argon2id, one field more", "$argon2id$v=19$m=4096,t=1,p=1$" + salt + "$" + key + "$", ErrFormat},
		{"argon2id, short key", "$argon2id$v=19$m=4096,t=1,p=1$" + salt + "$YWJj", ErrCost},
		{"argon2id, no salt", "$argon2id$v=19$m=4096,t=1,p=1$$" + key, ErrCost},
		{"argon2id, padded", "$argon2id$v=19$m=4096,t=1,p=1$" + salt + "=$" + key, ErrFormat},
		{"argon2id, line break", "$argon2id$v=19$m=4096,t=1,p=1$" + salt + "\n$" + key, ErrFormat},

		{"bcrypt, largest", "$2b$15$abcdefghijklmnopqrstuuFiPhXf1sVd3pCCRO.uVh34H/qI/ZsuS", nil},
		{"bcrypt, minutes", "$2b$16$abcdefghijklmnopqrstuuFiPhXf1sVd3pCCRO.uVh34H/qI/ZsuS", ErrCost},
		{"bcrypt, too cheap", "$2b$03$abcdefghijklmnopqrstuuFiPhXf1sVd3pCCRO.uVh34H/qI/ZsuS", ErrCost},
		{"bcrypt, cost no number", "$2b$1x$abcdefghijklmnopqrstuuFiPhXf1sVd3pCCRO.uVh34H/qI/ZsuS", ErrFormat},
		{"bcrypt, $2x$", "$2x$05$abcdefghijklmnopqrstuuFiPhXf1sVd3pCCRO.uVh34H/qI/ZsuS", ErrFormat},
		{"bcrypt, short", "$2b$05$abcdefghijklmnopqrstuuFiPhXf1sVd3pCCRO.uVh34H/qI/Zsu", ErrFormat},
		{"bcrypt, long", "$2b$05$abcdefghijklmnopqrstuuFiPhXf1sVd3pCCRO.uVh34H/qI/ZsuSS", ErrFormat},
		{"bcrypt, odd character", "$2b$05$abcdefghijklmnopqrstu+FiPhXf1sVd3pCCRO.uVh34H/qI/ZsuS", ErrFormat},

		{"pbkdf2, largest", "pbkdf2_sha256$3000000$salt$" + key + "=", nil},
		{"pbkdf2, minutes", "pbkdf2_sha256$3000001$salt$" + key + "=", ErrCost},
		{"pbkdf2, overflow", "pbkdf2_sha256$99999999999999999999$salt$" + key + "=", ErrCost},
		{"pbkdf2, no iterations", "pbkdf2_sha256$0$salt$" + key + "=", ErrFormat},
		{"pbkdf2, no salt", "pbkdf2_sha256$1000$$" + key + "=", ErrFormat},
		{"pbkdf2, not padded", "pbkdf2_sha256$1000$salt$" + key, ErrFormat},
		{"pbkdf2-sha1", "$pbkdf2-sha1$1000$" + salt + "$" + dots, ErrFormat},
		{"passlib with a plus", "$pbkdf2-sha256$1000$" + salt + "$" + key, ErrFormat},
		{"PHC with a dot", "$pbkdf2-sha256$i=1000,l=32$" + salt + "$" + dots, ErrFormat},
		{"PHC, wrong length", "$pbkdf2-sha256$i=1000,l=31$" + salt + "$" + key, ErrFormat},
		{"PHC, minutes", "$pbkdf2-sha512$i=2000000000,l=32$" + salt + "$" + key, ErrCost},

		{"scrypt, largest", "$scrypt$ln=17,r=8,p=4$" + salt + "$" + key, nil},
		{"scrypt, gigabytes", "$scrypt$ln=24,r=8,p=1$" + salt + "$" + key, ErrCost},
		{"scrypt, shift overflows", "$scrypt$ln=64,r=8,p=1$" + salt + "$" + key, ErrCost},
		{"scrypt, r overflows", "$scrypt$ln=1,r=2147483647,p=1$" + salt + "$" + key, ErrCost},
		{"scrypt, minutes", "$scrypt$ln=17,r=8,p=5$" + salt + "$" + key, ErrCost},
		{"scrypt, many lanes", "$scrypt$ln=4,r=1,p=1000000$" + salt + "$" + key, ErrCost},
		{"django scrypt, no power of two", "scrypt$16383$salt$8$1$" + key + "=", ErrFormat},
		{"django scrypt, gigabytes", "scrypt$16777216$salt$8$1$" + key + "=", ErrCost},
		{"scrypt of another system", "scrypt$16384$8$1$c2FsdA==$" + key + "=", ErrFormat},
	} {
		t.Run(tc.name, func(t *testing.T) {
			t.Parallel()
			if _, err := parse(tc.encoded); !errors.Is(err, tc.want) {
				t.Fatalf("err = %v, want %v", err, tc.want)
			}
		})
	}
}

// FuzzParse: nothing panics, what is accepted is within the bounds, and writing
// it gives the same string again.
func FuzzParse(f *testing.F) {
	for _, s := range []string{
		"$argon2id$v=19$m=256,t=3,p=1$3sh8YzIa+CbrDCVYLgPNPQ$QG/LkAfwBXxN3ZuaRG0GlCPnPzGc7hbW",
		"argon2$argon2id$v=19$m=1024,t=2,p=2$c2Vhc2FsdDAxMjM0NTY3ODk$203VWBmQsSt2t+GY/G50YTtwjsG4cl7tXvMw9CkeTys",
		"bcrypt_sha256$$2b$05$abcdefghijklmnopqrstuuo5UaIBysJIH5CaMip.8XQbctZzHcXPa",
		"$2y$05$abcdefghijklmnopqrstuujf8SX2ahXLwp9w/B.Y5XdysS6yR576q",
		"pbkdf2_sha256$1000$seasalt0123456789$ZbPh9hGq10zqAmGD+qamwkM0V7Tu+Zym7jnOkK4fEPc=",
		"$pbkdf2-sha256$1000$.98bo9R6DwGgFOJ8LyVk7A$rCVQjj90IrnW4EA5tmluLWm1NbnBM68rev/flePMYNY",
		"$pbkdf2-sha256$i=1000,l=32$c2Vhc2FsdDAxMjM0NTY3ODk$ZbPh9hGq10zqAmGD+qamwkM0V7Tu+Zym7jnOkK4fEPc",
		"$scrypt$ln=10,r=8,p=2$XssZY4wxZiyldI5RSmlNiQ$dEjUu/v0B+p22hfs9iSKrPYdyGOUbaZq73NuQRIVxSs",
		"scrypt$1024$seasalt0123456789$8$1$ZzqAB6Pvi3jEFtE+G0kQU1/hh2zVmaLxhMtxl3r0qWwhxMbV06wTcFIJXO9pLwpnKaXPH8Sw3F5JtfhozR6uGA==",
	} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		stored, err := parse(s)
		if err != nil {
			if !errors.Is(err, ErrFormat) && !errors.Is(err, ErrCost) {
				t.Fatalf("an error of no kind: %v", err)
			}
			return
		}
		if again := stored.String(); again != s {
			t.Fatalf("%q became %q", s, again)
		}
		var memory, work uint64 // bytes; bytes or rounds
		switch h := stored.(type) {
		case argon2Hash:
			memory, work = uint64(h.MemoryKiB)<<10, uint64(h.MemoryKiB)<<10*uint64(h.Passes)
		case scryptHash:
			memory, work = 128*uint64(h.n)*uint64(h.r), 128*uint64(h.n)*uint64(h.r)*uint64(h.p)
		case pbkdf2Hash:
			work = uint64(h.iterations) * 300 // as slow as so many bytes of the others
		case bcryptHash:
			work = 1 << (uint(h.crypt[4]-'0')*10 + uint(h.crypt[5]-'0')) * 32768
		default:
			t.Fatalf("a hash of no kind: %T", h)
		}
		if memory > 128<<20 || work > 1<<30 {
			t.Fatalf("%q takes %d bytes and %d work", s, memory, work)
		}
	})
}
