package browser

import (
	"net/http"
	"time"

	"github.com/signet-idp/signet/endpoints/pages"
	"github.com/signet-idp/signet/storage"
)

// securityGallery shows the pages of second factors and of an account's
// security. What a whole server makes of them is for TestFactors and its kin;
// here they are in every language.
func (p *provider) securityGallery(w http.ResponseWriter, req *http.Request, b pages.Base, name string) {
	const email = "alice@acme.test"
	r, form, client := p.pages, pages.Form{Transaction: "sealed", CSRF: "token"}, pages.Client{Name: "Acme Orders"}
	at := time.Date(2026, 10, 1, 12, 0, 0, 0, time.UTC)
	app := pages.Way{ID: "app", Kind: storage.FactorTOTP}
	mail := pages.Way{ID: "mail", Kind: storage.FactorEmail, Destination: "a•••@acme.test"}
	key := pages.Way{ID: "key", Kind: storage.FactorWebAuthn, Name: "My laptop"}
	switch name {
	case "factor":
		answer(w, r.Factor(w, http.StatusUnauthorized, pages.FactorView{
			Base: b, Form: form, Client: client, Way: mail, Challenge: "challenge", Trust: 30 * 24 * time.Hour,
			Others:  []pages.Way{app, key, {ID: pages.KindBackupCodes, Kind: pages.KindBackupCodes}},
			Refusal: pages.Refusal{Error: pages.FactorErrorWrong, Tries: 2},
		}))
	case "enrol":
		answer(w, r.Enrol(w, http.StatusOK, pages.EnrolView{Base: b, Form: form, Client: client, Kinds: []string{"email", "sms", "totp", "webauthn"}, Required: true}))
	case "enrol-phone":
		answer(w, r.Enrol(w, http.StatusUnprocessableEntity, pages.EnrolView{
			Base: b, Form: form, Client: client, Kind: storage.FactorSMS, Destination: "123", Back: pages.PathSecurityAdd, Refusal: pages.Refusal{Error: pages.FactorErrorDestination},
		}))
	case "backup-codes":
		answer(w, r.BackupCodes(w, http.StatusOK, pages.CodesView{Base: b, Codes: []string{"a1b2c-d3e4f", "g5h6j-k7m8n", "p9q0r-s1t2v"}, Continue: pages.PathSecurity, Replaced: true}))
	case "security":
		answer(w, r.Security(w, http.StatusConflict, pages.SecurityView{
			Base: b, Form: form, Account: pages.Account{Email: email}, PasswordSet: at, Said: pages.SaidConfirmed, Error: pages.SecurityErrorRequired, Open: app.ID,
			Factors:  []pages.OwnFactor{{Way: app, Added: at, LastUsed: at}, {Way: mail, Added: at}},
			Passkeys: []pages.OwnFactor{{Way: key, Added: at, Synced: true}}, Add: true, AddPasskey: true, BackupCodes: 9,
			Devices:  []pages.Seat{{ID: "device", Browser: "Firefox", System: "Linux", Address: "2001:db8::7", Last: at, Until: at, Current: true}},
			Sessions: []pages.Seat{{ID: "here", Browser: "Firefox", System: "Linux", Since: at, Last: at, Current: true}, {ID: "there", App: "Acme Orders", Since: at, Last: at}},
			More:     3, Notices: true,
		}))
	case "change-password":
		answer(w, r.ChangePassword(w, http.StatusUnauthorized, pages.AccountView{Base: b, Form: form, Email: email, Minimum: 8, Current: true, Error: pages.AccountErrorCurrent}))
	case "signin-cancelled":
		answer(w, r.Say(w, http.StatusOK, pages.ToldView{Base: b, Told: pages.ToldCancelled, Back: pages.PathSecurity}))
	default:
		http.NotFound(w, req)
	}
}
