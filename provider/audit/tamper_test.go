package audit_test

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/signet-idp/signet/provider/audit"
	"github.com/signet-idp/signet/provider/event"
	"github.com/signet-idp/signet/storage"
)

// tampering is one way to change a stored chain. do returns the kinds that fit.
type tampering struct {
	name string
	do   func(t *testing.T, r *record, rnd *rand.Rand, rows []storage.Event) []audit.Kind
}

// rewrite stores the content of a row anew, at a seq.
func (r *record) rewrite(t *testing.T, e storage.Event) {
	t.Helper()
	r.exec(t, `UPDATE events SET type = $2, time = $3, actor = $4, subject = $5, organization = $6, data = $7, personal = $8, personal_of = $9, hash = $10, request = $11 WHERE seq = $1`,
		e.Seq, e.Type, e.Time.UnixMicro(), e.Actor, e.Subject, e.Organization, string(e.Data), e.Personal, e.PersonalOf, e.Hash, e.Request)
}

// store adds a row.
func (r *record) insert(t *testing.T, e storage.Event) {
	t.Helper()
	r.exec(t, `INSERT INTO events (seq, id, type, time, actor, actor_kind, subject, organization, request, data, personal_of, hash)
		VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12)`,
		e.Seq, e.ID, e.Type, e.Time.UnixMicro(), e.Actor, e.ActorKind, e.Subject, e.Organization, e.Request, string(e.Data), e.PersonalOf, e.Hash)
}

// number reads back what number the database gave a row.
func (r *record) number(t *testing.T, id string) (n int64) {
	t.Helper()
	if err := r.raw.QueryRowContext(t.Context(), `SELECT number FROM events WHERE id = $1`, id).Scan(&n); err != nil {
		t.Fatal(err)
	}
	return n
}

// forged is a row that nobody recorded.
func forged(rnd *rand.Rand, seq int64, like storage.Event) storage.Event {
	return storage.Event{
		Seq: seq, ID: storage.NewID(), Type: "user.login", Time: like.Time, Actor: "mallory", ActorKind: "user",
		Subject: fmt.Sprint("user-", rnd.IntN(9)), Data: []byte(`{}`), Hash: event.Genesis(),
	}
}

// shift numbers the rows from seq on anew.
func (r *record) shift(t *testing.T, from, by int64) {
	t.Helper()
	r.exec(t, `UPDATE events SET seq = -(seq + $2) WHERE seq >= $1`, from, by)
	r.exec(t, `UPDATE events SET seq = -seq WHERE seq < 0`)
}

// rechain computes the hashes from a seq on.
func (r *record) rechain(t *testing.T, from int64) {
	t.Helper()
	previous := event.Genesis()
	for _, e := range r.rows(t) {
		if e.Seq >= from {
			e.Hash = event.Hash(previous, e)
			r.exec(t, `UPDATE events SET hash = $2 WHERE seq = $1`, e.Seq, e.Hash)
		}
		previous = e.Hash
	}
}

