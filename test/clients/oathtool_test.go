package clients

import (
	"net/http"
	"os/exec"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/signet-idp/signet/internal/testkit/fakeclock"
	"github.com/signet-idp/signet/internal/testkit/script"
	"github.com/signet-idp/signet/storage"
	"github.com/signet-idp/signet/test/harness"
)

// TestOathtool: the codes of OATH Toolkit, another implementation of RFC 6238,
// set a factor up and sign in: through the JSON API and on the pages, a step
// early and a step late too, and in a year that takes more than 32 bits.
func TestOathtool(t *testing.T) {
	t.Parallel()
	oathtool := script.Program(t, "SIGNET_TEST_OATHTOOL", "oathtool")
	for _, begin := range []time.Time{time.Date(2026, 11, 30, 12, 0, 10, 0, time.UTC), time.Date(2107, 2, 7, 6, 28, 10, 0, time.UTC)} {
		t.Run(begin.Format("2006"), func(t *testing.T) {
			t.Parallel()
			clock := fakeclock.New(begin)
			in := harness.Start(t, harness.Options{Clock: clock})
			if err := in.Applier().EnsureBuiltin(t.Context()); err != nil {
				t.Fatal(err)
			}
			in.Client(t, "app", storage.ClientMetadata{TokenEndpointAuthMethod: "none", FirstParty: true})
			const email, password = "ada@acme.test", "correct horse battery"
			in.User(t, email, password)
			in.Sync(t)

			var secret string
			code := func(off time.Duration) string {
				at := "@" + strconv.FormatInt(clock.Now().Add(off).Unix(), 10)
				out, err := exec.CommandContext(t.Context(), oathtool, "--totp", "--base32", "--now", at, secret).Output()
				if err != nil {
					t.Fatalf("oathtool: %v %s", err, out)
				}
				return strings.TrimSpace(string(out))
			}
			post := func(path, bearer string, body map[string]any) map[string]any {
				status, answer, _ := in.JSON(t, http.MethodPost, path, bearer, body)
				if status != http.StatusOK {
					t.Fatalf("%s: %d %v", path, status, answer)
				}
				return answer
			}
			credentials := map[string]any{"email": email, "password": password}
			token := post("/auth/login", "", credentials)["access_token"].(string)
			setup := post("/mfa/setup", token, map[string]any{"method_type": "totp"})
			secret = setup["secret"].(string)
			if v := post("/mfa/verify", token, map[string]any{"challenge_id": setup["challenge_id"], "code": code(0)}); v["verified"] != true {
				t.Fatalf("setting up: %v", v)
			}
			for _, off := range []time.Duration{0, -30 * time.Second, 30 * time.Second} {
				clock.Advance(90 * time.Second)
				waiting := post("/auth/login", "", credentials)
				v := post("/mfa/verify", "", map[string]any{"mfa_token": waiting["mfa_token"], "challenge_id": waiting["mfa_challenge_id"], "code": code(off)})
				if v["access_token"] == nil {
					t.Errorf("%v off: %v", off, v)
				}
			}
			clock.Advance(90 * time.Second)
			b := in.NewBrowser(t)
			p := b.SignIn(b.Get(harness.NewAuthorization("app", "openid", nil).Path()), email, password)
			if p = b.Submit(p, map[string]string{"action": "verify", "code": code(0)}); p.Location == nil || p.Location.Query().Get("code") == "" {
				t.Errorf("on the page: %d %v %.300s", p.Status, p.Location, p.Body)
			}
		})
	}
}
