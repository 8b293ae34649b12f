package oidc

// The parameters of the protocol endpoints, for the API document: they arrive
// as forms and are read by package params, each at most once but resource.

// credentials are the ways of a client to authenticate in the form.
type credentials struct {
	ClientID            string `json:"client_id" doc:"Who asks, unless the Authorization header says so."`
	ClientSecret        string `json:"client_secret" doc:"With client_secret_post."`
	ClientAssertionType string `json:"client_assertion_type" doc:"With private_key_jwt: urn:ietf:params:oauth:client-assertion-type:jwt-bearer."`
	ClientAssertion     string `json:"client_assertion" doc:"With private_key_jwt: a JWT signed by the client (RFC 7523)."`
}

// TokenRequest is what the token endpoint takes (RFC 6749 §4.1.3, §4.4.2, §6).
type TokenRequest struct {
	GrantType    string   `json:"grant_type" required:"true" enum:"authorization_code,refresh_token,client_credentials" doc:"What is exchanged."`
	Code         string   `json:"code" doc:"authorization_code: the code."`
	RedirectURI  string   `json:"redirect_uri" doc:"authorization_code: the redirect_uri of the authorization request."`
	CodeVerifier string   `json:"code_verifier" doc:"authorization_code: the PKCE verifier (RFC 7636)."`
	RefreshToken string   `json:"refresh_token" doc:"refresh_token: the newest one; the answer holds its successor."`
	Scope        string   `json:"scope" doc:"Space-separated; refresh_token: a part of what was granted."`
	Resource     []string `json:"resource" doc:"The APIs the access token is for (RFC 8707)."`
	Audience     string   `json:"audience" doc:"The same under the name that other providers use."`
	Organization string   `json:"organization" doc:"refresh_token: the organization to act in from now on, id or slug."`
	credentials
}

// InspectRequest is what introspection and revocation take (RFC 7662 §2.1,
// RFC 7009 §2.1).
type InspectRequest struct {
	Token         string `json:"token" required:"true" doc:"The token."`
	TokenTypeHint string `json:"token_type_hint" doc:"access_token or refresh_token; found out anyway."`
	credentials
}

// UserInfoRequest is the form of userinfo for clients that cannot set a header
// (RFC 6750 §2.2).
type UserInfoRequest struct {
	AccessToken string `json:"access_token" doc:"The access token, unless the Authorization header holds it."`
}

// AuthorizeQuery is an authorization request (RFC 6749 §4.1.1, OpenID Connect
// Core §3.1.2.1).
type AuthorizeQuery struct {
	ClientID            string   `json:"client_id" required:"true" doc:"Who asks."`
	ResponseType        string   `json:"response_type" required:"true" enum:"code" doc:"What is asked for."`
	RedirectURI         string   `json:"redirect_uri" doc:"Where the answer goes; one that is registered."`
	Scope               string   `json:"scope" doc:"Space-separated."`
	State               string   `json:"state" doc:"Comes back with the answer."`
	Nonce               string   `json:"nonce" doc:"Comes back in the ID token."`
	CodeChallenge       string   `json:"code_challenge" required:"true" doc:"PKCE (RFC 7636)."`
	CodeChallengeMethod string   `json:"code_challenge_method" required:"true" enum:"S256" doc:"S256 only."`
	ResponseMode        string   `json:"response_mode" doc:"query or form_post."`
	Prompt              string   `json:"prompt" doc:"none, login, consent, select_account."`
	MaxAge              int      `json:"max_age" doc:"Seconds since the last authentication that are accepted."`
	LoginHint           string   `json:"login_hint" doc:"Fills in the name at sign-in."`
	IDTokenHint         string   `json:"id_token_hint" doc:"An ID token of the person expected."`
	UILocales           string   `json:"ui_locales" doc:"Languages of the pages, the preferred first."`
	ACRValues           string   `json:"acr_values" doc:"Assurance levels asked for."`
	Display             string   `json:"display" doc:"page or popup."`
	Claims              string   `json:"claims" doc:"Single claims (OpenID Connect Core §5.5)."`
	Request             string   `json:"request" doc:"The parameters as a signed JWT (RFC 9101)."`
	Resource            []string `json:"resource" doc:"The APIs the access token is for (RFC 8707)."`
	Organization        string   `json:"organization" doc:"The organization to act in, id or slug."`
}
