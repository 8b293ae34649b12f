package audit_test

import (
	"bytes"
	"os"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/signet-idp/signet/keys"
	"github.com/signet-idp/signet/keys/keytest"
	"github.com/signet-idp/signet/provider/audit"
)

// A checkpoint is signed when something happened since the last, and none when
// only checkpoints came.
func TestCheckpoints(t *testing.T) {
	onEngines(t, func(t *testing.T, r *record) {
		if r.checkpoint(t) {
			t.Error("a checkpoint of an empty record")
		}
		r.happen(t, 3)
		if !r.checkpoint(t) {
			t.Error("no checkpoint though three events came")
		}
		for range 3 {
			if r.checkpoint(t) {
				t.Error("a checkpoint of a checkpoint")
			}
		}
		r.happen(t, 1)
		if !r.checkpoint(t) {
			t.Error("no checkpoint though an event came behind the first")
		}
		text, err := os.ReadFile(r.path)
		if err != nil {
			t.Fatal(err)
		}
		if got := bytes.Count(text, []byte("\n")); got != 2 {
			t.Errorf("%d lines in the file, want 2:\n%s", got, text)
		}
		report := r.verify(t)
		if !report.OK() || report.Checkpoints != 4 || report.Signed != 5 || report.Head != 6 {
			t.Errorf("verify: %+v", report)
		}
	})
}

// One replica signs; another takes over when it stops.
func TestOneReplicaSigns(t *testing.T) {
	onEngines(t, func(t *testing.T, r *record) {
		other := r.checkpointer(t, "b")
		r.happen(t, 2)
		if !r.checkpoint(t) {
			t.Fatal("the first did not sign")
		}
		r.happen(t, 2)
		if done, err := other.Tick(t.Context()); done || err != nil {
			t.Fatalf("both sign: %v, %v", done, err)
		}
		r.clock.Advance(2 * time.Minute)
		if done, err := other.Tick(t.Context()); !done || err != nil {
			t.Fatalf("nobody took over: %v, %v", done, err)
		}
		r.happen(t, 2)
		if done, err := r.signer.Tick(t.Context()); done || err != nil {
			t.Fatalf("the first, which lost the lease, signs: %v, %v", done, err)
		}
	})
}

// The checkpointer reads again what it signs, and signs what does not hold
// together as well: the break is then found for ever, and what comes after it is
// covered.
func TestSignerNoticesABrokenChain(t *testing.T) {
	t.Parallel()
	r := onSQLite(t)
	r.happen(t, 5)
	r.checkpoint(t)
	r.happen(t, 5)
	r.exec(t, `UPDATE events SET actor = 'mallory' WHERE seq = 8`)
	r.checkpoint(t)
	if r.signer.Broken() != 1 {
		t.Error("a row that was changed in the last minute was not noticed")
	}
	r.happen(t, 5)
	if !r.checkpoint(t) || r.signer.Broken() != 1 {
		t.Error("what came afterwards was not signed, or taken for broken")
	}
	has := func(kinds ...audit.Kind) bool {
		return slices.ContainsFunc(r.verify(t).Findings, func(f audit.Finding) bool { return slices.Contains(kinds, f.Kind) })
	}
	if !has(audit.Changed) {
		t.Error("the change is not found any more")
	}
	r.rechain(t, 8) // to hide it
	if !has(audit.Rewritten, audit.BadCheckpoint) {
		t.Error("the change could be hidden")
	}
}

// A file goes on where it ended, also after a crash in the middle of a line.
func TestFileGoesOn(t *testing.T) {
	t.Parallel()
	r := onSQLite(t)
	r.happen(t, 5)
	r.checkpoint(t)
	f, err := os.OpenFile(r.path, os.O_APPEND|os.O_WRONLY, 0)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := f.WriteString(`{"iss":"https://id.exa`); err != nil {
		t.Fatal(err)
	}
	_ = f.Close()
	if r.file, err = audit.OpenFile(r.path, r.store, nil); err != nil {
		t.Fatal(err)
	}
	r.happen(t, 5)
	r.checkpoint(t)
	if report := r.verify(t); !report.OK() || report.Checkpoints != 4 {
		t.Errorf("verify: %+v", report)
	}
	again, err := audit.OpenFile(r.path, r.store, nil)
	if err != nil {
		t.Fatal(err)
	}
	if n, err := again.Tick(t.Context()); n != 0 || err != nil {
		t.Errorf("a file that has all was given %d lines, %v", n, err)
	}
}

