package gateways_test

import (
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"fmt"
	"net/http"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/signet-idp/signet/internal/testkit/fakeclock"
	"github.com/signet-idp/signet/internal/testkit/script"
	"github.com/signet-idp/signet/keys"
	"github.com/signet-idp/signet/storage"
	"github.com/signet-idp/signet/test/harness"
)

// ask asks with a token and returns the status.
func ask(t *testing.T, at, token string) int {
	t.Helper()
	r, err := http.NewRequestWithContext(t.Context(), http.MethodGet, at, nil)
	if err != nil {
		t.Fatal(err)
	}
	r.Header.Set("Authorization", "Bearer "+token)
	resp, err := http.DefaultTransport.RoundTrip(r)
	if err != nil {
		t.Fatal(err)
	}
	resp.Body.Close()
	return resp.StatusCode
}

// HAProxy reads no JWKS: the keys are brought to it, through two rotations, and
// no good token is refused before, during or after them.
func TestHAProxyThroughTwoRotations(t *testing.T) {
	t.Parallel()
	program := script.Program(t, "SIGNET_TEST_HAPROXY", "haproxy")
	signet := signetBinary(t)
	// Begun in the past, so that HAProxy, which knows only the real time, finds
	// that tokens are valid already.
	clock := fakeclock.New(time.Now().Truncate(time.Second).Add(-time.Hour))
	in := harness.Start(t, harness.Options{Clock: clock, Env: []string{"SIGNET_LIFETIMES_ACCESS_TOKEN=3h"}})
	_, secret := in.Service(t, "orders", "", storage.ClientMetadata{Scope: "orders:read"})
	token := func() string {
		return in.Token(t, "orders", secret, url.Values{"grant_type": {"client_credentials"}, "scope": {"orders:read"}}).AccessToken
	}
	up := newUpstream(t)
	dir := t.TempDir()
	k := kinds()[2]
	text, listen := k.printed(t, signet, dir, in.Issuer, up.URL)
	config, folder, pid := filepath.Join(dir, "haproxy.cfg"), filepath.Join(dir, "keys"), filepath.Join(dir, "pid")
	write(t, config, text)
	said := begin(t, exec.CommandContext(context.WithoutCancel(t.Context()), program, "-W", "-p", pid, "-f", config, "-f", filepath.Join(folder, "keys.cfg")), listen)
	at := "http://" + listen + "/orders/1"
	// A reload starts a second worker beside the first, which ends its requests.
	reload := fmt.Sprintf("kill -USR2 $(cat %s)", pid)
	sync := func() string {
		return run(t, signet, "gateway", "sync", "haproxy", "--once", "--issuer", in.Issuer, "--keys", folder, "--exec", reload)
	}
	signed := map[string]string{}
	tell := func(when string) {
		t.Helper()
		now := token()
		signed[kid(t, now)] = now
		for id, tok := range signed {
			if status := ask(t, at, tok); status != http.StatusOK {
				t.Errorf("%s: a token by %s: %d", when, id, status)
			}
		}
	}
	tell("at the start")
	for i := range 2 {
		name := "rotation " + strconv.Itoa(i+1)
		// The next key is published, and HAProxy gets it a sync period later,
		// long before the key signs.
		// The first next key came with the first sync.
		if out := sync(); strings.Contains(out, "keys changed") != (i > 0) {
			t.Errorf("%s: %s", name, out)
		}
		harness.Eventually(t, 20*time.Second, "the reload is over", func() bool {
			return strings.Count(said.String(), "Former worker") == i
		})
		change, err := in.Keys.Rotate(t.Context(), keys.ES256)
		if err != nil {
			t.Fatal(err)
		}
		if ahead := change.At.Sub(clock.Now()); i > 0 && ahead < 5*time.Minute {
			t.Errorf("%s: the key signs %v after it was published", name, ahead)
		}
		if !knows(folder, change.KID) {
			t.Fatalf("%s: HAProxy has no %s", name, change.KID)
		}
		clock.Set(change.At)
		if err := in.Keys.Tick(t.Context()); err != nil {
			t.Fatal(err)
		}
		tell(name)
		// Until then whoever asks for a rotation is told of this one.
		clock.Advance(time.Minute)
		if got := len(signed); got != i+2 {
			t.Errorf("%s: %d keys have signed, not %d", name, got, i+2)
		}
	}
	// When Signet is away the keys stay, and the tokens with them.
	out, err := exec.CommandContext(t.Context(), signet, "gateway", "sync", "haproxy", "--once",
		"--issuer", "http://127.0.0.1:1", "--keys", folder, "--exec", reload).CombinedOutput()
	if err == nil {
		t.Errorf("a provider that is away is no failure: %s", out)
	}
	tell("with the provider away")

	// The public keys are no secrets, and no name of one signs a token.
	for id, tok := range signed {
		for name, forged := range forgedTokens(tok, filepath.Join(folder, id+".pem")) {
			if status := ask(t, at, forged); status != http.StatusUnauthorized {
				t.Errorf("%s: %d", name, status)
			}
		}
	}
}

// knows tells whether HAProxy has been given a key and has been reloaded since:
// the folder holds no sign of a reload to come.
func knows(folder, id string) bool {
	_, pending := os.Stat(filepath.Join(folder, ".pending"))
	_, there := os.Stat(filepath.Join(folder, id+".pem"))
	return pending != nil && there == nil
}

// kid names the key that signed a token.
func kid(t *testing.T, token string) string {
	t.Helper()
	raw, err := base64.RawURLEncoding.DecodeString(strings.Split(token, ".")[0])
	if err != nil {
		t.Fatal(err)
	}
	_, after, _ := strings.Cut(string(raw), `"kid":"`)
	id, _, _ := strings.Cut(after, `"`)
	return id
}

// forgedTokens are tokens that say what a good one says.
func forgedTokens(good, keyFile string) map[string]string {
	parts := strings.Split(good, ".")
	encode := base64.RawURLEncoding.EncodeToString
	sign := func(header, secret string) string {
		signed := encode([]byte(header)) + "." + parts[1]
		mac := hmac.New(sha256.New, []byte(secret))
		mac.Write([]byte(signed))
		return signed + "." + encode(mac.Sum(nil))
	}
	id := strings.TrimSuffix(filepath.Base(keyFile), ".pem")
	content, _ := os.ReadFile(keyFile)
	return map[string]string{
		"the key's file name as a secret": sign(`{"alg":"HS256","typ":"at+jwt","kid":"`+id+`"}`, keyFile),
		"the key itself as a secret":      sign(`{"alg":"HS256","typ":"at+jwt","kid":"`+id+`"}`, string(content)),
		"no signature":                    encode([]byte(`{"alg":"none","typ":"at+jwt","kid":"`+id+`"}`)) + "." + parts[1] + ".",
		"another algorithm":               sign(`{"alg":"RS256","typ":"at+jwt","kid":"`+id+`"}`, keyFile),
		"a key that is not there":         sign(`{"alg":"ES256","typ":"at+jwt","kid":"nobody"}`, keyFile),
		"a path for a key":                sign(`{"alg":"ES256","typ":"at+jwt","kid":"../keys/`+id+`"}`, keyFile),
		"another type":                    encode([]byte(`{"alg":"ES256","typ":"JWT","kid":"`+id+`"}`)) + "." + parts[1] + "." + parts[2],
		"a changed claim":                 parts[0] + "." + parts[1][:len(parts[1])-4] + "AAAA." + parts[2],
	}
}
