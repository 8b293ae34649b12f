package risk

import (
	"math"
	"slices"
	"time"
)

// Kind is what is unusual; events have it as their reason.
type Kind string

// The kinds of signals.
const (
	// NewDevice: none of the earlier logins came from this device.
	NewDevice Kind = "new_device"
	// NewCountry: none of the earlier logins came from this country.
	NewCountry Kind = "new_country"
	// ImpossibleTravel: nobody gets here that fast from where the person was.
	ImpossibleTravel Kind = "impossible_travel"
	// ManyFailures: somebody failed often, and now it went well.
	ManyFailures Kind = "many_failures"
	// CodeReplay: what proves a login was presented a second time.
	CodeReplay Kind = "code_replayed"
)

// Severity is how much a signal weighs.
type Severity uint8

// The severities. None is that of no signal.
const (
	None Severity = iota
	Low
	Medium
	High
)

// String is the severity as events have it.
func (s Severity) String() string {
	switch s {
	case Low:
		return "low"
	case Medium:
		return "medium"
	case High:
		return "high"
	}
	return "none"
}

// Severity is what a kind weighs. A new device is everyday; that somebody is in
// two places, or in the middle of an exchange, hardly has an innocent reason.
func (k Kind) Severity() Severity {
	switch k {
	case NewDevice:
		return Low
	case NewCountry, ManyFailures:
		return Medium
	case ImpossibleTravel, CodeReplay:
		return High
	}
	return None
}

// What is unusual.
const (
	// TravelSpeed is faster than airliners, in kilometres an hour.
	TravelSpeed = 900
	// TravelDistance is how far apart places must be, in kilometres: an address
	// is rarely known better.
	TravelDistance = 100
	// Failures that ended in a login.
	Failures = 5
)

// Login is one that went well.
type Login struct {
	At time.Time
	// Device tells one from others, in whatever words the caller has for it;
	// empty: nothing told.
	Device string
	Place  Place
	// Failures is how often somebody had failed since the login before, with this
	// account. Of earlier logins it is not looked at, nor is Replayed.
	Failures int
	// Replayed: a code of this login was presented more than once.
	Replayed bool
}

// Signal is one thing that is unusual about a login.
type Signal struct {
	Kind       Kind
	Kilometres int // ImpossibleTravel: from where the person was
	Count      int // ManyFailures
}

// Severity is how much it weighs.
func (s Signal) Severity() Severity { return s.Kind.Severity() }

// Data is what the event auth.suspicious_activity says of it.
func (s Signal) Data() map[string]any {
	data := map[string]any{"reason": string(s.Kind), "severity": s.Severity().String()}
	if s.Kilometres > 0 {
		data["distance_km"] = s.Kilometres
	}
	if s.Count > 0 {
		data["count"] = s.Count
	}
	return data
}

// Worst is the greatest severity among the signals; None without any.
func Worst(signals []Signal) Severity {
	worst := None
	for _, s := range signals {
		worst = max(worst, s.Severity())
	}
	return worst
}

// Judge says what is unusual about a login beside earlier ones of the same
// person, in any order, the weightiest first; at most one signal of each kind.
// What is not known of either is no signal: the first login of a person, and one
// without a place, are like any other.
func Judge(previous []Login, now Login) []Signal {
	var signals []Signal
	if now.Replayed {
		signals = append(signals, Signal{Kind: CodeReplay})
	}
	if far := travelled(previous, now); far > 0 {
		signals = append(signals, Signal{Kind: ImpossibleTravel, Kilometres: far})
	}
	if unseen(previous, now.Place.Country, func(l Login) string { return l.Place.Country }) && now.Place.Country != "" {
		signals = append(signals, Signal{Kind: NewCountry})
	}
	if now.Failures >= Failures {
		signals = append(signals, Signal{Kind: ManyFailures, Count: now.Failures})
	}
	if unseen(previous, now.Device, func(l Login) string { return l.Device }) {
		signals = append(signals, Signal{Kind: NewDevice})
	}
	return signals
}

// unseen says whether earlier logins had something, and none had this.
func unseen(previous []Login, this string, of func(Login) string) bool {
	known := slices.ContainsFunc(previous, func(l Login) bool { return of(l) != "" })
	return known && !slices.ContainsFunc(previous, func(l Login) bool { return of(l) == this && this != "" })
}

// travelled is how many kilometres somebody came from the last place they were
// at before, if nobody can in that time; else 0.
func travelled(previous []Login, now Login) int {
	var last *Login
	for i, l := range previous {
		if l.Place.Located && !l.At.After(now.At) && (last == nil || l.At.After(last.At)) {
			last = &previous[i]
		}
	}
	if last == nil || !now.Place.Located {
		return 0
	}
	km := Distance(last.Place, now.Place)
	if km <= TravelDistance || km <= TravelSpeed*now.At.Sub(last.At).Hours() {
		return 0
	}
	return int(math.Round(km))
}
