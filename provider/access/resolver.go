package access

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync/atomic"
	"time"

	"github.com/maypok86/otter/v2"

	"github.com/signet-idp/signet/internal/clock"
	"github.com/signet-idp/signet/provider/change"
	"github.com/signet-idp/signet/storage"
)

// ErrUnknown means that the role definitions cannot be read now, so nothing can
// be said about permissions. The answer outside is 503, never a guess.
var ErrUnknown = errors.New("access: role definitions cannot be read")

// Definitions is what the resolver reads.
type Definitions interface {
	// ListRoles lists the roles of one organization, or with an empty id the
	// system roles.
	ListRoles(ctx context.Context, organizationID string) ([]storage.Role, error)
}

// Bounds of the resolver's memory.
const (
	maxOrganizations = 10_000 // whose definitions are held
	maxAnswers       = 20_000 // combinations of roles whose permissions are held
	// relook is how old definitions must be before a role that they do not
	// know makes the resolver read them again: it may have been defined on
	// another replica a moment ago.
	relook = time.Second
)

// Resolver maps roles to permissions from memory. It is safe for concurrent
// use. What it remembers is keyed by the epoch in which it was read, so a change
// makes every older answer unreachable at once, and a slow read that began
// before the change cannot bring an old answer back.
type Resolver struct {
	store   Definitions
	clock   clock.Clock
	version atomic.Int64 // of the configuration, as last told
	epoch   atomic.Int64 // counts what was told; part of every key
	defs    *otter.Cache[defsKey, *definitions]
	answers *otter.Cache[answerKey, []string]
}

type defsKey struct {
	epoch        int64
	organization string
}

type answerKey struct {
	defsKey
	roles string
}

// definitions are the custom roles of one organization (or of the system).
type definitions struct {
	roles map[string][]string
	all   []string // every permission that one of them holds
	read  time.Time
}

// NewResolver makes a resolver with nothing in memory.
func NewResolver(store Definitions, clk clock.Clock) (*Resolver, error) {
	defs, err := otter.New(&otter.Options[defsKey, *definitions]{MaximumSize: maxOrganizations})
	if err != nil {
		return nil, fmt.Errorf("access: cache: %w", err)
	}
	answers, err := otter.New(&otter.Options[answerKey, []string]{MaximumSize: maxAnswers})
	if err != nil {
		return nil, fmt.Errorf("access: cache: %w", err)
	}
	return &Resolver{store: store, clock: clk, defs: defs, answers: answers}, nil
}

// Configure tells the resolver the configuration version that the replica has
// seen and makes it read everything anew. Definitions change only together
// with that version.
func (r *Resolver) Configure(version int64) {
	r.version.Store(version)
	r.epoch.Add(1)
}

// Permissions returns what the roles of a token permit, sorted and without
// doubles; roles are as in the roles claim, organizationID is the token's
// org_id or empty. A role that is not defined (any more) permits nothing. The
// result is shared: not to be changed. The only error is ErrUnknown, with its
// cause.
func (r *Resolver) Permissions(ctx context.Context, roles []string, organizationID string) ([]string, error) {
	if len(roles) == 0 {
		return []string{}, nil
	}
	k := answerKey{defsKey{r.epoch.Load(), organizationID}, strings.Join(roles, " ")}
	if hit, ok := r.answers.GetIfPresent(k); ok {
		return hit, nil
	}
	permissions, complete := []string{}, true
	for _, role := range roles {
		held, known, err := r.permits(ctx, k.epoch, role, organizationID)
		if err != nil {
			return nil, err
		}
		permissions = append(permissions, held...)
		complete = complete && known
	}
	slices.Sort(permissions)
	permissions = slices.Compact(permissions)
	if complete && !change.Inside(ctx) { // otherwise the next question looks again
		r.answers.Set(k, permissions)
	}
	return permissions, nil
}

// permits returns what one role permits and whether the role is defined.
func (r *Resolver) permits(ctx context.Context, epoch int64, role, organizationID string) ([]string, bool, error) {
	scope, name := ParseTokenRole(role)
	home := organizationID
	if scope == storage.ScopeSystem {
		home = ""
	} else if organizationID == "" {
		return nil, false, nil // an organization's role outside any organization
	}
	if b, ok := builtin(scope, name); ok {
		if !b.all {
			return b.permissions, true, nil
		}
		return r.everything(ctx, epoch, scope, b.permissions, organizationID)
	}
	d, err := r.read(ctx, epoch, home, name)
	if err != nil {
		return nil, false, err
	}
	held, known := d.roles[name]
	return held, known, nil
}

// everything is what owner and the system's admin hold: the built-in
// permissions and each one that a role in their reach defines.
func (r *Resolver) everything(ctx context.Context, epoch int64, scope storage.RoleScope, held []string, organizationID string) ([]string, bool, error) {
	if organizationID != "" {
		d, err := r.read(ctx, epoch, organizationID, "")
		if err != nil {
			return nil, false, err
		}
		held = append(held, d.all...)
	}
	if scope == storage.ScopeSystem {
		d, err := r.read(ctx, epoch, "", "")
		if err != nil {
			return nil, false, err
		}
		held = append(held, d.all...)
	}
	return held, true, nil
}

// read returns the definitions of home. When wanted is a name they do not
// know and they are not fresh, it reads them again.
func (r *Resolver) read(ctx context.Context, epoch int64, home, wanted string) (*definitions, error) {
	k := defsKey{epoch, home}
	now := r.clock.Now()
	if d, ok := r.defs.GetIfPresent(k); ok && !change.Inside(ctx) {
		if _, known := d.roles[wanted]; known || wanted == "" || now.Sub(d.read) < relook {
			return d, nil
		}
	}
	rows, err := r.store.ListRoles(ctx, home)
	if err != nil {
		return nil, fmt.Errorf("%w: %w", ErrUnknown, err)
	}
	d := &definitions{roles: make(map[string][]string, len(rows)), read: now}
	scope := storage.ScopeOrganization
	if home == "" {
		scope = storage.ScopeSystem
	}
	for _, row := range rows {
		if row.Scope != scope || row.OrganizationID != home || reservedName(row.Name) {
			continue
		}
		d.roles[row.Name] = row.Permissions
		d.all = append(d.all, row.Permissions...)
	}
	slices.Sort(d.all)
	d.all = slices.Compact(d.all)
	if !change.Inside(ctx) {
		r.defs.Set(k, d)
	}
	return d, nil
}
