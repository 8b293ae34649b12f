package token_test

import (
	"strconv"
	"testing"
	"time"

	"github.com/signet-idp/signet/internal/testkit/fakeclock"
	"github.com/signet-idp/signet/keys"
	"github.com/signet-idp/signet/keys/keytest"
	"github.com/signet-idp/signet/provider/revocation"
	"github.com/signet-idp/signet/provider/token"
)

// calm is a revocation view in which nothing is revoked.
type calm struct{}

func (calm) Check(revocation.TokenRef) revocation.Verdict { return revocation.OK }
func (calm) Fresh(time.Duration) bool                     { return true }

const benchIssuer = "https://id.example.com"

// usual are the claims of a person's token.
func usual(now time.Time) *token.Claims {
	return &token.Claims{
		Issuer: benchIssuer, Subject: "0198c7a1-7b7e-7c55-8f0e-0b9f5ad3a001", Audience: []string{"https://api.example.com"},
		Expiry: now.Add(10 * time.Minute), IssuedAt: now, JTI: "0198c7a1-7b7e-7c55-8f0e-0b9f5ad3a002", ClientID: "web",
		Scope: []string{"openid", "profile", "orders:read"}, AuthTime: now, ACR: "aal1", AMR: []string{"pwd"},
		SID: "0198c7a1-7b7e-7c55-8f0e-0b9f5ad3a003", GID: "0198c7a1-7b7e-7c55-8f0e-0b9f5ad3a004",
		OrgID: "0198c7a1-7b7e-7c55-8f0e-0b9f5ad3a005", OrgSlug: "acme", Roles: []string{"billing", "system:user"}, PE: 4711,
	}
}

func newRing(b *testing.B, clk *fakeclock.Clock) token.Ring {
	b.Helper()
	return token.NewRing(keytest.Manager(b, clk, keys.ES256, keys.EdDSA))
}

func BenchmarkMint(b *testing.B) {
	clk := fakeclock.New(time.Now())
	minter := token.NewMinter(newRing(b, clk), nil)
	c := usual(clk.Now())
	for _, alg := range []string{keys.ES256, keys.EdDSA} {
		b.Run(alg, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				if _, err := minter.Mint(alg, c); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}

// BenchmarkVerify: "again" is a token just verified, "new" one never seen.
func BenchmarkVerify(b *testing.B) {
	clk := fakeclock.New(time.Now())
	ring := newRing(b, clk)
	minter := token.NewMinter(ring, nil)
	for _, alg := range []string{keys.ES256, keys.EdDSA} {
		c := usual(clk.Now())
		var minted []string
		for n := range 2048 {
			c.JTI = strconv.Itoa(n)
			raw, err := minter.Mint(alg, c)
			if err != nil {
				b.Fatal(err)
			}
			minted = append(minted, raw)
		}
		b.Run(alg+"/new", func(b *testing.B) {
			b.ReportAllocs()
			// A verifier that has seen nothing, renewed before tokens repeat.
			var v *token.Verifier
			for n := 0; b.Loop(); n++ {
				if n%len(minted) == 0 {
					b.StopTimer()
					v = newVerifier(b, ring, clk)
					b.StartTimer()
				}
				if _, err := v.Verify(minted[n%len(minted)]); err != nil {
					b.Fatal(err)
				}
			}
		})
		b.Run(alg+"/again", func(b *testing.B) {
			v := newVerifier(b, ring, clk)
			b.ReportAllocs()
			for b.Loop() {
				if _, err := v.Verify(minted[0]); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}

func newVerifier(b *testing.B, ring token.Ring, clk *fakeclock.Clock) *token.Verifier {
	b.Helper()
	v, err := token.NewVerifier(benchIssuer, ring, nil, calm{}, clk, time.Minute)
	if err != nil {
		b.Fatal(err)
	}
	return v
}
