package secrets_test

import (
	"bytes"
	"encoding/base64"
	"encoding/hex"
	"net/url"
	"strings"
	"sync"
	"testing"
)

// vault remembers every secret of a run, by what it is.
type vault struct {
	mu      sync.Mutex
	secrets map[string]map[string]struct{}
}

func newVault() *vault { return &vault{secrets: map[string]map[string]struct{}{}} }

// keep remembers a secret and returns it.
func (v *vault) keep(kind, secret string) string {
	v.mu.Lock()
	defer v.mu.Unlock()
	if len(secret) < 8 {
		panic("too short to be searched for: " + kind)
	}
	if v.secrets[kind] == nil {
		v.secrets[kind] = map[string]struct{}{}
	}
	v.secrets[kind][secret] = struct{}{}
	return secret
}

// token remembers a JWT: its payload and its signature are secrets apart.
func (v *vault) token(kind, compact string) string {
	parts := strings.Split(compact, ".")
	if len(parts) != 3 {
		panic("not a JWT: " + kind)
	}
	v.keep(kind+" payload", parts[1])
	v.keep(kind+" signature", parts[2])
	return v.keep(kind, compact)
}

// forms are the ways in which a secret could be written down: as it is, escaped,
// as the bytes that it encodes, and all of these in hexadecimal and base64.
func forms(secret string) [][]byte {
	plain := [][]byte{[]byte(secret)}
	if escaped := url.QueryEscape(secret); escaped != secret {
		plain = append(plain, []byte(escaped))
	}
	for _, e := range []*base64.Encoding{base64.RawURLEncoding, base64.StdEncoding} {
		if raw, err := e.DecodeString(secret); err == nil && len(raw) >= 16 {
			plain = append(plain, raw)
		}
	}
	out := plain
	for _, p := range plain {
		out = append(out, []byte(hex.EncodeToString(p)), []byte(base64.RawStdEncoding.EncodeToString(p)), []byte(base64.RawURLEncoding.EncodeToString(p)))
	}
	return out
}

// search looks for every secret but the kinds in except.
func (v *vault) search(t *testing.T, place string, text []byte, except ...string) {
	t.Helper()
	v.mu.Lock()
	defer v.mu.Unlock()
	if len(text) == 0 {
		t.Errorf("%s: nothing to search", place)
	}
kinds:
	for kind, secrets := range v.secrets {
		for _, e := range except {
			if strings.HasPrefix(kind, e) {
				continue kinds
			}
		}
		for s := range secrets {
			for _, form := range forms(s) {
				if i := bytes.Index(text, form); i >= 0 {
					t.Errorf("%s holds a secret: %s, in …%q…", place, kind, text[max(0, i-60):min(len(text), i+len(form)+60)])
					break
				}
			}
		}
	}
}

// TestVaultFinds: the search finds what it is for.
func TestVaultFinds(t *testing.T) {
	t.Parallel()
	secret := "c2VjcmV0IG9mIHRoaXJ0eS10d28gYnl0ZXMgbG9uZyE"
	raw, err := base64.RawURLEncoding.DecodeString(secret)
	if err != nil {
		t.Fatal(err)
	}
	for name, text := range map[string]string{
		"plain": "x" + secret + "y", "hex": hex.EncodeToString([]byte(secret)), "raw": string(raw), "raw hex": hex.EncodeToString(raw),
		"base64": base64.StdEncoding.EncodeToString([]byte(secret)),
	} {
		found := false
		for _, f := range forms(secret) {
			found = found || bytes.Contains([]byte(text), f)
		}
		if !found {
			t.Errorf("%s: not found", name)
		}
	}
}
