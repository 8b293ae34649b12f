package pages

import (
	"net/http"
	"time"
)

var testTime = time.Date(2026, 10, 1, 12, 0, 0, 0, time.UTC)

// testSecurity is the page of somebody who uses all of it.
func testSecurity() SecurityView {
	return SecurityView{
		Form: Form{CSRF: "csrf-value"}, Account: testAccount, PasswordSet: testTime.AddDate(0, -3, 0),
		Factors: []OwnFactor{
			{Way: testApp, Added: testTime.AddDate(0, -2, 0), LastUsed: testTime},
			{Way: Way{ID: "0190e5a4-sms", Kind: "sms", Name: "Old phone", Destination: "•••• 89"}, Added: testTime.AddDate(0, -1, 0)},
		},
		Passkeys: []OwnFactor{{Way: testKey, Added: testTime.AddDate(0, 0, -7), LastUsed: testTime, Synced: true}},
		Add:      true, AddPasskey: true, BackupCodes: 8,
		Devices: []Seat{
			{ID: "0190e5a4-d1", Browser: "Firefox", System: "Linux", Address: "192.0.2.7", Last: testTime, Until: testTime.AddDate(0, 0, 30), Current: true},
			{ID: "0190e5a4-d2", Name: "Kitchen tablet", Browser: "Chrome", System: "Android", Address: "2001:db8::7", Last: testTime.AddDate(0, 0, -9)},
		},
		Sessions: []Seat{
			{ID: "0190e5a4-s1", Browser: "Firefox", System: "Linux", Address: "192.0.2.7", Since: testTime.Add(-time.Hour), Last: testTime, Current: true},
			{ID: "0190e5a4-s2", Browser: "curl", App: "Acme Orders", Since: testTime.AddDate(0, 0, -9), Last: testTime.AddDate(0, 0, -1)},
		},
		More: 3, Notices: true,
	}
}

func allSaid() []Said {
	return []Said{SaidConfirmed, SaidPassword, SaidAdded, SaidRenamed, SaidRemoved, SaidForgotten, SaidEnded}
}

func allSecurityErrors() []SecurityError {
	return []SecurityError{
		SecurityErrorExpired, SecurityErrorGone, SecurityErrorRequired, SecurityErrorFull, SecurityErrorAgain, SecurityErrorUnavailable,
	}
}

// securityCases are the pages of an account's security.
func securityCases() []pageCase {
	page := func(name string, status int, change func(*SecurityView)) pageCase {
		return pageCase{"security" + name, func(r *Renderer, w http.ResponseWriter, b Base) error {
			v := testSecurity()
			v.Base = b
			change(&v)
			return r.Security(w, status, v)
		}}
	}
	change := func(name string, status int, change func(*AccountView)) pageCase {
		return pageCase{"change_password" + name, func(r *Renderer, w http.ResponseWriter, b Base) error {
			v := AccountView{Base: b, Form: Form{CSRF: "csrf-value"}, Email: testAccount.Email, Minimum: 8, Current: true}
			change(&v)
			return r.ChangePassword(w, status, v)
		}}
	}
	return []pageCase{
		page("", 200, func(*SecurityView) {}),
		page("_bare", 200, func(v *SecurityView) {
			*v = SecurityView{Base: v.Base, Form: v.Form, Account: v.Account, NoPassword: true, Add: true, Sessions: v.Sessions[:1]}
		}),
		page("_said", 200, func(v *SecurityView) { v.Said, v.Open = SaidConfirmed, testApp.ID }),
		page("_required", 409, func(v *SecurityView) { v.Error = SecurityErrorRequired }),
		change("", 200, func(*AccountView) {}),
		change("_first", 200, func(v *AccountView) { v.Current = false }),
		change("_wrong", 401, func(v *AccountView) { v.Error = AccountErrorCurrent }),
		change("_short", 422, func(v *AccountView) { v.Error = AccountErrorShort }),
		{"enrol_account", func(r *Renderer, w http.ResponseWriter, b Base) error {
			return r.Enrol(w, 200, EnrolView{
				Base: b, Form: Form{Action: PathSecurityAdd, CSRF: "csrf-value"}, Kinds: []string{"totp", "webauthn"}, Back: PathSecurityAdd, Home: PathSecurity,
			})
		}},
	}
}
