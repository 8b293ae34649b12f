package audit

import (
	"encoding/csv"
	"encoding/json"
	"errors"
	"io"
	"strconv"

	"github.com/signet-idp/signet/internal/csvcell"
)

// Format is what an export is written in.
type Format string

// The formats.
const (
	JSONLines Format = "jsonl"
	CSV       Format = "csv" // RFC 4180, with a header
)

// ErrFormat says that there is no such format.
var ErrFormat = errors.New("audit: there are the formats jsonl and csv")

// Writer writes entries in a format.
type Writer interface {
	Write(entries []Entry) error
}

// NewWriter writes to w; of CSV the header at once.
func NewWriter(w io.Writer, f Format) (Writer, error) {
	switch f {
	case JSONLines:
		enc := json.NewEncoder(w)
		enc.SetEscapeHTML(false)
		return lines{enc}, nil
	case CSV:
		c := sheet{csv.NewWriter(w)}
		if err := c.w.Write([]string{"seq", "id", "type", "time", "actor", "actor_kind", "subject", "organization", "request", "data", "hash"}); err != nil {
			return nil, wrap("export", err)
		}
		return c, c.flush()
	}
	return nil, ErrFormat
}

type lines struct{ enc *json.Encoder }

func (l lines) Write(entries []Entry) error {
	for _, e := range entries {
		if err := l.enc.Encode(e); err != nil {
			return wrap("export", err)
		}
	}
	return nil
}

type sheet struct{ w *csv.Writer }

func (s sheet) Write(entries []Entry) error {
	for _, e := range entries {
		row := []string{
			strconv.FormatInt(e.Seq, 10), e.ID, e.Type, e.Time, e.Actor, e.ActorKind, e.Subject, e.Organization, e.Request, string(e.Data), e.Hash,
		}
		for i, cell := range row {
			row[i] = csvcell.Safe(cell)
		}
		if err := s.w.Write(row); err != nil {
			return wrap("export", err)
		}
	}
	return s.flush()
}

func (s sheet) flush() error {
	s.w.Flush()
	return wrap("export", s.w.Error())
}
