package account_test

import (
	"context"
	"testing"
	"time"

	"github.com/signet-idp/signet/provider/change/changetest"
)

// TestAnswerGoesFirst: what is only done for an account begins when the answer
// is out, and what was accepted is done when the service ends all the same.
func TestAnswerGoesFirst(t *testing.T) {
	t.Parallel()
	f := changetest.New(t)
	d := newDesk(t, f, settings)
	d.member(t, "ada@acme.test")
	ctx, cancel := context.WithCancel(t.Context())
	ended := make(chan struct{})
	go func() { defer close(ended); d.Run(ctx) }()

	sent := func() bool { return len(d.post.take()) > 0 }
	tick := time.NewTicker(time.Millisecond)
	defer tick.Stop()
	begin := time.Now()
	ok(t, d.RequestReset(t.Context(), "ada@acme.test", ""))
	for ; !sent(); <-tick.C {
		if time.Since(begin) > 30*time.Second {
			t.Fatal("no mail")
		}
	}
	if took := time.Since(begin); took < 50*time.Millisecond {
		t.Errorf("the work began beside the answer: it ended %v after the request", took)
	}

	ok(t, d.RequestReset(t.Context(), "ada@acme.test", ""))
	cancel()
	<-ended
	if !sent() {
		t.Error("what was accepted was not done")
	}
}
