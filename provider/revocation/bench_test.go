package revocation_test

import (
	"fmt"
	"runtime"
	"testing"

	"github.com/google/uuid"

	"github.com/signet-idp/signet/internal/testkit/fakeclock"
	"github.com/signet-idp/signet/provider/revocation"
	"github.com/signet-idp/signet/storage"
)

// fullView is a view of n entries as a busy installation has them: mostly
// ended sessions, some tokens, grants, people and memberships, a few roles.
func fullView(tb testing.TB, n int) *revocation.View {
	tb.Helper()
	kinds := []storage.RevocationKind{
		storage.RevokeSID, storage.RevokeSID, storage.RevokeSID, storage.RevokeSID,
		storage.RevokeJTI, storage.RevokeJTI, storage.RevokeGrant, storage.RevokeGrant,
		storage.RevokeSub, storage.RevokeMember,
	}
	feed := newFeed()
	for i := range n {
		kind := kinds[i%len(kinds)]
		value := uuid.Must(uuid.NewV7()).String()
		switch {
		case i%1000 == 0:
			kind, value = storage.RevokeRole, value+"/billing"
		case i%1000 == 1:
			kind = storage.RevokeClient
		case kind == storage.RevokeMember:
			value += "/" + uuid.Must(uuid.NewV7()).String()
		}
		feed.append(entry(kind, value))
	}
	v := newView(tb, feed, fakeclock.New(start()))
	sync_(tb, v)
	return v
}

func liveToken(v *revocation.View) revocation.TokenRef {
	id := func() string { return uuid.Must(uuid.NewV7()).String() }
	return revocation.TokenRef{
		JTI: id(), GID: id(), SID: id(), Sub: id(), ClientID: "web", OrgID: id(),
		Roles: []string{"owner", "billing", "system:user"}, KID: "es256-2026-03", PE: v.Head() / 2,
	}
}

func TestCheckAllocatesNothing(t *testing.T) {
	v := fullView(t, 10_000)
	ref := liveToken(v)
	if got := v.Check(ref); got != revocation.OK {
		t.Fatalf("Check = %v, want ok", got)
	}
	if n := testing.AllocsPerRun(1000, func() { v.Check(ref) }); n != 0 {
		t.Errorf("Check allocates %v times", n)
	}
}

func BenchmarkCheck(b *testing.B) {
	for _, n := range []int{0, 100, 10_000, 100_000} {
		b.Run(fmt.Sprint(n), func(b *testing.B) {
			v := fullView(b, n)
			ref := liveToken(v)
			b.ReportAllocs()
			for b.Loop() {
				if v.Check(ref) != revocation.OK {
					b.Fatal("a live token is dead")
				}
			}
		})
	}
}

// BenchmarkApply is what one more entry costs with 10,000 in the list.
func BenchmarkApply(b *testing.B) {
	feed := newFeed()
	v := newView(b, feed, fakeclock.New(start()))
	appendSIDs(feed, 10_000)
	sync_(b, v)
	b.ReportAllocs()
	for b.Loop() {
		b.StopTimer()
		seq := appendSIDs(feed, 1)
		feed.change(func() { feed.entries = feed.entries[len(feed.entries)-1:] })
		b.StartTimer()
		sync_(b, v)
		if v.Head() != seq {
			b.Fatal("not applied")
		}
	}
}

// BenchmarkMemory reports what 10,000 entries hold.
func BenchmarkMemory(b *testing.B) {
	var before, after runtime.MemStats
	for b.Loop() {
		feed := newFeed()
		for range 10_000 {
			feed.append(entry(storage.RevokeSID, uuid.Must(uuid.NewV7()).String()))
		}
		runtime.GC()
		runtime.ReadMemStats(&before)
		v := newView(b, feed, fakeclock.New(start()))
		sync_(b, v)
		runtime.GC()
		runtime.ReadMemStats(&after)
		runtime.KeepAlive(feed)
		runtime.KeepAlive(v)
	}
	b.ReportMetric(float64(after.HeapAlloc-before.HeapAlloc)/1024, "KiB/10000-entries")
}
