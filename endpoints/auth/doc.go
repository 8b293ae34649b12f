// Package auth serves the JSON API for legacy and first-party clients under
// /auth: POST /auth/validate, by which gateways ask whether a token is still
// good; login, refresh, logout and revoke; and a person's own account, sessions
// and grants.
package auth
