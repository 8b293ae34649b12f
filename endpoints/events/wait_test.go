package events

import (
	"context"
	"testing"

	"github.com/signet-idp/signet/provider/event"
	"github.com/signet-idp/signet/storage"
)

type empty struct{ looked chan struct{} }

func (e empty) EventsAfter(context.Context, int64, int) ([]storage.Event, error) {
	e.looked <- struct{}{}
	return nil, nil
}

func (e empty) OrganizationEventsAfter(context.Context, string, int64, int) ([]storage.Event, error) {
	return nil, nil
}

// A server that stops answers who waits, and nobody waits any more.
func TestDrainAnswersWhoWaits(t *testing.T) {
	t.Parallel()
	store := empty{make(chan struct{}, 100)}
	h := &Handler{Store: store, News: &event.News{}}
	done := make(chan error, 1)
	go func() {
		_, _, err := h.read(context.Background(), "", Query{Limit: 1, Wait: maxWait})
		done <- err
	}()
	<-store.looked
	h.News.Close()
	if err := <-done; err != nil {
		t.Error(err)
	}
	if _, waited, err := h.read(t.Context(), "", Query{Limit: 1, Wait: maxWait}); waited || err != nil {
		t.Errorf("waited %t, %v", waited, err)
	}
}

func TestTooManyDoNotWait(t *testing.T) {
	t.Parallel()
	h := &Handler{Store: empty{make(chan struct{}, 100)}, News: &event.News{}}
	h.waiting.Store(maxWaiting)
	if _, waited, err := h.read(t.Context(), "", Query{Limit: 1, Wait: maxWait}); waited || err != nil {
		t.Errorf("waited %t, %v", waited, err)
	}
	if n := h.waiting.Load(); n != maxWaiting {
		t.Errorf("%d wait", n)
	}
}
