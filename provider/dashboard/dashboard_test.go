package dashboard_test

import (
	"context"
	"testing"
	"time"

	"github.com/signet-idp/signet/internal/testkit/fakeclock"
	"github.com/signet-idp/signet/provider/activity"
	"github.com/signet-idp/signet/provider/dashboard"
	"github.com/signet-idp/signet/storage"
)

type (
	boards  = interface{ dashboard.Store }
	history = interface{ activity.Store }
)

// store holds one figure, and counts how often it is asked for.
type store struct {
	boards
	history
	asked  int
	active int64
}

func (s *store) ActiveMembers(context.Context, string, time.Time) (int64, error) {
	s.asked++
	return s.active, nil
}

func (*store) CountMembers(context.Context, storage.MemberQuery) (int64, error) { return 5, nil }

func (*store) CountInvitations(context.Context, string, time.Time) (int64, error) { return 2, nil }

func (*store) RecentMembers(context.Context, string, int) ([]storage.Member, error) { return nil, nil }

func (*store) QueryEvents(context.Context, storage.EventQuery) ([]storage.Event, error) {
	return nil, nil
}

func (*store) RollupsOf(context.Context, string, string, int64, int64) ([]storage.Rollup, error) {
	return nil, nil
}

type factors struct{}

func (factors) MembersWithFactor(context.Context, string) (int64, error) { return 3, nil }

// The costly figure is asked for once in half a minute and organization.
func TestActiveMembersAreRemembered(t *testing.T) {
	t.Parallel()
	s, clk := &store{active: 4}, fakeclock.New(time.Date(2026, 10, 1, 12, 0, 0, 0, time.UTC))
	d, err := dashboard.New(dashboard.Deps{Store: s, Activity: &activity.Service{Store: s, Clock: clk}, Factors: factors{}, Clock: clk})
	if err != nil {
		t.Fatal(err)
	}
	look := func(id string) dashboard.Organization {
		t.Helper()
		o, err := d.Organization(t.Context(), id, false)
		if err != nil {
			t.Fatal(err)
		}
		return o
	}
	if o := look("acme"); o.Active != 4 || o.Members != 5 || o.Invitations != 2 || o.WithFactor != 3 {
		t.Errorf("%+v", o)
	}
	s.active = 7
	clk.Advance(29 * time.Second)
	if o := look("acme"); o.Active != 4 || s.asked != 1 {
		t.Errorf("%d after %d questions", o.Active, s.asked)
	}
	if o := look("globex"); o.Active != 7 || s.asked != 2 {
		t.Errorf("another organization: %d after %d questions", o.Active, s.asked)
	}
	clk.Advance(2 * time.Second)
	if o := look("acme"); o.Active != 7 || s.asked != 3 {
		t.Errorf("%d after %d questions", o.Active, s.asked)
	}
}
