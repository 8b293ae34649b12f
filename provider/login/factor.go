package login

import (
	"context"
	"encoding/json"
	"errors"
	"slices"
	"time"

	"github.com/mileusna/useragent"

	"github.com/signet-idp/signet/provider/change"
	"github.com/signet-idp/signet/provider/mfa"
	"github.com/signet-idp/signet/provider/notify"
	"github.com/signet-idp/signet/provider/oauth"
	"github.com/signet-idp/signet/provider/session"
	"github.com/signet-idp/signet/storage"
)

// ErrNotWaiting says that a login waits for no second factor.
var ErrNotWaiting = errors.New("login: no second factor is waited for")

// wantsFactor says whether a client asks for more than a password: by
// acr_values, or by the claims parameter.
func (s *Service) wantsFactor(r *oauth.AuthorizeRequest) bool {
	if len(r.ACRValues) > 0 && r.ACRValues[0] == ACRFactor {
		return true
	}
	wanted := wantedACR(r)
	return len(wanted) > 0 && !slices.Contains(wanted, ACRPassword)
}

// demandsFactor says whether nothing less will do.
func demandsFactor(r *oauth.AuthorizeRequest) bool {
	c, ok := r.Claims.IDToken["acr"]
	return ok && c.Essential && len(wantedACR(r)) > 0 && !slices.Contains(wantedACR(r), ACRPassword)
}

// wantedACR are the values that the claims parameter names.
func wantedACR(r *oauth.AuthorizeRequest) []string {
	c, ok := r.Claims.IDToken["acr"]
	if !ok {
		return nil
	}
	all := slices.Clone(c.Values)
	if c.Value != nil {
		all = append(all, c.Value)
	}
	var out []string
	for _, v := range all {
		var text string
		if json.Unmarshal(v, &text) == nil {
			out = append(out, text)
		}
	}
	return out
}

// wait notes whom a first factor has proven; a second one is to come.
func (s *Service) wait(ctx context.Context, p *Pending, u storage.User, amr []string) (Entered, error) {
	p.row.UserID, p.row.ProvenAt, p.row.AMR = u.ID, s.Clock.Now(), amr
	if err := s.put(ctx, p); err != nil {
		return Entered{}, err
	}
	w, err := s.Waiting(ctx, p)
	return Entered{Outcome: Outcome{Step: w.Step, Param: p.Param}}, err
}

// Waiting is a login that waits for its second factor.
type Waiting struct {
	Step Step // StepFactor or StepEnrol
	User storage.User
	mfa.Need
}

// Waiting says what a login waits for. ErrNotWaiting when it is no factor,
// ErrCredentials when what was proven does not stand any more: the password was
// changed, or the account cannot be used.
func (s *Service) Waiting(ctx context.Context, p *Pending) (Waiting, error) {
	if p.row.UserID == "" {
		return Waiting{}, ErrNotWaiting
	}
	return s.waitingFor(ctx, p.row.UserID, p.row.ProvenAt, p.row.AMR)
}

// waitingFor is Waiting for whoever was proven how and when.
func (s *Service) waitingFor(ctx context.Context, userID string, provenAt time.Time, amr []string) (Waiting, error) {
	u, err := s.Store.UserByID(ctx, userID)
	if errors.Is(err, storage.ErrNotFound) {
		return Waiting{}, ErrCredentials
	}
	if err != nil {
		return Waiting{}, err
	}
	if err := s.usable(u); err != nil {
		return Waiting{}, err
	}
	if u.PasswordChangedAt.After(provenAt) {
		return Waiting{}, ErrCredentials
	}
	w := Waiting{User: u, Step: StepFactor}
	odd := slices.Contains(amr, amrRisk)
	if w.Need, err = s.Factors.Need(ctx, u, nil, mfa.Asked{Wanted: true, Suspicious: odd}); err != nil {
		return Waiting{}, err
	}
	switch {
	case w.Factor:
	case odd && !w.Enrol:
		return Waiting{}, ErrCredentials // the policy was changed meanwhile: begin again
	default:
		w.Step = StepEnrol
	}
	return w, nil
}

// holder is the person of a login that waits.
func (s *Service) holder(ctx context.Context, p *Pending, b Browser) (mfa.Holder, storage.User, error) {
	w, err := s.Waiting(ctx, p)
	if err != nil {
		return mfa.Holder{}, storage.User{}, err
	}
	h := mfa.Holder{
		UserID: w.User.ID, Context: "login:" + p.row.ID, Purpose: mfa.PurposeLogin, Mailed: w.Mailed, Device: b.Device, Locale: b.Locale,
	}
	device, err := s.Factors.Device(ctx, w.User.ID, b.ID)
	if device != nil {
		h.Known = device.ID
	}
	return h, w.User, err
}

// Challenge begins a challenge of a login that waits (mfa.Service.Begin).
func (s *Service) Challenge(ctx context.Context, p *Pending, b Browser, method string) (mfa.Challenge, error) {
	h, _, err := s.holder(ctx, p, b)
	if err != nil {
		return mfa.Challenge{}, err
	}
	return s.Factors.Begin(ctx, h, method)
}

