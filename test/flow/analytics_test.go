package flow_test

import (
	"encoding/json"
	"net"
	"net/http"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/signet-idp/signet/internal/testkit/servers"
	"github.com/signet-idp/signet/provider/event"
	"github.com/signet-idp/signet/storage"
	"github.com/signet-idp/signet/test/harness"
)

// collector is an analytics service that can be killed and started again.
type collector struct {
	addr   string
	server *http.Server

	mu   sync.Mutex
	ids  []string
	raw  []string
	auth []string
}

func (c *collector) start(t *testing.T) {
	t.Helper()
	addr := c.addr
	if addr == "" {
		addr = "127.0.0.1:0"
	}
	var l net.Listener
	harness.Eventually(t, 10*time.Second, "the port is free", func() (ok bool) {
		var err error
		l, err = net.Listen("tcp", addr)
		return err == nil
	})
	c.addr = l.Addr().String()
	c.server = &http.Server{Handler: http.HandlerFunc(c.serve)}
	go func() { _ = c.server.Serve(l) }()
	t.Cleanup(func() { _ = c.server.Close() })
}

func (c *collector) serve(w http.ResponseWriter, r *http.Request) {
	var body struct {
		Events []json.RawMessage `json:"events"`
	}
	if r.Method != http.MethodPost || r.URL.Path != "/in/events" || json.NewDecoder(r.Body).Decode(&body) != nil {
		w.WriteHeader(http.StatusBadRequest)
		return
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	c.auth = append(c.auth, r.Header.Get("Authorization"))
	for _, raw := range body.Events {
		var e struct {
			ID string `json:"id"`
		}
		_ = json.Unmarshal(raw, &e)
		c.ids, c.raw = append(c.ids, e.ID), append(c.raw, string(raw))
	}
}

func (c *collector) has(ids ...string) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	return !slices.ContainsFunc(ids, func(id string) bool { return !slices.Contains(c.ids, id) })
}

// The record goes to the operator's analytics: what happens from the first
// start on, whether the service or Signet is away in between.
func TestAnalytics(t *testing.T) {
	t.Parallel()
	t.Run("SQLite", func(t *testing.T) {
		t.Parallel()
		analytics(t, harness.Options{DatabaseURL: "sqlite:" + filepath.Join(t.TempDir(), "signet.db")})
	})
	t.Run("PostgreSQL", func(t *testing.T) {
		t.Parallel()
		analytics(t, harness.Options{DatabaseURL: servers.Postgres(t), MasterKey: harness.MasterKey})
	})
}

func analytics(t *testing.T, o harness.Options) {
	var alice string
	happens := func(in *harness.Instance, n int) []string {
		t.Helper()
		var ids []string
		for range n {
			e := event.Event{
				ID: storage.NewID(), Type: event.UserLogin, Subject: alice, Data: map[string]any{"client_id": "web"},
				PersonalOf: alice, Personal: map[string]string{"ip_address": "192.0.2.77", "user_agent": "Secret/1.0"},
			}
			if err := in.Recorder.Record(t.Context(), e); err != nil {
				t.Fatal(err)
			}
			ids = append(ids, e.ID)
		}
		return ids
	}
	// The log exists before anybody listens.
	var before []string
	t.Run("without", func(t *testing.T) {
		in := harness.Start(t, o)
		alice = in.User(t, "alice@acme.test", "correct horse battery").ID
		before = happens(in, 3)
		sequenced(t, in)
	})

	c := &collector{}
	c.start(t)
	o.Env = []string{"SIGNET_HOOKS_ANALYTICS_URL=http://" + c.addr + "/in", "SIGNET_HOOKS_ANALYTICS_TOKEN=s3cret"}
	var during []string
	t.Run("with", func(t *testing.T) {
		in := harness.Start(t, o)
		began(t, in)
		first := happens(in, 3)
		harness.Eventually(t, 20*time.Second, "the first events arrive", func() bool { return c.has(first...) })
		_ = c.server.Close() // the service dies
		during = happens(in, 150)
		sequenced(t, in)
	})
	c.start(t) // and comes back at the same address
	t.Run("again", func(t *testing.T) {
		in := harness.Start(t, o)
		last := happens(in, 2)
		harness.Eventually(t, 20*time.Second, "what waited arrives", func() bool { return c.has(slices.Concat(during, last)...) })
	})
	c.mu.Lock()
	defer c.mu.Unlock()
	for _, id := range before {
		if slices.Contains(c.ids, id) {
			t.Error("the log from before it was enabled was sent")
		}
	}
	if at := slices.Index(c.ids, during[0]); !slices.Equal(c.ids[at:at+len(during)], during) {
		t.Error("out of order")
	}
	for i, raw := range c.raw {
		if strings.Contains(raw, "192.0.2.77") || strings.Contains(raw, "Secret/1.0") || strings.Contains(raw, "alice@") {
			t.Errorf("personal: %s", raw)
		}
		if i < len(c.auth) && c.auth[i] != "Bearer s3cret" {
			t.Errorf("Authorization %q", c.auth[i])
		}
	}
}

// sequenced waits until every event has its place.
func sequenced(t *testing.T, in *harness.Instance) {
	t.Helper()
	harness.Eventually(t, 10*time.Second, "the events are sequenced", func() bool {
		waiting, err := in.Store.UnsequencedEvents(t.Context(), 1)
		return err == nil && len(waiting) == 0
	})
}

// began waits until the analytics cursor stands somewhere.
func began(t *testing.T, in *harness.Instance) {
	t.Helper()
	harness.Eventually(t, 10*time.Second, "the follower begins", func() bool {
		at, err := in.Store.EventCursor(t.Context(), "analytics")
		return err == nil && at > 0
	})
}
