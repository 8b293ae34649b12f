package account_test

import (
	"bytes"
	"context"
	"database/sql"
	"encoding/base64"
	"encoding/hex"
	"fmt"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	_ "github.com/jackc/pgx/v5/stdlib" // the database is read as anybody would
	_ "modernc.org/sqlite"             // the same

	"github.com/signet-idp/signet/internal/testkit/fakeclock"
	"github.com/signet-idp/signet/internal/testkit/mailsink"
	"github.com/signet-idp/signet/internal/testkit/servers"
	"github.com/signet-idp/signet/provider/client"
	"github.com/signet-idp/signet/provider/event"
	"github.com/signet-idp/signet/storage"
	"github.com/signet-idp/signet/test/harness"
)

func (w *world) authorization() harness.Authorization {
	w.Client(w.t, "web", storage.ClientMetadata{
		TokenEndpointAuthMethod: "none", FirstParty: true, GrantTypes: []string{client.GrantCode, client.GrantRefresh},
	})
	return harness.NewAuthorization("web", "openid profile email", nil)
}

// TestErasureLeavesNothing: when the grace is over no byte of who somebody was
// is in any table, and the record of what happened is whole.
func TestErasureLeavesNothing(t *testing.T) {
	t.Parallel()
	t.Run("SQLite", func(t *testing.T) {
		t.Parallel()
		file := filepath.Join(t.TempDir(), "signet.db")
		erasureLeavesNothing(t, harness.Options{DatabaseURL: "sqlite:" + file}, dump{"sqlite", "file:" + file + "?mode=ro", `SELECT name FROM sqlite_master WHERE type = 'table'`, []string{file, file + "-wal", file + "-shm"}}, nil)
	})
	t.Run("PostgreSQL", func(t *testing.T) {
		t.Parallel()
		url := servers.Postgres(t)
		erasureLeavesNothing(t, harness.Options{DatabaseURL: url, MasterKey: harness.MasterKey},
			dump{"pgx", url, `SELECT tablename FROM pg_tables WHERE schemaname = current_schema()`, nil}, newTopics(t))
	})
}

