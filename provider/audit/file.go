package audit

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os"
	"time"

	"github.com/signet-idp/signet/provider/event"
	"github.com/signet-idp/signet/storage"
)

const (
	// fileEvery is how often a File looks for checkpoints.
	fileEvery = 10 * time.Second
	// maxLine bounds a line of the file: one takes some 800 bytes.
	maxLine = 4096
)

// File appends every checkpoint of the record to a file, one JSON object in a
// line, and makes each durable. Each replica has a file of its own, and all of
// them the same lines.
type File struct {
	path  string
	store Store
	log   *slog.Logger
	last  Signed // the last line
	told  bool
}

// OpenFile looks where the file ends; one that is not there is made.
func OpenFile(path string, store Store, log *slog.Logger) (*File, error) {
	f, err := os.OpenFile(path, os.O_RDWR|os.O_CREATE, 0o600) //nolint:gosec // the operator names it
	if err != nil {
		return nil, fmt.Errorf("audit: checkpoint file: %w", err)
	}
	last, err := tail(f)
	if err := errors.Join(err, f.Close()); err != nil {
		return nil, fmt.Errorf("audit: checkpoint file %s: %w", path, err)
	}
	if log == nil {
		log = slog.New(slog.DiscardHandler)
	}
	return &File{path: path, store: store, log: log, last: last}, nil
}

// tail returns the last whole line, and cuts off one that a crash left behind.
func tail(f *os.File) (Signed, error) {
	size, err := f.Seek(0, io.SeekEnd)
	if err != nil || size == 0 {
		return Signed{}, err
	}
	buf := make([]byte, min(size, 2*maxLine))
	if _, err := f.ReadAt(buf, size-int64(len(buf))); err != nil {
		return Signed{}, err
	}
	end := bytes.LastIndexByte(buf, '\n') + 1
	if end < len(buf) {
		if err := f.Truncate(size - int64(len(buf)-end)); err != nil {
			return Signed{}, err
		}
	}
	if end == 0 {
		return Signed{}, nil
	}
	line := buf[:end-1]
	return parseLine(line[bytes.LastIndexByte(line, '\n')+1:])
}

func parseLine(line []byte) (Signed, error) {
	var s Signed
	if err := json.Unmarshal(line, &s); err != nil {
		return Signed{}, fmt.Errorf("a line is no checkpoint: %w", ErrCheckpoint)
	}
	return s, nil
}

// Tick appends the checkpoints that the file does not have yet and returns how
// many.
func (f *File) Tick(ctx context.Context) (int, error) {
	n := 0
	for {
		list, err := f.store.QueryEvents(ctx, storage.EventQuery{
			Types: []string{string(event.AuditCheckpoint)}, After: f.last.Event, OldestFirst: true, Limit: 100,
		})
		if err != nil {
			return n, wrap("checkpoint file", err)
		}
		if len(list) == 0 {
			return n, f.behind(ctx)
		}
		lines, last := f.lines(ctx, list)
		if err := appendTo(f.path, lines); err != nil {
			return n, wrap("checkpoint file", err)
		}
		f.last = last
		n += len(list)
	}
}

// lines are the checkpoints of events, and the last of them.
func (f *File) lines(ctx context.Context, list []storage.Event) ([]byte, Signed) {
	var lines []byte
	last := f.last
	for _, e := range list {
		last.Event = e.Seq
		s, err := FromEvent(e)
		if err != nil {
			f.log.ErrorContext(ctx, "audit: an event has no checkpoint that can be read", slog.Int64("seq", e.Seq))
			continue
		}
		line, err := json.Marshal(s)
		if err != nil {
			continue // of strings and numbers: cannot be
		}
		lines, last = append(append(lines, line...), '\n'), s
	}
	return lines, last
}

// behind tells, once, when the record ends before what the file says of it.
func (f *File) behind(ctx context.Context) error {
	if f.told || f.last.Event == 0 {
		return nil
	}
	list, err := f.store.EventsAfter(ctx, f.last.Event-1, 1)
	if err != nil {
		return wrap("checkpoint file", err)
	}
	if len(list) == 0 {
		f.told = true
		f.log.ErrorContext(ctx, "audit: the record ends before its checkpoints: it was cut, or an older copy put back; run signet audit verify",
			slog.String("file", f.path), slog.Int64("checkpoint", f.last.Seq))
	}
	return nil
}

func appendTo(path string, lines []byte) (err error) {
	if len(lines) == 0 {
		return nil
	}
	f, err := os.OpenFile(path, os.O_WRONLY|os.O_APPEND|os.O_CREATE, 0o600) //nolint:gosec // the operator names it
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, f.Close()) }()
	if _, err := f.Write(lines); err != nil {
		return err
	}
	return f.Sync()
}

// Run appends until ctx ends.
func (f *File) Run(ctx context.Context) error {
	return every(ctx, fileEvery, f.log, "checkpoint file", func(ctx context.Context) error {
		_, err := f.Tick(ctx)
		return err
	}, func(context.Context) error { return nil })
}

// ReadFile reads the checkpoints of a file, for Verify.
func ReadFile(r io.Reader) Checkpoints {
	s := bufio.NewScanner(r)
	s.Buffer(make([]byte, 0, maxLine), maxLine)
	return &reader{scanner: s}
}

type reader struct {
	scanner *bufio.Scanner
	line    int
}

// Next implements Checkpoints.
func (r *reader) Next() (Signed, error) {
	for r.scanner.Scan() {
		r.line++
		if len(bytes.TrimSpace(r.scanner.Bytes())) == 0 {
			continue
		}
		s, err := parseLine(r.scanner.Bytes())
		if err != nil {
			return Signed{}, fmt.Errorf("audit: line %d of the checkpoints: %w", r.line, err)
		}
		c, err := ParseCheckpoint(s.JWS)
		if err != nil {
			return Signed{}, fmt.Errorf("audit: line %d of the checkpoints: %w", r.line, err)
		}
		s.Checkpoint = c // what is signed counts, not what stands beside it
		return s, nil
	}
	if err := r.scanner.Err(); err != nil {
		return Signed{}, fmt.Errorf("audit: checkpoints: %w", err)
	}
	return Signed{}, io.EOF
}
