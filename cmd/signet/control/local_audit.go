package control

import (
	"context"

	"github.com/signet-idp/signet/provider/audit"
)

// AuditPage implements Operations.
func (l Local) AuditPage(ctx context.Context, r AuditPage) (audit.Page, error) {
	return audit.FromStore(l.Core.Store, r.Size).Page(ctx, max(r.After, 0))
}

// AuditReach implements Operations.
func (l Local) AuditReach(ctx context.Context) (AuditReach, error) {
	seq, err := l.Core.Store.EventReach(ctx)
	return AuditReach{seq}, err
}

// AuditEntries implements Operations.
func (l Local) AuditEntries(ctx context.Context, f audit.Filter) ([]audit.Entry, error) {
	return audit.Query(ctx, l.Core.Store, f)
}

// AuditAsOf implements Operations.
func (l Local) AuditAsOf(ctx context.Context, m audit.Moment) (audit.Holdings, error) {
	return audit.AsOf(ctx, l.Core.Store, m)
}

// Chain is an audit.Source over operations, from another process too.
type Chain struct {
	Operations
	Size int // of a page
}

// Page implements audit.Source.
func (c Chain) Page(ctx context.Context, after int64) (audit.Page, error) {
	return c.AuditPage(ctx, AuditPage{After: after, Size: c.Size})
}

// Reach implements audit.Source.
func (c Chain) Reach(ctx context.Context) (int64, error) {
	r, err := c.AuditReach(ctx)
	return r.Seq, err
}
