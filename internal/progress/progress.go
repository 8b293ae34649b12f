// Package progress shows people how far a long task is.
package progress

import (
	"fmt"
	"io"
	"os"
	"strings"
	"time"

	"github.com/signet-idp/signet/internal/clock"
)

// Bar shows how far a long task is: a bar on a terminal, a line for every tenth
// elsewhere.
type Bar struct {
	out      io.Writer
	clock    clock.Clock
	terminal bool

	what  string
	total int
	begun time.Time
	shown int // the last tenth, or percent, told
}

// New makes a Bar that is shown on out.
func New(out io.Writer, c clock.Clock) *Bar {
	p := &Bar{out: out, clock: c}
	if f, ok := out.(*os.File); ok {
		info, err := f.Stat()
		p.terminal = err == nil && info.Mode()&os.ModeCharDevice != 0
	}
	return p
}

// Begin names a task of so many steps.
func (p *Bar) Begin(what string, total int) {
	p.what, p.total, p.begun, p.shown = what, total, p.clock.Now(), -1
}

// At says that so many are done.
func (p *Bar) At(done int) {
	if p.total == 0 {
		return
	}
	steps := 10
	if p.terminal {
		steps = 100
	}
	step := min(done, p.total) * steps / p.total
	if step == p.shown {
		return
	}
	p.shown = step
	rate := float64(done) / max(p.clock.Now().Sub(p.begun).Seconds(), 1e-3)
	if !p.terminal {
		fmt.Fprintf(p.out, "%s: %d of %d, %.0f a second\n", p.what, done, p.total, rate)
		return
	}
	const width = 40
	full := step * width / steps
	fmt.Fprintf(p.out, "\r%-8s [%s%s] %3d %%  %.0f/s ", p.what, strings.Repeat("=", full), strings.Repeat(" ", width-full), step, rate)
	if step == steps {
		fmt.Fprintln(p.out)
	}
}
