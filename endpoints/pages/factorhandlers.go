package pages

import (
	"encoding/json"
	"errors"
	"net/http"
	"net/url"

	"github.com/signet-idp/signet/provider/fault"
	"github.com/signet-idp/signet/provider/guard"
	"github.com/signet-idp/signet/provider/login"
	"github.com/signet-idp/signet/provider/mfa"
	"github.com/signet-idp/signet/provider/oauth/params"
	"github.com/signet-idp/signet/storage"
)

func (i *Interaction) showFactor(w http.ResponseWriter, r *http.Request) error {
	q := parameters(r)
	p, b, err := i.resume(r, q.Get(FieldTransaction))
	if err != nil {
		return i.refuse(w, r, err)
	}
	waiting, err := i.Login.Waiting(r.Context(), p)
	if err != nil {
		return i.notWaiting(w, r, p, b, err)
	}
	if waiting.Step == login.StepEnrol {
		return i.showKinds(w, http.StatusOK, i.enrolView(r, p, waiting))
	}
	v := i.factorView(r, p, waiting, q.Get(FieldMethod))
	if challenge := q.Get(FieldChallenge); len(challenge) <= maxName {
		v.Challenge = challenge
	}
	return i.askFactor(w, r, p, b, http.StatusOK, v)
}

// notWaiting goes on with a login that waits for no factor: it is further, or
// what was proven before does not stand any more.
func (i *Interaction) notWaiting(w http.ResponseWriter, r *http.Request, p *login.Pending, b login.Browser, err error) error {
	switch {
	case errors.Is(err, login.ErrNotWaiting):
		out, err := i.Login.Continue(r.Context(), p, b)
		if err != nil {
			return i.refuse(w, r, err)
		}
		return i.follow(w, r, out)
	case errors.Is(err, login.ErrCredentials), errors.Is(err, login.ErrDisabled), errors.Is(err, login.ErrUnverified):
		return i.see(w, r, PathLogin, p.Param)
	}
	return i.refuse(w, r, err)
}

// ways are the factors that a person can prove.
func ways(m mfa.Methods) []Way {
	var out []Way
	for _, x := range m.Verified() {
		out = append(out, wayOf(x))
	}
	if m.BackupCodes > 0 {
		out = append(out, Way{ID: mfa.TypeBackupCodes, Kind: mfa.TypeBackupCodes})
	}
	return out
}

func wayOf(m mfa.Method) Way {
	return Way{ID: m.ID, Kind: m.Type, Name: m.Name, Destination: m.Destination}
}

// choose parts the way with an id, or else the first one, from the others.
func choose(all []Way, id string) (chosen Way, others []Way) {
	if len(all) == 0 {
		return Way{}, nil
	}
	at := 0
	for n, x := range all {
		if x.ID == id {
			at = n
		}
	}
	return all[at], append(append([]Way{}, all[:at]...), all[at+1:]...)
}

func (i *Interaction) factorView(r *http.Request, p *login.Pending, waiting login.Waiting, method string) FactorView {
	v := FactorView{
		Base: i.baseFor(r, p.Request), Form: Form{Transaction: p.Param}, Client: i.clientView(r, p),
		RedirectURI: p.Request.RedirectURI, Trust: i.Login.Factors.Settings.Trust,
	}
	v.Way, v.Others = choose(ways(waiting.Methods), method)
	return v
}

// askFactor shows the page. A passkey is asked anew each time: its challenge
// has to be on the page.
func (i *Interaction) askFactor(w http.ResponseWriter, r *http.Request, p *login.Pending, b login.Browser, status int, v FactorView) error {
	if v.mode() == "passkey" {
		c, err := i.Login.Challenge(r.Context(), p, b, v.Way.ID)
		if err != nil {
			return i.notWaiting(w, r, p, b, err)
		}
		v.Challenge, v.Options = c.ID, string(c.Options)
	}
	return i.Renderer.Factor(w, status, v)
}

func (i *Interaction) submitFactor(w http.ResponseWriter, r *http.Request) error {
	f, err := i.form(r)
	if err != nil {
		return err
	}
	p, b, err := i.resume(r, f.Get(FieldTransaction))
	if err != nil {
		return i.refuse(w, r, err)
	}
	if f.Get(FieldAction) == ActionCancel {
		out, err := i.Login.Cancel(r.Context(), p)
		if err != nil {
			return i.Fail(w, r, err)
		}
		return i.follow(w, r, out)
	}
	waiting, err := i.Login.Waiting(r.Context(), p)
	if err != nil {
		return i.notWaiting(w, r, p, b, err)
	}
	if waiting.Step == login.StepEnrol {
		return i.enrol(w, f, i.enrolling(w, r, p, b, waiting)) //nolint:contextcheck // its functions have the request's
	}
	v := i.factorView(r, p, waiting, f.Get(FieldMethod))
	v.Challenge = f.Get(FieldChallenge)
	if f.Get(FieldAction) == ActionChoose {
		return i.chooseWay(w, r, p, b, v)
	}
	a := answerOf(f)
	if a.Code == "" && a.Passkey == nil {
		v.Error = FactorErrorMissing
		return i.askFactor(w, r, p, b, http.StatusUnprocessableEntity, v)
	}
	a.MethodID = v.Way.ID
	out, err := i.Login.Factor(r.Context(), p, b, a, f.Has(FieldTrust))
	i.entered(w, r, out)
	if err == nil {
		return i.arrived(w, r, out)
	}
	refusal, status, ok := refused(err)
	if !ok {
		return i.notWaiting(w, r, p, b, err)
	}
	v.Refusal = refusal
	return i.askFactor(w, r, p, b, status, v)
}

