// Package clients logs people and services in with OpenID Connect clients that
// other projects wrote, against a running Signet.
//
//	installation.yaml     what is installed: people, an API, the clients
//	server_test.go        runs that installation, in process or as the built binary
//	gooidc_test.go        coreos/go-oidc with x/oauth2
//	zitadel_test.go       zitadel/oidc: relying party and resource server
//	openid-client.mjs     openid-client: a web application in Node
//	oauth4webapi.mjs      oauth4webapi: an API and a service, strictly by the RFCs
//	jose.mjs              jose: a verifier that has nothing but the JWKS
//	oidc-client-ts.mjs    oidc-client-ts: a single-page application in Chromium
//	oathtool_test.go      OATH Toolkit: the codes of an authenticator app
//
// Each of them finds everything by discovery. Node's packages come from the
// lock file. What is missing on the machine (node, npm, chromium, oathtool) fails
// the tests; nothing is skipped.
package clients
