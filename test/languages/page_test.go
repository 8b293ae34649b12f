package languages

import (
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

// block is a fenced code block of a page.
type block struct{ section, lang, text string }

// page reads the code blocks of a page in docs.
func page(t *testing.T, name string) (blocks []block) {
	t.Helper()
	text, err := os.ReadFile(filepath.Join("..", "..", "docs", name))
	if err != nil {
		t.Fatal(err)
	}
	var section string
	var in *block
	for line := range strings.Lines(string(text)) {
		lang, fence := strings.CutPrefix(strings.TrimSpace(line), "```")
		switch {
		case fence && in == nil:
			in = &block{section: section, lang: lang}
		case fence:
			blocks, in = append(blocks, *in), nil
		case in != nil:
			in.text += line
		case strings.HasPrefix(line, "## "):
			section = strings.TrimSpace(line[3:])
		}
	}
	return blocks
}

// fileName is what a listing calls itself in its first line.
var fileName = regexp.MustCompile(`^(?:#|//) ([a-z]+\.[a-z]+)\n`)

// write puts the listings of a section into a folder, with a test's addresses in
// place of the page's.
func write(t *testing.T, blocks []block, section, dir string, in *strings.Replacer) {
	t.Helper()
	n := 0
	for _, b := range blocks {
		if m := fileName.FindStringSubmatch(b.text); m != nil && b.section == section {
			n++
			if err := os.WriteFile(filepath.Join(dir, m[1]), []byte(in.Replace(b.text)), 0o600); err != nil {
				t.Fatal(err)
			}
		}
	}
	if n == 0 {
		t.Fatalf("no listing below %q", section)
	}
}

// commands are the shell's blocks of a section.
func commands(blocks []block, section string) (found []string) {
	for _, b := range blocks {
		if b.section == section && b.lang == "sh" {
			found = append(found, b.text)
		}
	}
	return found
}