func tamperings() []tampering {
	pick := func(rnd *rand.Rand, rows []storage.Event, before int) storage.Event {
		return rows[rnd.IntN(len(rows)-before)]
	}
	edit := func(rnd *rand.Rand, e storage.Event) storage.Event {
		switch rnd.IntN(8) {
		case 0:
			e.Type += "x"
		case 1:
			e.Time = e.Time.Add(1000)
		case 2:
			e.Actor = "mallory"
		case 3:
			e.Subject += "x"
		case 4:
			e.Organization += "x"
		case 5:
			e.Data = append(slices.Clone(e.Data[:len(e.Data)-1]), ` }`...)
		case 6:
			e.Personal = append([]byte{9}, e.Personal...)
		default:
			e.Request += "x"
		}
		return e
	}
	return []tampering{
		{"edit", func(t *testing.T, r *record, rnd *rand.Rand, rows []storage.Event) []audit.Kind {
			r.rewrite(t, edit(rnd, pick(rnd, rows, 0)))
			return []audit.Kind{audit.Changed}
		}},
		{"edit a hash", func(t *testing.T, r *record, rnd *rand.Rand, rows []storage.Event) []audit.Kind {
			e := pick(rnd, rows, 0)
			e.Hash = slices.Clone(e.Hash)
			e.Hash[rnd.IntN(32)] ^= 1 << rnd.IntN(8)
			r.rewrite(t, e)
			return []audit.Kind{audit.Changed}
		}},
		{"edit with its hash", func(t *testing.T, r *record, rnd *rand.Rand, rows []storage.Event) []audit.Kind {
			i := rnd.IntN(len(rows) - 1)
			e, previous := edit(rnd, rows[i]), event.Genesis()
			if i > 0 {
				previous = rows[i-1].Hash
			}
			e.Hash = event.Hash(previous, e)
			r.rewrite(t, e)
			return []audit.Kind{audit.Changed}
		}},
		{"edit and write anew", func(t *testing.T, r *record, rnd *rand.Rand, rows []storage.Event) []audit.Kind {
			e := edit(rnd, pick(rnd, rows, 2)) // the last two: the checkpoint, and what it covers
			r.rewrite(t, e)
			r.rechain(t, e.Seq)
			return []audit.Kind{audit.Rewritten, audit.BadCheckpoint}
		}},
		{"delete", func(t *testing.T, r *record, rnd *rand.Rand, rows []storage.Event) []audit.Kind {
			i := rnd.IntN(len(rows) - 1)
			n := 1 + rnd.IntN(min(5, len(rows)-1-i))
			r.exec(t, `DELETE FROM events WHERE seq >= $1 AND seq < $2`, rows[i].Seq, rows[i].Seq+int64(n))
			return []audit.Kind{audit.Cut}
		}},
		{"delete and close up", func(t *testing.T, r *record, rnd *rand.Rand, rows []storage.Event) []audit.Kind {
			i := rnd.IntN(len(rows) - 3)
			n := int64(1 + rnd.IntN(min(5, len(rows)-3-i)))
			r.exec(t, `DELETE FROM events WHERE seq >= $1 AND seq < $2`, rows[i].Seq, rows[i].Seq+n)
			r.shift(t, rows[i].Seq, -n)
			return []audit.Kind{audit.Cut}
		}},
		{"delete and write anew", func(t *testing.T, r *record, rnd *rand.Rand, rows []storage.Event) []audit.Kind {
			seq := pick(rnd, rows, 2).Seq
			r.exec(t, `DELETE FROM events WHERE seq = $1`, seq)
			r.shift(t, seq, -1)
			r.rechain(t, seq)
			return []audit.Kind{audit.Rewritten, audit.BadCheckpoint, audit.Truncated, audit.OlderCopy}
		}},
		{"insert", func(t *testing.T, r *record, rnd *rand.Rand, rows []storage.Event) []audit.Kind {
			i := rnd.IntN(len(rows))
			e := forged(rnd, rows[i].Seq, rows[i])
			r.shift(t, e.Seq, 1)
			r.insert(t, e)
			if rnd.IntN(2) == 0 { // with a hash that fits
				e.Number = r.number(t, e.ID)
				previous := event.Genesis()
				if i > 0 {
					previous = rows[i-1].Hash
				}
				e.Hash = event.Hash(previous, e)
				r.exec(t, `UPDATE events SET hash = $2 WHERE seq = $1`, e.Seq, e.Hash)
			}
			return []audit.Kind{audit.Inserted}
		}},
		{"swap", func(t *testing.T, r *record, rnd *rand.Rand, rows []storage.Event) []audit.Kind {
			i := rnd.IntN(len(rows) - 1)
			a, b := rows[i].Seq, rows[i+1+rnd.IntN(len(rows)-1-i)].Seq
			r.exec(t, `UPDATE events SET seq = -1 WHERE seq = $1`, a)
			r.exec(t, `UPDATE events SET seq = $2 WHERE seq = $1`, b, a)
			r.exec(t, `UPDATE events SET seq = $1 WHERE seq = -1`, b)
			if rnd.IntN(2) == 0 { // the hashes stay where they were
				r.exec(t, `UPDATE events SET hash = $2 WHERE seq = $1`, a, rows[a-1].Hash)
				r.exec(t, `UPDATE events SET hash = $2 WHERE seq = $1`, b, rows[b-1].Hash)
			}
			return []audit.Kind{audit.Reordered}
		}},
		{"cut the tail", func(t *testing.T, r *record, rnd *rand.Rand, rows []storage.Event) []audit.Kind {
			r.exec(t, `DELETE FROM events WHERE seq >= $1`, pick(rnd, rows, 0).Seq)
			return []audit.Kind{audit.Truncated}
		}},
		{"put back an old copy", func(t *testing.T, r *record, rnd *rand.Rand, rows []storage.Event) []audit.Kind {
			// A copy of the whole database: no consumer is further either.
			seq := pick(rnd, rows, 0).Seq
			r.exec(t, `DELETE FROM events WHERE seq >= $1`, seq)
			r.exec(t, `UPDATE event_cursors SET seq = $1`, seq-1)
			return []audit.Kind{audit.OlderCopy}
		}},
		{"put back an old copy, which goes on", func(t *testing.T, r *record, rnd *rand.Rand, rows []storage.Event) []audit.Kind {
			seq := pick(rnd, rows, 2).Seq
			r.exec(t, `DELETE FROM events WHERE seq >= $1`, seq)
			r.exec(t, `UPDATE event_cursors SET seq = $1`, seq-1)
			for n := seq; n <= int64(len(rows)+1); n++ {
				r.insert(t, forged(rnd, n, rows[0]))
			}
			r.rechain(t, seq)
			return []audit.Kind{audit.Rewritten}
		}},
	}
}

