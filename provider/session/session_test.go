package session_test

import (
	"context"
	"errors"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/signet-idp/signet/internal/testkit/fakeclock"
	"github.com/signet-idp/signet/provider/change"
	"github.com/signet-idp/signet/provider/fault"
	"github.com/signet-idp/signet/provider/session"
	"github.com/signet-idp/signet/storage"
	"github.com/signet-idp/signet/test/harness"
)

// desk is a server with a person, for tests of the sessions alone.
type desk struct {
	*harness.Instance
	t     *testing.T
	clock *fakeclock.Clock
	user  storage.User
}

func newDesk(t *testing.T) *desk {
	t.Helper()
	clk := harness.FakeClock()
	in := harness.Start(t, harness.Options{Clock: clk})
	return &desk{Instance: in, t: t, clock: clk, user: in.User(t, "alice@example.test", "correct horse battery")}
}

func (d *desk) auth() session.Authentication {
	return session.Authentication{UserID: d.user.ID, Time: d.clock.Now(), ACR: "aal1", AMR: []string{"pwd"}}
}

func (d *desk) do(f func(ctx context.Context, c *change.Change) error) {
	d.t.Helper()
	if err := d.Change.Do(d.t.Context(), "test", f); err != nil {
		d.t.Fatal(err)
	}
}

func (d *desk) browser() (s storage.Session, cookie string) {
	d.t.Helper()
	d.do(func(ctx context.Context, c *change.Change) (err error) {
		s, cookie, err = d.Sessions.Begin(ctx, c, storage.SessionBrowser, d.auth(), session.Device{}, "web")
		return err
	})
	return s, cookie
}

func (d *desk) json(remember bool, idle time.Duration) storage.Session {
	d.t.Helper()
	dev := session.Device{Name: strings.Repeat("é", 100), UserAgent: strings.Repeat("x", 600), IPAddress: "192.0.2.1"}
	s := d.Sessions.NewJSON(d.auth(), dev, "legacy", remember, idle, d.clock.Now().Add(90*24*time.Hour))
	d.do(func(ctx context.Context, c *change.Change) error { return d.Sessions.InsertJSON(ctx, c, s) })
	return s
}

func (d *desk) live(id string) bool {
	d.t.Helper()
	_, err := d.Sessions.Get(d.t.Context(), id)
	if err != nil && !errors.Is(err, session.ErrNone) {
		d.t.Fatal(err)
	}
	return err == nil
}

func TestCookies(t *testing.T) {
	d := newDesk(t)
	s, cookie := d.browser()
	got, err := d.Sessions.FromCookie(t.Context(), cookie)
	if err != nil || got.ID != s.ID {
		t.Fatal(got, err)
	}
	for name, bad := range map[string]string{
		"nothing": "", "short": cookie[:10], "another": strings.ToLower(cookie), "padded": cookie + "=", "longer": cookie + "A",
	} {
		if _, err := d.Sessions.FromCookie(t.Context(), bad); bad != cookie && !errors.Is(err, session.ErrNone) {
			t.Errorf("%s: %v", name, err)
		}
	}
	d.clock.Advance(12 * time.Hour)
	if _, err := d.Sessions.FromCookie(t.Context(), cookie); !errors.Is(err, session.ErrNone) {
		t.Fatalf("idle for 12 h: %v", err)
	}
}