// answerOf is what a page about a factor sent.
func answerOf(f params.Form) mfa.Answer {
	a := mfa.Answer{ChallengeID: f.Get(FieldChallenge), Code: f.Get(FieldCode), Name: f.Get(FieldName)}
	if f.Has(FieldPasskey) {
		a.Passkey = json.RawMessage(f.Get(FieldPasskey))
	}
	return a
}

// chooseWay begins a challenge of the way that was chosen, which sends its
// code, and goes to a page that can be loaded again without sending another.
func (i *Interaction) chooseWay(w http.ResponseWriter, r *http.Request, p *login.Pending, b login.Browser, v FactorView) error {
	target := url.Values{FieldTransaction: {p.Param}, FieldMethod: {v.Way.ID}}
	if v.Way.Kind != storage.FactorWebAuthn {
		c, err := i.Login.Challenge(r.Context(), p, b, v.Way.ID)
		switch refusal, status, ok := refused(err); {
		case err == nil:
			target.Set(FieldChallenge, c.ID)
		case ok:
			v.Refusal = refusal
			return i.Renderer.Factor(w, status, v)
		default:
			return i.notWaiting(w, r, p, b, err)
		}
	}
	return i.See(w, r, PathFactor+"?"+target.Encode())
}

// toFactor goes on from a right password: the code of a factor that has one
// sent is on its way when the page opens, since the person pressed a button
// for it.
func (i *Interaction) toFactor(w http.ResponseWriter, r *http.Request, p *login.Pending, b login.Browser) error {
	waiting, err := i.Login.Waiting(r.Context(), p)
	if err != nil {
		return i.notWaiting(w, r, p, b, err)
	}
	v := i.factorView(r, p, waiting, "")
	if waiting.Step != login.StepFactor || !v.Way.sent() {
		return i.see(w, r, PathFactor, p.Param)
	}
	return i.chooseWay(w, r, p, b, v)
}

// arrived goes on after a right factor; by way of the backup codes, if it was
// the first.
func (i *Interaction) arrived(w http.ResponseWriter, r *http.Request, out login.Entered) error {
	if out.Step != login.StepBackupCodes {
		return i.follow(w, r, out.Outcome)
	}
	// The sign-in page of somebody who has signed in goes on by itself.
	return i.Renderer.BackupCodes(w, http.StatusOK, CodesView{
		Base: i.base(r, ""), Codes: out.BackupCodes, Continue: PathLogin + "?" + FieldTransaction + "=" + out.Param,
	})
}

// refused is what a page may say about an answer that was not accepted.
func refused(err error) (Refusal, int, bool) {
	if e, ok := errors.AsType[*mfa.WrongError](err); ok {
		if e.Remaining <= 0 {
			return Refusal{Error: FactorErrorBurnt}, http.StatusTooManyRequests, true
		}
		return Refusal{Error: FactorErrorWrong, Tries: e.Remaining}, http.StatusUnauthorized, true
	}
	if e, ok := errors.AsType[*guard.LockedError](err); ok {
		return Refusal{Error: FactorErrorLocked, RetryAfter: retry(e.RetryAfter)}, http.StatusLocked, true
	}
	if e, ok := errors.AsType[*guard.LimitedError](err); ok {
		return Refusal{Error: FactorErrorRateLimited, RetryAfter: retry(e.RetryAfter)}, http.StatusTooManyRequests, true
	}
	switch {
	case fault.Is(err, fault.TooManyAttempts):
		return Refusal{Error: FactorErrorBurnt}, http.StatusTooManyRequests, true
	case fault.Is(err, fault.ChallengeExpired), fault.Is(err, fault.NotFound), fault.Is(err, fault.MFANotSetUp):
		return Refusal{Error: FactorErrorExpired}, http.StatusBadRequest, true
	case fault.Is(err, fault.RateLimited):
		return Refusal{Error: FactorErrorSends}, http.StatusTooManyRequests, true
	case fault.Is(err, fault.Invalid), fault.Is(err, fault.Malformed):
		return Refusal{Error: FactorErrorPasskey}, http.StatusUnprocessableEntity, true
	case fault.Is(err, fault.Unavailable), errors.Is(err, storage.ErrUnavailable):
		return Refusal{Error: FactorErrorUnavailable}, http.StatusServiceUnavailable, true
	}
	return Refusal{}, 0, false
}
