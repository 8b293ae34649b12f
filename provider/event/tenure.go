package event

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/signet-idp/signet/internal/clock"
	"github.com/signet-idp/signet/storage"
)

// retryLease is how long a replica without the lease waits before it asks
// again, so that asking costs one small statement a second and replica.
const retryLease = time.Second

// Tenure is one replica's hold on a lease: of what one replica does for all. It
// is used by one goroutine at a time.
type Tenure struct {
	store  storage.Leases
	clock  clock.Clock
	name   string
	holder string
	length time.Duration

	lease   storage.Lease
	held    bool
	retryAt time.Time
}

// NewTenure makes a hold on the lease with that name, which nobody has yet.
// holder is unique per process; a lease lasts for length after it was taken.
func NewTenure(store storage.Leases, c clock.Clock, name, holder string, length time.Duration) Tenure {
	return Tenure{store: store, clock: c, name: name, holder: holder, length: length}
}

// Hold takes the lease or extends it in the second half of its time.
func (t *Tenure) Hold(ctx context.Context) (bool, error) {
	now := t.clock.Now()
	if t.held && now.Before(t.lease.Expiry.Add(-t.length/2)) {
		return true, nil
	}
	if !t.held && now.Before(t.retryAt) && t.retryAt.Sub(now) <= retryLease {
		return false, nil
	}
	lease, held, err := t.store.AcquireLease(ctx, t.name, t.holder, now, now.Add(t.length))
	if err != nil {
		return false, fmt.Errorf("lease: %w", err)
	}
	t.lease, t.held, t.retryAt = lease, held, now.Add(retryLease)
	return held, nil
}

// Check is the fence: in the running transaction it locks the lease's row until
// the commit, and answers storage.ErrVersion when another replica has it.
func (t *Tenure) Check(ctx context.Context) error {
	if err := t.store.CheckLease(ctx, t.lease); err != nil {
		return fmt.Errorf("check lease: %w", err)
	}
	return nil
}

// Lost notes that another replica has the lease.
func (t *Tenure) Lost() { t.held = false }

// Release gives the lease back, so that another replica need not wait for it to
// expire.
func (t *Tenure) Release(ctx context.Context) error {
	if !t.held {
		return nil
	}
	t.held = false
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), time.Second)
	defer cancel()
	if err := t.store.ReleaseLease(ctx, t.lease); err != nil && !errors.Is(err, storage.ErrVersion) {
		return fmt.Errorf("release lease: %w", err)
	}
	return nil
}
