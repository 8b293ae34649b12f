package control

import (
	"context"

	"github.com/signet-idp/signet/provider/audit"
	"github.com/signet-idp/signet/storage"
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

func auditHold(h storage.Hold) AuditHold {
	return AuditHold{h.ID, string(h.Kind), h.Value, h.Reason, h.CreatedBy, h.CreatedAt}
}

// AuditHolds implements Operations.
func (l Local) AuditHolds(ctx context.Context) ([]AuditHold, error) {
	list, err := l.Core.Holds().List(ctx)
	out := make([]AuditHold, 0, len(list))
	for _, h := range list {
		out = append(out, auditHold(h))
	}
	return out, err
}

// AddAuditHold implements Operations.
func (l Local) AddAuditHold(ctx context.Context, r AuditHold) (AuditHold, error) {
	h, err := l.Core.Holds().Add(by(ctx), storage.HoldKind(r.Kind), r.Value, r.Reason)
	return auditHold(h), err
}

// RemoveAuditHold implements Operations.
func (l Local) RemoveAuditHold(ctx context.Context, r AuditHold) (AuditHold, error) {
	h, err := l.Core.Holds().Remove(by(ctx), r.ID)
	return auditHold(h), err
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
