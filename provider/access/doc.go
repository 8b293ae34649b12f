// Package access says who may do what: role definitions, what they permit, and
// the one decision function.
//
// Two functions matter to a reader: Resolver.Permissions (a token's roles to
// permissions, from memory) and Resolver.Decide (a question to a verdict and
// why). Service changes definitions; builtin.go holds the ones that come with
// Signet.
//
// There are two scopes of role, and they never look alike. An organization
// role is written by its bare name ("owner", "billing") and acts inside one
// organization; a system role is written "system:admin". The same holds for
// permissions: one whose resource begins with "system" acts on the whole
// installation, only system roles may hold it, and no wildcard reaches it. So
// whoever owns an organization, which anyone may, holds nothing beyond it.
package access
