package login

import (
	"context"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"time"

	"github.com/signet-idp/signet/keys"
	"github.com/signet-idp/signet/provider/change"
	"github.com/signet-idp/signet/provider/fault"
	"github.com/signet-idp/signet/provider/guard"
	"github.com/signet-idp/signet/provider/mfa"
	"github.com/signet-idp/signet/provider/oauth"
	"github.com/signet-idp/signet/provider/session"
	"github.com/signet-idp/signet/storage"
)

// A login of the JSON API that waits for its second factor is a row, found by
// the mfa_token, which is good for nothing else.
const (
	purposeWaiting  = "mfa_login"
	waitingLifetime = 5 * time.Minute
	waitingToken    = 32 // bytes of entropy
)

// waitingLogin is sealed in the row.
type waitingLogin struct {
	ClientID    string    `json:"c"`
	UserID      string    `json:"u"`
	ProvenAt    time.Time `json:"t"`
	AMR         []string  `json:"a"`
	DeviceName  string    `json:"n,omitempty"`
	DeviceToken string    `json:"d,omitempty"`
	Options     Options   `json:"o"`
}

// FactorError says that a right password is not enough: a second factor is to
// be proven, or set up, beside Token.
type FactorError struct {
	mfa.Need
	// Token is the mfa_token; it lives until Expiry.
	Token  string
	Expiry time.Time
	// Challenge is one for the factor that was asked for, else the primary one,
	// begun with the login; nil when a factor is to be set up, or none could be
	// begun.
	Challenge *mfa.Challenge
}

// Error implements error.
func (e *FactorError) Error() string { return "login: a second factor is to come" }

// second goes on after a right password: with the code that came along, or by
// *FactorError.
func (s *Service) second(ctx context.Context, w waitingLogin, need mfa.Need, in JSON) (Tokens, error) {
	if in.Code != "" && need.Factor {
		a := mfa.Answer{MethodID: method(need, in.Method, in.Code), Code: in.Code}
		id, err := s.earlier(ctx, w.UserID, need, a.MethodID)
		if err == nil && id == "" {
			_, id, _, err = s.waitJSON(ctx, w)
		}
		if err != nil {
			return Tokens{}, err
		}
		return s.FactorJSON(ctx, &PendingJSON{waitingLogin: w, id: id}, in.Device, in.Locale, a, false)
	}
	token, id, expiry, err := s.waitJSON(ctx, w)
	if err != nil {
		return Tokens{}, err
	}
	p := &PendingJSON{waitingLogin: w, id: id}
	out := &FactorError{Need: need, Token: token, Expiry: expiry}
	if need.Factor {
		h, _, err := s.jsonHolder(ctx, p, in.Device, in.Locale)
		if err != nil {
			return Tokens{}, err
		}
		c, err := s.Factors.Begin(ctx, h, in.Method)
		switch {
		case err == nil:
			out.Challenge = &c
		case fault.Is(err, fault.RateLimited), fault.Is(err, fault.Unavailable), fault.Is(err, fault.NotFound), fault.Is(err, fault.MFANotSetUp):
			// Another factor can still be challenged.
		default:
			return Tokens{}, err
		}
	}
	return Tokens{}, out
}

// earlier is the login that waits for a code that was sent: the person's last
// one, whose password has just been given once more. Empty when the method sends
// none, or none waits.
func (s *Service) earlier(ctx context.Context, userID string, need mfa.Need, methodID string) (string, error) {
	if !slices.ContainsFunc(need.Methods.Verified(), func(m mfa.Method) bool { return m.ID == methodID && sent(m) }) {
		return "", nil
	}
	l, err := s.Store.OpenLink(ctx, userID, purposeWaiting, s.Clock.Now())
	if errors.Is(err, storage.ErrNotFound) {
		return "", nil
	}
	return l.ID, err
}

func sent(m mfa.Method) bool { return m.Type == storage.FactorEmail || m.Type == storage.FactorSMS }

