package pages

import (
	"net/http"

	"github.com/signet-idp/signet/endpoints/web"
)

// maxStrength bounds a question: a password of 1,024 bytes may be written in
// six times as many.
const maxStrength = 8 << 10

// StrengthQuestion asks how strong a password is while it is typed.
type StrengthQuestion struct {
	Password string `json:"password"`
	Email    string `json:"email"` // of whom it shall be, or empty
}

// StrengthAnswer is 0 (guessed at once, or refused) to 4.
type StrengthAnswer struct {
	Score int `json:"score"`
}

// strengthRoute rates passwords for the pages where one is chosen. The server
// does it, since the word lists that make an estimate worth showing weigh more
// than all pages together, and it alone has the operator's list. The password
// goes where the form will send it anyway; it is not stored, not logged, and
// not shown to the range service.
//
// It changes nothing, so that a foreign site gains nothing by it; still, only
// pages of ours may ask: JSON from elsewhere is refused twice.
func (a *Accounts) strengthRoute() web.Route {
	return web.Route{
		Name: "passwordStrength", Summary: "How strong a password is", Methods: []string{http.MethodPost}, Path: PathStrength, Auth: web.Public(),
		Handler: a.strength, Style: web.Page, Hidden: true, Quiet: true, RateClass: web.RateStrength,
		BodyLimit: maxStrength, ContentTypes: []string{"application/json"},
		Request: web.TypeOf[StrengthQuestion](), Response: web.TypeOf[StrengthAnswer](),
	}
}

func (a *Accounts) strength(w http.ResponseWriter, r *http.Request) error {
	var q StrengthQuestion
	if err := web.Decode(r, &q); err != nil {
		return err
	}
	if len(q.Email) > maxIdentifier {
		q.Email = ""
	}
	web.NoStore(w)
	return web.WriteJSON(w, http.StatusOK, StrengthAnswer{Score: a.Account.Policy.Strength(q.Password, q.Email)})
}
