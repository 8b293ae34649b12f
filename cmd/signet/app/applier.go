package app

import "github.com/signet-idp/signet/provider/apply"

// Applier applies declarative files to this installation.
func (c *Core) Applier() *apply.Applier {
	return &apply.Applier{
		Store: c.Store, Users: c.Users, Orgs: c.Organizations, Access: c.Access, Clients: c.Clients, Gates: c.Gates, Webhooks: c.Webhooks,
		Passwords: c.Passwords, Policy: c.Policy, Changes: c.Change,
	}
}
