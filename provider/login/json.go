package login

import (
	"context"

	"github.com/signet-idp/signet/provider/change"
	"github.com/signet-idp/signet/provider/mfa"
	"github.com/signet-idp/signet/provider/oauth"
	"github.com/signet-idp/signet/provider/risk"
	"github.com/signet-idp/signet/provider/session"
	"github.com/signet-idp/signet/storage"
)

// JSON is a login through the JSON API: name and password in, tokens out.
type JSON struct {
	ClientID string // a json_login client
	Username string
	Password string
	// Code proves a second factor at once, of Method (an id or a kind; empty: an
	// authenticator app or a backup code, whichever it looks like).
	Code   string
	Method string
	Device session.Device
	// DeviceToken is what an earlier login gave this device, or empty.
	DeviceToken string
	Locale      string
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

// Tokens are what a login through the JSON API gives.
type Tokens struct {
	oauth.Issued
	// DeviceToken lets this device be recognized at the next login; empty unless
	// it is trusted, or was known by it before.
	DeviceToken string
	// MethodID and MethodType are of the second factor that completed the login;
	// empty without.
	MethodID, MethodType string
	// BackupCodes came with the first factor; they are shown once.
	BackupCodes []string
}

// JSON signs a person in with name and password. Errors: those of Password
// (but for ErrConsumed), *FactorError when a second factor is to come, those of
// mfa.Service.Judge for a code that came along, and those of Issue.
func (s *Service) JSON(ctx context.Context, in JSON) (Tokens, error) {
	// Which clients may ask is settled before the password is looked at.
	if _, err := s.OAuth.DirectClient(ctx, in.ClientID); err != nil {
		return Tokens{}, err
	}
	u, device, err := s.verify(ctx, in.ClientID, in.Device, in.DeviceToken, in.Locale, in.Username, in.Password)
	if err != nil {
		return Tokens{}, err
	}
	signals, err := s.unusual(ctx, u, in.Device, s.recognized(in.DeviceToken, in.Device))
	if err != nil {
		return Tokens{}, err
	}
	need, err := s.Factors.Need(ctx, u, device, mfa.Asked{Suspicious: suspicious(signals)})
	if err != nil {
		return Tokens{}, err
	}
	if need.Factor || need.Enrol {
		w := waitingLogin{
			ClientID: in.ClientID, UserID: u.ID, ProvenAt: s.Clock.Now(), AMR: first(need, amrPassword), Options: in.Options,
			DeviceName: in.Device.Name, DeviceToken: in.DeviceToken,
		}
		return s.second(ctx, w, need, in)
	}
	a := arrival{dev: in.Device, token: in.DeviceToken, locale: in.Locale, signals: signals}
	out, err := s.tokens(ctx, u, in.ClientID, a, ByPassword(), in.Options)
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
	// Consume uses up what proved it, as part of the change that lets the
	// person in; nil when nothing is used up.
	Consume func(ctx context.Context, c *change.Change, sessionID string) error
}

func (p Proof) consume(ctx context.Context, c *change.Change, sessionID string) error {
	if p.Consume == nil {
		return nil
	}
	return p.Consume(ctx, c, sessionID)
}

// ByPassword is the proof of a right password.
func ByPassword() Proof {
	return Proof{Method: "password", ACR: ACRPassword, AMR: []string{amrPassword}}
}

// arrival is how a person comes to the JSON API.
type arrival struct {
	dev     session.Device
	token   string // the device's, or empty
	locale  string
	trust   bool // from now on
	signals []risk.Signal
}

// recognized is the token by which a device is known: its own, or what stands in
// for that of a program that keeps none.
func (s *Service) recognized(token string, dev session.Device) string {
	if token == "" {
		return s.Factors.AgentToken(dev.UserAgent)
	}
	return token
}

// tokens is Issue for a device that is to be recognized.
func (s *Service) tokens(ctx context.Context, u storage.User, clientID string, a arrival, proof Proof, o Options) (out Tokens, err error) {
	if out.DeviceToken = a.token; a.token == "" && a.trust {
		if out.DeviceToken, err = s.Factors.NewDeviceToken(); err != nil {
			return Tokens{}, err
		}
	}
	token := s.recognized(out.DeviceToken, a.dev)
	out.Issued, err = s.issue(ctx, u, clientID, a.dev, proof, o, func(ctx context.Context, c *change.Change, sess storage.Session) (bool, error) {
		tell(c, a.signals, sess, clientID, a.dev)
		return s.arrive(ctx, c, u, a.dev, token, a.locale, a.trust)
	})
	if err == nil {
		s.noted(ctx, u, a.signals)
	}
	return out, err
}

// Issue begins a session of the JSON API for somebody who has just proven who
// they are, and gives its first tokens: after a password, a second factor, or
// the registration of the account. Rows and events (session.created, user.login,
// grant.created) commit together. u is the account as it was when the proof was
// judged: ErrDisabled and ErrCredentials when it was suspended or got another
// password since. fault.Forbidden when the client may not do this, or the person
// is no member of the organization asked for.
func (s *Service) Issue(ctx context.Context, u storage.User, clientID string, dev session.Device, proof Proof, o Options) (oauth.Issued, error) {
	return s.issue(ctx, u, clientID, dev, proof, o, func(context.Context, *change.Change, storage.Session) (bool, error) { return false, nil })
}

func (s *Service) issue(ctx context.Context, u storage.User, clientID string, dev session.Device, proof Proof, o Options, arrive func(context.Context, *change.Change, storage.Session) (fresh bool, err error)) (oauth.Issued, error) {
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
		if err := proof.consume(ctx, c, sess.ID); err != nil {
			return err
		}
		fresh, err := arrive(ctx, c, sess)
		if err != nil {
			return err
		}
		c.Record(signedIn(sess, organizationID, clientID, proof.Method, dev, fresh))
		return nil
	})
}
