package flow_test

import (
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	standardwebhooks "github.com/standard-webhooks/standard-webhooks/libraries/go"

	"github.com/signet-idp/signet/internal/testkit/servers"
	"github.com/signet-idp/signet/provider/event"
	"github.com/signet-idp/signet/provider/org"
	"github.com/signet-idp/signet/provider/webhook"
	"github.com/signet-idp/signet/test/harness"
)

// told is a receiver that checks each message as its own developers would, with
// the library of Standard Webhooks, and drops what it has seen.
type told struct {
	*httptest.Server
	mu     sync.Mutex
	secret string
	away   bool
	events map[string]event.Envelope
	bodies string
	bad    []string
}

func newTold(t *testing.T) *told {
	t.Helper()
	r := &told{events: map[string]event.Envelope{}}
	r.Server = httptest.NewServer(r)
	t.Cleanup(r.Close)
	return r
}

func (r *told) ServeHTTP(w http.ResponseWriter, req *http.Request) {
	body, _ := io.ReadAll(req.Body)
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.away {
		w.WriteHeader(http.StatusBadGateway)
		return
	}
	v, err := standardwebhooks.NewWebhook(r.secret)
	if err == nil {
		err = v.Verify(body, req.Header)
	}
	var e event.Envelope
	if err == nil {
		err = json.Unmarshal(body, &e)
	}
	if err != nil {
		r.bad = append(r.bad, err.Error())
		w.WriteHeader(http.StatusBadRequest)
		return
	}
	r.events[req.Header.Get("Webhook-Id")] = e
	r.bodies += string(body)
}

// has looks for an event about a subject.
func (r *told) has(kind event.Type, subject string) bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	for _, e := range r.events {
		if e.Type == string(kind) && e.Subject == subject {
			return true
		}
	}
	return false
}

func (r *told) set(away bool, secret string) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.away, r.secret = away, secret
}

// People register, join and leave; one webhook of the system and one of each of
// two organizations are told, each of what it may know, also after having been
// away. On two replicas either sends.
func TestWebhooks(t *testing.T) {
	t.Parallel()
	t.Run("SQLite", func(t *testing.T) {
		t.Parallel()
		in := harness.Start(t, harness.Options{})
		webhooks(t, in, in)
	})
	t.Run("PostgreSQL", func(t *testing.T) {
		t.Parallel()
		replicas := harness.Replicas(t, 2, harness.Options{DatabaseURL: servers.Postgres(t), MasterKey: harness.MasterKey, RedisURL: servers.Redis(t)})
		webhooks(t, replicas[0], replicas[1])
	})
}

func webhooks(t *testing.T, one, other *harness.Instance) {
	owner := one.User(t, "owner@acme.test", "correct horse battery")
	acme, globex := one.Organization(t, "acme", owner.ID), one.Organization(t, "globex", owner.ID)
	all, ofAcme, ofGlobex := newTold(t), newTold(t), newTold(t)
	for id, r := range map[string]*told{"": all, acme.ID: ofAcme, globex.ID: ofGlobex} {
		_, secret, err := one.Webhooks.Create(t.Context(), id, webhook.Registration{URL: r.URL + "/in", Events: []string{"user.*", "organization.*", "webhook.*"}})
		if err != nil {
			t.Fatal(err)
		}
		r.set(r == ofGlobex, secret) // globex begins with being away
	}
	const address = "somebody-with-a-name@acme.test"
	alice := other.User(t, address, "correct horse battery")
	if _, err := other.Organizations.Update(t.Context(), acme.ID, org.Update{Patch: map[string]any{"description": "New"}}, "admin"); err != nil {
		t.Fatal(err)
	}
	if _, err := one.Organizations.Update(t.Context(), globex.ID, org.Update{Patch: map[string]any{"description": "New"}}, "admin"); err != nil {
		t.Fatal(err)
	}
	eventually := func(what string, yes func() bool) {
		t.Helper()
		harness.Eventually(t, 30*time.Second, what, yes)
	}
	eventually("the system is told of the account", func() bool { return all.has(event.UserCreated, alice.ID) })
	eventually("the system is told of both organizations", func() bool {
		return all.has(event.OrganizationUpdated, acme.ID) && all.has(event.OrganizationUpdated, globex.ID)
	})
	eventually("acme is told of itself", func() bool { return ofAcme.has(event.OrganizationUpdated, acme.ID) })
	ofGlobex.mu.Lock()
	ofGlobex.away = false
	ofGlobex.mu.Unlock()
	eventually("globex is told once it is back", func() bool { return ofGlobex.has(event.OrganizationUpdated, globex.ID) })

	for id, r := range map[string]*told{"": all, acme.ID: ofAcme, globex.ID: ofGlobex} {
		r.mu.Lock()
		for _, e := range r.events {
			if id != "" && e.Organization != id {
				t.Errorf("the webhook of %s is told of %s in %q", id, e.Type, e.Organization)
			}
		}
		if len(r.bad) > 0 {
			t.Errorf("messages that do not verify: %v", r.bad)
		}
		if strings.Contains(r.bodies, address) || strings.Contains(r.bodies, "Somebody") {
			t.Error("a message holds something personal")
		}
		r.mu.Unlock()
	}
}
