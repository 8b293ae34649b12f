package readme

import (
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// pages lists every page of documentation, seen from the module's top folder.
func pages(t *testing.T) (names []string) {
	t.Helper()
	top, err := filepath.Glob(filepath.Join(root, "*.md"))
	if err != nil {
		t.Fatal(err)
	}
	for _, p := range top {
		names = append(names, filepath.Base(p))
	}
	err = fs.WalkDir(os.DirFS(root), "docs", func(name string, _ fs.DirEntry, err error) error {
		if strings.HasSuffix(name, ".md") {
			names = append(names, name)
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return names
}

// TestLinks follows every link within the documentation, to the heading.
func TestLinks(t *testing.T) {
	t.Parallel()
	for _, name := range pages(t) {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			_, _, prose := parse(read(t, name))
			for _, target := range links(prose) {
				if strings.Contains(target, "://") || strings.HasPrefix(target, "mailto:") {
					continue
				}
				file, id, hasID := strings.Cut(target, "#")
				to := name
				if file != "" {
					to = path.Join(path.Dir(name), file)
				}
				if _, err := os.Stat(filepath.Join(root, to)); err != nil {
					t.Errorf("link to %s: there is no %s", target, to)
					continue
				}
				if !hasID {
					continue
				}
				_, headings, _ := parse(read(t, to))
				if !slices.ContainsFunc(headings, func(h string) bool { return anchor(h) == id }) {
					t.Errorf("link to %s: %s has no such heading", target, to)
				}
			}
		})
	}
}

// TestNamedFiles looks for every file and folder of the module that a page
// names in code, in its prose or in its commands.
func TestNamedFiles(t *testing.T) {
	t.Parallel()
	for _, name := range pages(t) {
		if name == "CHANGELOG.md" { // names what was
			continue
		}
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			blocks, _, prose := parse(read(t, name))
			words := spans(prose)
			for _, b := range blocks {
				words = append(words, strings.Fields(b.text)...)
			}
			for _, w := range words {
				w = strings.TrimSuffix(strings.Trim(w, `"'.,;:()`), "/...")
				w = strings.TrimPrefix(w, "./")
				if !ofModule(w) {
					continue
				}
				if found, err := filepath.Glob(filepath.Join(root, w)); err != nil || len(found) == 0 {
					t.Errorf("names %s, which does not exist", w)
				}
			}
		})
	}
}

// ofModule says whether a word looks like a path in this module.
func ofModule(word string) bool {
	if strings.ContainsAny(word, " ={}<>$|&?") || strings.Contains(word, "://") {
		return false
	}
	first, _, deep := strings.Cut(word, "/")
	switch first {
	case "cmd", "provider", "endpoints", "storage", "keys", "gateway", "migrations", "deploy", "internal", "test", "docs":
		return deep
	case ".ci", ".github", ".githooks", ".golangci.yml", "Makefile", "Dockerfile", "go.mod":
		return true
	}
	return strings.HasSuffix(word, ".md") && !deep && word == strings.ToUpper(strings.TrimSuffix(word, ".md"))+".md"
}

// TestMarkdown: the helpers above see what they should.
func TestMarkdown(t *testing.T) {
	t.Parallel()
	blocks, headings, prose := parse("# A `b`: c\ntext [x](y.md#z) `[no](link)`\n```sh\n# no heading\nrun\n```\nmore `cmd/x`\n")
	if len(blocks) != 1 || blocks[0] != (block{section: "A `b`: c", lang: "sh", text: "# no heading\nrun\n"}) {
		t.Errorf("blocks %+v", blocks)
	}
	if len(headings) != 1 || anchor(headings[0]) != "a-b-c" {
		t.Errorf("headings %q", headings)
	}
	if got := links(prose); !slices.Equal(got, []string{"y.md#z"}) {
		t.Errorf("links %q", got)
	}
	if got := spans(prose); !slices.Equal(got, []string{"[no](link)", "cmd/x"}) {
		t.Errorf("spans %q", got)
	}
	for word, want := range map[string]bool{
		"cmd/signet": true, "test/readme": true, "Makefile": true, "SECURITY.md": true, "keys": false,
		"keys rotate": false, "application/json": false, "docs/*.md": true, "client.json": false, "gateway/x": true,
	} {
		if ofModule(word) != want {
			t.Errorf("ofModule(%q) is %v", word, !want)
		}
	}
	if got := sectionOf("# a\n1\n## b\n2\n```\n# 3\n```\n## c\n4\n", "b"); got != "2\n```\n# 3\n```\n" {
		t.Errorf("section %q", got)
	}
}
