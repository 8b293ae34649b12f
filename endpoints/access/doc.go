// Package access serves what applications ask about permissions:
//
//	/auth/authorize            may somebody do this? The verdict and why
//	/auth/permissions/{id}     everything they may do in an organization
//	/auth/roles/{id}           which roles they hold, since when, given by whom
//	/auth/users/{id}/context   the person, the organization and both of the above
//
// Who may ask about whom is decided in package directory (Standing).
package access
