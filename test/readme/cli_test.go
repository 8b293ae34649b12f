package readme

import (
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
)

// TestCommandLine compares docs/cli.md with what --help says: every command,
// what it does, its flags, and the exit codes.
func TestCommandLine(t *testing.T) {
	t.Parallel()
	var table strings.Builder
	table.WriteString("| command | does | flags of its own |\n|---|---|---|\n")
	addCommands(t, &table, nil)
	keepGenerated(t, "docs/cli.md", "commands", table.String())

	help, _, _ := signet(t, t.TempDir(), "", "--help")
	m := exitCodes.FindStringSubmatch(help)
	if m == nil {
		t.Fatalf("signet --help says nothing of exit codes:\n%s", help)
	}
	page := read(t, "docs/cli.md")
	for _, code := range strings.Split(m[1], ", ") {
		number, meaning, _ := strings.Cut(code, " ")
		if !strings.Contains(page, "| "+number+" | "+meaning) {
			t.Errorf("docs/cli.md does not say that exit code %s means %s", number, meaning)
		}
	}
}

// TestExitCodes: the codes on the page are those of the binary.
func TestExitCodes(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	for _, c := range []struct {
		name string
		args []string
		code int
	}{
		{"done", []string{"version"}, 0},
		{"failed", []string{"apply", "-f", "nowhere.yaml"}, 1},
		{"wrong usage", []string{"user", "get"}, 2},
		{"not found", []string{"user", "get", "nobody@example.com"}, 3},
		{"unavailable", []string{"healthcheck", "--url", "http://127.0.0.1:" + freePort(t) + "/readyz"}, 5},
	} {
		t.Run(c.name, func(t *testing.T) {
			if _, stderr, code := signet(t, dir, "", c.args...); code != c.code {
				t.Errorf("signet %s exits %d, want %d\n%s", strings.Join(c.args, " "), code, c.code, stderr)
			}
		})
	}
}

var (
	exitCodes = regexp.MustCompile(`Exit codes: (.*)\.\n`)
	subLine   = regexp.MustCompile(`^  (\S+) +(.+)$`)
	flagLine  = regexp.MustCompile(`^ +(?:-\w, )?(--[a-z-]+)`)
)

// addCommands writes a row for each command below one, as its help lists them.
func addCommands(t *testing.T, table *strings.Builder, path []string) {
	t.Helper()
	help, _, code := signet(t, scratch, "", append(slices.Clone(path), "--help")...)
	if code != 0 {
		t.Fatalf("signet %s --help exits %d", strings.Join(path, " "), code)
	}
	section := ""
	for line := range strings.Lines(help) {
		line = strings.TrimRight(line, "\n")
		if title, ok := strings.CutSuffix(line, ":"); ok && title != "" && title[0] != ' ' {
			section = title
			continue
		}
		m := subLine.FindStringSubmatch(line)
		if m == nil || slices.Contains([]string{"", "Usage", "Examples", "Flags", "Aliases"}, section) || m[1] == "help" || m[1] == "completion" {
			continue
		}
		sub := append(slices.Clone(path), m[1])
		own, more := ownFlags(t, sub)
		if own != "" || !more {
			table.WriteString("| `signet " + strings.Join(sub, " ") + "` | " + m[2] + " | " + own + " |\n")
		}
		if more {
			addCommands(t, table, sub)
		}
	}
}

// ownFlags lists the flags that not every command has, and says whether there
// are further commands below; such a command has flags only if it does something
// by itself.
func ownFlags(t *testing.T, path []string) (flags string, more bool) {
	t.Helper()
	help, _, _ := signet(t, scratch, "", append(slices.Clone(path), "--help")...)
	more = strings.Contains(help, "Available Commands:")
	var own []string
	_, list, _ := strings.Cut(help, "\nFlags:\n")
	for line := range strings.Lines(list) {
		m := flagLine.FindStringSubmatch(line)
		if len(m) > 1 && !slices.Contains([]string{"--help", "--config", "--database-url", "--output", "--quiet"}, m[1]) {
			own = append(own, "`"+m[1]+"`")
		}
	}
	if len(own) > 20 {
		return "[every setting](configuration.md)", more
	}
	return strings.Join(own, " "), more
}

// keepGenerated compares the part of a page between two comments with what it
// should be, or puts that there (SIGNET_UPDATE_DOCS=1).
func keepGenerated(t *testing.T, name, part, want string) {
	t.Helper()
	page := read(t, name)
	begin, end := "<!-- generated: "+part+" -->\n\n", "\n<!-- end of "+part+" -->\n"
	before, rest, ok := strings.Cut(page, begin)
	have, after, ended := strings.Cut(rest, end)
	if !ok || !ended {
		t.Fatalf("%s has no part %q", name, part)
	}
	if have == want {
		return
	}
	if os.Getenv("SIGNET_UPDATE_DOCS") == "" {
		t.Errorf("%s is not what the program says; SIGNET_UPDATE_DOCS=1 go test ./test/readme rewrites it:\n%s", name, want)
		return
	}
	if err := os.WriteFile(filepath.Join(root, name), []byte(before+begin+want+end+after), 0o644); err != nil {
		t.Fatal(err)
	}
}