// method is the one that a code is of. When the login names none: an
// authenticator app, else what codes are sent to, else the backup codes, which
// are longer.
func method(need mfa.Need, named, code string) string {
	short, other := len(strings.TrimSpace(code)) < 8, ""
	for _, m := range need.Methods.Verified() {
		switch {
		case named == m.ID, named == m.Type, named == "" && short && m.Type == storage.FactorTOTP:
			return m.ID
		case named == "" && short && other == "" && sent(m):
			other = m.ID
		}
	}
	for _, id := range []string{named, other} {
		if id != "" {
			return id
		}
	}
	return mfa.TypeBackupCodes
}

func (s *Service) waitJSON(ctx context.Context, w waitingLogin) (token, id string, expiry time.Time, err error) {
	secret := make([]byte, waitingToken)
	if _, err := io.ReadFull(s.Rand, secret); err != nil {
		return "", "", expiry, fmt.Errorf("login: waiting: %w", err)
	}
	plain, err := json.Marshal(w)
	if err != nil {
		return "", "", expiry, fmt.Errorf("login: waiting: %w", err)
	}
	l := storage.Link{
		ID: storage.NewID(), Purpose: purposeWaiting, UserID: w.UserID, Hash: s.Key.Hash(waitingData(secret)),
		CreatedAt: w.ProvenAt, Expiry: w.ProvenAt.Add(waitingLifetime),
	}
	l.Data = s.Key.Seal(waitingBinding(l.ID), plain)
	if err := s.Store.InsertLink(ctx, l); err != nil {
		return "", "", expiry, fmt.Errorf("login: waiting: %w", err)
	}
	return base64.RawURLEncoding.EncodeToString(secret), l.ID, l.Expiry, nil
}

func waitingData(secret []byte) []byte     { return keys.Binding("links", purposeWaiting, string(secret)) }
func waitingBinding(id string) []byte      { return keys.Binding("links", "waiting login", id) }
func byAddress(d session.Device) guard.Who { return guard.Who{Address: d.IPAddress} }

// PendingJSON is a login of the JSON API that waits for its second factor.
type PendingJSON struct {
	waitingLogin
	id string
}

// ResumeJSON finds the login of an mfa_token; fault.ChallengeExpired when there
// is none, or it is over.
func (s *Service) ResumeJSON(ctx context.Context, token string) (*PendingJSON, error) {
	over := fault.New(fault.ChallengeExpired, "the login is over: it was completed or took too long; begin again")
	secret, err := base64.RawURLEncoding.Strict().DecodeString(token)
	if err != nil || len(secret) != waitingToken || strings.ContainsAny(token, "\r\n") {
		return nil, over
	}
	l, err := s.Store.LinkByHash(ctx, purposeWaiting, s.Key.Hash(waitingData(secret)))
	if errors.Is(err, storage.ErrNotFound) {
		return nil, over
	}
	if err != nil {
		return nil, fmt.Errorf("login: waiting: %w", err)
	}
	if !l.UsedAt.IsZero() || !s.Clock.Now().Before(l.Expiry) {
		return nil, over
	}
	p := &PendingJSON{id: l.ID}
	plain, err := s.Key.Open(waitingBinding(l.ID), l.Data)
	if err != nil {
		return nil, fmt.Errorf("login: waiting: %w", err)
	}
	if err := json.Unmarshal(plain, &p.waitingLogin); err != nil {
		return nil, fmt.Errorf("login: waiting: %w", err)
	}
	return p, nil
}

// jsonHolder is the person of a login that waits. ErrCredentials when what was
// proven does not stand any more.
func (s *Service) jsonHolder(ctx context.Context, p *PendingJSON, dev session.Device, locale string) (mfa.Holder, Waiting, error) {
	w, err := s.waitingFor(ctx, p.UserID, p.ProvenAt, p.AMR)
	if err != nil {
		return mfa.Holder{}, w, err
	}
	h := mfa.Holder{UserID: p.UserID, Context: "login:" + p.id, Purpose: mfa.PurposeLogin, Mailed: w.Mailed, Device: dev, Locale: locale}
	device, err := s.Factors.Device(ctx, p.UserID, p.DeviceToken)
	if device != nil {
		h.Known = device.ID
	}
	return h, w, err
}

