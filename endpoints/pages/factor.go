package pages

import (
	"fmt"
	"net/http"
	"strconv"
	"time"

	"github.com/signet-idp/signet/storage"
)

// FactorError is why a second factor was not accepted.
type FactorError string

// The reasons a page about a second factor can give.
const (
	FactorErrorWrong       FactorError = "wrong" // with Tries
	FactorErrorMissing     FactorError = "missing"
	FactorErrorBurnt       FactorError = "burnt"        // too many wrong codes for this challenge
	FactorErrorExpired     FactorError = "expired"      // the challenge is over
	FactorErrorLocked      FactorError = "locked"       // with RetryAfter
	FactorErrorRateLimited FactorError = "rate_limited" // with RetryAfter
	FactorErrorSends       FactorError = "sends"        // too many codes were asked for
	FactorErrorPasskey     FactorError = "passkey"
	FactorErrorDestination FactorError = "destination" // no address or number
	FactorErrorUnavailable FactorError = "unavailable"
)

// Field reports whether the reason is about what was typed.
func (e FactorError) Field() bool {
	return e == FactorErrorWrong || e == FactorErrorMissing || e == FactorErrorDestination
}

// KindBackupCodes is the kind of the backup codes, beside those of storage.
const KindBackupCodes = "backup_codes"

// Way is a second factor that a person can prove.
type Way struct {
	ID   string
	Kind string // storage.Factor..., or KindBackupCodes
	Name string // what the person calls it, or empty
	// Destination is where its codes go, masked.
	Destination string
}

// Refusal is why a page is shown again.
type Refusal struct {
	Error      FactorError
	Tries      int64         // left, for FactorErrorWrong
	RetryAfter time.Duration // rounded up to minutes
}

// FactorView is the page that asks for a second factor.
type FactorView struct {
	Base
	Form
	Client      Client
	RedirectURI string // where this login will end; decides CSP form-action
	Way         Way    // the one asked for
	Others      []Way
	// Challenge is the open one of Way. Without it, a code that has to be sent
	// is offered and not asked for.
	Challenge string
	// Options are for navigator.credentials.get.
	Options string
	Trust   time.Duration // how long a device is trusted; 0: that is not offered
	Refusal
}

type factorPage struct {
	FactorView
	Mode       string // code, passkey, send, again
	Lead       string
	ErrorText  string
	TrustText  string
	Backup     bool
	Resend     bool
	FieldBad   bool
	FocusField bool
	Others     []wayLine
}

// Asks says whether something can be proven on the page.
func (p factorPage) Asks() bool { return p.Mode == "code" || p.Mode == "passkey" }

// Open says whether the chooser stands open: where a browser may be unable to
// do what is asked.
func (p factorPage) Open() bool { return p.Mode == "passkey" }

// wayLine is a way as the chooser names it.
type wayLine struct {
	ID, Text, Name string
}

// Factor writes the page of the second factor (ids mfa-page, mfa-code,
// mfa-submit, mfa-error, mfa-chooser, mfa-trust, mfa-resend, mfa-cancel).
func (r *Renderer) Factor(w http.ResponseWriter, status int, v FactorView) error {
	t, err := parseTarget(v.RedirectURI)
	if err != nil {
		return fmt.Errorf("pages: factor: %w", err)
	}
	if v.Form, err = r.form(v.Form, PathFactor); err != nil {
		return fmt.Errorf("pages: factor: %w", err)
	}
	v.Client = v.Client.clean(t.host)
	l := v.Locale.orDefault(r.locales)
	p := factorPage{
		FactorView: v, Mode: v.mode(), Backup: v.Way.Kind == KindBackupCodes, Resend: v.Way.sent(),
		ErrorText: v.text(l), FieldBad: v.Error.Field(),
	}
	lead := "mfa.lead."
	if p.Mode == "send" || p.Mode == "again" && v.Way.sent() {
		lead = "mfa.send."
	}
	p.Lead = l.text(lead+v.Way.Kind, "mfa.lead.totp", "{to}", isolated(v.Way.Destination))
	p.FocusField = p.Mode == "code" && (v.Error == "" || p.FieldBad)
	if v.Trust > 0 {
		p.TrustText = l.text("mfa.trust", "", "{days}", strconv.Itoa(int(v.Trust/(24*time.Hour))))
	}
	for _, o := range v.Others {
		p.Others = append(p.Others, o.line(l))
	}
	return r.render(w, status, v.Base, "factor", page{App: v.Client.Name, View: p}, headers{form: formSources(t, v.Client)})
}

// mode is what the page lets a person do.
func (v FactorView) mode() string {
	switch {
	case v.Error == FactorErrorBurnt || v.Error == FactorErrorExpired:
		return "again"
	case v.Way.Kind == storage.FactorWebAuthn:
		return "passkey"
	case v.Way.sent() && v.Challenge == "":
		return "send"
	}
	return "code"
}

// sent says whether the codes of a way are sent.
func (w Way) sent() bool { return w.Kind == storage.FactorEmail || w.Kind == storage.FactorSMS }

func (w Way) line(l *locale) wayLine {
	return wayLine{ID: w.ID, Name: clean(w.Name, maxName), Text: l.text("mfa.way."+w.Kind, "", "{to}", isolated(w.Destination))}
}

// isolated keeps somebody's words from rearranging the sentence around them.
func isolated(s string) string { return "\u2068" + clean(s, maxIdentifier) + "\u2069" }

// text is the reason in the reader's language.
func (v Refusal) text(l *locale) string {
	if v.Error == "" {
		return ""
	}
	key := "mfa.error." + string(v.Error)
	switch {
	case v.Error == FactorErrorWrong && v.Tries == 1:
		key += ".last"
	case v.RetryAfter > 0 && (v.Error == FactorErrorLocked || v.Error == FactorErrorRateLimited):
		key += ".minutes"
	}
	minutes := strconv.Itoa(int((v.RetryAfter + time.Minute - 1) / time.Minute))
	return l.text(key, "mfa.error.unavailable", "{tries}", strconv.FormatInt(v.Tries, 10), "{minutes}", minutes)
}
