package audit_test

import (
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
	n := 20_000
	if text := os.Getenv("SIGNET_BENCH_ROWS"); text != "" {
		var err error
		if n, err = strconv.Atoi(text); err != nil {
			b.Fatal(err)
		}
	}
	for name, open := range map[string]func(tb testing.TB) *sqlstore.Store{
		"sqlite": teststore.New,
		"postgres": func(tb testing.TB) *sqlstore.Store {
			tb.Helper()
			return teststore.Open(tb, sqlstore.Options{URL: servers.Postgres(tb), MaxConns: 4})
		},
	} {
		b.Run(name, func(b *testing.B) {
			store := open(b)
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
}
