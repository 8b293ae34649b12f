package app

import (
	"context"
	"crypto/rand"
	"fmt"
	"net"

	"github.com/signet-idp/signet/endpoints/organizations"
	"github.com/signet-idp/signet/provider/account"
	"github.com/signet-idp/signet/provider/org"
	"github.com/signet-idp/signet/storage"
)

// openOrganizations makes the flows of invitations and domains.
func (s *Server) openOrganizations(ctx context.Context) error {
	key, err := s.Keyring.Purpose(ctx, org.InvitationPurpose)
	if err != nil {
		return fmt.Errorf("app: data keys: %w", err)
	}
	// Their keys hold addresses, which stay out of Redis.
	counters := blindCounters{s.Counters, s.purposes.logins}
	s.Invitations = org.NewInvitations(org.InvitationDeps{
		Organizations: s.Organizations, Store: s.Store, Directory: s.Directory, Mail: s.Notify, Key: key, Counters: counters,
		Random: rand.Reader, Lifetime: s.Config.Lifetimes.Invitation,
	})
	s.Domains = org.NewDomains(org.DomainDeps{Organizations: s.Organizations, DNS: net.DefaultResolver, Counters: counters, Random: rand.Reader})
	return nil
}

// organizations serves the JSON API of organizations.
func (s *Server) organizations() *organizations.Handler {
	return &organizations.Handler{
		Directory: s.Directory, Organizations: s.Organizations, Invitations: s.Invitations, Domains: s.Domains, Roles: s.Access,
		Rules: s.Rules, Store: s.Store, Shape: s.shapes(), DirectMemberAdd: s.Config.Legacy.DirectMemberAdd,
	}
}

// invited shows invitations to who registers by one.
type invited struct{ *org.Invitations }

// Invited implements account.Invitations.
func (i invited) Invited(ctx context.Context, token string) (account.Invitation, error) {
	one, o, err := i.Peek(ctx, token)
	if err != nil {
		return account.Invitation{}, err
	}
	name, err := i.InviterName(ctx, one.InvitedBy)
	return account.Invitation{
		OrganizationID: o.ID, Organization: o.Name, Inviter: name, Email: one.Email, EmailCanonical: one.EmailCanonical, Role: one.Roles[0],
	}, err
}

// Accept implements account.Invitations.
func (i invited) Accept(ctx context.Context, token string, u storage.User) error {
	_, err := i.Invitations.Accept(ctx, token, u.ID)
	return err
}
