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
