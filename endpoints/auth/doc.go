// Package auth serves the JSON API for legacy and first-party clients under
// /auth. So far: POST /auth/validate, by which gateways ask whether a token is
// still good.
package auth
