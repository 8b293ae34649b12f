package claims

import (
	"slices"

	"github.com/signet-idp/signet/storage"
)

// Where a claim rule applies.
const (
	InAccessToken = "access_token"
	InIDToken     = "id_token"
	InUserInfo    = "userinfo"
)

// Lookup answers what a rule may copy from.
type Lookup func(name string) (any, bool)

// Apply runs a client's claim rules for one place and adds what they give to
// out, without touching what is there: a rule never overrides a claim. It
// returns out, made when needed.
func Apply(rules []storage.ClaimRule, place string, from Lookup, out map[string]any) map[string]any {
	for _, r := range rules {
		if !applies(r, place) {
			continue
		}
		v, ok := r.Value, r.Value != nil
		if r.From != "" {
			v, ok = from(r.From)
		}
		if !ok {
			continue
		}
		if out == nil {
			out = make(map[string]any, len(rules))
		}
		if _, taken := out[r.Claim]; !taken {
			out[r.Claim] = v
		}
	}
	return out
}

func applies(r storage.ClaimRule, place string) bool {
	if len(r.In) == 0 {
		return place == InAccessToken
	}
	return slices.Contains(r.In, place)
}
