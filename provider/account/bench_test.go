package account_test

import (
	"testing"

	"github.com/signet-idp/signet/provider/account"
	"github.com/signet-idp/signet/provider/change/changetest"
)

// What a stranger could time: the same request for an address that is
// somebody's and for one that is nobody's. Compare the two lines of each pair.

func benchDesk(b *testing.B) *desk {
	b.Helper()
	s := settings
	s.MailsPerHour = 1 << 30
	d := newDesk(b, changetest.New(b), s)
	if _, err := d.Register(b.Context(), account.Registration{Email: "known1@acme.test", Password: good}); err != nil {
		b.Fatal(err)
	}
	return d
}

func BenchmarkForgot(b *testing.B) {
	for _, email := range []string{"known1@acme.test", "nobody@acme.test"} {
		b.Run(email[:6], func(b *testing.B) {
			d := benchDesk(b)
			for b.Loop() {
				if err := d.RequestReset(b.Context(), email, ""); err != nil {
					b.Fatal(err)
				}
				b.StopTimer()
				d.Work()
				b.StartTimer()
			}
		})
	}
}

func BenchmarkRegisterSafe(b *testing.B) {
	for _, known := range []bool{true, false} {
		name := map[bool]string{true: "known1", false: "nobody"}[known]
		b.Run(name, func(b *testing.B) {
			d := benchDesk(b)
			d.Settings.EnumerationSafe = true
			n := 0
			for b.Loop() {
				email := "known1@acme.test"
				if !known {
					n++
					email = "nobody" + string(rune('a'+n%26)) + string(rune('a'+n/26%26)) + string(rune('a'+n/676%26)) + "@acme.test"
				}
				if _, err := d.Register(b.Context(), account.Registration{Email: email, Password: good}); err != nil {
					b.Fatal(err)
				}
				b.StopTimer()
				d.Work()
				b.StartTimer()
			}
		})
	}
}