// tamper makes rounds changes, one at a time, and asks for each whether it is
// found and called what it is.
func tamper(t *testing.T, r *record, seed uint64, rounds int) {
	t.Helper()
	for range 6 {
		r.happen(t, 5)
		r.checkpoint(t)
	}
	rows := r.rows(t)
	if _, err := r.store.MoveEventCursor(t.Context(), "reader", 0, int64(len(rows)), r.clock.Now()); err != nil {
		t.Fatal(err)
	}
	r.keep(t)
	clean := r.verify(t)
	if !clean.OK() || clean.Events != 36 || clean.Signed != 35 || clean.Checkpoints != 12 {
		t.Fatalf("before any change: %+v", clean)
	}
	rnd := rand.New(rand.NewPCG(seed, uint64(rounds)))
	ways := tamperings()
	named := make([]int, len(ways))
	for round := range rounds {
		way := round % len(ways)
		want := ways[way].do(t, r, rnd, rows)
		report := r.verify(t)
		if report.OK() {
			t.Fatalf("round %d: %s was not found", round, ways[way].name)
		}
		if slices.ContainsFunc(report.Findings, func(f audit.Finding) bool { return slices.Contains(want, f.Kind) }) {
			named[way]++
		} else if named[way] == 0 {
			t.Errorf("round %d: %s: want %v, found %v", round, ways[way].name, want, report.Findings)
		}
		r.restore(t)
	}
	for i, w := range ways {
		each := rounds / len(ways)
		t.Logf("%-40s %d of %d called by its name", w.name, named[i], each)
		if named[i] < each*9/10 {
			t.Errorf("%s: %d of %d were called by their name", w.name, named[i], each)
		}
	}
	if report := r.verify(t); !report.OK() {
		t.Fatalf("afterwards: %+v", report)
	}
}

// TestEveryChangeIsFound: 10,000 random changes (changes) to a stored chain, on each
// engine; on PostgreSQL to two chains at once, since its rounds mostly wait.
func TestEveryChangeIsFound(t *testing.T) {
	t.Parallel()
	t.Run("sqlite", func(t *testing.T) {
		t.Parallel()
		tamper(t, onSQLite(t), 1, changes)
	})
	for half := range uint64(2) {
		t.Run(fmt.Sprint("postgres-", half), func(t *testing.T) {
			t.Parallel()
			tamper(t, onPostgres(t), half, changes/2)
		})
	}
}
