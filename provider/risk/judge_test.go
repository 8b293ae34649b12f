package risk_test

import (
	"math"
	"slices"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"github.com/signet-idp/signet/provider/event"
	"github.com/signet-idp/signet/provider/risk"
)

var (
	berlin  = risk.Place{Country: "DE", Located: true, Latitude: 52.52, Longitude: 13.405}
	potsdam = risk.Place{Country: "DE", Located: true, Latitude: 52.396, Longitude: 13.058}
	paris   = risk.Place{Country: "FR", Located: true, Latitude: 48.857, Longitude: 2.352}
	sydney  = risk.Place{Country: "AU", Located: true, Latitude: -33.868, Longitude: 151.209}
	germany = risk.Place{Country: "DE"}
	france  = risk.Place{Country: "FR"}
	noon    = time.Date(2026, 1, 2, 12, 0, 0, 0, time.UTC)
)

func login(hours float64, device string, p risk.Place) risk.Login {
	return risk.Login{At: noon.Add(time.Duration(hours * float64(time.Hour))), Device: device, Place: p}
}

func TestJudge(t *testing.T) {
	failed := func(l risk.Login, n int) risk.Login { l.Failures = n; return l }
	replayed := func(l risk.Login) risk.Login { l.Replayed = true; return l }
	usual := []risk.Login{login(-48, "laptop", berlin), login(-24, "phone", germany), login(-2, "laptop", berlin)}
	for _, tc := range []struct {
		name     string
		previous []risk.Login
		now      risk.Login
		want     []risk.Signal
		worst    risk.Severity
	}{
		{"as always", usual, login(0, "laptop", berlin), nil, risk.None},
		{"first of all", nil, login(0, "laptop", berlin), nil, risk.None},
		{"a device of long ago", usual, login(0, "phone", berlin), nil, risk.None},
		{"another device", usual, login(0, "tablet", berlin), []risk.Signal{{Kind: risk.NewDevice}}, risk.Low},
		{"a device that tells nothing", usual, login(0, "", berlin), []risk.Signal{{Kind: risk.NewDevice}}, risk.Low},
		{"devices were never told", []risk.Login{login(-1, "", berlin)}, login(0, "laptop", berlin), nil, risk.None},
		{"near, at once", usual, login(-2, "laptop", potsdam), nil, risk.None},
		{"another country, by train", usual, login(8, "laptop", paris), []risk.Signal{{Kind: risk.NewCountry}}, risk.Medium},
		{"another country, by aeroplane", usual, login(-0.9, "laptop", paris), []risk.Signal{{Kind: risk.NewCountry}}, risk.Medium}, // 877 km in 66 minutes
		{"too fast", usual, login(-1.1, "laptop", paris), []risk.Signal{{Kind: risk.ImpossibleTravel, Kilometres: 877}, {Kind: risk.NewCountry}}, risk.High},
		{"in two places", usual, login(-2, "laptop", sydney), []risk.Signal{{Kind: risk.ImpossibleTravel, Kilometres: 16094}, {Kind: risk.NewCountry}}, risk.High},
		{"home again too fast", append(slices.Clone(usual), login(-1, "laptop", sydney)), login(0, "laptop", berlin), []risk.Signal{{Kind: risk.ImpossibleTravel, Kilometres: 16094}}, risk.High},
		{"countries without places", usual, login(0, "laptop", france), []risk.Signal{{Kind: risk.NewCountry}}, risk.Medium},
		{"place unknown", usual, login(0, "laptop", risk.Place{}), nil, risk.None},
		{"places were never known", []risk.Login{login(-1, "laptop", risk.Place{})}, login(0, "laptop", sydney), nil, risk.None},
		{"written down later", []risk.Login{login(1, "laptop", sydney), login(-48, "laptop", berlin)}, login(0, "laptop", berlin), nil, risk.None},
		{"few failures", usual, failed(login(0, "laptop", berlin), risk.Failures-1), nil, risk.None},
		{"many failures", usual, failed(login(0, "laptop", berlin), risk.Failures), []risk.Signal{{Kind: risk.ManyFailures, Count: risk.Failures}}, risk.Medium},
		{"failures before the first", nil, failed(login(0, "laptop", berlin), 9), []risk.Signal{{Kind: risk.ManyFailures, Count: 9}}, risk.Medium},
		{"failures of an earlier login", []risk.Login{failed(replayed(login(-1, "laptop", berlin)), 50)}, login(0, "laptop", berlin), nil, risk.None},
		{"a code twice", usual, replayed(login(0, "laptop", berlin)), []risk.Signal{{Kind: risk.CodeReplay}}, risk.High},
		{"everything at once", usual, replayed(failed(login(-2, "tablet", sydney), 7)), []risk.Signal{
			{Kind: risk.CodeReplay}, {Kind: risk.ImpossibleTravel, Kilometres: 16094}, {Kind: risk.NewCountry}, {Kind: risk.ManyFailures, Count: 7}, {Kind: risk.NewDevice},
		}, risk.High},
	} {
		t.Run(tc.name, func(t *testing.T) {
			t.Parallel()
			got := risk.Judge(tc.previous, tc.now)
			if diff := cmp.Diff(tc.want, got); diff != "" {
				t.Error(diff)
			}
			if worst := risk.Worst(got); worst != tc.worst {
				t.Errorf("worst is %s, want %s", worst, tc.worst)
			}
		})
	}
}

