// Package gateway verifies access tokens of a Signet server in the process that
// receives them: no call per request, and no token accepted after it was
// revoked but within a bound that the verifier itself knows.
//
//	v, err := gateway.New(ctx, gateway.Config{
//		Issuer: "https://id.example.com", Audience: "https://api.example.com",
//		ClientID: "gateway", ClientSecret: secret, // for the revocation feed
//	})
//	http.Handle("/orders/", v.Middleware(gateway.Scope("orders:read"))(orders))
//
// The two functions to know are Verifier.Verify and Verifier.Middleware.
//
// A Verifier keeps three things up to date in the background: the issuer's keys
// (JWKS), the list of what was revoked, and how old its news is. Verify checks
// signature, issuer, audience, times and type, then asks the list. It does no
// I/O unless the news is older than allowed and the policy is Ask.
//
// The news comes from the revocation feed: a signed snapshot at the start, then
// a stream of signed entries with a signed heartbeat every second. What is
// forged, repeated, out of order or missing is noticed: the Verifier then
// counts as stale until it has caught up with a snapshot.
//
// The vectors in testdata hold this package and those for other languages to the
// same verdicts. The package imports the standard library and go-jose only.
package gateway
