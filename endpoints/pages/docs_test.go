package pages

import (
	"os"
	"regexp"
	"strings"
	"testing"
)

// TestDocumentedIDs: what docs/pages.md promises to automation is on a page.
func TestDocumentedIDs(t *testing.T) {
	doc, err := os.ReadFile("../../docs/pages.md")
	if err != nil {
		t.Fatal(err)
	}
	r := newRenderer(t, Options{})
	var all strings.Builder
	for _, c := range pageCases() {
		all.WriteString(draw(t, r, c, Base{}).Body.String())
	}
	pages, n := all.String(), 0
	for line := range strings.Lines(string(doc)) {
		if !strings.HasPrefix(line, "| ") {
			continue
		}
		cells := strings.Split(strings.TrimSpace(line), "|")
		for _, m := range regexp.MustCompile("`([a-zA-Z-]+)`").FindAllStringSubmatch(cells[3], -1) {
			n++
			pattern := `id="` + strings.Replace(m[1], "ID", `0190e5a4-[a-z0-9]+`, 1) + `"`
			if !regexp.MustCompile(pattern).MatchString(pages) {
				t.Errorf("no page has an element %s", m[1])
			}
		}
	}
	if n < 50 {
		t.Errorf("only %d ids were read", n)
	}
}
