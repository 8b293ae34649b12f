package access

import "context"

// Holder is who asks to do something: the roles of a token and the
// organization that they hold in.
type Holder struct {
	Roles          []string // as in the roles claim
	OrganizationID string   // the active organization, or empty
	// Root is the operator at the command line and the server itself: they
	// hold everything. No token ever makes a holder root.
	Root bool
}

// Root is the holder of everything.
func Root() Holder { return Holder{Root: true} }

// Reason says why a decision fell as it did.
type Reason string

// The reasons.
const (
	ReasonGranted   Reason = "granted"   // a role holds the permission
	ReasonRoot      Reason = "root"      // asked by the operator
	ReasonNoRole    Reason = "no_role"   // none of the roles holds it
	ReasonMalformed Reason = "malformed" // the permission is not an action:resource
	ReasonNoHolder  Reason = "no_holder" // there are no roles at all
	ReasonAboveOwn  Reason = "above_own" // the role gives what the granter lacks
	ReasonUndefined Reason = "undefined" // there is no such role
)

// Match is a role whose permission decided.
type Match struct {
	Role           string // as in the roles claim
	Permission     string // the one held, which may be a wildcard
	OrganizationID string // empty for system roles
}

// Decision is a verdict and why.
type Decision struct {
	Allowed bool
	Reason  Reason
	// Matches are the roles that allow it; empty when refused.
	Matches []Match
	// Missing is the permission that was lacking; empty when allowed.
	Missing string
	// Version is the configuration version that the definitions belong to.
	Version int64
}

// Decide is the one decision function: may the holder do permission
// (action:resource)? A permission with a wildcard asks for all of it. The only
// error is ErrUnknown.
func (r *Resolver) Decide(ctx context.Context, h Holder, permission string) (Decision, error) {
	d := Decision{Version: r.version.Load(), Missing: permission}
	switch {
	case !ValidPermission(permission):
		d.Reason = ReasonMalformed
		return d, nil
	case h.Root:
		return Decision{Allowed: true, Reason: ReasonRoot, Version: d.Version}, nil
	case len(h.Roles) == 0:
		d.Reason = ReasonNoHolder
		return d, nil
	}
	epoch := r.epoch.Load()
	for _, role := range h.Roles {
		held, _, err := r.permits(ctx, epoch, role, h.OrganizationID)
		if err != nil {
			return Decision{}, err
		}
		if by := covering(held, permission); by != "" {
			d.Matches = append(d.Matches, Match{Role: role, Permission: by, OrganizationID: homeOf(role, h.OrganizationID)})
		}
	}
	if len(d.Matches) == 0 {
		d.Reason = ReasonNoRole
		return d, nil
	}
	d.Allowed, d.Reason, d.Missing = true, ReasonGranted, ""
	return d, nil
}

func homeOf(role, organizationID string) string {
	if scope, _ := ParseTokenRole(role); scope == "system" {
		return ""
	}
	return organizationID
}

// MayGrant decides whether the holder may give (or take) the roles, which are
// written as in the roles claim and hold in organizationID: nobody gives what
// they lack. A role that does not exist cannot be given; only its reason
// differs, so that the caller can say so.
func (r *Resolver) MayGrant(ctx context.Context, h Holder, organizationID string, roles []string) (Decision, error) {
	d, epoch := Decision{Version: r.version.Load()}, r.epoch.Load()
	for _, role := range roles {
		wanted, known, err := r.permits(ctx, epoch, role, organizationID)
		switch {
		case err != nil:
			return Decision{}, err
		case !known:
			d.Reason = ReasonUndefined
			d.Missing = role
			return d, nil
		}
		if h.Root {
			continue
		}
		covered, err := r.MayDefine(ctx, h, organizationID, wanted)
		if err != nil || !covered.Allowed {
			return covered, err
		}
	}
	d.Allowed, d.Reason = true, ReasonGranted
	return d, nil
}

// MayDefine decides whether the holder may put the permissions into a role of
// organizationID (empty: of the system).
func (r *Resolver) MayDefine(ctx context.Context, h Holder, organizationID string, permissions []string) (Decision, error) {
	d := Decision{Version: r.version.Load()}
	if h.Root {
		d.Allowed, d.Reason = true, ReasonRoot
		return d, nil
	}
	all := h.systemAdmin()
	if organizationID != "" && h.OrganizationID == organizationID {
		all = all || h.owner()
	}
	if all {
		// Whoever holds everything in this reach may also name what nobody
		// named before; in an organization that ends at the system's resources.
		for _, p := range permissions {
			if OfSystem(p) && !h.systemAdmin() {
				d.Reason, d.Missing = ReasonAboveOwn, p
				return d, nil
			}
		}
		d.Allowed, d.Reason = true, ReasonGranted
		return d, nil
	}
	if organizationID != "" && h.OrganizationID != organizationID {
		h.OrganizationID = "" // organization roles held elsewhere say nothing here
	}
	held, err := r.Permissions(ctx, h.Roles, h.OrganizationID)
	if err != nil {
		return Decision{}, err
	}
	if missing, ok := CoversAll(held, permissions); !ok {
		d.Reason, d.Missing = ReasonAboveOwn, missing
		return d, nil
	}
	d.Allowed, d.Reason = true, ReasonGranted
	return d, nil
}

func (h Holder) systemAdmin() bool { return h.has(systemPrefix + SystemAdmin) }
func (h Holder) owner() bool       { return h.has(Owner) }

func (h Holder) has(role string) bool {
	for _, r := range h.Roles {
		if r == role {
			return true
		}
	}
	return false
}
