// Package authz asks every route that takes an id for somebody else's object: as
// a member of another organization, as a colleague without the role, as
// somebody without a token, who was suspended, or whose application got no more
// than openid. A route that is not in the table fails.
package authz
