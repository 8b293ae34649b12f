package webhook_test

import "testing"

// engines runs a benchmark on SQLite and on PostgreSQL.
func engines(b *testing.B, bench func(b *testing.B, r *replica)) {
	b.Run("sqlite", func(b *testing.B) { bench(b, onSQLite(b)) })
	b.Run("postgres", func(b *testing.B) {
		bench(b, onPostgres(b, 1)[0])
	})
}

// BenchmarkFanout gives 10 webhooks their events: rows written a second.
func BenchmarkFanout(b *testing.B) {
	const hooks, events = 10, 500
	engines(b, func(b *testing.B, r *replica) {
		for range hooks {
			r.create("", hookURL, "user.login")
		}
		for b.Loop() {
			b.StopTimer()
			r.record(logins(events)...)
			b.StartTimer()
			r.drain(r.follower.Tick)
		}
		b.ReportMetric(float64(hooks*events*b.N)/b.Elapsed().Seconds(), "deliveries/s")
	})
}

// BenchmarkDelivery takes, signs, sends and marks, to 8 receivers in this
// process: messages a second, with the receivers' own work.
func BenchmarkDelivery(b *testing.B) {
	const hooks, events = 8, 250
	engines(b, func(b *testing.B, r *replica) {
		in := newReceiver(b, nil)
		for range hooks {
			r.create("", in.URL, "user.login")
		}
		for b.Loop() {
			b.StopTimer()
			r.record(logins(events)...)
			r.fan()
			b.StartTimer()
			r.drain(r.worker.Tick)
		}
		b.ReportMetric(float64(hooks*events*b.N)/b.Elapsed().Seconds(), "messages/s")
		if got := len(in.messages()); got < hooks*events*b.N {
			b.Fatalf("%d messages arrived", got)
		}
	})
}
