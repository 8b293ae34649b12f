package main

import (
	_ "embed"
	"encoding/json"
	"errors"
	"fmt"
	"html/template"
	"io"
	"io/fs"
	"os"

	"github.com/signet-idp/signet/internal/tools/finding"
)

//go:embed report.html
var page string

// report is what the page shows.
type report struct {
	Packages []packageFacts
	Total    packageFacts
	Findings []finding.Finding
	Failing  int
}

func writeReport(root fs.FS, lintPath, target string, out io.Writer) (err error) {
	found, err := findings(root)
	if err != nil {
		return err
	}
	if lintPath != "" {
		linted, err := readLint(lintPath)
		if err != nil {
			return err
		}
		found = append(found, linted...)
	}
	packages, err := measure(root)
	if err != nil {
		return err
	}
	r := report{Packages: packages, Findings: found}
	for _, p := range packages {
		r.Total.add(p)
	}
	for _, f := range found {
		if !f.Advice {
			r.Failing++
		}
	}
	t, err := template.New("report").Parse(page)
	if err != nil {
		return fmt.Errorf("report: %w", err)
	}
	file, err := os.Create(target)
	if err != nil {
		return fmt.Errorf("report: %w", err)
	}
	defer func() { err = errors.Join(err, file.Close()) }()
	if err := t.Execute(file, r); err != nil {
		return fmt.Errorf("report: %w", err)
	}
	fmt.Fprintf(out, "%s: %d packages, %d lines, %d%% of exported names documented, %d findings\n",
		target, len(r.Packages), r.Total.Lines, r.Total.DocPercent(), r.Failing)
	return nil
}

// readLint reads the issues of golangci-lint's JSON output.
func readLint(path string) ([]finding.Finding, error) {
	raw, err := os.ReadFile(path)
	if err != nil {
		return nil, fmt.Errorf("lint results: %w", err)
	}
	var output struct {
		Issues []struct {
			FromLinter string
			Text       string
			Pos        struct {
				Filename string
				Line     int
			}
		}
	}
	if err := json.Unmarshal(raw, &output); err != nil {
		return nil, fmt.Errorf("lint results: %w", err)
	}
	found := make([]finding.Finding, 0, len(output.Issues))
	for _, i := range output.Issues {
		found = append(found, finding.Finding{Check: i.FromLinter, Path: i.Pos.Filename, Line: i.Pos.Line, Text: i.Text})
	}
	return found, nil
}
