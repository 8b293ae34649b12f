package operator

import (
	"context"

	"github.com/signet-idp/signet/provider/change"
	"github.com/signet-idp/signet/provider/org"
	"github.com/signet-idp/signet/storage"
)

// UpdateOrganization applies a merge patch (RFC 7396) to the profile of an
// organization that is at the version, members that only operators set
// included.
func (s *Service) UpdateOrganization(ctx context.Context, id string, version Version, patch map[string]any) (storage.Organization, error) {
	var o storage.Organization
	err := s.Change.Do(ctx, "operator: update organization", func(ctx context.Context, _ *change.Change) error {
		var err error
		if o, err = s.Organizations.Get(ctx, id); err != nil {
			return err
		}
		if err := version.expect(o.Version); err != nil {
			return err
		}
		o, err = s.Organizations.Update(ctx, id, org.Update{Patch: patch}, source)
		return err
	})
	return o, err
}

// OrganizationStatus is the state an organization should have.
type OrganizationStatus struct {
	Version Version
	Status  storage.OrganizationStatus
	Reason  string
}

// SetOrganizationStatus suspends an organization, makes it active again or
// deletes it.
func (s *Service) SetOrganizationStatus(ctx context.Context, id string, to OrganizationStatus) (storage.Organization, error) {
	var o storage.Organization
	err := s.Change.Do(ctx, "operator: organization status", func(ctx context.Context, _ *change.Change) error {
		var err error
		if o, err = s.Organizations.Get(ctx, id); err != nil {
			return err
		}
		if err := to.Version.expect(o.Version); err != nil {
			return err
		}
		o, err = s.Organizations.SetStatus(ctx, id, to.Status, to.Reason)
		return err
	})
	return o, err
}
