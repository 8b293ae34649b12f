package activity

import (
	"context"
	"fmt"
	"strings"
	"time"

	"github.com/signet-idp/signet/provider/event"
	"github.com/signet-idp/signet/storage"
)

// window is how many days, today among them, are told one by one.
const window = 30

// Totals are counts of activities. Days, weeks (from Monday, ISO 8601) and
// months are those of UTC.
type Totals struct {
	All, Today, Week, Month int64
	Succeeded               int64 // of All
	// ByType counts all time by type or, for what services report, by action.
	ByType map[string]int64
	// ByDay counts each of the last 30 days, YYYY-MM-DD, those without any too.
	ByDay map[string]int64

	recent []storage.Rollup
	today  int64
}

// SuccessRate is the part that succeeded, from 0 to 1; ok is false when there
// was nothing.
func (t Totals) SuccessRate() (rate float64, ok bool) {
	if t.All == 0 {
		return 0, false
	}
	return float64(t.Succeeded) / float64(t.All), true
}

// Last counts the events of a type in the last days (at most 30), today among
// them.
func (t Totals) Last(days int64, kind event.Type) int64 {
	var n int64
	for _, r := range t.recent {
		if r.Day > t.today-days && r.Type == string(kind) {
			n += r.Total
		}
	}
	return n
}

// LastAll is Last for every type.
func (t Totals) LastAll(days int64) int64 {
	var n int64
	for _, r := range t.recent {
		if r.Day > t.today-days {
			n += r.Total
		}
	}
	return n
}

// totals reads the counts of a subject.
func (s *Service) totals(ctx context.Context, dimension, subject string) (Totals, error) {
	all, err := s.Store.RollupsOf(ctx, dimension, subject, AllTime, AllTime)
	if err != nil {
		return Totals{}, fmt.Errorf("activity: totals: %w", err)
	}
	now := s.Clock.Now()
	// Something reported as of a few minutes from now may already be tomorrow's.
	recent, err := s.Store.RollupsOf(ctx, dimension, subject, firstDay(now), Day(now))
	if err != nil {
		return Totals{}, fmt.Errorf("activity: totals: %w", err)
	}
	return summarize(now, all, recent), nil
}

// starts are the first days of the week and the month of now.
func starts(now time.Time) (week, month int64) {
	now = now.UTC()
	today := Day(now)
	return today - int64((now.Weekday()+6)%7), today - int64(now.Day()-1)
}

func firstDay(now time.Time) int64 {
	week, month := starts(now)
	return min(Day(now)-window+1, week, month)
}

func summarize(now time.Time, all, recent []storage.Rollup) Totals {
	t := Totals{ByType: map[string]int64{}, ByDay: map[string]int64{}, recent: recent, today: Day(now)}
	for _, r := range all {
		t.All += r.Total
		if r.Outcome == Success {
			t.Succeeded += r.Total
		}
		t.ByType[strings.TrimPrefix(r.Type, reported)] += r.Total
	}
	for day := t.today - window + 1; day <= t.today; day++ {
		t.ByDay[Date(day).Format(time.DateOnly)] = 0
	}
	week, month := starts(now)
	for _, r := range recent {
		if r.Day == t.today {
			t.Today += r.Total
		}
		if r.Day >= week {
			t.Week += r.Total
		}
		if r.Day >= month {
			t.Month += r.Total
		}
		if r.Day > t.today-window {
			t.ByDay[Date(r.Day).Format(time.DateOnly)] += r.Total
		}
	}
	return t
}
