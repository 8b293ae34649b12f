package change_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/signet-idp/signet/provider/change"
	"github.com/signet-idp/signet/provider/change/changetest"
	"github.com/signet-idp/signet/provider/event"
	"github.com/signet-idp/signet/provider/fault"
	"github.com/signet-idp/signet/storage"
)

func locked(id string) event.Event {
	return event.Event{Type: event.AuthAccountUnlocked, Subject: id, Data: map[string]any{"reason": "test"}}
}

func TestAllOrNothing(t *testing.T) {
	changetest.Engines(t, func(t *testing.T, fs []*changetest.Fixture) {
		f := fs[0]
		before := f.Mark(t)
		boom := errors.New("boom")
		err := f.Changes.Do(t.Context(), "test", func(_ context.Context, c *change.Change) error {
			c.Record(locked("alice"))
			c.Revoke(storage.RevokeSub, "alice")
			return boom
		})
		if !errors.Is(err, boom) || len(f.Events(t, before))+len(f.Ended(t, before)) != 0 {
			t.Errorf("%v left %v %v", err, f.Events(t, before), f.Ended(t, before))
		}
		// An event that the catalogue does not know takes the change back, too.
		err = f.Changes.Do(t.Context(), "test", func(_ context.Context, c *change.Change) error {
			c.Revoke(storage.RevokeSub, "alice")
			c.Record(event.Event{Type: "no.such"})
			return nil
		})
		if !errors.Is(err, event.ErrUndeclared) || len(f.Ended(t, before)) != 0 {
			t.Errorf("%v left %v", err, f.Ended(t, before))
		}
		// More events than one call takes.
		err = f.Changes.Do(t.Context(), "test", func(_ context.Context, c *change.Change) error {
			for i := range event.MaxBatch + 1 {
				c.Record(locked(fmt.Sprint("u", i)))
			}
			return nil
		})
		if got := len(f.Events(t, before)); err != nil || got != event.MaxBatch+1 {
			t.Errorf("%d events, %v", got, err)
		}
	})
}

func TestAVersionMismatchIsDecidedAnew(t *testing.T) {
	f := changetest.New(t)
	before := f.Mark(t)
	runs := 0
	err := f.Changes.Do(t.Context(), "test", func(_ context.Context, c *change.Change) error {
		c.Record(locked("alice"))
		if runs++; runs < 3 {
			return storage.ErrVersion
		}
		return nil
	})
	if err != nil || runs != 3 || !slices.Equal(f.Events(t, before), []string{"auth.account_unlocked"}) {
		t.Errorf("%d runs, %v, %v", runs, err, f.Events(t, before))
	}
	runs = 0
	err = f.Changes.Do(t.Context(), "test", func(context.Context, *change.Change) error { runs++; return storage.ErrVersion })
	if !fault.Is(err, fault.Conflict) || !errors.Is(err, storage.ErrVersion) || runs != 5 {
		t.Errorf("%d runs, %v", runs, err)
	}
	// Inside another change only the outermost begins again.
	inner, outer := 0, 0
	err = f.Changes.Do(t.Context(), "outer", func(ctx context.Context, _ *change.Change) error {
		outer++
		if !change.Inside(ctx) {
			t.Error("not inside")
		}
		return f.Changes.Do(ctx, "inner", func(context.Context, *change.Change) error {
			if inner++; inner == 1 {
				return storage.ErrVersion
			}
			return nil
		})
	})
	if err != nil || inner != 2 || outer != 2 {
		t.Errorf("inner ran %d times, outer %d, %v", inner, outer, err)
	}
}

func TestReconfigure(t *testing.T) {
	f := changetest.New(t)
	head := func() int64 {
		t.Helper()
		h, err := f.Store.FeedHead(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		return h.Config
	}
	was := head()
	if err := f.Changes.Do(t.Context(), "test", func(_ context.Context, c *change.Change) error { c.Reconfigure(); return nil }); err != nil || head() != was+1 {
		t.Errorf("%d, then %d, %v", was, head(), err)
	}
}

func TestListIsWhatAnEventMayHold(t *testing.T) {
	long := make([]string, 2*event.MaxListItems)
	for i := range long {
		long[i] = fmt.Sprint(i)
	}
	if got := change.List(append([]string{"", strings.Repeat("a", event.MaxListItem+1)}, long...)); len(got) != event.MaxListItems || got[0] != "0" {
		t.Errorf("%v", got)
	}
	if got := change.Minus([]string{"b", "a", "c"}, []string{"a"}); !slices.Equal(got, []string{"b", "c"}) {
		t.Errorf("%v", got)
	}
}

func TestAfterTheCommit(t *testing.T) {
	f := changetest.New(t)
	var calls []string
	note := func(ctx context.Context, what string) { change.After(ctx, func() { calls = append(calls, what) }) }
	runs := 0
	err := f.Changes.Do(t.Context(), "outer", func(ctx context.Context, _ *change.Change) error {
		runs++
		note(ctx, fmt.Sprint("outer ", runs))
		return f.Changes.Do(ctx, "inner", func(ctx context.Context, _ *change.Change) error {
			note(ctx, "inner")
			if len(calls) != 0 {
				t.Error("called before the commit")
			}
			if runs == 1 {
				return storage.ErrVersion // what the first attempt asked for is forgotten
			}
			return nil
		})
	})
	if err != nil || !slices.Equal(calls, []string{"outer 2", "inner"}) {
		t.Errorf("%q, %v", calls, err)
	}
	calls = nil
	_ = f.Changes.Do(t.Context(), "fails", func(ctx context.Context, _ *change.Change) error {
		note(ctx, "fails")
		return errors.New("boom")
	})
	note(t.Context(), "at once")
	if !slices.Equal(calls, []string{"at once"}) {
		t.Errorf("%q", calls)
	}
}