// A checkpoint counts only with a signature by a checkpoint key.
func TestSignatures(t *testing.T) {
	t.Parallel()
	r := onSQLite(t)
	r.happen(t, 5)
	r.checkpoint(t)
	check := func(text string, k audit.Keys) audit.Report {
		report, err := audit.Verify(t.Context(), audit.FromStore(r.store, 0), audit.Options{
			Checkpoints: audit.ReadFile(strings.NewReader(text)), Keys: k,
		})
		if err != nil {
			t.Fatal(err)
		}
		return report
	}
	text, err := os.ReadFile(r.path)
	if err != nil {
		t.Fatal(err)
	}
	outside, err := keys.ParseVerifySet(r.keys.Snapshot().CheckpointJWKS().Body)
	if err != nil {
		t.Fatal(err)
	}
	if report := check(string(text), outside); !report.OK() || report.Signed != 5 {
		t.Errorf("with the published keys: %+v", report)
	}
	stranger := keytest.Manager(t, r.clock).Snapshot()
	if report := check(string(text), stranger); report.OK() || report.Signed != 0 || report.Findings[0].Kind != audit.BadCheckpoint {
		t.Errorf("with the keys of somebody else: %+v", report)
	}
	// A signature by a key for tokens is none.
	token, err := r.keys.Snapshot().Signer(keys.ES256)
	if err != nil {
		t.Fatal(err)
	}
	forged, err := token.Sign(audit.TypeCheckpoint, []byte(`{"iss":"https://id.example.com","seq":9,"hash":"`+strings.Repeat("00", 32)+`","iat":1}`))
	if err != nil {
		t.Fatal(err)
	}
	if report := check(string(text)+`{"event":6,"checkpoint":"`+forged+"\"}\n", outside); !report.OK() {
		t.Errorf("a checkpoint signed by a key for tokens says that the chain was cut: %+v", report)
	}
}

// Consumers remember how far the record went.
func TestTailThatAConsumerHasSeen(t *testing.T) {
	t.Parallel()
	r := onSQLite(t)
	r.happen(t, 5)
	if _, err := r.store.MoveEventCursor(t.Context(), "reader", 0, 5, r.clock.Now()); err != nil {
		t.Fatal(err)
	}
	r.exec(t, `DELETE FROM events WHERE seq = 5`)
	report := r.verify(t)
	if report.Total != 1 || report.Findings[0].Kind != audit.Truncated || report.Findings[0].Seq != 5 {
		t.Errorf("verify: %+v", report)
	}
}

// Rows that are far apart do not make the walk long.
func TestFarApart(t *testing.T) {
	t.Parallel()
	r := onSQLite(t)
	r.happen(t, 40)
	r.exec(t, `UPDATE events SET seq = seq + 900000000000000 WHERE seq > 20`)
	report := r.verify(t)
	if report.OK() || report.Events != 40 || report.Findings[0].Kind != audit.Cut {
		t.Errorf("verify: %+v", report)
	}
}

func FuzzReadFile(f *testing.F) {
	f.Add([]byte(`{"iss":"i","seq":1,"hash":"00","iat":1,"kid":"k","event":2,"checkpoint":"a.b.c"}` + "\n"))
	f.Fuzz(func(t *testing.T, text []byte) {
		c := audit.ReadFile(bytes.NewReader(text))
		for {
			s, err := c.Next()
			if err != nil {
				return
			}
			if s.Seq < 1 || len(s.Hash) != 64 {
				t.Fatalf("%+v", s)
			}
		}
	})
}
