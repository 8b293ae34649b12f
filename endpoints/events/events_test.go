package events_test

import (
	"encoding/json"
	"net/http"
	"net/url"
	"strconv"
	"testing"
	"time"

	"github.com/signet-idp/signet/internal/testkit/servers"
	"github.com/signet-idp/signet/provider/access"
	"github.com/signet-idp/signet/storage"
	"github.com/signet-idp/signet/test/harness"
)

// world is a server with two organizations, whose record the tests read.
type world struct {
	*harness.Instance
	t            *testing.T
	acme, globex storage.Organization
}

func newWorld(t *testing.T, o harness.Options) *world {
	t.Helper()
	o.Contract = true
	w := &world{Instance: harness.Start(t, o), t: t}
	owner := w.User(t, "owner@acme.test", "correct horse battery")
	w.acme, w.globex = w.Organization(t, "acme", owner.ID), w.Organization(t, "globex", owner.ID)
	return w
}

func (w *world) service(id, organizationID, scope string) string {
	w.t.Helper()
	_, secret := w.Service(w.t, id, organizationID, storage.ClientMetadata{Scope: scope})
	answer := w.Token(w.t, id, secret, url.Values{"grant_type": {"client_credentials"}, "scope": {scope}})
	if answer.AccessToken == "" {
		w.t.Fatalf("%s: %+v", id, answer)
	}
	return answer.AccessToken
}

type list struct {
	Events []struct {
		Seq            int64
		ID, Type       string
		OrganizationID string `json:"organization_id"`
		Source         string
	}
	NextAfter int64 `json:"next_after"`
}

func (w *world) list(bearer, query string) list {
	w.t.Helper()
	status, body, _ := w.JSON(w.t, http.MethodGet, "/events"+query, bearer, nil)
	if status != http.StatusOK {
		w.t.Fatalf("%s: %d %v", query, status, body)
	}
	raw, err := json.Marshal(body)
	if err != nil {
		w.t.Fatal(err)
	}
	var l list
	if err := json.Unmarshal(raw, &l); err != nil {
		w.t.Fatal(err)
	}
	return l
}

// settled waits until everything recorded is sequenced.
func (w *world) settled() int64 {
	w.t.Helper()
	harness.Eventually(w.t, 10*time.Second, "the events are sequenced", func() bool {
		waiting, err := w.Store.UnsequencedEvents(w.t.Context(), 1)
		return err == nil && len(waiting) == 0
	})
	last, err := w.Store.LastEvent(w.t.Context())
	if err != nil {
		w.t.Fatal(err)
	}
	return last.Seq
}

func TestWhoReadsWhat(t *testing.T) {
	t.Parallel()
	w := newWorld(t, harness.Options{})
	all, acme := w.service("all", "", "events:read"), w.service("acme-reader", w.acme.ID, "events:read")
	other := w.service("other", "", "activity:write")
	last := w.settled()

	var seen []int64
	for after := int64(0); ; {
		page := w.list(all, "?limit=3&after="+num(after))
		if len(page.Events) == 0 {
			if page.NextAfter != after || after != last {
				t.Errorf("ended at %d with next_after %d, the record at %d", after, page.NextAfter, last)
			}
			break
		}
		for _, e := range page.Events {
			seen = append(seen, e.Seq)
			if e.Source != w.Issuer {
				t.Errorf("source %q", e.Source)
			}
		}
		after = page.NextAfter
	}
	for i, seq := range seen {
		if seq != int64(i+1) {
			t.Fatalf("pages hold %v", seen)
		}
	}
	own := w.list(acme, "").Events
	for _, e := range own {
		if e.OrganizationID != w.acme.ID {
			t.Errorf("another's event: %+v", e)
		}
	}
	if len(own) == 0 || int64(len(own)) == last {
		t.Errorf("%d of %d events", len(own), last)
	}
	for name, c := range map[string]struct {
		bearer, query, code string
		status              int
	}{
		"no token":       {"", "", "AUTH_011", 401},
		"another scope":  {other, "", "AUTH_010", 403},
		"after a word":   {all, "?after=x", "REQ_001", 422},
		"after before":   {all, "?after=-1", "REQ_001", 422},
		"no limit":       {all, "?limit=0", "REQ_001", 422},
		"a large limit":  {all, "?limit=501", "REQ_001", 422},
		"a long wait":    {all, "?wait=31", "REQ_001", 422},
		"after twice":    {all, "?after=1&after=2", "REQ_001", 422},
		"after too much": {all, "?after=99999999999999999999", "REQ_001", 422},
	} {
		status, body, _ := w.JSON(t, http.MethodGet, "/events"+c.query, c.bearer, nil)
		if status != c.status || body["error_code"] != c.code {
			t.Errorf("%s: %d %v", name, status, body)
		}
	}
}

// A person's token does not read the record, whatever its scope.
func TestPeopleDoNotRead(t *testing.T) {
	t.Parallel()
	w := newWorld(t, harness.Options{})
	root := w.User(t, "root@signet.test", "correct horse battery", access.SystemUser, access.SystemAdmin)
	w.Client(t, "app", storage.ClientMetadata{TokenEndpointAuthMethod: "none", FirstParty: true, Scope: "openid events:read"})
	token := w.AccessToken(t, root.ID, "app", "openid events:read")
	if status, body, _ := w.JSON(t, http.MethodGet, "/events", token, nil); status != http.StatusForbidden {
		t.Errorf("%d %v", status, body)
	}
}

// Who waits is answered when something happens, on this replica or another.
func TestWaiting(t *testing.T) {
	t.Parallel()
	replicas := harness.Replicas(t, 2, harness.Options{DatabaseURL: servers.Postgres(t)})
	w := &world{Instance: replicas[0], t: t}
	reader := w.service("all", "", "events:read")
	for _, at := range replicas {
		last := w.settled()
		got := make(chan list, 1)
		go func() { got <- w.list(reader, "?wait=30&after="+num(last)) }()
		// Asked first: what comes next is what it waits for, either way.
		created := at.User(t, "new-"+num(last)+"@acme.test", "correct horse battery")
		l := <-got
		if len(l.Events) == 0 || l.Events[0].Seq != last+1 || l.NextAfter < last+1 {
			t.Errorf("after the creation of %s: %+v", created.ID, l)
		}
	}
	// Nothing comes: the answer is empty, in time.
	last := w.settled()
	if l := w.list(reader, "?wait=1&after="+num(last)); len(l.Events) != 0 || l.NextAfter != last {
		t.Errorf("%+v", l)
	}
}

// A token that ends while its holder waits reads nothing more.
func TestWaitingOutlivesNoToken(t *testing.T) {
	t.Parallel()
	w := newWorld(t, harness.Options{})
	reader := w.service("all", "", "events:read")
	last := w.settled()
	status := make(chan int, 1)
	go func() {
		got, _, _ := w.JSON(t, http.MethodGet, "/events?wait=30&after="+num(last), reader, nil)
		status <- got
	}()
	if _, err := w.Clients.Disable(t.Context(), "all", true, "test"); err != nil {
		t.Fatal(err)
	}
	if got := <-status; got != http.StatusUnauthorized {
		t.Errorf("status %d", got)
	}
}

func num(n int64) string { return strconv.FormatInt(n, 10) }
