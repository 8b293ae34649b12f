package telemetry

import (
	"context"
	"io"
	"log/slog"
	"sync"
	"time"
)

const (
	bufferSize    = 32 << 10
	flushInterval = 100 * time.Millisecond
)

// Buffer collects writes and passes them on together: when 32 KiB are waiting,
// when Flush is called, and otherwise 100 ms after the first of them.
type Buffer struct {
	mu      sync.Mutex
	w       io.Writer
	waiting []byte
	timer   *time.Timer
	armed   bool
}

// NewBuffer returns a Buffer in front of w.
func NewBuffer(w io.Writer) *Buffer {
	b := &Buffer{w: w, waiting: make([]byte, 0, bufferSize)}
	b.timer = time.AfterFunc(time.Hour, func() { _ = b.Flush() })
	b.timer.Stop()
	return b
}

// Write implements io.Writer. Each call is one line and stays whole.
func (b *Buffer) Write(line []byte) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.waiting = append(b.waiting, line...)
	if len(b.waiting) >= bufferSize {
		return len(line), b.flush()
	}
	if !b.armed {
		b.armed = true
		b.timer.Reset(flushInterval)
	}
	return len(line), nil
}

// Flush writes what is waiting.
func (b *Buffer) Flush() error {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.flush()
}

// Close is Flush; later writes still work.
func (b *Buffer) Close() error { return b.Flush() }

func (b *Buffer) flush() error {
	b.armed = false
	b.timer.Stop()
	if len(b.waiting) == 0 {
		return nil
	}
	_, err := b.w.Write(b.waiting)
	if b.waiting = b.waiting[:0]; cap(b.waiting) > 4*bufferSize {
		b.waiting = make([]byte, 0, bufferSize)
	}
	return err
}

// flushing writes warnings and errors at once: they may be the last words.
type flushing struct {
	slog.Handler
	buffer *Buffer
}

func (h *flushing) Handle(ctx context.Context, r slog.Record) error {
	err := h.Handler.Handle(ctx, r)
	if r.Level >= slog.LevelWarn {
		if ferr := h.buffer.Flush(); err == nil {
			err = ferr
		}
	}
	return err
}

func (h *flushing) WithAttrs(a []slog.Attr) slog.Handler {
	return &flushing{Handler: h.Handler.WithAttrs(a), buffer: h.buffer}
}

func (h *flushing) WithGroup(name string) slog.Handler {
	return &flushing{Handler: h.Handler.WithGroup(name), buffer: h.buffer}
}
