package pages

import (
	"encoding/base64"
	"fmt"
	"html/template"
	"net/http"
	"strings"

	"github.com/signet-idp/signet/storage"
)

// EnrolView is the page that sets a second factor up. Without Kind it asks for
// one of Kinds; without Enrolment it asks where codes are to go.
type EnrolView struct {
	Base
	Form
	RedirectURI string // where this login will end; decides CSP form-action
	Client      Client
	Kinds       []string
	// Required: a policy, or the client, asks for it. Otherwise the person does.
	Required bool
	Kind     string
	Method   string // id of the factor to be
	// Enrolment is sealed and comes back with the code.
	Enrolment   string
	Destination string // masked; or what was typed before the error
	Secret      string // of an authenticator app, in base 32
	QR          string // SVG of its address
	Options     string // for navigator.credentials.create
	Back        string // where the person goes who changes their mind, or empty
	Home        string // where the first question leads back to, or empty
	Refusal
}

type enrolPage struct {
	EnrolView
	Mode       string // choose, destination, code, passkey, again
	Title      string
	Lead       string
	ErrorText  string
	Image      template.URL
	Typed      string // the secret in groups
	FieldBad   bool
	FocusField bool
	Backup     bool // never: the field is that of a code
	BackLink   string
	BackText   string
	Lines      []kindLine
}

type kindLine struct {
	Kind, Text, Hint string
	PasskeyOnly      bool // hidden from browsers without them
}

// Enrol writes the page that sets a factor up (ids mfa-enrol, mfa-kind-KIND,
// mfa-destination, mfa-qr, mfa-secret, mfa-name, mfa-code, mfa-submit, mfa-error,
// mfa-cancel).
func (r *Renderer) Enrol(w http.ResponseWriter, status int, v EnrolView) error {
	t, err := parseTarget(v.RedirectURI)
	if err != nil {
		return fmt.Errorf("pages: enrol: %w", err)
	}
	if v.Form, err = r.form(v.Form, PathFactor); err != nil {
		return fmt.Errorf("pages: enrol: %w", err)
	}
	v.Client = v.Client.clean(t.host)
	v.Destination = clean(v.Destination, maxIdentifier)
	l := v.Locale.orDefault(r.locales)
	p := enrolPage{EnrolView: v, Mode: v.mode(), ErrorText: v.text(l), FieldBad: v.Error.Field(), Typed: grouped(v.Secret)}
	p.FocusField = v.Error == "" || p.FieldBad
	switch {
	case p.Mode == "choose" && v.Home != "":
		p.BackLink, p.BackText = r.basePath+v.Home, l.text("security.back", "")
	case p.Mode != "choose" && v.Back != "":
		p.BackLink, p.BackText = r.basePath+v.Back, l.text("enrol.back", "")
	}
	key := p.Mode
	if key == "code" || key == "destination" || key == "again" {
		key += "." + v.Kind
	}
	p.Title = l.text("enrol."+key+".title", "enrol.title")
	p.Lead = l.text("enrol."+key+".lead", "enrol.again.lead", "{to}", isolated(v.Destination))
	switch {
	case p.Mode == "choose" && len(v.Kinds) == 0:
		p.Lead = l.text("enrol.none.lead", "")
	case p.Mode == "choose" && !v.Required:
		p.Lead = l.text("enrol.choose.lead.own", "")
	}
	if v.QR != "" {
		//nolint:gosec // G203: an SVG that we drew
		p.Image = template.URL("data:image/svg+xml;base64," + base64.StdEncoding.EncodeToString([]byte(v.QR)))
	}
	for _, k := range v.Kinds {
		p.Lines = append(p.Lines, kindLine{
			Kind: k, Text: l.text("enrol.kind."+k, ""), Hint: l.text("enrol.kind."+k+".hint", ""), PasskeyOnly: k == storage.FactorWebAuthn,
		})
	}
	return r.render(w, status, v.Base, "enrol", page{App: v.Client.Name, View: p}, headers{form: formSources(t, v.Client)})
}

func (v EnrolView) mode() string {
	switch {
	case v.Kind == "":
		return "choose"
	case v.Error == FactorErrorBurnt || v.Error == FactorErrorExpired:
		return "again"
	case v.Kind == storage.FactorWebAuthn:
		return "passkey"
	case v.Enrolment == "":
		return "destination"
	}
	return "code"
}

// grouped parts a secret into fours, as people read it.
func grouped(secret string) string {
	var b strings.Builder
	for i, c := range secret {
		if i > 0 && i%4 == 0 {
			b.WriteByte(' ')
		}
		b.WriteRune(c)
	}
	return b.String()
}

// CodesView shows backup codes, which nobody sees again.
type CodesView struct {
	Base
	Codes []string
	// Continue is where the person goes on to: a path of ours.
	Continue string
	// Replaced: the codes of before are void now.
	Replaced bool
}

// BackupCodes writes the page of the backup codes (ids codes-page,
// backup-codes, codes-copy, codes-download, codes-print, codes-continue).
func (r *Renderer) BackupCodes(w http.ResponseWriter, status int, v CodesView) error {
	v.Continue = r.basePath + v.Continue
	return r.render(w, status, v.Base, "backup-codes", page{View: v}, headers{})
}
