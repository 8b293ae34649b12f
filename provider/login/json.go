package login

import (
	"context"

	"github.com/signet-idp/signet/provider/change"
	"github.com/signet-idp/signet/provider/oauth"
	"github.com/signet-idp/signet/provider/session"
	"github.com/signet-idp/signet/storage"
)

// JSON is a login through the JSON API: name and password in, tokens out.
type JSON struct {
	ClientID string // a json_login client
	Username string
	Password string
	Device   session.Device
	Options
}

// Options of a login through the JSON API.
type Options struct {
	// Organization is the id or slug of the organization to be active; empty:
	// the one last used.
	Organization string
	// Remember gives refresh tokens more time.
	Remember bool
}

// JSON signs a person in with name and password. Errors: those of Password
// (but for ErrConsumed), ErrUnverified, *LimitedError, and those of Issue.
func (s *Service) JSON(ctx context.Context, in JSON) (oauth.Issued, error) {
	// Which clients may ask is settled before the password is looked at.
	if _, err := s.OAuth.DirectClient(ctx, in.ClientID); err != nil {
		return oauth.Issued{}, err
	}
	u, err := s.verify(ctx, in.ClientID, in.Device, in.Username, in.Password)
	if err != nil {
		return oauth.Issued{}, err
	}
	out, err := s.Issue(ctx, u, in.ClientID, in.Device, ByPassword(), in.Options)
	if err == nil {
		s.Observer.Login("password", "success", "")
	}
	return out, err
}

// Proof is what a person has proven: the method for the record, acr and amr
// (RFC 8176) for the tokens.
type Proof struct {
	Method string
	ACR    string
	AMR    []string
}

// ByPassword is the proof of a right password.
func ByPassword() Proof {
	return Proof{Method: "password", ACR: ACRPassword, AMR: []string{amrPassword}}
}

// Issue begins a session of the JSON API for somebody who has just proven who
// they are, and gives its first tokens: after a password, a second factor, or
// the registration of the account. Rows and events (session.created, user.login,
// grant.created) commit together. u is the account as it was when the proof was
// judged: ErrDisabled and ErrCredentials when it was suspended or got another
// password since. fault.Forbidden when the client may not do this, or the person
// is no member of the organization asked for.
func (s *Service) Issue(ctx context.Context, u storage.User, clientID string, dev session.Device, proof Proof, o Options) (oauth.Issued, error) {
	auth := session.Authentication{UserID: u.ID, Time: s.Clock.Now(), ACR: proof.ACR, AMR: proof.AMR}
	direct := oauth.Direct{ClientID: clientID, User: u, Auth: auth, Device: dev, Remember: o.Remember, Organization: o.Organization}
	return s.OAuth.IssueDirect(ctx, direct, func(ctx context.Context, c *change.Change, sess storage.Session, organizationID string) error {
		// Belonging nowhere at the moment does not forget where one was last.
		last := organizationID
		if last == "" {
			last = u.LastOrganizationID
		}
		if err := s.lockPerson(ctx, u, last, c.Now); err != nil {
			return err
		}
		c.Record(signedIn(sess, organizationID, clientID, proof.Method, dev))
		return nil
	})
}
