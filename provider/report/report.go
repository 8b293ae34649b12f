package report

import (
	"encoding/csv"
	"encoding/json"
	"fmt"
	"html/template"
	"io"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/signet-idp/signet/internal/csvcell"
)

// Report is a few tables with a title.
type Report struct {
	Name  string
	Title string
	// Organization, User: whom it is about; empty: the whole system.
	Organization, User string
	From, To           time.Time // From included, To not; zero: as it is now
	GeneratedAt        time.Time
	Sections           []Section
}

// Section is one table.
type Section struct {
	ID      string
	Title   string
	Text    string // what it shows, or what is left out
	Columns []string
	Rows    [][]any // of the columns: string, int64, bool, time.Time, or nil for nothing
}

// The formats of a report.
const (
	JSON = "json"
	CSV  = "csv"
	HTML = "html"
)

// Formats lists them.
func Formats() []string { return []string{JSON, CSV, HTML} }

// Write writes a report in a format.
func Write(w io.Writer, r Report, format string) error {
	switch format {
	case JSON:
		return writeJSON(w, r)
	case CSV:
		return writeCSV(w, r)
	case HTML:
		if err := page().Execute(w, r); err != nil {
			return fmt.Errorf("report: %w", err)
		}
		return nil
	}
	return fmt.Errorf("report: there is no format %q", format)
}

// Document is a report as JSON.
type Document struct {
	Report         string            `json:"report"`
	Title          string            `json:"title"`
	OrganizationID *string           `json:"organization_id"`
	UserID         *string           `json:"user_id"`
	From           *time.Time        `json:"from"`
	To             *time.Time        `json:"to"`
	GeneratedAt    time.Time         `json:"generated_at"`
	Sections       []DocumentSection `json:"sections"`
}

// DocumentSection is a section as JSON: a row is an object with the columns'
// names.
type DocumentSection struct {
	ID          string           `json:"id"`
	Title       string           `json:"title"`
	Description string           `json:"description"`
	Columns     []string         `json:"columns"`
	Rows        []map[string]any `json:"rows"`
}

// DocumentOf is the report as JSON.
func DocumentOf(r Report) Document {
	d := Document{
		Report: r.Name, Title: r.Title, OrganizationID: text(r.Organization), UserID: text(r.User), From: instant(r.From), To: instant(r.To),
		GeneratedAt: r.GeneratedAt.UTC(), Sections: make([]DocumentSection, len(r.Sections)),
	}
	for i, s := range r.Sections {
		out := DocumentSection{ID: s.ID, Title: s.Title, Description: s.Text, Columns: s.Columns, Rows: make([]map[string]any, len(s.Rows))}
		for n, row := range s.Rows {
			out.Rows[n] = make(map[string]any, len(row))
			for c, v := range row {
				if at, ok := v.(time.Time); ok {
					v = instant(at)
				}
				out.Rows[n][s.Columns[c]] = v
			}
		}
		d.Sections[i] = out
	}
	return d
}

func text(s string) *string {
	if s == "" {
		return nil
	}
	return &s
}

func instant(t time.Time) *time.Time {
	if t.IsZero() {
		return nil
	}
	t = t.UTC()
	return &t
}

func writeJSON(w io.Writer, r Report) error {
	e := json.NewEncoder(w)
	e.SetIndent("", "  ")
	if err := e.Encode(DocumentOf(r)); err != nil {
		return fmt.Errorf("report: %w", err)
	}
	return nil
}

