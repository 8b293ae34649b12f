package login

import (
	"context"
	"encoding/json"
	"errors"
	"slices"
	"time"

	"github.com/signet-idp/signet/provider/mfa"
	"github.com/signet-idp/signet/provider/oauth"
	"github.com/signet-idp/signet/provider/oauth/params"
	"github.com/signet-idp/signet/storage"
)

// next decides what a request still needs of its person. A protocol error ends
// the request.
func (s *Service) next(ctx context.Context, p *Pending, sess *storage.Session) (Step, error) {
	if err := achievable(p.Request); err != nil {
		return 0, err
	}
	if p.row.UserID != "" {
		return s.resumed(ctx, p)
	}
	again, err := s.needsLogin(ctx, p, sess)
	if err != nil {
		return 0, err
	}
	if again {
		return StepLogin, nil
	}
	if wanted := wantedSubject(p.Request); wanted != "" && wanted != sess.UserID {
		// They have just signed in, as somebody else than the client asks for.
		return 0, oauth.ErrLoginRequired()
	}
	if step, err := s.stronger(ctx, p, sess); err != nil || step != StepDone {
		return step, err
	}
	agreed, err := s.agreed(ctx, p, sess)
	if err != nil {
		return 0, err
	}
	if !agreed {
		return StepConsent, nil
	}
	return StepDone, nil
}

// resumed is the step of a login whose first factor was proven before. Where
// that does not stand any more, it begins again.
func (s *Service) resumed(ctx context.Context, p *Pending) (Step, error) {
	w, err := s.Waiting(ctx, p)
	if errors.Is(err, ErrCredentials) || errors.Is(err, ErrDisabled) || errors.Is(err, ErrUnverified) {
		return StepLogin, nil
	}
	return w.Step, err
}

// stronger is the step to what a client asks for beyond the password that the
// session was begun with; StepDone when there is none. A wish is granted where
// the person has a factor; a demand makes them set one up.
func (s *Service) stronger(ctx context.Context, p *Pending, sess *storage.Session) (Step, error) {
	if sess.ACR != ACRPassword || !s.wantsFactor(p.Request) {
		return StepDone, nil
	}
	u, err := s.Store.UserByID(ctx, sess.UserID)
	if err != nil {
		return 0, err
	}
	need, err := s.Factors.Need(ctx, u, nil, mfa.Asked{Wanted: true})
	switch {
	case err != nil:
		return 0, err
	case need.Factor:
		return StepFactor, nil
	case !demandsFactor(p.Request):
		return StepDone, nil
	case len(need.Allowed) == 0:
		return 0, oauth.ErrUnmetAuthentication()
	}
	return StepEnrol, nil
}

func (s *Service) needsLogin(ctx context.Context, p *Pending, sess *storage.Session) (bool, error) {
	if sess == nil {
		return true, nil
	}
	user, err := s.Store.UserByID(ctx, sess.UserID)
	if errors.Is(err, storage.ErrNotFound) {
		return true, nil
	}
	if err != nil {
		return false, err
	}
	if user.Status != storage.UserActive {
		return true, nil
	}
	if p.authenticated(sess) {
		return false, nil // within this transaction: nothing more can be asked
	}
	r := p.Request
	if r.Prompt.Login || r.Prompt.SelectAccount {
		return true, nil
	}
	if r.MaxAge.Set && tooOld(sess.AuthTime, r.MaxAge.Age, s.Clock.Now()) {
		return true, nil
	}
	wanted := wantedSubject(r)
	return wanted != "" && wanted != sess.UserID, nil
}

// tooOld says whether an authentication is older than max_age allows; 0 always
// is (OpenID Connect Core §3.1.2.1: like prompt=login).
func tooOld(authTime time.Time, age time.Duration, now time.Time) bool {
	return age == 0 || now.Sub(authTime) > age
}

// wantedSubject is the person that id_token_hint or the claims parameter name.
func wantedSubject(r *oauth.AuthorizeRequest) string {
	if r.Hint != nil {
		return r.Hint.Subject
	}
	if c, ok := r.Claims.IDToken["sub"]; ok && c.Value != nil {
		var sub string
		if json.Unmarshal(c.Value, &sub) == nil {
			return sub
		}
	}
	return ""
}

// achievable refuses a request for an acr that no login here reaches, when the
// client calls it essential (OpenID Connect Core §5.5.1.1). acr_values are a
// wish, and the acr in the ID token tells what became of it.
func achievable(r *oauth.AuthorizeRequest) error {
	c, ok := r.Claims.IDToken["acr"]
	if !ok || !c.Essential || c.Value == nil && len(c.Values) == 0 {
		return nil
	}
	for _, acr := range wantedACR(r) {
		if acr == ACRPassword || acr == ACRFactor {
			return nil
		}
	}
	return oauth.ErrUnmetAuthentication()
}

// agreed says whether the person has agreed to what the client asks for.
func (s *Service) agreed(ctx context.Context, p *Pending, sess *storage.Session) (bool, error) {
	r := p.Request
	if p.row.Consented && p.row.SessionID == sess.ID {
		return true, nil
	}
	if r.Prompt.Consent {
		return false, nil
	}
	if r.Client.Metadata.FirstParty {
		return true, nil
	}
	c, err := s.Store.Consent(ctx, sess.UserID, r.Client.ClientID)
	if errors.Is(err, storage.ErrNotFound) {
		return false, nil
	}
	if err != nil {
		return false, err
	}
	return covers(c.Scope, r.Disclosed()) && covers(c.Audience, r.Resources), nil
}

func covers(have []string, want params.Scopes) bool {
	for _, w := range want {
		if !slices.Contains(have, w) {
			return false
		}
	}
	return true
}
