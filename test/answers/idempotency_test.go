package answers_test

import (
	"fmt"
	"net/http"
	"strings"
	"sync"
	"testing"

	"github.com/signet-idp/signet/storage"
	"github.com/signet-idp/signet/test/harness"
)

const (
	idempotencyKey = "Idempotency-Key"
	replayed       = "Idempotent-Replayed"
)

// TestRepeat: a request with an Idempotency-Key happens once, and its answer is
// given again, by whichever replica is asked.
func TestRepeat(t *testing.T) {
	t.Parallel()
	engines(t, nil, func(t *testing.T, w *world) {
		ada := m{"email": "ada@acme.test", "password": password, "first_name": "Ada"}
		register := func(i int, body m, key string) answer {
			return send(t, w.at(i), http.MethodPost, "/auth/register", body, idempotencyKey, key)
		}
		first := register(0, ada, "one")
		if first.status != http.StatusCreated || first.header.Get(replayed) != "" {
			t.Fatalf("register: %d %s", first.status, first.raw)
		}
		for i := range 4 {
			again := register(i, ada, "one")
			if again.status != first.status || string(again.raw) != string(first.raw) || again.header.Get(replayed) != "true" {
				t.Errorf("again: %d %s: %q, want %s", again.status, again.raw, again.header.Get(replayed), first.raw)
			}
			if id := again.header.Get("X-Request-Id"); id == "" || id == first.header.Get("X-Request-Id") {
				t.Errorf("the repetition has the request id %q", id)
			}
		}
		for i := range 2 {
			other := register(i, m{"email": "grace@acme.test", "password": password}, "one")
			if other.status != http.StatusUnprocessableEntity || other.text("error_code") != "REQ_001" || !strings.Contains(string(other.raw), idempotencyKey) {
				t.Errorf("another body under the same key: %d %s", other.status, other.raw)
			}
		}
		if a := register(0, ada, "two"); a.status != http.StatusConflict || a.text("error_code") != "USER_002" {
			t.Errorf("another key is another request: %d %s", a.status, a.raw)
		}
		if a := send(t, w.at(1), http.MethodPost, "/auth/register", ada); a.status != http.StatusConflict {
			t.Errorf("and so is none: %d %s", a.status, a.raw)
		}
		// Mail leaves in the order it was asked for: Grace's would come after a
		// second one to Ada.
		if a := register(1, m{"email": "grace@acme.test", "password": password}, "three"); a.status != http.StatusCreated {
			t.Fatalf("register: %d %s", a.status, a.raw)
		}
		w.mail.Wait(t, "ada@acme.test")
		w.mail.Wait(t, "grace@acme.test")
		if n := len(w.mail.Messages()); n != 2 {
			t.Errorf("%d mails, want one for each", n)
		}
	})
}

// TestRepeatAtOnce: of the same request sent many times at once one is carried
// out. The others are told to come back or get its answer.
func TestRepeatAtOnce(t *testing.T) {
	t.Parallel()
	const callers = 12
	engines(t, nil, func(t *testing.T, w *world) {
		in := w.all[0]
		owner := in.User(t, "ada@acme.test", password)
		in.Client(t, "web", storage.ClientMetadata{TokenEndpointAuthMethod: "none", FirstParty: true, Scope: "openid organizations"})
		w.sync(t)
		bearer := "Bearer " + in.AccessToken(t, owner.ID, "web", "openid organizations")
		w.sync(t)
		create := func(i int, key, name string) answer {
			return send(t, w.at(i), http.MethodPost, "/organizations", m{"name": name}, idempotencyKey, key, "Authorization", bearer)
		}
		for round := range 3 {
			key, name := fmt.Sprint("key-", round), fmt.Sprint("Acme ", round)
			answers := make([]answer, callers)
			var wg sync.WaitGroup
			for i := range answers {
				wg.Go(func() { answers[i] = create(i, key, name) })
			}
			wg.Wait()
			later := create(round, key, name)
			if later.status != http.StatusCreated || later.header.Get(replayed) != "true" {
				t.Fatalf("afterwards: %d %s", later.status, later.raw)
			}
			made := 0
			for _, a := range answers {
				switch {
				case a.status == http.StatusCreated && string(a.raw) == string(later.raw):
					if a.header.Get(replayed) == "" {
						made++
					}
				case a.status == http.StatusConflict && a.text("error_code") == "REQ_004" && a.header.Get("Retry-After") != "":
				default:
					t.Errorf("one of many: %d %s", a.status, a.raw)
				}
			}
			if made != 1 {
				t.Errorf("carried out %d times", made)
			}
			if a := create(round+1, key, name+" Ltd"); a.status != http.StatusUnprocessableEntity {
				t.Errorf("another body under the same key: %d %s", a.status, a.raw)
			}
		}
		for i := range w.all {
			if n := organizations(t, w.at(i), bearer); n != 3 {
				t.Errorf("%d organizations, want 3", n)
			}
		}
		// A key is its caller's.
		other := in.User(t, "grace@acme.test", password)
		theirs := "Bearer " + in.AccessToken(t, other.ID, "web", "openid organizations")
		w.sync(t)
		a := send(t, w.at(1), http.MethodPost, "/organizations", m{"name": "Globex"}, idempotencyKey, "key-0", "Authorization", theirs)
		if a.status != http.StatusCreated || a.text("name") != "Globex" {
			t.Errorf("somebody else's request: %d %s", a.status, a.raw)
		}
	})
}

func organizations(t *testing.T, in *harness.Instance, bearer string) int {
	t.Helper()
	a := send(t, in, http.MethodGet, "/organizations", nil, "Authorization", bearer)
	n, ok := a.body["total_count"].(float64)
	if a.status != http.StatusOK || !ok {
		t.Fatalf("organizations: %d %s", a.status, a.raw)
	}
	return int(n)
}
