package keytest

import (
	"context"
	"crypto/rand"
	"testing"
	"time"

	"github.com/signet-idp/signet/internal/clock"
	"github.com/signet-idp/signet/keys"
)

// Master makes a random master key.
func Master(tb testing.TB) *keys.Master {
	tb.Helper()
	text, err := keys.GenerateMaster(rand.Reader)
	if err != nil {
		tb.Fatal(err)
	}
	master, err := keys.ParseMaster(text)
	if err != nil {
		tb.Fatal(err)
	}
	return master
}

// Manager makes a loaded Manager over a store of its own. With no algorithms
// it has ES256 only: RSA keys take some hundred milliseconds to make.
func Manager(tb testing.TB, c clock.Clock, algs ...string) *keys.Manager {
	tb.Helper()
	if len(algs) == 0 {
		algs = []string{keys.ES256}
	}
	m, err := keys.NewManager(keys.Options{
		Store: NewStore(), Master: Master(tb), Clock: c, Config: keys.Config{Algorithms: algs},
	})
	if err != nil {
		tb.Fatal(err)
	}
	if err := m.Load(context.Background()); err != nil {
		tb.Fatal(err)
	}
	return m
}

// DataKeyring makes a loaded DataKeyring over a store of its own.
func DataKeyring(tb testing.TB, c clock.Clock) *keys.DataKeyring {
	tb.Helper()
	r := keys.NewDataKeyring(NewStore(), Master(tb), c, time.Minute)
	if err := r.Load(context.Background()); err != nil {
		tb.Fatal(err)
	}
	return r
}
