// Package admin serves the operators' API under /admin/v1: accounts, system
// roles, organizations, clients, resources, sessions and keys of the whole
// installation.
//
// Two things let a caller in: a token with the scope admin, and the permission
// that the route names, read anew for each request from the system roles of the
// person (or of the client, for a service). What an act may not do beyond that
// is package operator's.
package admin
