package main

import (
	"fmt"
	"io"
	"os"
	"strings"
	"time"
)

// progress shows how far a long task is: a bar on a terminal, a line for every
// tenth elsewhere.
type progress struct {
	out      io.Writer
	terminal bool

	what  string
	total int
	begun time.Time
	shown int // the last tenth, or percent, told
}

func newProgress(out io.Writer) *progress {
	p := &progress{out: out}
	if f, ok := out.(*os.File); ok {
		info, err := f.Stat()
		p.terminal = err == nil && info.Mode()&os.ModeCharDevice != 0
	}
	return p
}

func (p *progress) begin(what string, total int) {
	p.what, p.total, p.begun, p.shown = what, total, time.Now(), -1
}

func (p *progress) at(done int) {
	if p.total == 0 {
		return
	}
	steps := 10
	if p.terminal {
		steps = 100
	}
	step := done * steps / p.total
	if step == p.shown {
		return
	}
	p.shown = step
	rate := float64(done) / max(time.Since(p.begun).Seconds(), 1e-3)
	if !p.terminal {
		fmt.Fprintf(p.out, "%s: %d of %d, %.0f a second\n", p.what, done, p.total, rate)
		return
	}
	const width = 40
	full := done * width / p.total
	fmt.Fprintf(p.out, "\r%-8s [%s%s] %3d %%  %.0f/s ", p.what, strings.Repeat("=", full), strings.Repeat(" ", width-full), step, rate)
	if done == p.total {
		fmt.Fprintln(p.out)
	}
}