// TestSignalsAreEvents: what a signal says, the catalogue declares.
func TestSignalsAreEvents(t *testing.T) {
	entries := event.Catalogue()
	i := slices.IndexFunc(entries, func(e event.Entry) bool { return e.Type == event.AuthSuspiciousActivity })
	for _, kind := range []risk.Kind{risk.NewDevice, risk.NewCountry, risk.ImpossibleTravel, risk.ManyFailures, risk.CodeReplay} {
		if kind.Severity() == risk.None {
			t.Errorf("%s has no severity", kind)
		}
		for name, value := range (risk.Signal{Kind: kind, Kilometres: 7, Count: 7}).Data() {
			declared, ok := entries[i].Data[name]
			_, isText := value.(string)
			if !ok || isText != (declared == event.Enum) || isText && !event.Enumeration(value.(string)) {
				t.Errorf("%s: %s = %v is not declared", kind, name, value)
			}
		}
	}
}

func drawPlace(t *rapid.T, label string) risk.Place {
	return rapid.Custom(func(t *rapid.T) risk.Place {
		return risk.Place{
			Country: rapid.SampledFrom([]string{"", "DE", "FR", "AU", "JP"}).Draw(t, "country"), Located: rapid.Bool().Draw(t, "located"),
			Latitude: rapid.Float64Range(-90, 90).Draw(t, "latitude"), Longitude: rapid.Float64Range(-180, 180).Draw(t, "longitude"),
		}
	}).Draw(t, label)
}

func drawLogin(t *rapid.T, label string) risk.Login {
	return rapid.Custom(func(t *rapid.T) risk.Login {
		return risk.Login{
			At:     noon.Add(time.Duration(rapid.IntRange(-100*3600, 100*3600).Draw(t, "at")) * time.Second),
			Device: rapid.SampledFrom([]string{"", "laptop", "phone", "tablet"}).Draw(t, "device"), Place: drawPlace(t, "place"),
			Failures: rapid.IntRange(0, 20).Draw(t, "failures"), Replayed: rapid.Bool().Draw(t, "replayed"),
		}
	}).Draw(t, label)
}

func has(signals []risk.Signal, kind risk.Kind) bool {
	return slices.ContainsFunc(signals, func(s risk.Signal) bool { return s.Kind == kind })
}

