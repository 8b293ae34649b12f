package main

import (
	"encoding/json"
	"fmt"
	"io"
	"os"
	"text/tabwriter"
)

// report is everything that was measured.
type report struct {
	Binary   string          `json:"-"`
	BinaryMB float64         `json:"binary_mb"`
	Conns    int             `json:"connections"`
	Engines  []engineFigures `json:"engines"`
}

// write prints tables for people. An asterisk marks a broken promise.
func (r *report) write(out io.Writer) {
	fmt.Fprintf(out, "binary %.1f MB, %d connections\n", r.BinaryMB, r.Conns)
	for _, e := range r.Engines {
		fmt.Fprintf(out, "\n%s: cold start %.0f ms, memory idle %.1f MiB, after load %.1f MiB\n", e.Engine, e.ColdStart, e.IdleMiB, e.LoadedMiB)
		t := tabwriter.NewWriter(out, 0, 0, 2, ' ', tabwriter.AlignRight)
		fmt.Fprintln(t, "operation\tper core second\tpromised\tCPU µs\tper second\tp50 ms\tp95 ms\tp99 ms\tmax ms\trequests\terrors\t")
		for _, f := range e.Operations {
			broken, promise := "", "-"
			if f.Promise > 0 {
				promise = fmt.Sprintf("%.0f", f.Promise)
			}
			if f.PerCore < f.Promise && f.Rate == 0 { // a core with little to do is no measure
				broken = "*"
			}
			fmt.Fprintf(t, "%s\t%s%.0f\t%s\t%.1f\t%.0f\t%.2f\t%.2f\t%.2f\t%.2f\t%d\t%d\t\n", f.Name, broken, f.PerCore, promise, f.CPU,
				f.Wall, f.P50/1000, f.P95/1000, f.P99/1000, f.Max/1000, f.Requests, f.Errors)
		}
		_ = t.Flush() // to the terminal
	}
}

func (r *report) save(path string) error {
	raw, err := json.MarshalIndent(r, "", "  ")
	if err != nil {
		return err
	}
	return os.WriteFile(path, append(raw, '\n'), 0o600)
}
