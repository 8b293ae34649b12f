package oauth

import (
	"context"
	"crypto/sha512"
	"hash"
	"html/template"
	"net/http"
	"net/url"
	"time"

	"github.com/hashicorp/go-retryablehttp"
	"github.com/ory/fosite"
	"github.com/ory/fosite/handler/oauth2"
	"github.com/ory/fosite/handler/pkce"
	"github.com/ory/fosite/i18n"
	"github.com/ory/fosite/token/jwt"
)

// compose builds fosite from an explicit list of handlers. compose.Compose of
// fosite itself is not used: it wants the lazily filled fosite.Config, whose
// getters write to it (a data race), and drops handlers of equal type.
func compose(p *Provider) *fosite.Fosite {
	cfg := &config{p: p}
	st := &store{p: p}
	strat := &strategy{p: p}
	code := &oauth2.AuthorizeExplicitGrantHandler{
		AccessTokenStrategy: strat, RefreshTokenStrategy: strat, AuthorizeCodeStrategy: strat,
		CoreStorage: st, TokenRevocationStorage: st, Config: cfg,
	}
	proof := &pkce.Handler{AuthorizeCodeStrategy: strat, Storage: st, Config: cfg}
	cfg.authorize = fosite.AuthorizeEndpointHandlers{code, proof}
	cfg.token = fosite.TokenEndpointHandlers{
		code,
		proof,
		&oauth2.ClientCredentialsGrantHandler{
			HandleHelper: &oauth2.HandleHelper{AccessTokenStrategy: strat, AccessTokenStorage: st, Config: cfg},
			Config:       cfg,
		},
		&oauth2.RefreshTokenGrantHandler{
			AccessTokenStrategy: strat, RefreshTokenStrategy: strat, TokenRevocationStorage: st, Config: cfg,
		},
		&idTokenHandler{p: p}, // last: the ID token holds the hash of the access token
	}
	return fosite.NewOAuth2Provider(st, cfg)
}

// config is fosite's configuration. It never changes once composed.
type config struct {
	p         *Provider
	authorize fosite.AuthorizeEndpointHandlers
	token     fosite.TokenEndpointHandlers
}

var _ fosite.Configurator = (*config)(nil)

func (c *config) GetAuthorizeEndpointHandlers(context.Context) fosite.AuthorizeEndpointHandlers {
	return c.authorize
}

func (c *config) GetTokenEndpointHandlers(context.Context) fosite.TokenEndpointHandlers {
	return c.token
}

// Introspection and revocation are ours: fosite's let any client ask about any
// token and answer 200 when the store failed.
func (c *config) GetTokenIntrospectionHandlers(context.Context) fosite.TokenIntrospectionHandlers {
	return nil
}
func (c *config) GetRevocationHandlers(context.Context) fosite.RevocationHandlers { return nil }

// GetClientAuthenticationStrategy hands over the client that clientauth.go
// authenticated before fosite was called.
func (c *config) GetClientAuthenticationStrategy(context.Context) fosite.ClientAuthenticationStrategy {
	return func(ctx context.Context, _ *http.Request, _ url.Values) (fosite.Client, error) {
		w := workOf(ctx)
		if w == nil || w.client == nil {
			return nil, errInvalidClient()
		}
		return w.fositeClient(), nil
	}
}

func exact(haystack []string, needle string) bool {
	for _, s := range haystack {
		if s == needle {
			return true
		}
	}
	return false
}

func (c *config) GetScopeStrategy(context.Context) fosite.ScopeStrategy { return exact }

// GetAudienceStrategy lets everything pass: resources are checked in target.go
// (RFC 8707), fosite's non-standard audience parameter never reaches it.
func (c *config) GetAudienceStrategy(context.Context) fosite.AudienceMatchingStrategy {
	return func([]string, []string) error { return nil }
}

