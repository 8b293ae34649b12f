package gateway

import (
	"encoding/json"
	"flag"
	"fmt"
	"maps"
	"math/rand/v2"
	"os"
	"slices"
	"strings"
	"testing"
)

var random = flag.String("random", "", "write random vectors, with this package's verdicts, to a file")

// TestRandomVectors signs tokens whose header or claims hold what nobody should
// write, and records what this package makes of them; test/languages has the
// packages for other languages judge them, too.
func TestRandomVectors(t *testing.T) {
	t.Parallel()
	seed := rand.Uint64()
	t.Log("seed", seed)
	g := &mess{rand.New(rand.NewPCG(seed, 0))}
	s := &scribe{t: t, v: &vectors{
		About: []string{fmt.Sprint("random, seed ", seed)}, Issuer: vectorIssuer, Audience: vectorAudience, Now: vectorNow, Skew: 30, Named: map[string]string{},
	}}
	s.makeKeys()
	const n = 1500
	for i := range n {
		var h, p any = head(nil), payload(nil)
		if g.IntN(4) == 0 {
			h = g.object(head(nil), []string{"alg", "kid", "typ", "cty", "crit", "jwk", "x", "Alg", `a\u006cg`, "__proto__", "constructor"})
		} else {
			p = g.object(payload(nil), append(slices.Collect(maps.Keys(payload(nil))), "permissions", "roles_form", "x", "Exp", "ſub", "__proto__", "constructor", `s\u0075b`, ""))
		}
		s.token(fmt.Sprint(i), s.usual(h, p), "valid")
	}
	v, good := s.v.verifier(t), 0
	for i := range s.v.Tokens {
		tt := &s.v.Tokens[i]
		c, err := v.Verify(t.Context(), tt.Token)
		a := answers[Reason(err)]
		tt.Result, tt.Status, tt.Error, tt.Description = Reason(err), a.status, a.code, a.description
		if err == nil {
			good++
			tt.Claims = claimsOf(c)
		}
	}
	if good < n/20 || good > n/2 {
		t.Errorf("%d of %d are good: such a mess teaches nothing", good, n)
	}
	if *random == "" {
		return
	}
	b, err := json.Marshal(s.v)
	if err == nil {
		err = os.WriteFile(*random, b, 0o600)
	}
	if err != nil {
		t.Fatal(err)
	}
}

// mess writes JSON, mostly.
type mess struct{ *rand.Rand }

// odd are values as somebody may write them; some are no JSON.
var odd = []string{
	`null`, `true`, `false`, `0`, `-0`, `1`, `-1`, `1.0`, `1e3`, `1E+2`, `1800000600`, `1800000600.0`, `18000006e2`, `9007199254740991`,
	`9007199254740993`, `9223372036854775807`, `9223372036854775808`, `1099511627776`, `1099511627777`, `1800000031`, `1800000030`, `1799999970`,
	`""`, `"x"`, `"\u0000"`, `"\ud83d\ude00"`, `"a\/b"`, `"bare"`, `"at+jwt"`, `"ES256"`, `"es"`, `[]`, `{}`, `[null]`, `["a",null]`,
	`["a","b"]`, `[1]`, `[["a"]]`, `{"a":1,"a":2}`, `[{"a":1,"a":2}]`, `"https://api.example.test"`, `["https://api.example.test","x"]`,
	`["system:x","org:y"]`, "\"\x01\"", `01`, `+1`, `.5`, `1.`, `NaN`, `Infinity`, `'x'`, `"\x"`, `"\u12"`, `[1,]`, `{"a":1,}`, `tru`, "\"\xff\"",
	"\"\u2028\"", `"a  b"`, `"a\u00a0b\u3000c"`, `"a\u0085b"`, `"a\u001fb"`, `"a\ufeffb"`, `"\ud800"`, `"\udc00x"`, `"{[\"},]"`,
}

func (m *mess) one(of []string) string { return of[m.IntN(len(of))] }

func (m *mess) space() string { return m.one([]string{"", "", "", " ", "\n", "\t", "\r"}) }

// object is an object with one or two members added, in place of another, or of
// another value.
func (m *mess) object(from obj, names []string) string {
	var members []string
	for name, value := range from {
		b, _ := json.Marshal(value)
		members = append(members, fmt.Sprintf("%q:%s", name, b))
	}
	for range 1 + m.IntN(2) {
		name := `"` + m.one(names) + `"`
		member := name + m.space() + ":" + m.space() + m.one(odd)
		switch same := slices.IndexFunc(members, func(s string) bool { return strings.HasPrefix(s, name) }); {
		case m.IntN(5) == 0 || same < 0:
			members = append(members, member)
		case m.IntN(5) == 0:
			members[m.IntN(len(members))] = member
		default:
			members[same] = member
		}
	}
	return m.space() + "{" + m.space() + strings.Join(members, m.space()+","+m.space()) + "}" + m.space()
}
