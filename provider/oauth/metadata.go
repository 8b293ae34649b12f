package oauth

import "github.com/signet-idp/signet/provider/claims"

// Paths of the protocol endpoints below the issuer (design §11).
const (
	PathAuthorize  = "/oauth2/authorize"
	PathToken      = "/oauth2/token" //nolint:gosec // a path, not a credential
	PathUserInfo   = "/oauth2/userinfo"
	PathIntrospect = "/oauth2/introspect"
	PathRevoke     = "/oauth2/revoke"
	PathLogout     = "/oauth2/logout"
	PathJWKS       = "/.well-known/jwks.json"
	PathOpenID     = "/.well-known/openid-configuration"
	PathOAuth      = "/.well-known/oauth-authorization-server"
)

// Metadata are the members of discovery (OpenID Connect Discovery §3,
// RFC 8414 §2). Only what works is in it.
type Metadata struct {
	Issuer                                     string   `json:"issuer"`
	AuthorizationEndpoint                      string   `json:"authorization_endpoint"`
	TokenEndpoint                              string   `json:"token_endpoint"`
	UserInfoEndpoint                           string   `json:"userinfo_endpoint"`
	JWKSURI                                    string   `json:"jwks_uri"`
	EndSessionEndpoint                         string   `json:"end_session_endpoint"`
	IntrospectionEndpoint                      string   `json:"introspection_endpoint"`
	RevocationEndpoint                         string   `json:"revocation_endpoint"`
	ScopesSupported                            []string `json:"scopes_supported"`
	ResponseTypesSupported                     []string `json:"response_types_supported"`
	ResponseModesSupported                     []string `json:"response_modes_supported"`
	GrantTypesSupported                        []string `json:"grant_types_supported"`
	ACRValuesSupported                         []string `json:"acr_values_supported"`
	SubjectTypesSupported                      []string `json:"subject_types_supported"`
	IDTokenSigningAlgValuesSupported           []string `json:"id_token_signing_alg_values_supported"`
	RequestObjectSigningAlgValuesSupported     []string `json:"request_object_signing_alg_values_supported"`
	TokenEndpointAuthMethodsSupported          []string `json:"token_endpoint_auth_methods_supported"`
	TokenEndpointAuthSigningAlgValuesSupported []string `json:"token_endpoint_auth_signing_alg_values_supported"`
	IntrospectionEndpointAuthMethodsSupported  []string `json:"introspection_endpoint_auth_methods_supported"`
	RevocationEndpointAuthMethodsSupported     []string `json:"revocation_endpoint_auth_methods_supported"`
	DisplayValuesSupported                     []string `json:"display_values_supported"`
	PromptValuesSupported                      []string `json:"prompt_values_supported"`
	ClaimTypesSupported                        []string `json:"claim_types_supported"`
	ClaimsSupported                            []string `json:"claims_supported"`
	UILocalesSupported                         []string `json:"ui_locales_supported"`
	CodeChallengeMethodsSupported              []string `json:"code_challenge_methods_supported"`
	ClaimsParameterSupported                   bool     `json:"claims_parameter_supported"`
	RequestParameterSupported                  bool     `json:"request_parameter_supported"`
	RequestURIParameterSupported               bool     `json:"request_uri_parameter_supported"`
	AuthorizationResponseIssSupported          bool     `json:"authorization_response_iss_parameter_supported"`
	BackchannelLogoutSupported                 bool     `json:"backchannel_logout_supported"`
	BackchannelLogoutSessionSupported          bool     `json:"backchannel_logout_session_supported"`
}

// Metadata describes the provider. algs are the algorithms there are keys for,
// locales the languages of the pages.
func (p *Provider) Metadata(algs, locales []string) Metadata {
	assertions := []string{"RS256", "PS256", "ES256", "EdDSA"}
	methods := []string{"client_secret_basic", "client_secret_post", "private_key_jwt"}
	own := append([]string{"sid", "auth_time", "acr", "amr"}, claims.Supported()...)
	return Metadata{
		Issuer:                                     p.Issuer,
		AuthorizationEndpoint:                      p.Issuer + PathAuthorize,
		TokenEndpoint:                              p.Issuer + PathToken,
		UserInfoEndpoint:                           p.Issuer + PathUserInfo,
		JWKSURI:                                    p.Issuer + PathJWKS,
		EndSessionEndpoint:                         p.Issuer + PathLogout,
		IntrospectionEndpoint:                      p.Issuer + PathIntrospect,
		RevocationEndpoint:                         p.Issuer + PathRevoke,
		ScopesSupported:                            []string{"openid", "profile", "email", "address", "phone", "offline_access", "organization", "roles", "permissions"},
		ResponseTypesSupported:                     []string{"code"},
		ResponseModesSupported:                     []string{"query", "fragment", "form_post"},
		GrantTypesSupported:                        []string{"authorization_code", "refresh_token", "client_credentials"},
		ACRValuesSupported:                         []string{"aal1"},
		SubjectTypesSupported:                      []string{"public"},
		IDTokenSigningAlgValuesSupported:           algs,
		RequestObjectSigningAlgValuesSupported:     assertions,
		TokenEndpointAuthMethodsSupported:          append([]string{"none"}, methods...),
		TokenEndpointAuthSigningAlgValuesSupported: assertions,
		IntrospectionEndpointAuthMethodsSupported:  methods,
		RevocationEndpointAuthMethodsSupported:     append([]string{"none"}, methods...),
		DisplayValuesSupported:                     []string{"page", "popup", "touch", "wap"},
		PromptValuesSupported:                      []string{"none", "login", "consent", "select_account"},
		ClaimTypesSupported:                        []string{"normal"},
		ClaimsSupported:                            own,
		UILocalesSupported:                         locales,
		CodeChallengeMethodsSupported:              []string{"S256"},
		ClaimsParameterSupported:                   true,
		RequestParameterSupported:                  true,
		RequestURIParameterSupported:               false,
		AuthorizationResponseIssSupported:          true,
		BackchannelLogoutSupported:                 true,
		BackchannelLogoutSessionSupported:          true,
	}
}
