package keys_test

import (
	"bytes"
	"crypto/rand"
	"encoding/base64"
	"errors"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"github.com/signet-idp/signet/keys"
	"github.com/signet-idp/signet/keys/keytest"
)

func randomBytes(n int) []byte {
	b := make([]byte, n)
	rand.Read(b)
	return b
}

func TestParseMaster(t *testing.T) {
	std := base64.StdEncoding.EncodeToString(randomBytes(32))
	other := base64.RawURLEncoding.EncodeToString(randomBytes(32))
	for _, c := range []struct {
		name, text string
		current    string // empty: refused
	}{
		{"one", "a:" + std, "a"},
		{"no padding", "a:" + strings.TrimRight(std, "="), "a"},
		{"two, the first seals", "new:" + other + ",old:" + std, "new"},
		{"space around", " a:" + std + " , b:" + other, "a"},
		{"empty", "", ""},
		{"no id", std, ""},
		{"empty id", ":" + std, ""},
		{"id with space", "a b:" + std, ""},
		{"id too long", strings.Repeat("a", 33) + ":" + std, ""},
		{"short key", "a:" + base64.StdEncoding.EncodeToString(randomBytes(31)), ""},
		{"long key", "a:" + base64.StdEncoding.EncodeToString(randomBytes(33)), ""},
		{"not base64", "a:" + strings.Repeat("!", 44), ""},
		{"zeros", "a:" + base64.StdEncoding.EncodeToString(make([]byte, 32)), ""},
		{"same id twice", "a:" + std + ",a:" + other, ""},
		{"same key twice", "a:" + std + ",b:" + std, ""},
		{"comma at the end", "a:" + std + ",", ""},
	} {
		t.Run(c.name, func(t *testing.T) {
			m, err := keys.ParseMaster(c.text)
			if c.current != "" {
				if err != nil || m.Current() != c.current {
					t.Fatalf("got %v, %v", m, err)
				}
				return
			}
			if !errors.Is(err, keys.ErrMaster) {
				t.Fatalf("error %v, want ErrMaster", err)
			}
			if strings.Contains(err.Error(), std[:10]) || strings.Contains(err.Error(), other[:10]) {
				t.Fatalf("error quotes the key: %v", err)
			}
		})
	}
}

func TestGenerateMasterNeedsRandomness(t *testing.T) {
	if _, err := keys.GenerateMaster(bytes.NewReader(make([]byte, 35))); err == nil {
		t.Fatal("made a key of 31 random bytes")
	}
}

func TestSealingRoundTripAndTampering(t *testing.T) {
	master := keytest.Master(t)
	purpose := mustPurpose(t, keytest.DataKeyring(t, start()), "test")
	for name, s := range map[string]interface {
		Seal(aad, plaintext []byte) []byte
		Open(aad, sealed []byte) ([]byte, error)
	}{"master": master, "purpose": purpose} {
		t.Run(name, rapid.MakeCheck(func(t *rapid.T) {
			plaintext := rapid.SliceOfN(rapid.Byte(), 0, 200).Draw(t, "plaintext")
			aad := rapid.SliceOfN(rapid.Byte(), 0, 40).Draw(t, "aad")
			sealed := s.Seal(aad, plaintext)
			if got, err := s.Open(aad, sealed); err != nil || !bytes.Equal(got, plaintext) {
				t.Fatalf("opened %x, %v", got, err)
			}
			if len(plaintext) >= 8 && bytes.Contains(sealed, plaintext) {
				t.Fatal("plaintext shows")
			}
			if bytes.Equal(sealed, s.Seal(aad, plaintext)) {
				t.Fatal("same nonce twice")
			}
			bad := bytes.Clone(sealed)
			switch rapid.IntRange(0, 2).Draw(t, "how") {
			case 0:
				bad[rapid.IntRange(0, len(bad)-1).Draw(t, "at")] ^= byte(rapid.IntRange(1, 255).Draw(t, "xor"))
			case 1:
				bad = bad[:rapid.IntRange(0, len(bad)-1).Draw(t, "cut")]
			case 2:
				bad = append(bad, rapid.Byte().Draw(t, "more"))
			}
			if _, err := s.Open(aad, bad); err == nil {
				t.Fatal("tampered value opens")
			}
			if _, err := s.Open(append(aad, 0), sealed); !errors.Is(err, keys.ErrSealed) {
				t.Fatalf("value opens elsewhere: %v", err)
			}
		}))
	}
}

func TestBindingIsUnambiguous(t *testing.T) {
	if bytes.Equal(keys.Binding("a", "bc"), keys.Binding("ab", "c")) {
		t.Fatal("two places, one binding")
	}
	if bytes.Equal(keys.Binding("a"), keys.Binding("a", "")) {
		t.Fatal("two places, one binding")
	}
}

// masters are the three settings of a master key rotation.
func masters(t *testing.T) (before, during, after *keys.Master) {
	t.Helper()
	texts := make([]string, 2)
	for i := range texts {
		var err error
		if texts[i], err = keys.GenerateMaster(rand.Reader); err != nil {
			t.Fatal(err)
		}
	}
	parse := func(text string) *keys.Master {
		m, err := keys.ParseMaster(text)
		if err != nil {
			t.Fatal(err)
		}
		return m
	}
	return parse(texts[0]), parse(texts[1] + "," + texts[0]), parse(texts[1])
}

func TestMasterRotation(t *testing.T) {
	before, during, after := masters(t)
	aad := keys.Binding("t", "c", "1")
	sealed := before.Seal(aad, []byte("secret"))

	if _, err := after.Open(aad, sealed); !errors.Is(err, keys.ErrUnknownMaster) {
		t.Fatalf("opened without the key: %v", err)
	}
	if _, _, err := after.Rewrap(aad, sealed); !errors.Is(err, keys.ErrUnknownMaster) {
		t.Fatalf("rewrapped without the key: %v", err)
	}
	wrapped, changed, err := during.Rewrap(aad, sealed)
	if err != nil || !changed {
		t.Fatal(changed, err)
	}
	if got, err := after.Open(aad, wrapped); err != nil || string(got) != "secret" {
		t.Fatalf("got %q, %v", got, err)
	}
	if again, changed, err := during.Rewrap(aad, wrapped); err != nil || changed || !bytes.Equal(again, wrapped) {
		t.Fatal("rewrapped twice", err)
	}
}
