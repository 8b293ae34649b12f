package sqlstore

import (
	"context"
	"errors"
	"fmt"
	"testing"

	"github.com/signet-idp/signet/storage"
	"github.com/signet-idp/signet/storage/sqlstore/engine"
)

func TestRetry(t *testing.T) {
	lost := fmt.Errorf("deadlock: %w", engine.ErrRetry)
	other := errors.New("other")
	cancelled, cancel := context.WithCancel(t.Context())
	cancel()
	for _, c := range []struct {
		name string
		ctx  context.Context
		errs []error // of one run after another; then nil
		want error
		runs int
	}{
		{"won at once", t.Context(), nil, nil, 1},
		{"won in the end", t.Context(), []error{lost, lost, lost}, nil, 4},
		{"another error", t.Context(), []error{lost, other}, other, 2},
		{"unavailable is not lost", t.Context(), []error{storage.ErrUnavailable}, storage.ErrUnavailable, 1},
		{"lost for good", t.Context(), []error{lost, lost, lost, lost, lost, lost, lost, lost, lost}, storage.ErrUnavailable, attempts},
		{"given up", cancelled, []error{lost, lost}, storage.ErrUnavailable, 1},
	} {
		t.Run(c.name, func(t *testing.T) {
			runs := 0
			err := retry(c.ctx, func() error {
				runs++
				if runs <= len(c.errs) {
					return c.errs[runs-1]
				}
				return nil
			})
			if !errors.Is(err, c.want) || runs != c.runs {
				t.Errorf("after %d runs %v, want %d runs and %v", runs, err, c.runs, c.want)
			}
		})
	}
}
