package auth

import (
	"encoding/json"

	"github.com/signet-idp/signet/endpoints/web"
)

// PathConfiguration is where Signet's own things are discovered, so that
// OpenID discovery holds registered members only.
const PathConfiguration = "/.well-known/signet-configuration"

// Configuration names what this server offers beyond OpenID Connect. Only what
// works is in it.
type Configuration struct {
	Issuer      string `json:"issuer"`
	ValidateURI string `json:"validate_uri"`
	OpenAPIURI  string `json:"openapi_uri"`
}

const configurationCache = "public, max-age=300"

func (h *Handler) configuration() (*web.Prepared, error) {
	body, err := json.Marshal(Configuration{Issuer: h.Issuer, ValidateURI: h.Issuer + "/auth/validate", OpenAPIURI: h.Issuer + "/openapi.json"})
	if err != nil {
		return nil, err
	}
	return web.NewPrepared("application/json", configurationCache, body), nil
}
