package params

import (
	"encoding/json"
	"strconv"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestParseClaims(t *testing.T) {
	raw := func(s string) json.RawMessage { return json.RawMessage(s) }
	many := func(n int) string {
		var names []string
		for i := range n {
			names = append(names, `"c`+strconv.Itoa(i)+`":null`)
		}
		return "{" + strings.Join(names, ",") + "}"
	}
	for _, tc := range []struct {
		name, in string
		want     Claims
		reason   Reason
	}{
		{name: "absent"},
		{name: "empty object", in: `{}`},
		{name: "null members", in: `{"userinfo":null,"id_token":null}`},
		{
			name: "as in the specification",
			in: `{"userinfo": {"given_name": {"essential": true}, "nickname": null},
				"id_token": {"auth_time": {"essential": true}, "acr": {"values": ["aal2", "aal1"]}, "sub": {"value": "248289761001"}}}`,
			want: Claims{
				UserInfo: map[string]ClaimRequest{"given_name": {Essential: true}, "nickname": {}},
				IDToken: map[string]ClaimRequest{
					"auth_time": {Essential: true},
					"acr":       {Values: []json.RawMessage{raw(`"aal2"`), raw(`"aal1"`)}},
					"sub":       {Value: raw(`"248289761001"`)},
				},
			},
		},
		{name: "unknown members ignored", in: `{"other":{"a":1},"userinfo":{"name":{"essential":true,"purpose":"x"}}}`, want: Claims{UserInfo: map[string]ClaimRequest{"name": {Essential: true}}}},
		{name: "names are exact", in: `{"UserInfo":{"name":null},"userinfo":{"a":{"Essential":true}}}`, want: Claims{UserInfo: map[string]ClaimRequest{"a": {}}}},
		{name: "language tag", in: `{"userinfo":{"name#ja-Kana-JP":null}}`, want: Claims{UserInfo: map[string]ClaimRequest{"name#ja-Kana-JP": {}}}},
		{name: "five levels", in: `{"userinfo":{"a":{"values":[{"b":1}]}}}`, want: Claims{UserInfo: map[string]ClaimRequest{"a": {Values: []json.RawMessage{raw(`{"b":1}`)}}}}},
		{name: "six levels", in: `{"userinfo":{"a":{"values":[{"b":[1]}]}}}`, reason: Depth},
		{name: "64 claims", in: `{"userinfo":` + many(32) + `,"id_token":` + many(32) + `}`, want: Claims{UserInfo: voluntary(32), IDToken: voluntary(32)}},
		{name: "65 claims", in: `{"userinfo":` + many(33) + `,"id_token":` + many(32) + `}`, reason: TooMany},
		{name: "too many values", in: `{"userinfo":{"a":{"values":[` + strings.Repeat("1,", 64) + `1]}}}`, reason: TooMany},
		{name: "duplicate member", in: `{"userinfo":{"a":null,"a":null}}`, reason: Duplicate},
		{name: "essential is no boolean", in: `{"userinfo":{"a":{"essential":"true"}}}`, reason: Malformed},
		{name: "values is no list", in: `{"userinfo":{"a":{"values":"x"}}}`, reason: Malformed},
		{name: "a claim that is a string", in: `{"userinfo":{"a":"x"}}`, reason: Malformed},
		{name: "userinfo is a list", in: `{"userinfo":["name"]}`, reason: Malformed},
		{name: "no object", in: `["name"]`, reason: Malformed},
		{name: "no JSON", in: `{userinfo}`, reason: Malformed},
		{name: "two values", in: `{}{}`, reason: Malformed},
		{name: "claim without a name", in: `{"userinfo":{"":null}}`, reason: Malformed},
		{name: "control character in a name", in: `{"userinfo":{"a\u0000":null}}`, reason: Malformed},
		{name: "too long", in: `{"x":"` + strings.Repeat("a", MaxValue) + `"}`, reason: TooLong},
	} {
		t.Run(tc.name, func(t *testing.T) {
			t.Parallel()
			got, err := ParseClaims(tc.in)
			wantError(t, err, "claims", tc.reason)
			if diff := cmp.Diff(tc.want, got); diff != "" {
				t.Fatal(diff)
			}
			if got.IsZero() != (len(tc.want.UserInfo)+len(tc.want.IDToken) == 0) {
				t.Fatal("IsZero")
			}
		})
	}
}

func voluntary(n int) map[string]ClaimRequest {
	set := map[string]ClaimRequest{}
	for i := range n {
		set["c"+strconv.Itoa(i)] = ClaimRequest{}
	}
	return set
}

// FuzzParseClaims: what is accepted can be stored as JSON and read back the
// same, and encoding/json sees the same claim names.
func FuzzParseClaims(f *testing.F) {
	f.Add(`{"userinfo":{"given_name":{"essential":true},"nickname":null},"id_token":{"acr":{"values":["1",2,{"x":null}]},"sub":{"value":1.50}}}`)
	f.Add(`{"userinfo":{"a":{"values":[]}}}`)
	f.Add(`{"userinfo":{"a":null,"\u0061":null}}`)
	f.Fuzz(func(t *testing.T, s string) {
		claims, err := ParseClaims(s)
		if err != nil || s == "" {
			return
		}
		theirs := map[string]json.RawMessage{}
		if err := json.Unmarshal([]byte(s), &theirs); err != nil {
			t.Fatalf("accepted %q: %v", s, err)
		}
		var names map[string]json.RawMessage
		if raw, ok := theirs["userinfo"]; ok {
			if err := json.Unmarshal(raw, &names); err != nil {
				t.Fatal(err)
			}
		}
		if len(names) != len(claims.UserInfo) {
			t.Fatalf("%d claims, encoding/json sees %d", len(claims.UserInfo), len(names))
		}
		stored, err := json.Marshal(claims)
		if err != nil {
			t.Fatal(err)
		}
		if len(stored) > MaxValue {
			return // escaping grew it past what a client may send
		}
		again, err := ParseClaims(string(stored))
		if err != nil {
			t.Fatalf("%s does not read back: %v", stored, err)
		}
		restored, err := json.Marshal(again)
		if err != nil || string(restored) != string(stored) {
			t.Fatalf("%s became %s (%v)", stored, restored, err)
		}
	})
}
