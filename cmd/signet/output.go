package main

import (
	"encoding/json"
	"fmt"
	"io"
	"reflect"
	"strings"
	"text/tabwriter"
	"time"

	"github.com/spf13/cobra"

	"github.com/signet-idp/signet/provider/apply"
)

// output is how a command writes its result.
type output struct {
	format string
	quiet  bool
}

// outputFlags gives a command --output and --quiet.
func outputFlags(cmd *cobra.Command) *output {
	o := &output{}
	cmd.Flags().StringVarP(&o.format, "output", "o", "table", "format of the result: table, json, yaml or jsonl")
	cmd.Flags().BoolVarP(&o.quiet, "quiet", "q", false, "print only ids, one a line")
	_ = cmd.RegisterFlagCompletionFunc("output", cobra.FixedCompletions([]string{"table", "json", "yaml", "jsonl"}, cobra.ShellCompDirectiveNoFileComp))
	before := cmd.PreRunE
	cmd.PreRunE = func(cmd *cobra.Command, args []string) error {
		switch o.format {
		case "table", "json", "yaml", "jsonl":
		default:
			return usagef("--output %s: there are table, json, yaml and jsonl", o.format)
		}
		if before != nil {
			return before(cmd, args)
		}
		return nil
	}
	return o
}

// table is the human form of a result. There are no colours in it, so there is
// nothing for NO_COLOR to take away.
type table struct {
	header []string
	rows   [][]string // the first cell is the id
}

func (t *table) add(cells ...string) { t.rows = append(t.rows, cells) }

// write writes v, of which t is the human form.
func (o *output) write(w io.Writer, v any, t table) error {
	if o.quiet {
		for _, row := range t.rows {
			if _, err := fmt.Fprintln(w, row[0]); err != nil {
				return err
			}
		}
		return nil
	}
	switch o.format {
	case "json":
		enc := json.NewEncoder(w)
		enc.SetIndent("", "  ")
		enc.SetEscapeHTML(false)
		return enc.Encode(v)
	case "jsonl":
		return writeLines(w, v)
	case "yaml":
		text, err := apply.YAML(v)
		if err != nil {
			return err
		}
		_, err = w.Write(text)
		return err
	}
	return t.write(w)
}

// writeLines writes each item of a list as one line of JSON.
func writeLines(w io.Writer, v any) error {
	enc := json.NewEncoder(w)
	enc.SetEscapeHTML(false)
	list := reflect.ValueOf(v)
	if list.Kind() != reflect.Slice {
		return enc.Encode(v)
	}
	for i := range list.Len() {
		if err := enc.Encode(list.Index(i).Interface()); err != nil {
			return err
		}
	}
	return nil
}

func (t *table) write(w io.Writer) error {
	if len(t.rows) == 0 {
		return nil
	}
	tw := tabwriter.NewWriter(w, 0, 8, 2, ' ', 0)
	if len(t.header) > 0 {
		fmt.Fprintln(tw, strings.Join(t.header, "\t"))
	}
	for _, row := range t.rows {
		for i, cell := range row {
			row[i] = printable(cell)
		}
		fmt.Fprintln(tw, strings.TrimRight(strings.Join(row, "\t"), "\t"))
	}
	return tw.Flush()
}

// printable keeps control characters, which could move a terminal's cursor, out
// of tables.
func printable(s string) string {
	return strings.Map(func(r rune) rune {
		if r < ' ' || r >= 0x7f && r < 0xa0 {
			return '?'
		}
		return r
	}, s)
}

func when(t time.Time) string {
	if t.IsZero() {
		return "-"
	}
	return t.UTC().Format(time.RFC3339)
}

func orDash(s string) string {
	if s == "" {
		return "-"
	}
	return s
}

// talk writes a line for people to standard error.
func talk(cmd *cobra.Command, format string, args ...any) {
	_, _ = fmt.Fprintf(cmd.ErrOrStderr(), format+"\n", args...)
}
