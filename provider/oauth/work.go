package oauth

import (
	"context"
	"net/url"
	"time"

	"github.com/ory/fosite"

	"github.com/signet-idp/signet/provider/client"
	"github.com/signet-idp/signet/provider/token"
	"github.com/signet-idp/signet/storage"
)

// work is one request on its way through fosite: what was read, and what is to
// be written when everything else has succeeded.
type work struct {
	client *client.Client
	form   url.Values
	// head is the feed position applied here before memory was asked for the
	// client: what memory said is at least that new.
	head int64

	// state is the grant of a code or refresh token, as read.
	state *storage.GrantState
	// presented is the generation of the refresh token that was sent.
	presented int64
	// refused is why the refresh token is none that can be used; nil when it is.
	refused error
	// repeat: the refresh token sent is the direct predecessor, within the
	// grace: the successor is given again and nothing is written.
	repeat bool

	// grant is what an authorization is about to insert.
	grant *storage.Grant
	code  string

	// json: a refresh through the JSON API, which wants no ID token.
	json bool

	// scope is what the access token gets; target whom it is for.
	scope  []string
	target target
	// organization is the active organization of this answer.
	organization *storage.Organization
	roles        []string

	accessClaims *token.Claims
}

type workKey struct{}

func withWork(ctx context.Context, w *work) context.Context {
	return context.WithValue(ctx, workKey{}, w)
}

func workOf(ctx context.Context) *work {
	w, _ := ctx.Value(workKey{}).(*work)
	return w
}

// fositeClient shows a registered client to fosite. The redirect URI is the
// one of this request, which was matched before.
func (w *work) fositeClient() fosite.Client {
	return &fositeClient{c: w.client, w: w}
}

type fositeClient struct {
	c *client.Client
	w *work
}

var _ fosite.ResponseModeClient = (*fositeClient)(nil)

func (f *fositeClient) GetID() string                      { return f.c.ClientID }
func (f *fositeClient) GetHashedSecret() []byte            { return nil }
func (f *fositeClient) GetRedirectURIs() []string          { return []string{f.w.form.Get("redirect_uri")} }
func (f *fositeClient) GetResponseTypes() fosite.Arguments { return fosite.Arguments{"code"} }
func (f *fositeClient) GetScopes() fosite.Arguments {
	if f.w.state != nil {
		// fosite would refuse a refresh when the registration has lost a scope
		// since; decideRefresh takes that scope away instead.
		return f.w.state.Scope
	}
	return f.c.Scopes()
}
func (f *fositeClient) IsPublic() bool                { return f.c.Public() }
func (f *fositeClient) GetAudience() fosite.Arguments { return f.c.Metadata.Audience }
func (f *fositeClient) GetGrantTypes() fosite.Arguments {
	if len(f.c.Metadata.GrantTypes) == 0 {
		return fosite.Arguments{client.GrantCode}
	}
	return f.c.Metadata.GrantTypes
}

func (f *fositeClient) GetResponseModes() []fosite.ResponseModeType {
	return []fosite.ResponseModeType{
		fosite.ResponseModeDefault, fosite.ResponseModeQuery, fosite.ResponseModeFragment, fosite.ResponseModeFormPost,
	}
}

// fositeSession is what fosite wants to carry along. Our own state is in work;
// expiries that fosite computes with the machine's clock are ignored.
type fositeSession struct{ subject string }

var _ fosite.Session = (*fositeSession)(nil)

func (s *fositeSession) SetExpiresAt(fosite.TokenType, time.Time) {}
func (s *fositeSession) GetExpiresAt(fosite.TokenType) time.Time  { return time.Time{} }
func (s *fositeSession) GetUsername() string                      { return "" }
func (s *fositeSession) GetSubject() string                       { return s.subject }
func (s *fositeSession) Clone() fosite.Session                    { c := *s; return &c }
