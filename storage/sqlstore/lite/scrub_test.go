package lite_test

import (
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/signet-idp/signet/storage/sqlstore/lite"
)

const markLength = len("<0123456789abcdef>")

// marks are all texts of the form <0123456789abcdef> in the database's files.
func marks(t *testing.T, path string) map[string]bool {
	t.Helper()
	found := map[string]bool{}
	for _, end := range []string{"", "-wal", "-shm"} {
		raw, err := os.ReadFile(path + end)
		if err != nil {
			t.Fatal(err)
		}
		for i := 0; i+markLength <= len(raw); i++ {
			if raw[i] == '<' && raw[i+markLength-1] == '>' {
				found[string(raw[i:i+markLength])] = true
			}
		}
	}
	return found
}

// TestScrub: after many random changes the files hold what the tables hold, and
// not a value more, and the database is whole. Without secure_delete some
// thousands of values stay, with it alone some thirty in the pages.
func TestScrub(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "signet.db")
	e, err := lite.Open(t.Context(), lite.Config{Path: path, Timeout: 10 * time.Second})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = e.Close() })
	run := func(sql string, args ...any) {
		t.Helper()
		if _, err := e.Exec(t.Context(), sql, args...); err != nil {
			t.Fatal(err)
		}
	}
	run(`CREATE TABLE people (id TEXT PRIMARY KEY, email TEXT UNIQUE, profile TEXT)`)
	run(`CREATE TABLE words (word TEXT, id TEXT, PRIMARY KEY (word, id)) WITHOUT ROWID`)
	run(`CREATE INDEX people_by_profile ON people (profile)`)

	type person struct{ id, email, profile, word string }
	rnd := rand.New(rand.NewPCG(1, 2))
	mark := func() string { return fmt.Sprintf("<%016x>", rnd.Uint64()) }
	var live []person
	var gone []string
	for n := range 12_000 {
		i := 0
		if len(live) > 0 {
			i = rnd.IntN(len(live))
		}
		switch way := rnd.IntN(10); {
		case way < 5 || len(live) == 0:
			p := person{fmt.Sprint(rnd.IntN(1000), "-", n), mark(), mark(), mark()}
			run(`INSERT INTO people (id, email, profile) VALUES ($1, $2, $3)`, p.id, p.email, strings.Repeat(p.profile, 1+rnd.IntN(400)/(1+rnd.IntN(30))))
			run(`INSERT INTO words (word, id) VALUES ($1, $2)`, p.word, p.id)
			live = append(live, p)
		case way < 8:
			p := &live[i]
			gone = append(gone, p.email, p.profile)
			p.email, p.profile = mark(), mark()
			run(`UPDATE people SET email = $2, profile = $3 WHERE id = $1`, p.id, p.email, strings.Repeat(p.profile, 1+rnd.IntN(30)))
		default:
			p := live[i]
			run(`DELETE FROM people WHERE id = $1`, p.id)
			run(`DELETE FROM words WHERE id = $1`, p.id)
			gone = append(gone, p.email, p.profile, p.word)
			live[i] = live[len(live)-1]
			live = live[:len(live)-1]
		}
	}
	before := 0
	there := marks(t, path)
	for _, m := range gone {
		if there[m] {
			before++
		}
	}
	if before == 0 {
		t.Error("nothing to scrub: the test cannot fail")
	}
	if err := e.Scrub(t.Context()); err != nil {
		t.Fatal(err)
	}
	there = marks(t, path)
	left := 0
	for _, m := range gone {
		if there[m] {
			left++
		}
	}
	if left > 0 {
		t.Errorf("%d of %d deleted values are still in the files (%d before)", left, len(gone), before)
	}
	for _, p := range live {
		if !there[p.email] || !there[p.profile] || !there[p.word] {
			t.Fatalf("%+v is missing", p)
		}
	}
	var whole string
	if err := e.Row(t.Context(), `PRAGMA integrity_check`, nil, &whole); err != nil || whole != "ok" {
		t.Error(whole, err)
	}
	if info, err := os.Stat(path + "-wal"); err != nil || info.Size() != 0 {
		t.Error(info, err)
	}
}
