package pages

import (
	"fmt"
	"net/http"
	"strconv"
	"time"

	"github.com/signet-idp/signet/provider/oauth"
	"github.com/signet-idp/signet/storage"
)

// Said is what the security page says was done, in ?said=.
type Said string

// What it says.
const (
	SaidConfirmed Said = "confirmed" // who it is; what was asked for is still to be done
	SaidPassword  Said = "password"
	SaidAdded     Said = "added"
	SaidRenamed   Said = "renamed"
	SaidRemoved   Said = "removed"
	SaidForgotten Said = "forgotten"
	SaidEnded     Said = "ended"
)

func (s Said) known() bool {
	switch s {
	case SaidConfirmed, SaidPassword, SaidAdded, SaidRenamed, SaidRemoved, SaidForgotten, SaidEnded:
		return true
	}
	return false
}

// SecurityError is why something on the security page was not done.
type SecurityError string

// The reasons.
const (
	SecurityErrorExpired     SecurityError = "form_expired" // CSRF token missing or of another session
	SecurityErrorGone        SecurityError = "gone"         // removed or ended before
	SecurityErrorRequired    SecurityError = "required"     // the last factor, where one is required
	SecurityErrorFull        SecurityError = "full"         // too many factors
	SecurityErrorAgain       SecurityError = "again"        // changed at the same time
	SecurityErrorUnavailable SecurityError = "unavailable"
)

// OwnFactor is a second factor as its owner sees it.
type OwnFactor struct {
	Way
	Added, LastUsed time.Time // LastUsed is zero until it was
	Synced          bool      // of a passkey: its provider keeps copies
}

// Seat is where somebody signs in from, or is signed in.
type Seat struct {
	ID              string
	Name            string // what the person or its program calls it, or empty
	Browser, System string // what it says of itself, or empty
	App             string // of a session that an application holds: its name
	Address         string
	Since, Last     time.Time
	Until           time.Time // of a device: how long it is trusted; zero: it is not
	Current         bool
}

// SecurityView is the page where somebody looks after the ways into their
// account.
type SecurityView struct {
	Base
	Form
	Account     Account
	NoPassword  bool
	PasswordSet time.Time   // zero: not known
	Factors     []OwnFactor // without passkeys
	Passkeys    []OwnFactor
	// Add and AddPasskey: more may be set up.
	Add, AddPasskey bool
	BackupCodes     int // left
	Devices         []Seat
	Sessions        []Seat
	More            int  // sessions that are not listed
	Notices         bool // mail can be sent
	Said            Said
	Error           SecurityError
	Open            string // id of the factor whose form stands open
}

// moment is a time as a page holds it: the script writes it anew in the
// reader's zone.
type moment struct{ Machine, Text string }

func momentOf(t time.Time) *moment {
	if t.IsZero() {
		return nil
	}
	t = t.UTC()
	return &moment{Machine: t.Format(time.RFC3339), Text: t.Format("2006-01-02 15:04") + " UTC"}
}

type factorLine struct {
	ID, Name, Title, Kind string
	Added, LastUsed       *moment
	Passkey, Synced, Open bool
}

type seatLine struct {
	ID, Title, App, Address string
	Since, Last, Until      *moment
	Current                 bool
}

// rows is a list of factors with the page around it.
type rows struct {
	Page  page
	Lines []factorLine
}

type securityPage struct {
	SecurityView
	SaidText, ErrorText   string
	PasswordSet           *moment
	Factors, Passkeys     []factorLine
	Devices, Sessions     []seatLine
	Any                   bool // a second factor of any kind
	Others                bool // sessions but this one
	CodesText, MoreText   string
	Password, Set, SetKey string // links
	SignOut               string
}

// Rows gives the template of a list both.
func (securityPage) Rows(p page, lines []factorLine) rows { return rows{p, lines} }

// Security writes the page of an account's security (ids security-page,
// security-user, security-done, security-error, password-change, factor-add,
// passkey-add; for each factor factor-ID, factor-ID-edit, factor-ID-name,
// factor-ID-rename, factor-ID-remove; backup-codes-left, backup-codes-new;
// device-ID, device-ID-forget, devices-forget; session-ID, session-ID-end,
// session-current, sessions-end, security-signout).
func (r *Renderer) Security(w http.ResponseWriter, status int, v SecurityView) error {
	var err error
	if v.Form, err = r.form(v.Form, PathSecurity); err != nil {
		return fmt.Errorf("pages: security: %w", err)
	}
	v.Account = v.Account.clean()
	l := v.Locale.orDefault(r.locales)
	p := securityPage{
		SecurityView: v, PasswordSet: momentOf(v.PasswordSet),
		Any: len(v.Factors)+len(v.Passkeys) > 0, CodesText: l.text("security.codes.left", "", "{count}", strconv.Itoa(v.BackupCodes)),
		Password: r.basePath + PathSecurityPassword, Set: r.basePath + PathSecurityAdd, SetKey: r.with(PathSecurityAdd, FieldKind, storage.FactorWebAuthn),
		SignOut: r.basePath + oauth.PathLogout,
	}
	if v.Said.known() {
		p.SaidText = l.text("security.said."+string(v.Said), "")
	}
	if v.Error != "" {
		p.ErrorText = l.text("security.error."+string(v.Error), "security.error.unavailable")
	}
	if v.More > 0 {
		p.MoreText = l.text("security.sessions.more", "", "{count}", strconv.Itoa(v.More))
	}
	for _, f := range v.Factors {
		p.Factors = append(p.Factors, f.line(l, v.Open))
	}
	for _, f := range v.Passkeys {
		p.Passkeys = append(p.Passkeys, f.line(l, v.Open))
	}
	for _, s := range v.Devices {
		p.Devices = append(p.Devices, s.line(l))
	}
	for _, s := range v.Sessions {
		p.Sessions = append(p.Sessions, s.line(l))
		p.Others = p.Others || !s.Current
	}
	return r.render(w, status, v.Base, "security", page{User: v.Account.label(), View: p}, headers{})
}

func (f OwnFactor) line(l *locale, open string) factorLine {
	way := f.Way.line(l)
	out := factorLine{
		ID: f.ID, Name: way.Name, Title: way.Name, Kind: way.Text, Added: momentOf(f.Added), LastUsed: momentOf(f.LastUsed),
		Passkey: f.Kind == storage.FactorWebAuthn, Synced: f.Synced, Open: f.ID == open,
	}
	if out.Title == "" {
		out.Title, out.Kind = way.Text, ""
	}
	return out
}

func (s Seat) line(l *locale) seatLine {
	out := seatLine{
		ID: s.ID, Title: clean(s.Name, maxName), App: clean(s.App, maxName), Address: clean(s.Address, maxName),
		Since: momentOf(s.Since), Last: momentOf(s.Last), Until: momentOf(s.Until), Current: s.Current,
	}
	browser, system := clean(s.Browser, maxName), clean(s.System, maxName)
	switch {
	case out.Title != "":
	case browser != "" && system != "":
		out.Title = l.text("security.seat", "", "{browser}", browser, "{system}", system)
	case browser != "":
		out.Title = browser
	case out.App != "":
		out.Title, out.App = out.App, ""
	default:
		out.Title = l.text("security.seat.unknown", "")
	}
	return out
}

// ChangePassword writes the page that asks for the password and a new one (ids
// password-page, password, new-password, password-submit, account-error,
// security-back). Current of the view asks for the one that there is.
func (r *Renderer) ChangePassword(w http.ResponseWriter, status int, v AccountView) error {
	v.Fixed = true
	return r.accountForm(w, status, v, "change-password", PathSecurityPassword)
}
