package mfa

import (
	"bytes"
	"crypto/subtle"
	"encoding/base32"
	"fmt"
	"image/png"
	"io"
	"net/url"
	"strconv"
	"strings"
	"time"

	"github.com/boombuler/barcode"
	"github.com/boombuler/barcode/qr"
	"github.com/pquerna/otp"
	"github.com/pquerna/otp/hotp"
)

// RFC 6238 with the parameters that every app understands: SHA-1, six digits,
// 30 seconds, and 160 bits of secret (RFC 4226 §4).
const (
	totpSecret = 20
	totpPeriod = 30
	totpDigits = 6
	// totpDrift is how many steps a clock may be off either way.
	totpDrift = 1
)

func (s *Service) newSecret() (string, error) {
	raw := make([]byte, totpSecret)
	if _, err := io.ReadFull(s.Rand, raw); err != nil {
		return "", fmt.Errorf("mfa: secret: %w", err)
	}
	return base32.StdEncoding.WithPadding(base32.NoPadding).EncodeToString(raw), nil
}

// step is the time step of RFC 6238 §4.2.
func step(t time.Time) int64 { return t.Unix() / totpPeriod }

// acceptedStep returns the step that a code is of, if it lies within the drift
// and after the last one that was accepted: a code is good once (RFC 6238 §5.2),
// and replayed says that this is the one that was accepted last. The work is the
// same whichever step it is.
func acceptedStep(secret, code string, last int64, now time.Time) (found int64, ok, replayed bool) {
	for n := step(now) - totpDrift; n <= step(now)+totpDrift; n++ {
		want, err := hotp.GenerateCodeCustom(secret, uint64(max(n, 0)), hotp.ValidateOpts{Digits: otp.DigitsSix, Algorithm: otp.AlgorithmSHA1})
		if err != nil {
			return 0, false, false
		}
		if same := subtle.ConstantTimeCompare([]byte(want), []byte(code)) == 1; same && n > last {
			found, ok = n, true
		} else if same && n == last {
			replayed = true
		}
	}
	return found, ok, replayed && !ok
}

// keyURI is what an authenticator app reads: the Key Uri Format.
func keyURI(issuer, account, secret string) string {
	q := url.Values{
		"secret": {secret}, "issuer": {issuer}, "algorithm": {"SHA1"},
		"digits": {strconv.Itoa(totpDigits)}, "period": {strconv.Itoa(totpPeriod)},
	}
	// A colon parts the issuer from the account; neither may hold one. Apps read
	// a plus as itself, so a space is %20.
	label := url.PathEscape(strings.ReplaceAll(issuer, ":", " ")) + ":" + url.PathEscape(strings.ReplaceAll(account, ":", " "))
	return "otpauth://totp/" + label + "?" + strings.ReplaceAll(q.Encode(), "+", "%20")
}

// QRSVG draws text as a QR code: an SVG image of dark modules on white, with
// the quiet zone that scanners need.
func QRSVG(text string) (string, error) {
	code, err := qr.Encode(text, qr.M, qr.Auto)
	if err != nil {
		return "", fmt.Errorf("mfa: QR code: %w", err)
	}
	const quiet = 4
	n := code.Bounds().Dx()
	var b strings.Builder
	fmt.Fprintf(&b, `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 %[1]d %[1]d" shape-rendering="crispEdges"><path fill="#fff" d="M0 0h%[1]dv%[1]dH0z"/><path d="`, n+2*quiet)
	for y := range n {
		for x := 0; x < n; x++ {
			from := x
			for x < n && dark(code, x, y) {
				x++
			}
			if x > from {
				fmt.Fprintf(&b, "M%d %dh%dv1h-%dz", from+quiet, y+quiet, x-from, x-from)
			}
		}
	}
	b.WriteString(`"/></svg>`)
	return b.String(), nil
}

func dark(code barcode.Barcode, x, y int) bool {
	r, _, _, _ := code.At(x, y).RGBA()
	return r == 0
}

// QRPNG draws text as a QR code of 256 by 256 pixels.
func QRPNG(text string) ([]byte, error) {
	code, err := qr.Encode(text, qr.M, qr.Auto)
	if err != nil {
		return nil, fmt.Errorf("mfa: QR code: %w", err)
	}
	const size = 256
	scaled, err := barcode.Scale(code, size, size)
	if err != nil {
		return nil, fmt.Errorf("mfa: QR code: %w", err)
	}
	var b bytes.Buffer
	if err := png.Encode(&b, scaled); err != nil {
		return nil, fmt.Errorf("mfa: QR code: %w", err)
	}
	return b.Bytes(), nil
}