// erasureLeavesNothing searches the database and, if there are any, the topics.
func erasureLeavesNothing(t *testing.T, o harness.Options, file dump, published *topics) {
	t.Helper()
	w := &world{t: t, clock: fakeclock.New(time.Date(2026, 10, 1, 12, 0, 0, 0, time.UTC)), mail: mailsink.Start(t)}
	o.Clock, o.Env = w.clock, []string{"SIGNET_SMTP_URL=" + w.mail.URL, "SIGNET_LEGACY_PERSONAL_ORGANIZATION=true"}
	if published != nil {
		o.Env = append(o.Env, published.env()...)
	}
	w.Instance = harness.Start(t, o)
	if err := w.Applier().EnsureBuiltin(t.Context()); err != nil {
		t.Fatal(err)
	}
	w.Sync(t)
	traces := []string{"Zephyrine", "Quillfeather", "zephyrine", "quillfeather", "1512345676", "NetscapeNavigator", "former-zq", "Gooseberry Lane"}
	agent := []string{"User-Agent", "NetscapeNavigator/4"}

	w.want(w.call(http.MethodPost, "/auth/register", "", m{
		"email": "Former-ZQ@acme.test", "password": good, "first_name": "Zephyrine", "last_name": "Quillfeather", "phone_number": "+4915123456767",
	}, agent...), http.StatusCreated, "")
	w.want(w.call(http.MethodPost, "/auth/verify-email", "", m{"token": w.mail.Wait(t, "Former-ZQ@acme.test").Token()}, agent...), http.StatusOK, "")
	w.call(http.MethodPost, "/auth/login", "", m{"email": "former-zq@acme.test", "password": "wrong"}, agent...)
	a := w.want(w.call(http.MethodPost, "/auth/login", "", m{"email": "former-zq@acme.test", "password": good, "device_name": "Zephyrine's laptop"}, agent...), http.StatusOK, "")
	bearer, id := a.text("access_token"), a.text("user_id")
	w.want(w.call(http.MethodPatch, "/auth/me", bearer, m{
		"bio": "I am Zephyrine Quillfeather", "preferences": m{"nick": "Zephyrine"},
		"address": m{"formatted": "7 Gooseberry Lane\nWhitby", "street_address": "7 Gooseberry Lane", "country": "GB"},
	}, agent...), http.StatusOK, "")
	w.want(w.call(http.MethodPost, "/auth/change-email", bearer, m{"new_email": "zephyrine@acme.test"}, agent...), http.StatusOK, "")
	w.want(w.post("/auth/confirm-email", "", m{"token": w.mail.Wait(t, "zephyrine@acme.test").Token()}), http.StatusOK, "")
	b := w.NewBrowser(t)
	b.Code(w.authorization(), "zephyrine@acme.test", good)
	// A colleague invites the person into an organization.
	boss := w.User(t, "boss@acme.test", good)
	acme := w.Organization(t, "acme", boss.ID)
	w.want(w.post("/organizations/"+acme.ID+"/invitations", w.bearer("boss@acme.test", good), m{"email": "zephyrine@acme.test", "role": "member"}), http.StatusCreated, "")
	w.mail.Wait(t, "zephyrine@acme.test")
	w.want(w.post("/auth/forgot-password", "", m{"email": "zephyrine@acme.test"}), http.StatusOK, "")
	w.mail.Wait(t, "zephyrine@acme.test")
	w.want(w.call(http.MethodDelete, "/auth/account", bearer, m{"password": good}, agent...), http.StatusOK, "")
	w.mail.Wait(t, "zephyrine@acme.test")
	if found := search(t, file, traces); len(found) == 0 {
		t.Fatal("the search finds nothing before the erasure: it cannot fail")
	}
	inFiles := w.rawTraces(id, traces)
	for _, text := range inFiles {
		if len(file.files) > 0 && len(searchFiles(t, file, []string{text})) == 0 {
			t.Errorf("before the erasure the files do not hold %q: the search cannot fail", text)
		}
	}

	w.clock.Advance(30*24*time.Hour + time.Minute)
	if n, err := w.Accounts.EraseDue(context.Background()); err != nil || n > 1 { // the job itself may have been first
		t.Fatal(n, err)
	}
	u, err := w.Store.UserByID(t.Context(), id)
	if err != nil || u.Status != storage.UserDeleted || u.Email != "" {
		t.Fatalf("left: %+v %v", u, err)
	}
	for _, place := range search(t, file, traces) {
		t.Errorf("left: %s", place)
	}
	var left []string
	t.Cleanup(func() {
		for _, place := range left {
			t.Logf("left: %s", place)
		}
	})
	harness.Eventually(t, 10*time.Second, "the files are scrubbed, maybe by the job itself", func() bool {
		left = searchFiles(t, file, inFiles)
		return len(left) == 0
	})
	w.chainVerifies(id)
	if published != nil {
		for _, place := range published.search(w, traces) {
			t.Errorf("published: %s", place)
		}
	}
	w.want(w.post("/auth/register", "", m{"email": "zephyrine@acme.test", "password": good}), http.StatusCreated, "") // free again
}

// chainVerifies reads the record to its end, checks its hashes and that what was
// personal of the erased person cannot be opened.
func (w *world) chainVerifies(erased string) {
	w.t.Helper()
	harness.Eventually(w.t, 10*time.Second, "the record is sequenced", func() bool {
		waiting, err := w.Store.UnsequencedEvents(w.t.Context(), 1)
		return err == nil && len(waiting) == 0
	})
	if _, err := event.Verify(w.t.Context(), w.Store, 0); err != nil {
		w.t.Fatal(err)
	}
	personal := 0
	for after := int64(0); ; {
		events, err := w.Store.EventsAfter(w.t.Context(), after, 100)
		if err != nil {
			w.t.Fatal(err)
		}
		if len(events) == 0 {
			break
		}
		for _, e := range events {
			after = e.Seq
			if e.PersonalOf != erased {
				continue
			}
			personal++
			if _, err := w.Recorder.Open(w.t.Context(), e); err == nil {
				w.t.Errorf("%s can still be opened", e.Type)
			}
		}
	}
	if personal == 0 {
		w.t.Error("no event held anything personal")
	}
}

