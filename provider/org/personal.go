package org

import (
	"context"
	"fmt"

	"github.com/signet-idp/signet/provider/access"
	"github.com/signet-idp/signet/provider/change"
	"github.com/signet-idp/signet/storage"
)

// TypeIndividual is the organization_type of an organization that is one
// person's own.
const TypeIndividual = "individual"

// CreatePersonal makes an organization of the person's own, as their only
// member and owner. Its name and slug say nothing of them.
func (s *Service) CreatePersonal(ctx context.Context, u storage.User) error {
	id := storage.NewID()
	_, err := s.Create(ctx, Organization{
		ID: id, Slug: "personal-" + id[len(id)-12:], Name: "Personal", OwnerID: u.ID, Source: "register",
		Profile: map[string]any{"organization_type": TypeIndividual},
	})
	if err != nil {
		return fmt.Errorf("org: create personal: %w", err)
	}
	return nil
}

// ClosePersonal deletes the organizations of type individual that a person owns
// alone, with what describes them: nobody is left whose they could be. What
// others belong to stays.
func (s *Service) ClosePersonal(ctx context.Context, userID string) error {
	return s.changes.Do(ctx, "org: close personal", func(ctx context.Context, _ *change.Change) error {
		for after := ""; ; {
			list, err := s.store.MembershipsOf(ctx, userID, after, 500)
			if err != nil || len(list) == 0 {
				return err
			}
			for _, m := range list {
				if err := s.closePersonal(ctx, m); err != nil {
					return err
				}
			}
			after = list[len(list)-1].OrganizationID
		}
	})
}

func (s *Service) closePersonal(ctx context.Context, m storage.Membership) error {
	o, err := s.store.OrganizationByID(ctx, m.OrganizationID)
	if err != nil || o.Status == storage.OrganizationDeleted || o.Profile["organization_type"] != TypeIndividual {
		return err
	}
	if err := s.store.GuardOrganization(ctx, o.ID); err != nil { // nobody joins from here on
		return err
	}
	members, err := s.store.MembersOf(ctx, o.ID, "", 2)
	if err != nil || len(members) != 1 {
		return err
	}
	owners, err := s.store.CountRole(ctx, o.ID, access.Owner)
	if err != nil || owners != 1 {
		return err
	}
	if o, err = s.SetStatus(ctx, o.ID, storage.OrganizationDeleted, "account_deleted"); err != nil {
		return err
	}
	o.Name, o.Profile = "Personal", map[string]any{"organization_type": TypeIndividual}
	return s.store.UpdateOrganization(ctx, o)
}
