package keys_test

import (
	"bytes"
	"encoding/json"
	"testing"
)

// FuzzVerifyHeader signs any header and payload with a right key: what we
// accept go-jose accepts too, with the same payload, and encoding/json finds
// nothing in the header but the three members.
func FuzzVerifyHeader(f *testing.F) {
	for i, h := range []string{
		`{"alg":"ALG","kid":"KID","typ":"at+jwt"}`,
		`{"typ":"application/at+jwt","kid":"KID","alg":"ALG"}`,
		`{"alg":"ALG","kid":"KID","typ":"at+jwt","crit":["b64"],"b64":false}`,
		`{"alg":"none","kid":"KID","typ":"at+jwt"}`,
		`{"alg":"ALG","kid":"KID","kid":"KID","typ":"AT+JWT"}`,
		` {"alg" : "ALG" , "kid":"KID","typ":"at\u002bjwt"}`,
	} {
		f.Add(h, []byte(`{"sub":"alice"}`), uint8(i))
	}
	m := allRings()
	f.Fuzz(func(t *testing.T, header string, payload []byte, n uint8) {
		s := signer(t, m, allAlgorithms[int(n)%len(allAlgorithms)])
		token := forge(t, s, header, payload)
		got, err := m.Snapshot().Verify(token, "at+jwt")
		if err != nil {
			return
		}
		want, parsed, err := joseVerify(token, s.Algorithm(), publicOf(m, s.KID()))
		if err != nil {
			t.Fatalf("go-jose refuses what we accept: %v", err)
		}
		if !bytes.Equal(got.Payload, want) || !bytes.Equal(got.Payload, payload) {
			t.Fatalf("payload %q, go-jose %q, signed %q", got.Payload, want, payload)
		}
		if got.KID != s.KID() || parsed.Signatures[0].Protected.KeyID != s.KID() {
			t.Fatalf("kid %q", got.KID)
		}
		var members map[string]string
		if err := json.Unmarshal(got.Header, &members); err != nil || len(members) != 3 ||
			members["alg"] != s.Algorithm() || members["kid"] != s.KID() || members["typ"] == "" {
			t.Fatalf("header %q: %v", got.Header, err)
		}
	})
}

// FuzzVerifyMutated changes a good token: whatever is not the token itself is
// refused. A token has one text only.
func FuzzVerifyMutated(f *testing.F) {
	f.Add(uint16(0), uint8(1), []byte("A"), uint8(0))
	f.Add(uint16(130), uint8(1), []byte("B"), uint8(1))
	f.Add(uint16(200), uint8(1), []byte{}, uint8(2))
	f.Add(uint16(100), uint8(0), []byte("\n"), uint8(3))
	f.Add(uint16(9999), uint8(0), []byte("."), uint8(2))
	m := allRings()
	tokens := make([]string, len(allAlgorithms))
	for i, alg := range allAlgorithms {
		var err error
		if tokens[i], err = signer(f, m, alg).Sign("at+jwt", []byte(`{"sub":"alice"}`)); err != nil {
			f.Fatal(err)
		}
	}
	f.Fuzz(func(t *testing.T, at uint16, drop uint8, insert []byte, n uint8) {
		token := tokens[int(n)%len(tokens)]
		from := int(at) % (len(token) + 1)
		to := min(from+int(drop), len(token))
		mutated := token[:from] + string(insert) + token[to:]
		_, err := m.Snapshot().Verify(mutated, "at+jwt")
		if (err == nil) != (mutated == token) {
			t.Fatalf("%q instead of %q: %v", mutated, token, err)
		}
	})
}

// FuzzVerify throws anything at the verifier.
func FuzzVerify(f *testing.F) {
	f.Add("a.b.c")
	f.Add("eyJhbGciOiJub25lIn0.e30.")
	m := allRings()
	f.Fuzz(func(t *testing.T, token string) {
		if got, err := m.Snapshot().Verify(token, "at+jwt", "JWT"); err == nil {
			t.Fatalf("accepted a token that nobody signed: %+v", got)
		}
	})
}
