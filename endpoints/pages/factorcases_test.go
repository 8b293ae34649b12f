package pages

import (
	"net/http"
	"time"
)

var (
	testApp    = Way{ID: "0190e5a4-totp", Kind: "totp"}
	testMail   = Way{ID: "0190e5a4-mail", Kind: "email", Destination: "a•••@acme.test"}
	testPhone  = Way{ID: "0190e5a4-sms", Kind: "sms", Destination: "•••• 89"}
	testKey    = Way{ID: "0190e5a4-key", Kind: "webauthn", Name: "Alice Example"}
	testBackup = Way{ID: KindBackupCodes, Kind: KindBackupCodes}
	testCodes  = []string{
		"a1b2c-d3e4f", "g5h6j-k7m8n", "p9q0r-s1t2v", "w3x4y-z5a6b", "c7d8e-f9g0h", "j1k2m-n3p4q", "r5s6t-v7w8x", "y9z0a-b1c2d", "e3f4g-h5j6k", "m7n8p-q9r0s",
	}
)

// factorCases are the pages of second factors.
func factorCases() []pageCase {
	factor := func(name string, status int, way Way, change func(*FactorView)) pageCase {
		return pageCase{"factor_" + name, func(r *Renderer, w http.ResponseWriter, b Base) error {
			v := FactorView{
				Base: b, Form: testForm, Client: testClient, RedirectURI: testRedirect, Way: way, Others: []Way{testMail, testKey, testBackup}, Trust: 30 * 24 * time.Hour,
			}
			change(&v)
			return r.Factor(w, status, v)
		}}
	}
	enrol := func(name string, status int, change func(*EnrolView)) pageCase {
		return pageCase{"enrol_" + name, func(r *Renderer, w http.ResponseWriter, b Base) error {
			v := EnrolView{Base: b, Form: testForm, Client: testClient, RedirectURI: testRedirect, Required: true, Back: PathFactor + "?transaction=sealed.transaction"}
			change(&v)
			return r.Enrol(w, status, v)
		}}
	}
	return []pageCase{
		factor("totp", 200, testApp, func(*FactorView) {}),
		factor("wrong", 401, testApp, func(v *FactorView) { v.Error, v.Tries = FactorErrorWrong, 2 }),
		factor("wrong_last", 401, testApp, func(v *FactorView) { v.Error, v.Tries = FactorErrorWrong, 1 }),
		factor("burnt", 429, testApp, func(v *FactorView) { v.Error = FactorErrorBurnt }),
		factor("locked", 423, testApp, func(v *FactorView) { v.Error, v.RetryAfter = FactorErrorLocked, 15*time.Minute }),
		factor("email_send", 200, testMail, func(v *FactorView) { v.Others = nil }),
		factor("email", 200, testMail, func(v *FactorView) { v.Challenge, v.Others = "0190e5a4-challenge", nil }),
		factor("sms", 200, testPhone, func(v *FactorView) { v.Challenge = "0190e5a4-challenge" }),
		factor("passkey", 200, testKey, func(v *FactorView) {
			v.Challenge, v.Options, v.Others = "0190e5a4-challenge", `{"challenge":"AAAA"}`, []Way{testBackup}
		}),
		factor("backup", 200, testBackup, func(*FactorView) {}),
		enrol("choose", 200, func(v *EnrolView) { v.Kinds, v.Back = []string{"email", "sms", "totp", "webauthn"}, "" }),
		enrol("none", 200, func(v *EnrolView) { v.Back = "" }),
		enrol("own", 200, func(v *EnrolView) { v.Kinds, v.Back, v.Required = []string{"totp", "webauthn"}, "", false }),
		enrol("totp", 200, func(v *EnrolView) {
			v.Kind, v.Enrolment, v.Secret, v.QR = "totp", "sealed", "ABCDEFGHIJKLMNOPQRSTUVWXYZ234567", `<svg xmlns="http://www.w3.org/2000/svg"/>`
		}),
		enrol("email", 200, func(v *EnrolView) { v.Kind, v.Enrolment, v.Destination = "email", "sealed", "a•••@acme.test" }),
		enrol("sms_wrong", 401, func(v *EnrolView) {
			v.Kind, v.Enrolment, v.Destination, v.Error, v.Tries = "sms", "sealed", "•••• 89", FactorErrorWrong, 2
		}),
		enrol("destination", 200, func(v *EnrolView) { v.Kind = "sms" }),
		enrol("destination_wrong", 422, func(v *EnrolView) { v.Kind, v.Destination, v.Error = "email", "alice", FactorErrorDestination }),
		enrol("passkey", 200, func(v *EnrolView) { v.Kind, v.Enrolment, v.Options = "webauthn", "sealed", `{"challenge":"AAAA"}` }),
		enrol("burnt", 429, func(v *EnrolView) { v.Kind, v.Enrolment, v.Error = "totp", "sealed", FactorErrorBurnt }),
		{"backup_codes", func(r *Renderer, w http.ResponseWriter, b Base) error {
			return r.BackupCodes(w, 200, CodesView{Base: b, Codes: testCodes, Continue: PathLogin + "?transaction=sealed.transaction"})
		}},
		{"backup_codes_replaced", func(r *Renderer, w http.ResponseWriter, b Base) error {
			return r.BackupCodes(w, 200, CodesView{Base: b, Codes: testCodes, Continue: "/account/security", Replaced: true})
		}},
	}
}
