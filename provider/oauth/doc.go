// Package oauth is the OAuth 2.0 and OpenID Connect provider. It is the only
// package that knows ory/fosite, whose state machine runs inside; everything
// that fosite leaves open or gets wrong is decided here.
//
//	GET /oauth2/authorize -> ParseAuthorize -> (provider/login: person, consent)
//	                      -> Authorize      -> code
//	POST /oauth2/token    -> Token          -> authorization_code | refresh_token | client_credentials
//	POST /oauth2/introspect, /oauth2/revoke, GET /oauth2/userinfo, /oauth2/logout
//
// One grant row holds what one code and all its refreshes give (storage.Grant).
// fosite's store (store.go) reads that row once per request and only collects
// what is to be written; Provider writes it in one statement when everything,
// the ID token included, has been made, and that statement says who won.
package oauth
