package secrets_test

import (
	"bytes"
	"context"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"net/http"
	"os"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"

	"github.com/signet-idp/signet/internal/testkit/mailsink"
	"github.com/signet-idp/signet/internal/testkit/servers"
	"github.com/signet-idp/signet/keys"
	"github.com/signet-idp/signet/provider/event"
	"github.com/signet-idp/signet/storage"
	"github.com/signet-idp/signet/test/harness"
)

// buffer is a log that many write and one reads at the end.
type buffer struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (b *buffer) Write(p []byte) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.b.Write(p)
}

func (b *buffer) bytes() []byte {
	b.mu.Lock()
	defer b.mu.Unlock()
	return slices.Clone(b.b.Bytes())
}

func TestNothingIsWrittenDown(t *testing.T) {
	t.Parallel()
	t.Run("SQLite", func(t *testing.T) {
		t.Parallel()
		live(t, harness.Options{MasterKey: harness.MasterKey}, "", nil)
	})
	t.Run("PostgreSQL", func(t *testing.T) {
		t.Parallel()
		db, cache := servers.Postgres(t), servers.Redis(t)
		proxy, through := harness.NewProxy(t, db)
		live(t, harness.Options{MasterKey: harness.MasterKey, DatabaseURL: through, RedisURL: cache}, cache, proxy)
	})
}

// live runs the day and searches everything.
func live(t *testing.T, o harness.Options, cache string, proxy *harness.Proxy) {
	var lines buffer
	o.Log = &lines
	mail := mailsink.Start(t)
	o.Env = append(o.Env, "SIGNET_SMTP_URL="+mail.URL, "SIGNET_EMAIL_VERIFICATION=optional")
	d := &day{t: t, in: harness.Start(t, o), v: newVault(), mail: mail}
	d.run()
	if proxy != nil { // what a server says when its database goes away
		proxy.Cut()
		d.wrongPlaces()
		proxy.Restore(t)
	}
	d.keepKeys()

	d.exports()
	metrics := d.get("/metrics")
	d.v.search(t, "metrics", metrics)
	d.v.search(t, "the log", lines.bytes())
	d.v.search(t, "error answers", d.errors.bytes())
	d.events()
	d.database()
	if cache != "" {
		d.v.search(t, "Redis", dumpRedis(t, cache))
	}
	if !bytes.Contains(lines.bytes(), []byte(`"http.route":"/oauth2/token"`)) || !bytes.Contains(metrics, []byte("# TYPE")) {
		t.Error("log or metrics are not what they should be")
	}
}

func (d *day) get(path string) []byte {
	d.t.Helper()
	_, body := d.send(http.MethodGet, path, nil, "")
	return []byte(body)
}

// keepKeys makes secrets of the keys that the installation has.
func (d *day) keepKeys() {
	d.t.Helper()
	_, master, _ := strings.Cut(harness.MasterKey, ":")
	d.v.keep("master key", master)
	m, err := keys.ParseMaster(harness.MasterKey)
	if err != nil {
		d.t.Fatal(err)
	}
	var rings []storage.KeyRing
	harness.Eventually(d.t, 20*time.Second, "the database is back", func() bool {
		rings, err = d.in.Store.KeyRings(context.Background())
		return err == nil
	})
	for _, ring := range rings {
		for _, k := range ring.Keys {
			private, err := m.Open(keys.Binding("signing_keys", "private_sealed", ring.Name, k.KID), k.PrivateSealed)
			if err != nil {
				d.t.Fatal(err)
			}
			d.v.keep("signing key", base64.StdEncoding.EncodeToString(private))
			// The head of a PKCS #8 structure is the same in all; its end is the secret's.
			d.v.keep("signing key's end", base64.StdEncoding.EncodeToString(private[len(private)/2:]))
		}
	}
	data, err := d.in.Store.DataKeys(context.Background())
	if err != nil {
		d.t.Fatal(err)
	}
	for _, k := range data {
		secret, err := m.Open(keys.Binding("data_keys", "sealed", k.Purpose, fmt.Sprint(k.Generation)), k.Sealed)
		if err != nil {
			d.t.Fatal(err)
		}
		d.v.keep("data key", base64.StdEncoding.EncodeToString(secret))
	}
	if len(rings) == 0 || len(data) == 0 {
		d.t.Error("no keys")
	}
}

