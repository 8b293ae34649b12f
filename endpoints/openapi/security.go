package openapi

import (
	"slices"

	"github.com/signet-idp/signet/endpoints/web"
)

// Names of the security schemes.
const (
	schemeBearer  = "bearer"
	schemeOAuth   = "oauth2"
	schemeClient  = "client"
	schemeSession = "session"
)

func securitySchemes(o Options) map[string]*SecurityScheme {
	token := o.Issuer + "/oauth2/token"
	return map[string]*SecurityScheme{
		schemeBearer: {
			Type: "http", Scheme: "bearer", BearerFormat: "JWT",
			Description: "An access token of this issuer whose aud holds the issuer.",
		},
		schemeOAuth: {
			Type: "oauth2", Description: "The flows by which a client gets such a token.",
			Flows: map[string]*Flow{
				"authorizationCode": {AuthorizationURL: o.Issuer + "/oauth2/authorize", TokenURL: token, RefreshURL: token, Scopes: o.Scopes},
				"clientCredentials": {TokenURL: token, Scopes: o.Scopes},
			},
		},
		schemeClient: {
			Type: "http", Scheme: "basic",
			Description: "client_id and client_secret (RFC 6749 §2.3.1). They may stand in the form instead, or client_assertion for private_key_jwt; public clients send client_id alone.",
		},
		schemeSession: {
			Type: "apiKey", In: "cookie", Name: "__Host-signet", Description: "The session of a browser that has signed in at the hosted pages.",
		},
	}
}

// security says how a caller passes the route's rule; each item is one way.
func security(r *web.Route) []map[string][]string {
	scopes := r.Auth.Scopes()
	if scopes == nil {
		scopes = []string{}
	}
	sets := [][]string{scopes}
	if r.Auth.OneOf() {
		sets = nil
		for _, s := range scopes {
			sets = append(sets, []string{s})
		}
	}
	var ways []map[string][]string
	for _, set := range sets {
		ways = append(ways, map[string][]string{schemeBearer: slices.Clone(set)}, map[string][]string{schemeOAuth: slices.Clone(set)})
	}
	open := map[string][]string{}
	switch r.Auth.Kind() {
	case web.KindBearer:
		return ways
	case web.KindLoopback:
		if r.Auth.UsesBearer() {
			return append(ways, open)
		}
	case web.KindClient:
		return []map[string][]string{{schemeClient: {}}, open}
	case web.KindSession:
		return []map[string][]string{{schemeSession: {}}}
	case web.KindHandler:
		return []map[string][]string{{schemeBearer: {}}, open}
	case web.KindPublic:
	}
	return []map[string][]string{}
}
