package gateway

import (
	"fmt"
	"testing"

	"github.com/go-jose/go-jose/v4"
)

// BenchmarkVerify: "again" a token just verified, "new" one never seen, "bare"
// what go-jose alone takes for the signature.
func BenchmarkVerify(b *testing.B) {
	f := newFake(b)
	for i := range 10_000 {
		f.add(kindSID, fmt.Sprint(i))
	}
	raw := f.token(nil)
	again := f.verifier(func(c *Config) { c.OnStale = Accept })
	none := f.verifier(func(c *Config) { c.OnStale, c.Cache = Accept, -1 })
	b.Run("again", func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			if _, err := again.Verify(b.Context(), raw); err != nil {
				b.Fatal(err)
			}
		}
	})
	b.Run("new", func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			if _, err := none.Verify(b.Context(), raw); err != nil {
				b.Fatal(err)
			}
		}
	})
	b.Run("bare", func(b *testing.B) {
		b.ReportAllocs()
		key := f.tokenKey.private.Public()
		for b.Loop() {
			jws, err := jose.ParseSignedCompact(raw, []jose.SignatureAlgorithm{jose.ES256})
			if err != nil {
				b.Fatal(err)
			}
			if _, err := jws.Verify(key); err != nil {
				b.Fatal(err)
			}
		}
	})
}

// BenchmarkApply is what one more entry costs with 10,000 in the list.
func BenchmarkApply(b *testing.B) {
	l := &list{}
	var all []entry
	for i := range 10_000 {
		all = append(all, entry{Seq: int64(i + 1), Kind: kindSID, hash: hashOf(kindSID, fmt.Sprint(i))})
	}
	l = l.with(10_000, all)
	b.ReportAllocs()
	for i := 0; b.Loop(); i++ {
		l = l.with(l.head+1, []entry{{Seq: l.head + 1, Kind: kindSID, hash: hashOf(kindSID, fmt.Sprint("more", i%1000))}})
	}
}
