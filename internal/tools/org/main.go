// Command org checks how the project is organized and reports on it:
//
//	org check                         print findings; exit status 1 if any fails
//	org report -lint FILE -o FILE     write one HTML page with everything
//
// The checks are packages of their own: layout, layers and secrets. Style,
// doc coverage, complexity and error handling are golangci-lint's; report
// takes its JSON output in. Run both through `make check-org` and
// `make report-org`.
package main

import (
	"cmp"
	"errors"
	"flag"
	"fmt"
	"io"
	"io/fs"
	"os"
	"slices"

	"github.com/signet-idp/signet/internal/tools/finding"
	"github.com/signet-idp/signet/internal/tools/layers"
	"github.com/signet-idp/signet/internal/tools/layout"
	"github.com/signet-idp/signet/internal/tools/secrets"
)

func main() {
	err := run(os.Args[1:], os.DirFS("."), os.Stdout)
	switch {
	case errors.Is(err, errUsage):
		fmt.Fprintln(os.Stderr, "usage: org check | org report [-lint FILE] -o FILE")
		os.Exit(2)
	case err != nil:
		fmt.Fprintln(os.Stderr, "org:", err)
		os.Exit(1)
	}
}

var errUsage = errors.New("usage")

func run(args []string, root fs.FS, out io.Writer) error {
	if len(args) == 0 {
		return errUsage
	}
	switch args[0] {
	case "check":
		return check(root, out)
	case "report":
		flags := flag.NewFlagSet("report", flag.ContinueOnError)
		lint := flags.String("lint", "", "golangci-lint's JSON output")
		target := flags.String("o", "", "file to write")
		if err := flags.Parse(args[1:]); err != nil || *target == "" {
			return errUsage
		}
		return writeReport(root, *lint, *target, out)
	default:
		return errUsage
	}
}

// check prints all findings and fails if one of them is more than advice.
func check(root fs.FS, out io.Writer) error {
	found, err := findings(root)
	if err != nil {
		return err
	}
	failed := 0
	for _, f := range found {
		fmt.Fprintln(out, f)
		if !f.Advice {
			failed++
		}
	}
	if failed > 0 {
		return fmt.Errorf("%d findings", failed)
	}
	fmt.Fprintln(out, "org: layout, layers and secrets are in order")
	return nil
}

// findings runs the project's own checks, in the order of places.
func findings(root fs.FS) ([]finding.Finding, error) {
	var all []finding.Finding
	for _, check := range []func(fs.FS) ([]finding.Finding, error){layout.Check, layers.Check, secrets.Check} {
		found, err := check(root)
		if err != nil {
			return nil, err
		}
		all = append(all, found...)
	}
	slices.SortStableFunc(all, func(a, b finding.Finding) int {
		return cmp.Or(cmp.Compare(a.Path, b.Path), cmp.Compare(a.Line, b.Line))
	})
	return all, nil
}
