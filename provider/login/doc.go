// Package login takes a person from an authorization request to a code.
//
//	/oauth2/authorize -> Start ----------------------------------------> code
//	                       | needs the person
//	                       v
//	/ui/login   -> Resume -> Password -> Consent? -> code, or the request's error
//	/ui/consent -> Resume -> Consent  ------------->
//
// The authorization request is frozen into a sealed parameter that travels with
// the browser and opens only beside the cookie of the browser that began it;
// what has been proven so far (password, consent) is a row and never travels.
// The transaction is used up when the code is written, in the same commit: a
// visit, a stranger's least of all, uses up nothing.
package login