// Enrol begins to set up the factor that a login waits for
// (mfa.Service.Setup). ErrNotWaiting when there is one already: a password alone
// must not add another.
func (s *Service) Enrol(ctx context.Context, p *Pending, b Browser, r mfa.Request) (mfa.Enrolment, error) {
	h, _, err := s.holder(ctx, p, b)
	if err != nil {
		return mfa.Enrolment{}, err
	}
	if w, err := s.Waiting(ctx, p); err != nil || w.Step != StepEnrol {
		return mfa.Enrolment{}, errors.Join(err, ErrNotWaiting)
	}
	return s.Factors.Setup(ctx, h, r)
}

// Factor takes the answer to a challenge of a login that waits, or the first of
// a factor that is set up in it, and signs the person in. trust asks for no
// second factor on this device for a while. Errors: those of Waiting and of
// mfa.Service.Judge, ErrConsumed.
func (s *Service) Factor(ctx context.Context, p *Pending, b Browser, a mfa.Answer, trust bool) (Entered, error) {
	h, u, err := s.holder(ctx, p, b)
	if err != nil {
		return Entered{}, err
	}
	j, err := s.Factors.Judge(ctx, h, a)
	if err != nil {
		return Entered{}, err
	}
	signals, err := s.unusual(ctx, u, b.Device, b.ID)
	if err != nil {
		return Entered{}, err
	}
	out, err := s.signIn(ctx, p, b, u, byFactor(p.row.AMR, j), signals, trust)
	if err != nil {
		return Entered{}, j.Settle(ctx, err)
	}
	if out.BackupCodes = j.BackupCodes; out.BackupCodes != nil {
		// They are to be kept before the person goes on, and the client's code
		// would not live that long.
		out.Outcome = Outcome{Step: StepBackupCodes, Param: p.Param}
		return out, nil
	}
	return s.goOn(ctx, p, b, out)
}

// PasskeyOptions begins a login with a passkey instead of a password: options
// for navigator.credentials.get, and a state for Passkey that may travel
// through the browser.
func (s *Service) PasskeyOptions(ctx context.Context, p *Pending) (options json.RawMessage, state []byte, err error) {
	return s.Factors.Discover(ctx, p.row.ID)
}

// Passkey signs in the person whose passkey answers. Errors: ErrCredentials for
// an unknown one, fault.Malformed with the reason for one that cannot be right,
// ErrDisabled, ErrUnverified, *guard.LimitedError, ErrConsumed.
func (s *Service) Passkey(ctx context.Context, p *Pending, b Browser, state []byte, answer json.RawMessage) (Entered, error) {
	if err := s.Guard.Check(ctx, byAddress(b.Device)); err != nil {
		return Entered{}, err
	}
	h := mfa.Holder{Context: "login:" + p.row.ID, Purpose: mfa.PurposeLogin, Device: b.Device, Locale: b.Locale}
	j, u, err := s.Factors.Discovered(ctx, h, p.row.ID, state, answer)
	if err != nil {
		s.Observer.Login("passkey", "failure", "credentials")
		return Entered{}, err
	}
	if err := s.usable(u); err != nil {
		return Entered{}, err
	}
	proof := Proof{Method: "passkey", ACR: ACRFactor, AMR: j.AMR, Consume: j.Consume}
	signals, err := s.unusual(ctx, u, b.Device, b.ID)
	if err != nil {
		return Entered{}, err
	}
	out, err := s.signIn(ctx, p, b, u, proof, signals, false)
	if err != nil {
		return Entered{}, err
	}
	return s.goOn(ctx, p, b, out)
}

// byFactor is the proof of a second factor after a first one. Somebody who has
// set none up has shown that the account's mail is theirs, and no factor.
func byFactor(first []string, j *mfa.Judged) Proof {
	if j.MethodID == mfa.MailedCode {
		return Proof{Method: j.Type, ACR: ACRPassword, AMR: append(slices.Clone(first), j.AMR...), Consume: j.Consume}
	}
	return Proof{Method: j.Type, ACR: ACRFactor, AMR: mfa.Union(first, j.AMR), Consume: j.Consume}
}

// arrive notes with what device a person came, and tells them of a new one.
func (s *Service) arrive(ctx context.Context, c *change.Change, u storage.User, dev session.Device, token, locale string, trust bool) (fresh bool, err error) {
	if token == "" {
		return false, nil
	}
	if fresh, err = s.Factors.Remember(ctx, c, u.ID, token, dev, trust); err != nil || !fresh || u.Email == "" {
		return fresh, err
	}
	if own, ok := u.Profile["locale"].(string); ok && own != "" {
		locale = own
	}
	return fresh, s.Factors.Messages.Queue(ctx, notify.Message{
		Channel: notify.Email, Kind: notify.NewDevice, To: u.Email, Locale: locale, UserID: u.ID,
		Values: notify.Values{At: c.Now, Device: orUnknown(deviceName(dev)), Address: orUnknown(dev.IPAddress)},
	})
}

// deviceName is what a person calls the device, or what it says of itself:
// "Firefox on Linux".
func deviceName(dev session.Device) string {
	if dev.Name != "" {
		return dev.Name
	}
	ua := useragent.Parse(dev.UserAgent)
	if ua.Name == "" || ua.OS == "" {
		return ua.Name
	}
	return ua.Name + " on " + ua.OS
}

func orUnknown(text string) string {
	if text == "" {
		return "?"
	}
	return text
}
