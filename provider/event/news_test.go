package event_test

import (
	"testing"

	"github.com/signet-idp/signet/provider/event"
)

func told(c <-chan struct{}) bool {
	select {
	case <-c:
		return true
	default:
		return false
	}
}

func TestNews(t *testing.T) {
	t.Parallel()
	var n event.News
	n.Tell() // nobody waits
	a, b := n.Wait(), n.Wait()
	if told(a) || told(b) {
		t.Fatal("told before there is news")
	}
	n.Tell()
	c := n.Wait()
	if !told(a) || !told(b) || told(c) {
		t.Fatal("news is for those who waited, once")
	}
	n.Close()
	n.Close()
	n.Tell()
	if !told(c) || !told(n.Wait()) || !n.Closed() {
		t.Error("who waits at the end waits on")
	}
}
