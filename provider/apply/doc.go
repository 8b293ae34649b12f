// Package apply brings an installation to what a file declares: organizations,
// roles, people, resources and clients.
//
//	Parse    reads the file strictly; every error says file:line:column, path, reason
//	Applier.Apply   checks all of it, hashes passwords, then runs one transaction
//	Applier.Export  writes what there is in the same form
//
// Applying is idempotent: the same file again changes nothing. When one thing
// in the file is wrong, or one change is refused, nothing of it is applied. A
// dry run is the same transaction, rolled back: it cannot differ from what
// would happen.
//
// What the file creates is marked ("apply"), and only that is ever pruned:
// clients, resources and roles that are in the file no more are deleted, people
// and organizations suspended. What others created may be updated by a file and
// is never taken over or pruned. A list that the file gives (a member's roles,
// system roles, redirect URIs) is exact; a membership that it does not name is
// left alone.
//
// A password in the file is a first password: it is written when the account
// has none. People change theirs, and a file that is applied with every
// deployment must not put the old one back. A client's secret is the
// deployment's own and follows the file.
package apply
