package replicas_test

import (
	"net/url"
	"slices"
	"testing"
	"time"

	"github.com/signet-idp/signet/test/harness"
)

// TestLogoutLatency measures how long after its answer a logout is enforced by
// the other replica, a hundred times. The figures are logged; the second is
// asserted (design §14).
func TestLogoutLatency(t *testing.T) {
	t.Parallel()
	redisOrNot(t, func(t *testing.T, w *world) {
		here, other := w.at(1), w.at(0)
		c := newCaller(t, 2)
		const logouts = 100
		took := make([]time.Duration, 0, logouts)
		for range logouts {
			l := w.login(t, other, w.person.ID, "openid", nil)
			address := here.URL + "/oauth2/logout?" + url.Values{"id_token_hint": {l.tokens.IDToken}}.Encode()
			noServerErrors(t, "logout", []answer{c.get(t.Context(), address, l.browser.Cookies()...)})
			start := time.Now()
			if a := c.validate(t.Context(), here, l.tokens.AccessToken); a.status != 401 {
				t.Fatalf("the replica that answered the logout still says %d", a.status)
			}
			harness.Eventually(t, patience, "the other replica refuses", func() bool {
				return c.validate(t.Context(), other, l.tokens.AccessToken).status == 401
			})
			took = append(took, time.Since(start))
		}
		slices.Sort(took)
		p50, p99, worst := took[logouts/2], took[logouts*99/100-1], took[logouts-1]
		t.Logf("logout to enforcement on the other replica: p50 %v, p99 %v, max %v", p50, p99, worst)
		if p99 > bound {
			t.Errorf("p99 of %v is over %v", p99, bound)
		}
	})
}