// dump is how every table is read past the store, and, where they are at hand,
// the database's files.
type dump struct {
	driver, dsn, tables string
	files               []string
}

// rawTraces are texts that lie in the database as they are, and with them the
// person's password and the key under which the record holds what is personal,
// both as they are stored.
func (w *world) rawTraces(id string, texts []string) []string {
	w.t.Helper()
	u, err := w.Store.UserByID(w.t.Context(), id)
	if err != nil {
		w.t.Fatal(err)
	}
	key, err := w.Store.PersonKey(w.t.Context(), id)
	if err != nil || len(key) < 32 {
		w.t.Fatal(len(key), err)
	}
	return append(slices.Clone(texts), u.PasswordHash, string(key))
}

// searchFiles looks for texts in the bytes of the database's files: also in what
// no table holds any more.
func searchFiles(t *testing.T, in dump, texts []string) []string {
	t.Helper()
	var found []string
	for _, name := range in.files {
		raw, err := os.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		for _, text := range texts {
			for _, form := range encodings(text) {
				if bytes.Contains(raw, form) {
					found = append(found, fmt.Sprintf("%s holds %q", filepath.Ext(name), text))
					break
				}
			}
		}
	}
	return found
}

// encodings are the forms in which a text can lie in a cell.
func encodings(text string) [][]byte {
	forms := []string{text, strings.ToLower(text), strings.ToUpper(text), url.QueryEscape(text), hex.EncodeToString([]byte(text))}
	for shift := range 3 { // base64 looks different by where it begins
		whole := append(make([]byte, shift), text...)
		encoded := base64.RawURLEncoding.EncodeToString(whole)
		from := []int{0, 2, 3}[shift]
		// Without the ends, which depend on what stands beside the text.
		to := len(whole) / 3 * 4
		forms = append(forms, encoded[from:to], strings.NewReplacer("-", "+", "_", "/").Replace(encoded[from:to]))
	}
	var wide []byte // UTF-16
	for _, c := range []byte(text) {
		wide = append(wide, c, 0)
	}
	out := [][]byte{wide}
	for _, f := range forms {
		out = append(out, []byte(f))
	}
	return out
}

// search looks for texts in every cell of every table.
func search(t *testing.T, file dump, texts []string) []string {
	t.Helper()
	db, err := sql.Open(file.driver, file.dsn)
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	var found []string
	for _, table := range column(t, db, file.tables) {
		found = append(found, searchTable(t, db, table, texts)...)
	}
	return found
}

func searchTable(t *testing.T, db *sql.DB, table string, texts []string) []string {
	t.Helper()
	rows, err := db.QueryContext(t.Context(), fmt.Sprintf("SELECT * FROM %q", table))
	if err != nil {
		t.Fatal(err)
	}
	defer rows.Close()
	names, err := rows.Columns()
	if err != nil {
		t.Fatal(err)
	}
	cells := make([]sql.RawBytes, len(names))
	dest := make([]any, len(names))
	for i := range cells {
		dest[i] = &cells[i]
	}
	var found []string
	for rows.Next() {
		if err := rows.Scan(dest...); err != nil {
			t.Fatal(err)
		}
		for i, cell := range cells {
			for _, text := range texts {
				for _, form := range encodings(text) {
					if bytes.Contains(cell, form) {
						found = append(found, table+"."+names[i]+" holds "+text)
						break
					}
				}
			}
		}
	}
	if err := rows.Err(); err != nil {
		t.Fatal(err)
	}
	return found
}

func column(t *testing.T, db *sql.DB, query string) []string {
	t.Helper()
	rows, err := db.QueryContext(t.Context(), query)
	if err != nil {
		t.Fatal(err)
	}
	defer rows.Close()
	var out []string
	for rows.Next() {
		var s string
		if err := rows.Scan(&s); err != nil {
			t.Fatal(err)
		}
		out = append(out, s)
	}
	if err := rows.Err(); err != nil {
		t.Fatal(err)
	}
	return out
}
