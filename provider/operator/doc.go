// Package operator is what those who run an installation do to accounts and
// clients of others: acts that take more than one service, and the rule that
// binds them. Nobody gains by such an act what they lack:
//
//	to change what an account is (status, roles, sessions) one must hold what
//	its system roles give; to get into it (a recovery link to hold in one's
//	hand, a new address or password) also what its memberships give; to get a
//	client's secret, what the client's roles give
//
// Whether somebody may act at all (write:system:users and its kin) is asked
// before, by the endpoint.
package operator
