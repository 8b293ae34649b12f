package telemetry

import (
	"io"
	"log/slog"
	"os"
	"regexp"
	"strings"

	"github.com/mattn/go-isatty"
)

// LogOptions say how log lines are written. The zero value writes JSON at info.
type LogOptions struct {
	Format string       // "json", "text"; anything else: text when Terminal, else JSON
	Level  slog.Leveler // nil: info
	// Terminal: the writer is a terminal, see IsTerminal.
	Terminal bool
}

// NewLogger returns a logger that writes redacted lines to w. Lines may lie in
// a buffer for up to 100 ms (a line costs no system call then); warnings and
// errors are written at once. Close the returned Buffer last of all.
func NewLogger(w io.Writer, o LogOptions) (*slog.Logger, *Buffer) {
	buffer := NewBuffer(w)
	ho := &slog.HandlerOptions{Level: o.Level, ReplaceAttr: redact}
	var h slog.Handler
	switch {
	case o.Format == "text", o.Format != "json" && o.Terminal:
		h = slog.NewTextHandler(buffer, ho)
	default:
		h = slog.NewJSONHandler(buffer, ho)
	}
	return slog.New(&flushing{Handler: h, buffer: buffer}), buffer
}

// IsTerminal reports whether f is a terminal; /dev/null is none.
func IsTerminal(f *os.File) bool { return isatty.IsTerminal(f.Fd()) }

// Redacted stands where a secret would be.
const Redacted = "[redacted]"

// redact is the last line of defence: nobody logs secrets on purpose. It hides
// values under names that secrets have, tokens and URL passwords inside texts.
func redact(_ []string, a slog.Attr) slog.Attr {
	if secretName(a.Key) {
		return slog.String(a.Key, Redacted)
	}
	switch a.Value.Kind() {
	case slog.KindString:
		if s := a.Value.String(); suspicious(s) {
			return slog.String(a.Key, Scrub(s))
		}
	case slog.KindAny:
		if err, ok := a.Value.Any().(error); ok {
			return slog.String(a.Key, Scrub(err.Error()))
		}
	default: // numbers, times and groups, whose members come one by one
	}
	return a
}

func secretName(key string) bool {
	if at := strings.LastIndexByte(key, '.'); at >= 0 {
		key = key[at+1:]
	}
	switch strings.ToLower(key) {
	case "password", "new_password", "current_password", "password_confirm", "password_hash",
		"secret", "client_secret", "secret_key", "token", "access_token", "refresh_token", "id_token",
		"mfa_token", "reset_token", "verification_token", "invite_token", "registration_access_token",
		"code", "code_verifier", "device_code", "user_code", "otp", "backup_code", "backup_codes", "mfa_code", "challenge_code",
		"authorization", "proxy-authorization", "cookie", "set-cookie", "assertion", "client_assertion",
		"private_key", "master_key", "api_key", "database_url", "redis_url", "smtp_url", "sms_url":
		return true
	default:
		return false
	}
}

func suspicious(s string) bool {
	return strings.Contains(s, "eyJ") || strings.Contains(s, "://") || strings.Contains(s, "earer ")
}

var (
	jwtText    = regexp.MustCompile(`eyJ[A-Za-z0-9_-]{6,}(\.[A-Za-z0-9_-]*)*`)
	bearerText = regexp.MustCompile(`([Bb]earer) [A-Za-z0-9._~+/=-]{8,}`)
	urlText    = regexp.MustCompile(`([A-Za-z][A-Za-z0-9+.-]*://[^/\s:@]*):[^/\s@]+@`)
)

// Scrub hides what looks like a token or the password of a URL inside a text.
func Scrub(s string) string {
	if !suspicious(s) {
		return s
	}
	s = jwtText.ReplaceAllString(s, Redacted)
	s = bearerText.ReplaceAllString(s, "$1 "+Redacted)
	return urlText.ReplaceAllString(s, "$1:"+Redacted+"@")
}