// TestJudgeHolds: what is true of any history.
func TestJudgeHolds(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		previous := rapid.SliceOfN(rapid.Custom(func(t *rapid.T) risk.Login { return drawLogin(t, "login") }), 0, 8).Draw(t, "previous")
		now := drawLogin(t, "now")
		signals := risk.Judge(previous, now)
		for i, s := range signals {
			if i > 0 && s.Severity() > signals[i-1].Severity() {
				t.Fatalf("not the weightiest first: %v", signals)
			}
			if slices.ContainsFunc(signals[:i], func(o risk.Signal) bool { return o.Kind == s.Kind }) {
				t.Fatalf("twice the same: %v", signals)
			}
		}
		if has(signals, risk.ImpossibleTravel) && !now.Place.Located || has(signals, risk.NewCountry) && now.Place.Country == "" {
			t.Fatalf("judged by what is not known: %v", signals)
		}
		// A login like this one, just before it, makes device and place known.
		twin := now
		twin.Failures, twin.Replayed = 0, false
		again := risk.Judge(append(slices.Clone(previous), twin), twin)
		if has(again, risk.NewCountry) || has(again, risk.ImpossibleTravel) && !sameTime(previous, twin) || has(again, risk.NewDevice) && now.Device != "" {
			t.Fatalf("a known device at a known place: %v", again)
		}
		if waited := now; has(signals, risk.ImpossibleTravel) {
			waited.At = now.At.Add(24 * 100 * time.Hour)
			if has(risk.Judge(previous, waited), risk.ImpossibleTravel) {
				t.Fatal("who waits long enough gets anywhere")
			}
		}
	})
}

// sameTime says whether another login happened in the same moment.
func sameTime(previous []risk.Login, l risk.Login) bool {
	return slices.ContainsFunc(previous, func(p risk.Login) bool { return p.At.Equal(l.At) })
}

func TestJudgeAnyOrder(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		previous := rapid.SliceOfNDistinct(rapid.Custom(func(t *rapid.T) risk.Login { return drawLogin(t, "login") }), 0, 6,
			func(l risk.Login) int64 { return l.At.Unix() }).Draw(t, "previous")
		now := drawLogin(t, "now")
		shuffled := rapid.Permutation(previous).Draw(t, "shuffled")
		if diff := cmp.Diff(risk.Judge(previous, now), risk.Judge(shuffled, now)); diff != "" {
			t.Fatal(diff)
		}
	})
}

func TestDistance(t *testing.T) {
	for _, tc := range []struct {
		a, b risk.Place
		km   float64
	}{
		{berlin, berlin, 0},
		{berlin, potsdam, 27},
		{berlin, paris, 877},
		{berlin, sydney, 16094},
		{risk.Place{Latitude: 90}, risk.Place{Latitude: -90}, 20015},
		{risk.Place{Longitude: 179}, risk.Place{Longitude: -179}, 222},
	} {
		if got := risk.Distance(tc.a, tc.b); math.Abs(got-tc.km) > 1 {
			t.Errorf("%v to %v: %.1f km, want %.0f", tc.a, tc.b, got, tc.km)
		}
	}
	rapid.Check(t, func(t *rapid.T) {
		a, b, c := drawPlace(t, "a"), drawPlace(t, "b"), drawPlace(t, "c")
		ab, ba := risk.Distance(a, b), risk.Distance(b, a)
		if math.IsNaN(ab) || ab < 0 || ab > 20016 || math.Abs(ab-ba) > 1e-6 || ab > risk.Distance(a, c)+risk.Distance(c, b)+1e-3 {
			t.Fatalf("%v to %v: %v km, back %v", a, b, ab, ba)
		}
	})
}

func BenchmarkJudge(b *testing.B) {
	previous := make([]risk.Login, 100)
	for i := range previous {
		previous[i] = login(float64(-i-1), "laptop", berlin)
	}
	now := login(0, "tablet", paris)
	for b.Loop() {
		risk.Judge(previous, now)
	}
}