// writeCSV writes one table (RFC 4180). Sections of one shape follow each other
// behind a column that names them; those of several are told value by value.
func writeCSV(w io.Writer, r Report) error {
	c := csv.NewWriter(w)
	c.UseCRLF = true
	alike := !slices.ContainsFunc(r.Sections, func(s Section) bool { return !slices.Equal(s.Columns, r.Sections[0].Columns) })
	var err error
	put := func(cells ...string) {
		if err == nil {
			err = c.Write(cells)
		}
	}
	switch {
	case len(r.Sections) == 0:
	case alike:
		put(slices.Concat([]string{"section"}, r.Sections[0].Columns)...)
		for _, s := range r.Sections {
			for _, row := range s.Rows {
				cells := []string{csvcell.Safe(s.ID)}
				for _, v := range row {
					cells = append(cells, cell(v))
				}
				put(cells...)
			}
		}
	default:
		put("section", "row", "field", "value")
		for _, s := range r.Sections {
			for n, row := range s.Rows {
				for i, v := range row {
					put(csvcell.Safe(s.ID), strconv.Itoa(n+1), csvcell.Safe(s.Columns[i]), cell(v))
				}
			}
		}
	}
	c.Flush()
	if err == nil {
		err = c.Error()
	}
	if err != nil {
		return fmt.Errorf("report: %w", err)
	}
	return nil
}

// cell is a value as text: only texts can be taken for formulas.
func cell(v any) string {
	if s, ok := v.(string); ok {
		return csvcell.Safe(s)
	}
	return shown(v)
}

// shown is a value as people read it.
func shown(v any) string {
	switch v := v.(type) {
	case nil:
		return ""
	case string:
		return v
	case bool:
		return strconv.FormatBool(v)
	case int64:
		return strconv.FormatInt(v, 10)
	case time.Time:
		if v.IsZero() {
			return ""
		}
		return v.UTC().Format(time.RFC3339)
	}
	return fmt.Sprint(v)
}

// page is a document of its own: no script, nothing fetched, readable in dark
// mode and on paper.
func page() *template.Template {
	return template.Must(template.New("report").Funcs(template.FuncMap{
		"shown": shown,
		"head":  func(column string) string { return strings.ReplaceAll(column, "_", " ") },
		"day":   func(t time.Time) string { return t.UTC().Format("2006-01-02 15:04 MST") },
	}).Parse(`<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark">
<title>{{.Title}}</title>
<style>
body { font: 1rem/1.5 system-ui, sans-serif; margin: 0 auto; max-width: 75rem; padding: 1.5rem; color: CanvasText; background: Canvas; }
.table { overflow-x: auto; }
table { border-collapse: collapse; margin: .5rem 0 2rem; }
th, td { border: 1px solid GrayText; padding: .3rem .6rem; text-align: left; vertical-align: top; }
dl { display: grid; grid-template-columns: max-content auto; gap: 0 1rem; }
dd { margin: 0; overflow-wrap: anywhere; }
@media print { body { max-width: none; padding: 0; } thead { display: table-header-group; } tr { break-inside: avoid; } }
</style>
</head>
<body>
<main>
<h1>{{.Title}}</h1>
<dl>
<dt>Made</dt><dd><time datetime="{{shown .GeneratedAt}}">{{day .GeneratedAt}}</time></dd>
{{- if not .From.IsZero}}
<dt>From</dt><dd>{{day .From}}</dd>
{{- end}}{{if not .To.IsZero}}
<dt>Until before</dt><dd>{{day .To}}</dd>
{{- end}}{{if .Organization}}
<dt>Organization</dt><dd>{{.Organization}}</dd>
{{- end}}{{if .User}}
<dt>Person</dt><dd>{{.User}}</dd>
{{- end}}
</dl>
{{range .Sections}}
<section aria-labelledby="{{.ID}}">
<h2 id="{{.ID}}">{{.Title}}</h2>
{{if .Text}}<p>{{.Text}}</p>{{end}}
{{if .Rows}}<div class="table" role="region" aria-labelledby="{{.ID}}" tabindex="0"><table>
<thead><tr>{{range .Columns}}<th scope="col">{{head .}}</th>{{end}}</tr></thead>
<tbody>
{{range .Rows}}<tr>{{range .}}<td>{{shown .}}</td>{{end}}</tr>
{{end}}</tbody>
</table></div>{{else}}<p>Nothing.</p>{{end}}
</section>
{{end}}
</main>
</body>
</html>
`))
}
