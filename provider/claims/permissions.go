package claims

import "context"

// maxPermissionsBytes bounds the permissions claim; above it the claim is left
// out and marked, so that tokens stay small (design §3).
const maxPermissionsBytes = 512

// Permissions resolves the permissions of roles, from memory.
type Permissions interface {
	// Permissions takes the roles of a token (bare names of the organization,
	// system ones with their prefix).
	Permissions(ctx context.Context, roles []string, organizationID string) ([]string, error)
}

// Builder adds to tokens what needs more than the grant at hand.
type Builder struct {
	permissions Permissions
}

// NewBuilder makes a Builder.
func NewBuilder(p Permissions) *Builder { return &Builder{permissions: p} }

// PermissionsClaim gives the permissions claim of a token, or says that it is
// too large to be carried.
func (b *Builder) PermissionsClaim(ctx context.Context, organizationID string, roles []string) (list []string, omitted bool, err error) {
	list, err = b.permissions.Permissions(ctx, roles, organizationID)
	if err != nil {
		return nil, false, err
	}
	size := 2
	for _, p := range list {
		size += len(p) + 3
	}
	if size > maxPermissionsBytes {
		return nil, true, nil
	}
	if list == nil {
		list = []string{}
	}
	return list, false, nil
}