// ChallengeJSON begins a challenge of a login that waits.
func (s *Service) ChallengeJSON(ctx context.Context, p *PendingJSON, dev session.Device, locale, method string) (mfa.Challenge, error) {
	h, _, err := s.jsonHolder(ctx, p, dev, locale)
	if err != nil {
		return mfa.Challenge{}, err
	}
	return s.Factors.Begin(ctx, h, method)
}

// EnrolJSON begins to set up the factor that a login waits for; fault.Forbidden
// when there is one already.
func (s *Service) EnrolJSON(ctx context.Context, p *PendingJSON, dev session.Device, locale string, r mfa.Request) (mfa.Enrolment, error) {
	h, w, err := s.jsonHolder(ctx, p, dev, locale)
	if err != nil {
		return mfa.Enrolment{}, err
	}
	if w.Step != StepEnrol {
		return mfa.Enrolment{}, fault.New(fault.Forbidden, "prove the second factor that there is first")
	}
	return s.Factors.Setup(ctx, h, r)
}

// FactorJSON takes the answer that a login waits for and gives its tokens.
// Errors: those of mfa.Service.Judge and Issue; fault.ChallengeExpired when the
// login was completed at the same time.
func (s *Service) FactorJSON(ctx context.Context, p *PendingJSON, dev session.Device, locale string, a mfa.Answer, trust bool) (Tokens, error) {
	h, w, err := s.jsonHolder(ctx, p, dev, locale)
	if err != nil {
		return Tokens{}, err
	}
	j, err := s.Factors.Judge(ctx, h, a)
	if err != nil {
		return Tokens{}, err
	}
	if dev.Name == "" {
		dev.Name = p.DeviceName
	}
	proof := byFactor(p.AMR, j)
	proof.Consume = func(ctx context.Context, c *change.Change, sessionID string) error {
		won, err := s.Store.UseLink(ctx, p.id, c.Now)
		if err != nil {
			return err
		}
		if !won {
			return fault.New(fault.ChallengeExpired, "the login was completed before")
		}
		return j.Consume(ctx, c, sessionID)
	}
	arriving := arrival{dev: dev, token: p.DeviceToken, locale: locale, trust: trust}
	if arriving.signals, err = s.unusual(ctx, w.User, dev, s.recognized(p.DeviceToken, dev)); err != nil {
		return Tokens{}, err
	}
	out, err := s.tokens(ctx, w.User, p.ClientID, arriving, proof, p.Options)
	if err != nil {
		return Tokens{}, j.Settle(ctx, err)
	}
	out.BackupCodes, out.MethodID, out.MethodType = j.BackupCodes, j.MethodID, j.Type
	s.Observer.Login(j.Type, "success", "")
	return out, nil
}

// SignedIn is somebody who is signed in, as their access token says.
type SignedIn struct {
	UserID    string
	SessionID string
	GrantID   string
	ClientID  string
	AMR       []string
	Device    session.Device
	Locale    string
}

// Holder is who answers challenges inside a session.
func (w SignedIn) Holder() mfa.Holder {
	return mfa.Holder{
		UserID: w.UserID, Context: "session:" + w.SessionID, Purpose: mfa.PurposeStepUp, Known: w.SessionID, Device: w.Device, Locale: w.Locale,
	}
}

// StepUp takes the answer to a challenge of somebody who is signed in: the
// session, and the grant of their token, are of two factors from now on, and
// recent. Issued is a new access token of that grant for a client of the JSON
// API; others refresh theirs. Errors: those of mfa.Service.Judge;
// fault.TokenRevoked when the session ended meanwhile.
func (s *Service) StepUp(ctx context.Context, w SignedIn, a mfa.Answer) (*mfa.Judged, oauth.Issued, error) {
	j, err := s.Factors.Judge(ctx, w.Holder(), a)
	if err != nil {
		return nil, oauth.Issued{}, err
	}
	auth := s.authentication(w, j)
	out, err := s.OAuth.StepUp(ctx, w.GrantID, auth, func(ctx context.Context, c *change.Change) error {
		return s.stepUp(ctx, c, w, j, auth)
	})
	err = j.Settle(ctx, err)
	return j, out, err
}
