// Package testrecord gives tests what writes the record of events.
package testrecord

import (
	"crypto/rand"
	"testing"

	"github.com/signet-idp/signet/internal/clock"
	"github.com/signet-idp/signet/keys/keytest"
	"github.com/signet-idp/signet/provider/event"
	"github.com/signet-idp/signet/storage/sqlstore"
)

// New makes a recorder over a store, with a data key of its own, and what puts
// its events in order.
func New(tb testing.TB, store *sqlstore.Store, clk clock.Clock) (*event.Recorder, *event.Sequencer) {
	tb.Helper()
	key, err := keytest.DataKeyring(tb, clk).Purpose(tb.Context(), event.PersonPurpose)
	if err != nil {
		tb.Fatal(err)
	}
	recorder, err := event.NewRecorder(event.Config{Store: store, Sealer: key, Clock: clk, Random: rand.Reader})
	if err != nil {
		tb.Fatal(err)
	}
	sequencer, err := event.NewSequencer(event.SequencerConfig{Store: store, Clock: clk, Holder: "sequencer"})
	if err != nil {
		tb.Fatal(err)
	}
	return recorder, sequencer
}
