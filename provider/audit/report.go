package audit

import "fmt"

// Kind says what is wrong with a chain.
type Kind string

// The kinds of finding.
const (
	// Changed: a row, or its hash, is not what it was.
	Changed Kind = "changed"
	// Cut: rows are missing.
	Cut Kind = "cut"
	// Inserted: rows are there that were not.
	Inserted Kind = "inserted"
	// Reordered: two rows changed places.
	Reordered Kind = "reordered"
	// Truncated: the end is missing.
	Truncated Kind = "truncated"
	// OlderCopy: an older copy was put in the chain's place.
	OlderCopy Kind = "older_copy"
	// Rewritten: the chain holds, and is not the one that was signed.
	Rewritten Kind = "rewritten"
	// Pruning: what is said to have been removed by retention was not, or not so.
	Pruning Kind = "pruning"
	// BadCheckpoint: a checkpoint is not one that this installation signed.
	BadCheckpoint Kind = "bad_checkpoint"
)

// Finding is one thing that is wrong with a chain.
type Finding struct {
	Kind Kind  `json:"kind"`
	Seq  int64 `json:"seq"` // where it begins
	To   int64 `json:"to"`  // where it ends
	// ID is the id of the event at Seq, where there is one.
	ID     string `json:"id,omitempty"`
	Detail string `json:"detail"`
}

// String is the finding for people.
func (f Finding) String() string {
	at := fmt.Sprintf("seq %d", f.Seq)
	if f.To > f.Seq {
		at = fmt.Sprintf("seq %d to %d", f.Seq, f.To)
	}
	return fmt.Sprintf("%s at %s: %s", f.Kind, at, f.Detail)
}

// MaxFindings is how many findings a report lists; Total counts all.
const MaxFindings = 100

// Report is what Verify found.
type Report struct {
	Events      int64 `json:"events"`      // rows that were looked at
	Pruned      int64 `json:"pruned"`      // places of rows that retention removed
	Checkpoints int64 `json:"checkpoints"` // that agree with the chain
	// Head is the chain's end, and Hash its value there.
	Head int64  `json:"head"`
	Hash string `json:"hash"`
	// Signed is the newest seq that a checkpoint with a good signature vouches
	// for; what is behind it could be written anew by who can write to the
	// database.
	Signed   int64     `json:"signed"`
	Findings []Finding `json:"findings"`
	Total    int64     `json:"total"`
}

// OK says whether nothing is wrong.
func (r *Report) OK() bool { return r.Total == 0 }

func (r *Report) add(f Finding) {
	r.Total++
	if f.To < f.Seq {
		f.To = f.Seq
	}
	if len(r.Findings) < MaxFindings {
		r.Findings = append(r.Findings, f)
	}
}