func (c *config) GetEnforcePKCE(context.Context) bool                 { return true }
func (c *config) GetEnforcePKCEForPublicClients(context.Context) bool { return true }
func (c *config) GetEnablePKCEPlainChallengeMethod(context.Context) bool {
	return false
}

// GetMinParameterEntropy is asked for state; a positive number is needed, or
// fosite falls back to its own 8. ParseAuthorize deals with an empty state.
func (c *config) GetMinParameterEntropy(context.Context) int { return 1 }

func (c *config) GetRedirectSecureChecker(context.Context) func(context.Context, *url.URL) bool {
	// Checked when the client is registered (provider/oauth/redirect).
	return func(context.Context, *url.URL) bool { return true }
}
func (c *config) GetRefreshTokenScopes(context.Context) []string { return []string{} }

func (c *config) GetAccessTokenLifespan(context.Context) time.Duration {
	return c.p.Lifetimes.AccessToken
}

func (c *config) GetRefreshTokenLifespan(context.Context) time.Duration {
	return c.p.Lifetimes.RefreshIdle
}

func (c *config) GetAuthorizeCodeLifespan(context.Context) time.Duration {
	return c.p.Lifetimes.Code
}
func (c *config) GetIDTokenLifespan(context.Context) time.Duration { return c.p.Lifetimes.IDToken }
func (c *config) GetVerifiableCredentialsNonceLifespan(context.Context) time.Duration {
	return time.Minute
}
func (c *config) GetIDTokenIssuer(context.Context) string     { return c.p.Issuer }
func (c *config) GetAccessTokenIssuer(context.Context) string { return c.p.Issuer }
func (c *config) GetTokenURLs(context.Context) []string {
	return []string{c.p.Issuer + PathToken, c.p.Issuer}
}

func (c *config) GetAllowedPrompts(context.Context) []string {
	return []string{"none", "login", "consent", "select_account"}
}
func (c *config) GetOmitRedirectScopeParam(context.Context) bool { return true }
func (c *config) GetSanitationWhiteList(context.Context) []string {
	return []string{"redirect_uri"}
}
func (c *config) GetDisableRefreshTokenValidation(context.Context) bool { return false }
func (c *config) GetSendDebugMessagesToClients(context.Context) bool    { return false }
func (c *config) GetUseLegacyErrorFormat(context.Context) bool          { return false }
func (c *config) GetJWTScopeField(context.Context) jwt.JWTScopeFieldEnum {
	return jwt.JWTScopeFieldString
}
func (c *config) GetMessageCatalog(context.Context) i18n.MessageCatalog { return nil }

// What follows is never used by the handlers composed here.

func (c *config) GetGrantTypeJWTBearerCanSkipClientAuth(context.Context) bool  { return false }
func (c *config) GetGrantTypeJWTBearerIDOptional(context.Context) bool         { return false }
func (c *config) GetGrantTypeJWTBearerIssuedDateOptional(context.Context) bool { return false }
func (c *config) GetJWTMaxDuration(context.Context) time.Duration              { return time.Hour }
func (c *config) GetTokenEntropy(context.Context) int                          { return 32 }
func (c *config) GetGlobalSecret(context.Context) ([]byte, error)              { return nil, nil }
func (c *config) GetRotatedGlobalSecrets(context.Context) ([][]byte, error)    { return nil, nil }
func (c *config) GetHMACHasher(context.Context) func() hash.Hash               { return sha512.New512_256 }

func (c *config) GetJWKSFetcherStrategy(context.Context) fosite.JWKSFetcherStrategy {
	return nil
}
func (c *config) GetHTTPClient(context.Context) *retryablehttp.Client { return nil }
func (c *config) GetResponseModeHandlerExtension(context.Context) fosite.ResponseModeHandler {
	return nil
}
func (c *config) GetFormPostHTMLTemplate(context.Context) *template.Template { return nil }
func (c *config) GetSecretsHasher(context.Context) fosite.Hasher             { return nil }
