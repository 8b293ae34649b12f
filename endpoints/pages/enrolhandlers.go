package pages

import (
	"encoding/base64"
	"encoding/json"
	"errors"
	"net/http"

	"github.com/signet-idp/signet/provider/fault"
	"github.com/signet-idp/signet/provider/login"
	"github.com/signet-idp/signet/provider/mfa"
	"github.com/signet-idp/signet/provider/oauth/params"
	"github.com/signet-idp/signet/storage"
)

// setting is where a factor is set up: in a login that waits for one, or on
// the pages of an account.
type setting struct {
	view  EnrolView // what its pages share
	owner string    // user id
	begin func(mfa.Request) (mfa.Enrolment, error)
	// finish takes the first answer and, when it is right, writes the page that
	// follows.
	finish func(mfa.Answer) error
	// otherwise answers for an error that no page of an enrolment explains.
	otherwise func(error) error
}

// enrolment is what a page keeps of a factor that is being set up, sealed: the
// secret is shown again after a wrong code, and is nobody's to choose.
type enrolment struct {
	Method    string `json:"m"`
	Challenge string `json:"c"`
	Kind      string `json:"k"`
	To        string `json:"d,omitempty"`
	Secret    string `json:"s,omitempty"`
	URI       string `json:"u,omitempty"`
}

func enrolmentBinding(owner string) []byte { return []byte("pages enrolment " + owner) }

func (i *Interaction) sealEnrolment(owner string, e enrolment) (string, error) {
	plain, err := json.Marshal(e) //nolint:gosec // it is sealed at once
	if err != nil {
		return "", err
	}
	return base64.RawURLEncoding.EncodeToString(i.Key.Seal(enrolmentBinding(owner), plain)), nil
}

func (i *Interaction) openEnrolment(owner, text string) (e enrolment, ok bool) {
	sealed, err := base64.RawURLEncoding.DecodeString(text)
	if err != nil {
		return e, false
	}
	plain, err := i.Key.Open(enrolmentBinding(owner), sealed)
	return e, err == nil && json.Unmarshal(plain, &e) == nil
}

func (i *Interaction) enrolView(r *http.Request, p *login.Pending, waiting login.Waiting) EnrolView {
	return EnrolView{
		Base: i.baseFor(r, p.Request), Form: Form{Transaction: p.Param}, Client: i.clientView(r, p), RedirectURI: p.Request.RedirectURI,
		Kinds: waiting.Allowed, Required: true, Back: PathFactor + "?" + FieldTransaction + "=" + p.Param,
	}
}

// enrolling sets up what a login waits for.
func (i *Interaction) enrolling(w http.ResponseWriter, r *http.Request, p *login.Pending, b login.Browser, waiting login.Waiting) setting {
	return setting{
		view: i.enrolView(r, p, waiting), owner: waiting.User.ID,
		begin: func(q mfa.Request) (mfa.Enrolment, error) { return i.Login.Enrol(r.Context(), p, b, q) },
		finish: func(a mfa.Answer) error {
			out, err := i.Login.Factor(r.Context(), p, b, a, false)
			i.entered(w, r, out)
			if err != nil {
				return err
			}
			return i.arrived(w, r, out)
		},
		otherwise: func(err error) error { return i.notWaiting(w, r, p, b, err) },
	}
}

// showKinds asks what to set up.
func (i *Interaction) showKinds(w http.ResponseWriter, status int, v EnrolView) error {
	v.Kind = ""
	return i.Renderer.Enrol(w, status, v)
}

// enrol takes what a page of an enrolment sent.
func (i *Interaction) enrol(w http.ResponseWriter, f params.Form, s setting) error {
	if e, ok := i.openEnrolment(s.owner, f.Get(FieldEnrolment)); ok && f.Get(FieldAction) == ActionVerify {
		return i.finishEnrolment(w, f, s, e)
	}
	return i.beginEnrolment(w, f, s, http.StatusOK, Refusal{})
}

// beginEnrolment makes a factor and shows what proves it.
func (i *Interaction) beginEnrolment(w http.ResponseWriter, f params.Form, s setting, status int, why Refusal) error {
	v := s.view
	v.Kind, v.Refusal = f.Get(FieldKind), why
	q := mfa.Request{Type: v.Kind, Destination: f.Get(FieldDestination), TypeField: FieldKind, DestinationField: FieldDestination}
	made, err := s.begin(q)
	if err != nil {
		return i.enrolRefused(w, s, v, q, err)
	}
	e := enrolment{Method: made.Method.ID, Challenge: made.Challenge.ID, Kind: v.Kind, To: made.Challenge.Destination, Secret: made.Secret, URI: made.URI}
	v.Options = string(made.Challenge.Options)
	return i.showEnrolment(w, status, s, v, e)
}

func (i *Interaction) showEnrolment(w http.ResponseWriter, status int, s setting, v EnrolView, e enrolment) (err error) {
	v.Kind, v.Method, v.Destination, v.Secret = e.Kind, e.Method, e.To, e.Secret
	if v.Enrolment, err = i.sealEnrolment(s.owner, e); err != nil {
		return err
	}
	if e.URI != "" {
		if v.QR, err = mfa.QRSVG(e.URI); err != nil {
			return err
		}
	}
	return i.Renderer.Enrol(w, status, v)
}

// enrolRefused is a factor that could not be made.
func (i *Interaction) enrolRefused(w http.ResponseWriter, s setting, v EnrolView, q mfa.Request, err error) error {
	refusal, status, ok := refused(err)
	f, _ := errors.AsType[*fault.Error](err)
	switch {
	case ok && f != nil && f.Code == fault.Invalid && len(f.Fields) > 0 && f.Fields[0].Field == FieldDestination:
		// Nothing was typed yet where the account has no proven address or number.
		v.Destination, status = q.Destination, http.StatusOK
		if q.Destination != "" {
			v.Refusal, status = Refusal{Error: FactorErrorDestination}, http.StatusUnprocessableEntity
		}
		return i.Renderer.Enrol(w, status, v)
	case ok && refusal.Error != FactorErrorPasskey:
		v.Refusal = refusal
		return i.showKinds(w, status, v)
	case f != nil && (f.Code == fault.Invalid || f.Code == fault.Forbidden):
		v.Refusal = Refusal{} // no such kind, or not here: the page says which there are
		return i.showKinds(w, http.StatusUnprocessableEntity, v)
	}
	return s.otherwise(err)
}

// finishEnrolment takes the first answer of a new factor.
func (i *Interaction) finishEnrolment(w http.ResponseWriter, f params.Form, s setting, e enrolment) error {
	a := answerOf(f)
	a.ChallengeID = e.Challenge
	v := s.view
	if a.Code == "" && a.Passkey == nil {
		v.Refusal = Refusal{Error: FactorErrorMissing}
		return i.showEnrolment(w, http.StatusUnprocessableEntity, s, v, e)
	}
	err := s.finish(a)
	if err == nil {
		return nil
	}
	refusal, status, ok := refused(err)
	switch {
	case !ok:
		return s.otherwise(err)
	case e.Kind == storage.FactorWebAuthn:
		// The browser has answered these options; others are needed.
		return i.beginEnrolment(w, f, s, status, refusal)
	}
	v.Refusal = refusal
	return i.showEnrolment(w, status, s, v, e)
}
