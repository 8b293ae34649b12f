package oauth_test

import (
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/signet-idp/signet/test/harness"
)

func codeDefects() []defect {
	return []defect{
		{"D1 a wrong verifier strips PKCE off the code", pkceStripped},
		{"D4 a code is redeemed twice at once", codeTwice},
		{"an expired code is no invalid_grant", expiredCode},
		{"D6 the loser of a code is told 500", codeLoser},
		{"the code is stored as it is", codeStored},
		{"an exchange without the store is not told 503", storeCut},
		{"tokens of an ended account", redeemDisabled},
	}
}

// beginCode gets a code for a public client.
func beginCode(t *testing.T, p party) (id, code string, a harness.Authorization) {
	t.Helper()
	id = public(t, p)
	a = harness.NewAuthorization(id, allScopes, nil)
	return id, harness.CodeOf(t, p.signIn(t).Get(a.Path())), a
}

// pkceStripped: the challenge is deleted before the verifier is looked at, so
// that after one wrong try the next needs none. Only the right verifier may
// ever redeem, and a wrong one must not spend the code.
func pkceStripped(t *testing.T, p party) bool {
	id, code, a := beginCode(t, p)
	wrong := redemption(a, code)
	wrong.Set("code_verifier", strings.Repeat("w", 43))
	if got := ask(t, p, tokenPath, wrong, id, ""); got.status == http.StatusOK {
		t.Fatalf("a wrong verifier: %s", got.text)
	}
	none := redemption(a, code)
	none.Del("code_verifier")
	if got := ask(t, p, tokenPath, none, id, ""); got.status == http.StatusOK {
		return true
	}
	return ask(t, p, tokenPath, redemption(a, code), id, "").status != http.StatusOK
}

// parallel is how many ask at once.
const parallel = 8

// interleave arranges a plain fosite so that one round shows what a slow
// database does by chance (plainStore.hold). Ours is not arranged in any way
// and gets more rounds.
func interleave(p party, how holding) (rounds int) {
	if f, ok := p.(*plain); ok {
		f.warm()
		f.store.hold(how)
		return 1
	}
	return 6
}

// redeemAtOnce says whether seen is, in the answers to parallel redemptions of
// one code.
func redeemAtOnce(t *testing.T, p party, how holding, seen func([]answer) bool) bool {
	t.Helper()
	b, id := p.signIn(t), public(t, p)
	for range interleave(p, how) {
		a := harness.NewAuthorization(id, allScopes, nil)
		code := harness.CodeOf(t, b.Get(a.Path()))
		if seen(atOnce(t, parallel, func() (answer, error) { return post(p, tokenPath, redemption(a, code), id, "") })) {
			return true
		}
	}
	return false
}

func successes(answers []answer) []answer {
	var out []answer
	for _, a := range answers {
		if a.status == http.StatusOK {
			out = append(out, a)
		}
	}
	return out
}

func codeTwice(t *testing.T, p party) bool {
	return redeemAtOnce(t, p, untilAllRead, func(answers []answer) bool { return len(successes(answers)) > 1 })
}

// codeLoser: of parallel redemptions one wins and the others are told
// invalid_grant.
func codeLoser(t *testing.T, p party) bool {
	return redeemAtOnce(t, p, untilUsed, func(answers []answer) bool {
		for _, a := range answers {
			if a.status != http.StatusOK && (a.status != http.StatusBadRequest || a.code() != "invalid_grant") {
				return true
			}
		}
		return false
	})
}

func expiredCode(t *testing.T, p party) bool {
	id, code, a := beginCode(t, p)
	p.pass(t, time.Hour)
	return ask(t, p, tokenPath, redemption(a, code), id, "").code() != "invalid_grant"
}

// codeStored: fosite keys the OpenID Connect session by the whole code, so that
// who reads the database can redeem it.
func codeStored(t *testing.T, p party) bool {
	_, code, _ := beginCode(t, p)
	return strings.Contains(p.stored(t), code)
}

