package login

import (
	"context"
	"errors"

	"github.com/signet-idp/signet/provider/change"
	"github.com/signet-idp/signet/provider/client"
	"github.com/signet-idp/signet/provider/fault"
	"github.com/signet-idp/signet/provider/mfa"
	"github.com/signet-idp/signet/provider/oauth"
	"github.com/signet-idp/signet/provider/oauth/params"
	"github.com/signet-idp/signet/provider/session"
	"github.com/signet-idp/signet/storage"
)

// OwnClient is the client of logins to pages of ours: no code is given out.
const OwnClient = client.OwnPages

// Own is a login to a page of ours instead of a client.
type Own struct {
	// Back is where the person goes on: a path below the issuer, made by us. It
	// travels sealed, so that nobody else says where a login leads.
	Back string `json:"b"`
	// Confirm asks somebody who is signed in for a recent authentication, with
	// their second factor if they have one: what mfa.Service.Recent wants.
	Confirm bool `json:"c,omitempty"`
	// Hint is the address that the sign-in page is filled with.
	Hint string `json:"h,omitempty"`
}

// StartOwn begins such a login, and takes it as far as it goes without asking
// the person anything.
func (s *Service) StartOwn(ctx context.Context, o Own, b Browser) (Outcome, error) {
	return s.advance(ctx, &Pending{Request: s.ownRequest(o), Own: &o, fresh: true}, b)
}

// ownRequest is what a client would ask for in its place.
func (s *Service) ownRequest(o Own) *oauth.AuthorizeRequest {
	r := &oauth.AuthorizeRequest{LoginHint: o.Hint, Client: &client.Client{Client: storage.Client{
		ClientID: OwnClient, Metadata: storage.ClientMetadata{FirstParty: true},
	}}}
	if o.Confirm {
		r.MaxAge = params.MaxAge{Set: true, Age: s.Factors.Settings.Recent}
		r.ACRValues = []string{ACRFactor}
	}
	return r
}

func (s *Service) completeOwn(ctx context.Context, p *Pending, b Browser) (Outcome, error) {
	if !p.fresh {
		if err := s.consume(ctx, p); err != nil {
			return Outcome{}, err
		}
	}
	if err := s.Sessions.Touch(ctx, b.Session.ID); err != nil && !errors.Is(err, session.ErrNone) {
		return Outcome{}, err
	}
	return Outcome{Step: StepDone, Back: p.Own.Back}, nil
}

// SetUp takes the first answer of a factor that somebody sets up on a page of
// ours: their browser session is of two factors from now on, and recent. Errors:
// those of mfa.Service.Judge; fault.TokenRevoked when the session ended
// meanwhile.
func (s *Service) SetUp(ctx context.Context, w SignedIn, a mfa.Answer) (*mfa.Judged, error) {
	j, err := s.Factors.Judge(ctx, w.Holder(), a)
	if err != nil {
		return nil, err
	}
	return j, s.Change.Do(ctx, "login: set up", func(ctx context.Context, c *change.Change) error {
		return s.stepUp(ctx, c, w, j, s.authentication(w, j))
	})
}

// authentication is what a right answer in a session proves.
func (s *Service) authentication(w SignedIn, j *mfa.Judged) session.Authentication {
	return session.Authentication{UserID: w.UserID, Time: s.Clock.Now(), ACR: ACRFactor, AMR: mfa.Union(w.AMR, j.AMR)}
}

// stepUp uses the answer up and notes in the session what it proves.
func (s *Service) stepUp(ctx context.Context, c *change.Change, w SignedIn, j *mfa.Judged, auth session.Authentication) error {
	if err := j.Consume(ctx, c, w.SessionID); err != nil {
		return err
	}
	err := s.Store.Reauthenticate(ctx, w.SessionID, auth.Time, auth.ACR, auth.AMR)
	if errors.Is(err, storage.ErrNotFound) {
		return fault.Wrap(err, fault.TokenRevoked, "the session has ended")
	}
	return err
}
