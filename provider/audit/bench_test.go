package audit_test

import (
	"cmp"
	"os"
	"runtime"
	"strconv"
	"testing"
	"time"

	"github.com/signet-idp/signet/internal/testkit/servers"
	"github.com/signet-idp/signet/internal/testkit/teststore"
	"github.com/signet-idp/signet/provider/audit"
	"github.com/signet-idp/signet/provider/event"
	"github.com/signet-idp/signet/storage"
	"github.com/signet-idp/signet/storage/sqlstore"
)

// fill loads a chain of n rows like those of logins.
func fill(tb testing.TB, store *sqlstore.Store, n int) {
	tb.Helper()
	at, previous := time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC), event.Genesis()
	for done := 0; done < n; {
		batch := make([]storage.Event, 0, 1000)
		for range min(1000, n-done) {
			done++
			user, at := "0195b2c4-0000-7000-8000-"+strconv.Itoa(100_000_000_000+done%1000), at.Add(time.Duration(done)*time.Second)
			batch = append(batch, storage.Event{
				ID: storage.NewID(), Type: []string{"user.login", "session.created", "grant.created", "user.logout"}[done%4], Time: at, Actor: user, ActorKind: "user",
				Subject: user, Organization: "0195b2c4-0000-7000-8000-" + strconv.Itoa(200_000_000_000+done%20), Request: "0195b2c4-0000-7000-8000-000000000001",
				Data:     []byte(`{"acr":"aal1","amr":["pwd"],"client_id":"web","session_id":"0195b2c4-0000-7000-8000-000000000001"}`),
				Personal: make([]byte, 120), PersonalOf: user,
			})
		}
		if err := store.InsertEvents(tb.Context(), batch...); err != nil {
			tb.Fatal(err)
		}
		rows, err := store.UnsequencedEvents(tb.Context(), len(batch))
		if err != nil {
			tb.Fatal(err)
		}
		for i := range rows {
			rows[i].Seq = int64(done - len(rows) + 1 + i)
			rows[i].Hash = event.Hash(previous, rows[i])
			previous = rows[i].Hash
		}
		if err := store.SequenceEvents(tb.Context(), rows); err != nil {
			tb.Fatal(err)
		}
	}
}

// BenchmarkVerify walks a chain of SIGNET_BENCH_ROWS rows (20,000 without it).
func BenchmarkVerify(b *testing.B) {
	benchEngines(b, func(b *testing.B, store *sqlstore.Store, n int) {
		fill(b, store, n)
		most := uint64(0)
		for b.Loop() {
			report, err := audit.Verify(b.Context(), audit.FromStore(store, 0), audit.Options{Progress: func(int64) {
				var m runtime.MemStats
				runtime.ReadMemStats(&m)
				most = max(most, m.HeapInuse)
			}})
			if err != nil || !report.OK() || report.Events != int64(n) {
				b.Fatal(err, report)
			}
		}
		b.ReportMetric(float64(n)*float64(b.N)/b.Elapsed().Seconds(), "rows/s")
		b.ReportMetric(float64(most)/(1<<20), "MiB-heap")
	})
}

// benchRows is SIGNET_BENCH_ROWS, or 20,000.
func benchRows(b *testing.B) int {
	b.Helper()
	n, err := strconv.Atoi(cmp.Or(os.Getenv("SIGNET_BENCH_ROWS"), "20000"))
	if err != nil {
		b.Fatal(err)
	}
	return n
}

func benchEngines(b *testing.B, bench func(b *testing.B, store *sqlstore.Store, n int)) {
	b.Helper()
	n := benchRows(b)
	b.Run("sqlite", func(b *testing.B) { bench(b, teststore.New(b), n) })
	b.Run("postgres", func(b *testing.B) {
		bench(b, teststore.Open(b, sqlstore.Options{URL: servers.Postgres(b), MaxConns: 4}), n)
	})
}

// BenchmarkQuery asks a record of SIGNET_BENCH_ROWS rows for pages of 100, with
// each filter alone and with those that are asked for together, from the
// beginning and from the middle of the record on. A filter that leaves next to
// nothing is the hard one: whoever walks the record for it walks all of it.
func BenchmarkQuery(b *testing.B) {
	benchEngines(b, func(b *testing.B, store *sqlstore.Store, n int) {
		fill(b, store, n)
		begin := time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)
		at := func(i int) time.Time { return begin.Add(time.Duration(i) * time.Second) }
		user, org := "0195b2c4-0000-7000-8000-100000000500", "0195b2c4-0000-7000-8000-200000000007"
		middle := int64(n / 2)
		for _, q := range []struct {
			name   string
			filter audit.Filter
		}{
			{"all", audit.Filter{}},
			{"all-middle", audit.Filter{After: middle}},
			{"actor", audit.Filter{Actor: user}},
			{"actor-middle", audit.Filter{Actor: user, After: middle}},
			{"subject", audit.Filter{Subject: user}},
			{"organization", audit.Filter{Organization: org}},
			{"organization-middle", audit.Filter{Organization: org, After: middle}},
			{"type", audit.Filter{Type: "user.login"}},
			{"type-middle", audit.Filter{Type: "user.login", After: middle}},
			{"time", audit.Filter{From: at(n / 2), To: at(n/2 + 86_400)}},
			{"time-last-minute", audit.Filter{From: at(n - 60)}},
			{"time-nothing", audit.Filter{From: at(n + 60)}},
			{"type-time", audit.Filter{Type: "user.login", From: at(n / 2), To: at(n/2 + 3600)}},
			{"type-none", audit.Filter{Type: "client.created"}},
			{"actor-none", audit.Filter{Actor: "nobody"}},
			{"actor-type", audit.Filter{Actor: user, Type: "user.login"}},
			{"actor-type-none", audit.Filter{Actor: user, Type: "client.created"}},
			{"actor-time", audit.Filter{Actor: user, From: at(n / 2)}},
			{"subject-time-none", audit.Filter{Subject: user, From: at(n + 60)}},
			{"subject-type-none", audit.Filter{Subject: user, Type: "client.created"}},
			{"organization-type", audit.Filter{Organization: org, Type: "user.logout"}},
			{"organization-type-none", audit.Filter{Organization: org, Type: "client.created"}},
			{"organization-actor", audit.Filter{Organization: org, Actor: user}},
			{"organization-actor-none", audit.Filter{Organization: org, Actor: "0195b2c4-0000-7000-8000-100000000501"}},
			{"subject-actor-type-time", audit.Filter{Subject: user, Actor: user, Type: "user.login", From: at(n / 2)}},
		} {
			q.filter.Limit = 100
			b.Run(q.name, func(b *testing.B) {
				rows := 0
				for b.Loop() {
					list, err := audit.Query(b.Context(), store, q.filter)
					if err != nil {
						b.Fatal(err)
					}
					rows = len(list)
				}
				b.ReportMetric(float64(rows), "rows")
			})
		}
	})
}
