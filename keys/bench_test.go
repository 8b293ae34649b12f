package keys_test

import (
	"crypto/sha256"
	"testing"

	jose "github.com/go-jose/go-jose/v4"

	"github.com/signet-idp/signet/keys"
	"github.com/signet-idp/signet/keys/keytest"
)

// claims is a payload of the size of an access token's.
var claims = []byte(`{"iss":"https://id.example.com","sub":"0198c7a1-7b7e-7c55-8f0e-0b9f5ad3a001","aud":"https://api.example.com","exp":1767225600,"iat":1767225000,"nbf":1767225000,"jti":"0198c7a1-7b7e-7c55-8f0e-0b9f5ad3a002","client_id":"web","scope":"openid profile orders:read","auth_time":1767225000,"acr":"aal1","amr":["pwd"],"sid":"0198c7a1-7b7e-7c55-8f0e-0b9f5ad3a003","gid":"0198c7a1-7b7e-7c55-8f0e-0b9f5ad3a004","org_id":"0198c7a1-7b7e-7c55-8f0e-0b9f5ad3a005","org_slug":"acme","roles":["billing","system:user"],"pe":4711}`)

var benchAlgorithms = []string{keys.ES256, keys.EdDSA, keys.RS256}

func BenchmarkSign(b *testing.B) {
	m := allRings()
	for _, alg := range benchAlgorithms {
		b.Run(alg, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				s, err := m.Snapshot().Signer(alg)
				if err != nil {
					b.Fatal(err)
				}
				if _, err := s.Sign("at+jwt", claims); err != nil {
					b.Fatal(err)
				}
			}
		})
		b.Run(alg+"/bare", func(b *testing.B) {
			key := signer(b, m, alg).Private()
			input := make([]byte, 900)
			b.ReportAllocs()
			for b.Loop() {
				if _, err := keys.SignRaw(alg, key, input); err != nil {
					b.Fatal(err)
				}
			}
		})
		b.Run(alg+"/go-jose", func(b *testing.B) {
			s := signer(b, m, alg)
			opts := (&jose.SignerOptions{}).WithType("at+jwt")
			other, err := jose.NewSigner(jose.SigningKey{
				Algorithm: jose.SignatureAlgorithm(alg), Key: jose.JSONWebKey{Key: s.Private(), KeyID: s.KID()},
			}, opts)
			if err != nil {
				b.Fatal(err)
			}
			b.ReportAllocs()
			for b.Loop() {
				jws, err := other.Sign(claims)
				if err != nil {
					b.Fatal(err)
				}
				if _, err := jws.CompactSerialize(); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}

func BenchmarkVerify(b *testing.B) {
	m := allRings()
	for _, alg := range benchAlgorithms {
		token, err := signer(b, m, alg).Sign("at+jwt", claims)
		if err != nil {
			b.Fatal(err)
		}
		public := publicOf(m, signer(b, m, alg).KID())
		b.Run(alg, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				if _, err := m.Snapshot().Verify(token, "at+jwt"); err != nil {
					b.Fatal(err)
				}
			}
		})
		b.Run(alg+"/go-jose", func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				if _, _, err := joseVerify(token, alg, public); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
	b.Run("refused before the signature", func(b *testing.B) {
		token, err := signer(b, m, keys.ES256).Sign("JWT", claims)
		if err != nil {
			b.Fatal(err)
		}
		b.ReportAllocs()
		for b.Loop() {
			if _, err := m.Snapshot().Verify(token, "at+jwt"); err == nil {
				b.Fatal("accepted")
			}
		}
	})
}

func BenchmarkJWKS(b *testing.B) {
	m := allRings()
	for b.Loop() {
		if len(m.Snapshot().JWKS().Body) == 0 {
			b.Fatal("empty")
		}
	}
}

// BenchmarkLoad is a start with stored rings: what a cold start pays.
func BenchmarkLoad(b *testing.B) {
	h := newHouse(b)
	with := func(o *keys.Options) { o.Config.Algorithms = []string{keys.RS256, keys.ES256} }
	h.loaded(b, with)
	for b.Loop() {
		h.loaded(b, with)
	}
}

// BenchmarkTick is a Tick that finds nothing changed.
func BenchmarkTick(b *testing.B) {
	m := keytest.Manager(b, start())
	b.ReportAllocs()
	for b.Loop() {
		if err := m.Tick(b.Context()); err != nil {
			b.Fatal(err)
		}
	}
}

// BenchmarkSHA256 is the part of Sign and Verify that no library can save.
func BenchmarkSHA256(b *testing.B) {
	input := make([]byte, 900)
	for b.Loop() {
		sha256.Sum256(input)
	}
}
