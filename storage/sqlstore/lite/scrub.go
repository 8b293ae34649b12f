package lite

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
)

// scrubPages is how many pages one transaction of Scrub looks at: a few
// milliseconds, in which others wait for the writer.
const scrubPages = 256

// Scrub implements engine.Engine. With secure_delete SQLite writes zeros over
// what is deleted. Old bytes then still lie in two places: in the unused middle
// of pages whose rows were spread anew over themselves and their neighbours, and
// in the frames of the write-ahead log. The first are overwritten here, page by
// page, and the log is cut to nothing.
func (e *Engine) Scrub(ctx context.Context) error {
	var vacuum int64
	if err := e.Row(ctx, "PRAGMA auto_vacuum", nil, &vacuum); err != nil {
		return fmt.Errorf("lite: scrub: %w", err)
	}
	if vacuum != 0 { // never in a file of ours: its pointer maps look like pages of rows
		return errors.New("lite: scrub: the file has auto_vacuum, with which pages cannot be told apart")
	}
	for from, last := int64(1), int64(1); from <= last; from += scrubPages {
		var err error
		if last, err = e.scrubFrom(ctx, from); err != nil {
			return fmt.Errorf("lite: scrub: %w", err)
		}
	}
	var busy, frames, done int64
	if err := e.Row(ctx, "PRAGMA wal_checkpoint(TRUNCATE)", nil, &busy, &frames, &done); err != nil {
		return fmt.Errorf("lite: scrub: %w", err)
	}
	if busy != 0 {
		return fmt.Errorf("lite: scrub: %w", unavailable(errors.New("the log is still being read")))
	}
	return nil
}

// scrubFrom does some pages from a number on and returns the last page's.
func (e *Engine) scrubFrom(ctx context.Context, from int64) (last int64, err error) {
	tx, err := e.Begin(ctx)
	if err != nil {
		return 0, err
	}
	defer tx.Rollback()
	if err := tx.Row(ctx, "PRAGMA page_count", nil, &last); err != nil {
		return 0, err
	}
	for n := from; n <= min(last, from+scrubPages-1); n++ {
		var page []byte
		if err := tx.Row(ctx, "SELECT data FROM sqlite_dbpage WHERE pgno = $1", []any{n}, &page); err != nil {
			return 0, err
		}
		if unused := middle(n, page); !zero(unused) {
			clear(unused)
			if _, err := tx.Exec(ctx, "UPDATE sqlite_dbpage SET data = $1 WHERE pgno = $2", page, n); err != nil {
				return 0, err
			}
		}
	}
	return last, tx.Commit(ctx, nil)
}

// middle is the part of a b-tree page between its pointers, which grow from the
// front, and its rows, which grow from the end (SQLite's file format, section
// 1.6); empty for pages of other kinds, which begin with the high byte of a
// page's number: 0 below 64 GiB.
func middle(number int64, page []byte) []byte {
	header := page
	if number == 1 {
		header = page[100:] // of the file
	}
	size := len(page) - len(header)
	switch header[0] {
	case 0x02, 0x05: // inner pages
		size += 12
	case 0x0a, 0x0d: // leaves
		size += 8
	default:
		return nil
	}
	from := size + 2*int(binary.BigEndian.Uint16(header[3:]))
	to := int(binary.BigEndian.Uint16(header[5:]))
	if from > to || to > len(page) {
		return nil // no page of a b-tree
	}
	return page[from:to]
}

func zero(b []byte) bool {
	for _, c := range b {
		if c != 0 {
			return false
		}
	}
	return true
}