// storeCut: the client is to try again, and must not believe its code spent.
func storeCut(t *testing.T, p party) bool {
	id, code, a := beginCode(t, p)
	p.cut(t)
	return ask(t, p, tokenPath, redemption(a, code), id, "").status != http.StatusServiceUnavailable
}

func redeemDisabled(t *testing.T, p party) bool {
	id, code, a := beginCode(t, p)
	p.disable(t)
	return ask(t, p, tokenPath, redemption(a, code), id, "").status == http.StatusOK
}

func refreshDefects() []defect {
	return []defect{
		{"D5 a refresh token steps twice at once", refreshTwice},
		{"D11 iat stands still across refreshes", frozenTime},
		{"a narrower scope is not honoured", narrowerScope},
		{"a refresh for an ended account", refreshDisabled},
		{"a family lives for ever", endlessFamily},
		{"a repeated refresh ends the family", repeatedRefresh},
		{"expired grants stay", expiredStay},
	}
}

// refreshTwice: parallel refreshes make one step, and whoever is answered gets
// that one successor.
func refreshTwice(t *testing.T, p party) bool {
	id := public(t, p)
	token := obtain(t, p, id).token("refresh_token")
	for range interleave(p, untilAllRead) {
		successors := map[string]bool{}
		for _, a := range successes(atOnce(t, parallel, func() (answer, error) { return post(p, tokenPath, refreshing(token), id, "") })) {
			successors[a.token("refresh_token")], token = true, a.token("refresh_token")
		}
		if len(successors) != 1 {
			return true
		}
	}
	return false
}

// frozenTime: the first token's iat is kept in the session and repeated.
func frozenTime(t *testing.T, p party) bool {
	id := public(t, p)
	first := obtain(t, p, id)
	p.pass(t, time.Hour)
	second := ask(t, p, tokenPath, refreshing(first.token("refresh_token")), id, "")
	claims := harness.Claims(t, second.token("access_token"))
	return claims["exp"].(float64)-claims["iat"].(float64) > 3600
}

// narrowerScope: RFC 6749 §6.
func narrowerScope(t *testing.T, p party) bool {
	id := public(t, p)
	form := refreshing(obtain(t, p, id).token("refresh_token"))
	form.Set("scope", "openid")
	return ask(t, p, tokenPath, form, id, "").token("scope") != "openid"
}

// refreshDisabled: nobody asks whether the person is still there.
func refreshDisabled(t *testing.T, p party) bool {
	id := public(t, p)
	token := obtain(t, p, id).token("refresh_token")
	p.disable(t)
	return ask(t, p, tokenPath, refreshing(token), id, "").status == http.StatusOK
}

// endlessFamily: every refresh grants the whole lifetime anew.
func endlessFamily(t *testing.T, p party) bool {
	id := public(t, p)
	token := obtain(t, p, id).token("refresh_token")
	for range 16 { // 96 days; ours ends after 90
		p.pass(t, 6*24*time.Hour)
		got := ask(t, p, tokenPath, refreshing(token), id, "")
		if got.status != http.StatusOK {
			return false
		}
		token = got.token("refresh_token")
	}
	return true
}

// repeatedRefresh: an answer that got lost, or two tabs, must not log out.
func repeatedRefresh(t *testing.T, p party) bool {
	id := public(t, p)
	token := obtain(t, p, id).token("refresh_token")
	first := ask(t, p, tokenPath, refreshing(token), id, "")
	if first.status != http.StatusOK {
		t.Fatalf("refresh: %s", first.text)
	}
	again := ask(t, p, tokenPath, refreshing(token), id, "")
	if again.status != http.StatusOK || again.token("refresh_token") != first.token("refresh_token") {
		return true
	}
	return ask(t, p, tokenPath, refreshing(first.token("refresh_token")), id, "").status != http.StatusOK
}

// expiredStay: nothing ever removes a row.
func expiredStay(t *testing.T, p party) bool {
	tokens := obtain(t, p, public(t, p))
	p.pass(t, 200*24*time.Hour)
	return p.kept(t, tokens)
}