// TestJSONSessionLivesWithItsTokens: as long as a refresh token may lie unused,
// and never past the end of the family.
func TestJSONSessionLivesWithItsTokens(t *testing.T) {
	d := newDesk(t)
	const week = 7 * 24 * time.Hour
	s := d.json(false, week)
	if len(s.DeviceName) > 128 || !strings.HasSuffix(s.DeviceName, "é") || len(s.UserAgent) != 512 {
		t.Fatalf("%d %d", len(s.DeviceName), len(s.UserAgent))
	}
	d.clock.Advance(week - time.Second)
	if !d.live(s.ID) {
		t.Fatal("dead before its refresh token")
	}
	if err := d.Sessions.TouchJSON(t.Context(), s.ID, week); err != nil {
		t.Fatal(err)
	}
	// A second use a moment later is not written, and yet gives its full week.
	d.clock.Advance(4 * time.Minute)
	if err := d.Sessions.TouchJSON(t.Context(), s.ID, week); err != nil {
		t.Fatal(err)
	}
	d.clock.Advance(week - time.Second)
	if !d.live(s.ID) {
		t.Fatal("dead before its refresh token")
	}
	d.clock.Advance(5*time.Minute + time.Second)
	if d.live(s.ID) {
		t.Fatal("outlived its refresh token")
	}
	long := d.json(true, 200*24*time.Hour)
	d.clock.Advance(90 * 24 * time.Hour)
	if d.live(long.ID) {
		t.Fatal("outlived its family")
	}
}

func TestTouchOfTheEnded(t *testing.T) {
	d := newDesk(t)
	s := d.json(false, time.Hour)
	if err := d.Sessions.End(t.Context(), s, session.ReasonLogout); err != nil {
		t.Fatal(err)
	}
	if err := d.Sessions.TouchJSON(t.Context(), s.ID, time.Hour); !errors.Is(err, session.ErrNone) {
		t.Fatal(err)
	}
	if err := d.Sessions.Touch(t.Context(), "none"); !errors.Is(err, session.ErrNone) {
		t.Fatal(err)
	}
}

func TestListAndEnd(t *testing.T) {
	d := newDesk(t)
	other := d.User(t, "bob@example.test", "correct horse battery")
	var ids []string
	add := func(s storage.Session) storage.Session {
		ids = append([]string{s.ID}, ids...)
		d.clock.Advance(time.Second)
		return s
	}
	page, _ := d.browser()
	add(page)
	var offline storage.Session
	d.do(func(ctx context.Context, c *change.Change) (err error) {
		offline, err = d.Sessions.Offline(ctx, c, page, "app", d.clock.Now().Add(time.Hour))
		return err
	})
	add(offline)
	first, second := add(d.json(false, time.Hour)), add(d.json(false, time.Hour))

	list := func(before string, offset, limit int) []string {
		t.Helper()
		p, err := d.Sessions.List(t.Context(), d.user.ID, before, offset, limit)
		if err != nil {
			t.Fatal(err)
		}
		var out []string
		for _, s := range p.Sessions {
			out = append(out, s.ID)
		}
		return out
	}
	if got := list("", 0, 10); !slices.Equal(got, ids) {
		t.Fatalf("%v, want %v", got, ids)
	}
	if got := slices.Concat(list("", 0, 3), list(ids[2], 0, 3)); !slices.Equal(got, ids) {
		t.Fatal(got)
	}
	if err := d.Sessions.EndOwn(t.Context(), other.ID, first.ID, ""); !fault.Is(err, fault.NotFound) || !d.live(first.ID) {
		t.Fatalf("somebody else ended it: %v", err)
	}
	if err := d.Sessions.EndOwn(t.Context(), d.user.ID, first.ID, second.ID); err != nil || d.live(first.ID) {
		t.Fatal(err)
	}
	if err := d.Sessions.EndOwn(t.Context(), d.user.ID, first.ID, second.ID); !fault.Is(err, fault.NotFound) {
		t.Fatalf("ended twice: %v", err)
	}
	if n, err := d.Sessions.EndOthers(t.Context(), d.user.ID, second.ID); err != nil || n != 2 {
		t.Fatal(n, err)
	}
	if got := list("", 0, 10); !slices.Equal(got, []string{second.ID}) {
		t.Fatal(got)
	}
	if err := d.Sessions.Logout(t.Context(), d.user.ID, second.ID); err != nil || d.live(second.ID) {
		t.Fatal(err)
	}
	if err := d.Sessions.Logout(t.Context(), d.user.ID, second.ID); err != nil {
		t.Fatal("out of nothing: ", err)
	}
}
