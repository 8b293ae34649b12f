package auth

import (
	"encoding/json"

	"github.com/signet-idp/signet/endpoints/audit"
	"github.com/signet-idp/signet/endpoints/revocations"
	"github.com/signet-idp/signet/endpoints/web"
)

// PathConfiguration is where Signet's own things are discovered, so that
// OpenID discovery holds registered members only.
const PathConfiguration = "/.well-known/signet-configuration"

// Configuration names what this server offers beyond OpenID Connect. Only what
// works is in it.
type Configuration struct {
	Issuer                string `json:"issuer"`
	ValidateURI           string `json:"validate_uri"`
	RevocationSnapshotURI string `json:"revocation_snapshot_uri"`
	RevocationStreamURI   string `json:"revocation_stream_uri"`
	RevocationJWKSURI     string `json:"revocation_jwks_uri"`
	CheckpointJWKSURI     string `json:"checkpoint_jwks_uri"`
	OpenAPIURI            string `json:"openapi_uri"`
}

const configurationCache = "public, max-age=300"

func (h *Handler) configuration() (*web.Prepared, error) {
	body, err := json.Marshal(Configuration{
		Issuer: h.Issuer, ValidateURI: h.Issuer + "/auth/validate", RevocationSnapshotURI: h.Issuer + revocations.PathSnapshot,
		RevocationStreamURI: h.Issuer + revocations.PathStream, RevocationJWKSURI: h.Issuer + revocations.PathKeys,
		CheckpointJWKSURI: h.Issuer + audit.PathKeys, OpenAPIURI: h.Issuer + "/openapi.json",
	})
	if err != nil {
		return nil, err
	}
	return web.NewPrepared("application/json", configurationCache, body), nil
}
