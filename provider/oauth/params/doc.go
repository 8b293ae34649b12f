// Package params is the pure part of the filter that stands before the OAuth
// engine: it turns what a client sent into bounded, unambiguous parameters and
// refuses everything that two readers could understand differently.
//
// Parse reads query strings and form bodies into a Form; the Parse functions
// beside it give single parameters their types. The flow of a request:
//
//	URL query, form body ── Parse ──► Form ──► ParseScope, ParsePrompt, ParseMaxAge,
//	request object claims ─ FromValues ─┘      ParseClaims, ParseResources, …
//	Authorization header ── ParseBasic, Bearer
//
// Every refusal is an *Error, which names the parameter but never repeats its
// value.
package params
