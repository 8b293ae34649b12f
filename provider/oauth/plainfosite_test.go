package oauth_test

import (
	"testing"
)

// defect is something that fosite, composed as its documentation shows, gets
// wrong or leaves open. The names are those of docs/decisions/0002.
type defect struct {
	name string
	// seen plays one scenario against a provider and says whether the defect
	// shows. It fails the test only when the scenario itself breaks down.
	seen func(t *testing.T, p party) bool
}

// TestFositeDefects plays every scenario twice: against fosite as it comes
// (plainparty_test.go), where the defect must show, or the scenario proves
// nothing; and against ours, where it must not.
//
// What fosite has no notion of is not compared here: that a login is bound to
// the browser that began it and consumed once (provider/login, test/flow).
func TestFositeDefects(t *testing.T) {
	t.Parallel()
	ours := newOurs(t)
	for _, list := range [][]defect{authorizeDefects(), codeDefects(), refreshDefects(), clientDefects(), tokenDefects()} {
		for _, d := range list {
			t.Run(d.name, func(t *testing.T) {
				if !d.seen(t, newPlain(t)) {
					t.Error("fosite as it comes does not show the defect: either it was mended, and our work on it can go, or the scenario cannot fail")
				}
				if d.seen(t, ours) {
					t.Error("our provider shows the defect")
				}
			})
		}
	}
}
