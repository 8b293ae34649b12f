// Package claims decides which token gets which claim: the scope claims of
// OpenID Connect Core §5.4, the organization and role claims of ours, what the
// claims request parameter (§5.5) asks for, and the claim rules of a client.
package claims
