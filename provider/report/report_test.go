package report_test

import (
	"bytes"
	"encoding/csv"
	"encoding/json"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"golang.org/x/net/html"
	"pgregory.net/rapid"

	"github.com/signet-idp/signet/provider/event"
	"github.com/signet-idp/signet/provider/report"
)

func sample(value string) report.Report {
	at := time.Date(2026, 10, 1, 12, 0, 0, 0, time.UTC)
	return report.Report{Name: "sample", Title: value, User: value, From: at, GeneratedAt: at, Sections: []report.Section{
		{ID: "one", Title: value, Text: value, Columns: []string{"a", "b"}, Rows: [][]any{{value, int64(-1)}, {nil, true}, {at, time.Time{}}}},
		{ID: "two", Title: "Two", Columns: []string{"c"}, Rows: [][]any{{value}}},
	}}
}

func write(t interface{ Fatal(args ...any) }, r report.Report, format string) string {
	var b bytes.Buffer
	if err := report.Write(&b, r, format); err != nil {
		t.Fatal(err)
	}
	return b.String()
}

// Whatever a value holds, the table has it in its cell and no formula, and the
// page shows it as text.
func TestAnyValue(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		value := rapid.OneOf(rapid.String(), rapid.SampledFrom([]string{
			"=HYPERLINK(1)", "+1", "-1", "@x", "\t=1", "<script>alert(1)</script>", `"><img src=x onerror=alert(1)>`, "a,b\r\nc", "'",
		})).Draw(t, "value")
		rows, err := csv.NewReader(strings.NewReader(write(t, sample(value), report.CSV))).ReadAll()
		if err != nil {
			t.Fatal(err)
		}
		if len(rows) != 8 || rows[2][3] != "-1" { // a number is no formula
			t.Fatalf("%q", rows)
		}
		for _, row := range rows {
			cell := strings.TrimLeft(row[3], " ")
			if row[3] != "-1" && cell != "" && strings.ContainsRune("=+-@\t\r\n", rune(cell[0])) {
				t.Fatalf("a formula: %q", row)
			}
		}
		// What comes back differs by the apostrophe only; the reader takes CR LF for LF.
		if got := rows[7][3]; !strings.Contains(value, "\r") && got != value && got != "'"+value {
			t.Fatalf("%q became %q", value, got)
		}

		doc, err := html.Parse(strings.NewReader(write(t, sample(value), report.HTML)))
		if err != nil {
			t.Fatal(err)
		}
		elements := map[string]int{}
		for n := range doc.Descendants() {
			if n.Type == html.ElementNode {
				elements[n.Data]++
			}
		}
		if elements["script"]+elements["img"] != 0 || elements["td"] != 7 || elements["h1"] != 1 || elements["main"] != 1 {
			t.Fatalf("%v", elements)
		}

		var got report.Document
		if err := json.Unmarshal([]byte(write(t, sample(value), report.JSON)), &got); err != nil {
			t.Fatal(err)
		}
		if valid := strings.ToValidUTF8(value, "\uFFFD"); valid == value && got.Sections[1].Rows[0]["c"] != value {
			t.Fatalf("%q became %v", value, got.Sections[1].Rows[0])
		}
	})
}

func TestDocument(t *testing.T) {
	t.Parallel()
	const want = `{
  "report": "sample",
  "title": "x",
  "organization_id": null,
  "user_id": "x",
  "from": "2026-10-01T12:00:00Z",
  "to": null,
  "generated_at": "2026-10-01T12:00:00Z",
  "sections": [
    {
      "id": "one",
      "title": "x",
      "description": "x",
      "columns": [
        "a",
        "b"
      ],
      "rows": [
        {
          "a": "x",
          "b": -1
        },
        {
          "a": null,
          "b": true
        },
        {
          "a": "2026-10-01T12:00:00Z",
          "b": null
        }
      ]
    },
    {
      "id": "two",
      "title": "Two",
      "description": "",
      "columns": [
        "c"
      ],
      "rows": [
        {
          "c": "x"
        }
      ]
    }
  ]
}
`
	if diff := cmp.Diff(want, write(t, sample("x"), report.JSON)); diff != "" {
		t.Error(diff)
	}
	if err := report.Write(&bytes.Buffer{}, sample("x"), "pdf"); err == nil {
		t.Error("a format that there is not")
	}
	if text := write(t, report.Report{}, report.CSV); text != "" {
		t.Errorf("%q", text)
	}
}

// Every control names events that there are, and each at most once a figure.
func TestControls(t *testing.T) {
	t.Parallel()
	known := map[event.Type]bool{}
	for _, e := range event.Catalogue() {
		known[e.Type] = true
	}
	for _, framework := range []string{report.SOC2, report.HIPAA} {
		var ids []string
		for _, c := range report.Controls(framework) {
			if ids = append(ids, c.ID); c.Title == "" || len(c.Shown) == 0 {
				t.Errorf("%s %s is empty", framework, c.ID)
			}
			for _, e := range c.Shown {
				for i, kind := range e.Types {
					if !known[kind] || slices.Contains(e.Types[:i], kind) {
						t.Errorf("%s %s: %q", c.ID, e.Name, kind)
					}
				}
			}
		}
		if !slices.IsSorted(ids) {
			t.Errorf("%s: %v", framework, ids)
		}
	}
	if report.Controls("pci") != nil {
		t.Error("a framework that there is not")
	}
}
