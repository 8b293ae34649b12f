package mfa

import (
	"encoding/base32"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"
)

// TestVectors are those of RFC 6238 appendix B, cut to six digits.
func TestVectors(t *testing.T) {
	secret := base32.StdEncoding.WithPadding(base32.NoPadding).EncodeToString([]byte("12345678901234567890"))
	for unix, code := range map[int64]string{
		59: "287082", 1111111109: "081804", 1111111111: "050471", 1234567890: "005924", 2000000000: "279037", 20000000000: "353130",
	} {
		now := time.Unix(unix, 0)
		if n, ok, _ := acceptedStep(secret, code, 0, now); !ok || n != step(now) {
			t.Errorf("%d: step %d, %v", unix, n, ok)
		}
		for _, drift := range []time.Duration{-30 * time.Second, 30 * time.Second} {
			if _, ok, _ := acceptedStep(secret, code, 0, now.Add(drift)); !ok {
				t.Errorf("%d: refused at a drift of %v", unix, drift)
			}
		}
		for _, drift := range []time.Duration{-61 * time.Second, 61 * time.Second} {
			if now.Add(drift).Unix() < 0 {
				continue // before the first step
			}
			if _, ok, _ := acceptedStep(secret, code, 0, now.Add(drift)); ok {
				t.Errorf("%d: taken at a drift of %v", unix, drift)
			}
		}
		if _, ok, replayed := acceptedStep(secret, code, step(now), now); ok || !replayed {
			t.Errorf("%d: taken twice", unix)
		}
	}
}

// TestStepsGrow: whatever order codes come in, none is taken at or before one
// that was.
func TestStepsGrow(t *testing.T) {
	secret := base32.StdEncoding.WithPadding(base32.NoPadding).EncodeToString([]byte("12345678901234567890"))
	rapid.Check(t, func(t *rapid.T) {
		codes := []string{"287082", "081804", "050471", "005924"}
		last := int64(0)
		now := time.Unix(1111111109, 0)
		for range 20 {
			now = now.Add(time.Duration(rapid.IntRange(-60, 60).Draw(t, "s")) * time.Second)
			if n, ok, _ := acceptedStep(secret, rapid.SampledFrom(codes).Draw(t, "code"), last, now); ok {
				if n <= last {
					t.Fatalf("step %d after %d", n, last)
				}
				last = n
			}
		}
	})
}

func TestKeyURI(t *testing.T) {
	got := keyURI("id.example: prod", "ada+test@acme.test", "ABC")
	const want = "otpauth://totp/id.example%20%20prod:ada+test@acme.test?algorithm=SHA1&digits=6&issuer=id.example%3A%20prod&period=30&secret=ABC"
	if got != want {
		t.Errorf("got  %s\nwant %s", got, want)
	}
}

func TestTyped(t *testing.T) {
	for in, want := range map[string]string{"123 456\t": "123456", "ABCDE-fghjk": "abcdefghjk", "12\u00a034": "1234"} {
		if got := typed(in); got != want {
			t.Errorf("%q: %q", in, got)
		}
	}
	if got := backupTyped("OIL00-abc"); got != "01100abc" {
		t.Error(got)
	}
}

func TestQR(t *testing.T) {
	uri := keyURI("id.example", strings.Repeat("a", 254), strings.Repeat("A", 32))
	svg, err := QRSVG(uri)
	if err != nil || !strings.HasPrefix(svg, "<svg ") || strings.Count(svg, "<") != 4 {
		t.Fatalf("%v: %d bytes of SVG", err, len(svg))
	}
	png, err := QRPNG(uri)
	if err != nil || len(png) > 20_000 {
		t.Fatal(err, len(png))
	}
}