// events walks the record: declared types only, a whole chain, and no secret
// even in what is sealed.
func (d *day) events() {
	d.t.Helper()
	ctx := context.Background()
	harness.Eventually(d.t, 20*time.Second, "all events are sequenced", func() bool {
		waiting, err := d.in.Store.UnsequencedEvents(ctx, 1)
		return err == nil && len(waiting) == 0
	})
	declared := map[string]event.Entry{}
	for _, e := range event.Catalogue() {
		declared[string(e.Type)] = e
	}
	var text bytes.Buffer
	seen := map[string]int{}
	var last int64
	for {
		page, err := d.in.Store.EventsAfter(ctx, last, 500)
		if err != nil {
			d.t.Fatal(err)
		}
		if len(page) == 0 {
			break
		}
		for _, e := range page {
			entry, ok := declared[e.Type]
			if !ok || e.Seq != last+1 {
				d.t.Errorf("event %d after %d: type %q declared %v", e.Seq, last, e.Type, ok)
			}
			last = e.Seq
			seen[e.Type]++
			var data map[string]any
			if err := json.Unmarshal(e.Data, &data); err != nil {
				d.t.Error(err)
			}
			for name := range data {
				if _, ok := entry.Data[name]; !ok {
					d.t.Errorf("%s: member %q is not declared", e.Type, name)
				}
			}
			personal, err := d.in.Recorder.Open(ctx, e)
			if err != nil {
				d.t.Error(err)
			}
			fmt.Fprintf(&text, "%+v %s %v\n", e, e.Data, personal)
		}
	}
	verified, err := event.Verify(ctx, d.in.Store, 1)
	if err != nil || verified.To != last {
		d.t.Errorf("the chain: %+v %v", verified, err)
	}
	for _, kind := range []string{"user.login", "user.login_failed", "user.logout", "grant.created", "token.revoked", "token.reuse_detected", "auth.suspicious_activity"} {
		if seen[kind] == 0 {
			d.t.Errorf("no %s in the record: %v", kind, seen)
		}
	}
	d.v.search(d.t, "events", text.Bytes())
}

// database searches the tables and, for SQLite, the files' bytes.
func (d *day) database() {
	d.t.Helper()
	address := string(d.in.Config.Database.URL)
	var text bytes.Buffer
	for table, rows := range harness.OpenDatabase(d.t, address).Dump() {
		for _, row := range rows {
			fmt.Fprintln(&text, table, strings.Join(row, " "))
		}
	}
	d.v.search(d.t, "tables", text.Bytes())
	path, ok := strings.CutPrefix(address, "sqlite:")
	if !ok {
		return
	}
	for _, file := range []string{path, path + "-wal"} {
		raw, err := os.ReadFile(file)
		if err != nil {
			d.t.Fatal(err)
		}
		if len(raw) > 0 {
			d.v.search(d.t, "database file", raw)
		}
	}
}

func dumpRedis(t *testing.T, address string) []byte {
	t.Helper()
	opts, err := redis.ParseURL(address)
	if err != nil {
		t.Fatal(err)
	}
	c := redis.NewClient(opts)
	defer c.Close()
	list, err := c.Keys(t.Context(), "*").Result()
	if err != nil {
		t.Fatal(err)
	}
	var text bytes.Buffer
	for _, k := range list {
		fmt.Fprintln(&text, k, c.Dump(t.Context(), k).Val())
	}
	return text.Bytes()
}
