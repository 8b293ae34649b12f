package readme

import (
	"regexp"
	"strings"
)

// block is a fenced code block.
type block struct {
	section string // the heading above it
	lang    string
	text    string
}

// parse splits a page into its code blocks, its headings, and the prose that
// is left.
func parse(page string) (blocks []block, headings []string, prose string) {
	var rest strings.Builder
	var section string
	var in *block
	for line := range strings.Lines(page) {
		switch fence, ok := strings.CutPrefix(strings.TrimSpace(line), "```"); {
		case ok && in == nil:
			in = &block{section: section, lang: fence}
		case ok:
			blocks, in = append(blocks, *in), nil
		case in != nil:
			in.text += line
		case strings.HasPrefix(line, "#"):
			section = strings.TrimSpace(strings.TrimLeft(line, "#"))
			headings = append(headings, section)
		default:
			rest.WriteString(line)
		}
	}
	return blocks, headings, rest.String()
}

var (
	codeSpan = regexp.MustCompile("`[^`\n]+`")
	linkSpan = regexp.MustCompile(`\[[^\]\n]*\]\(([^)\s]+)\)`)
	notInID  = regexp.MustCompile(`[^\p{L}\p{N}\- _]`)
)

// links are the targets of a page's links.
func links(prose string) (targets []string) {
	for _, m := range linkSpan.FindAllStringSubmatch(codeSpan.ReplaceAllString(prose, ""), -1) {
		targets = append(targets, m[1])
	}
	return targets
}

// spans are what a page sets as code within its prose.
func spans(prose string) (code []string) {
	for _, s := range codeSpan.FindAllString(prose, -1) {
		code = append(code, strings.Trim(s, "`"))
	}
	return code
}

// anchor is the id that a heading gets when the page is shown.
func anchor(heading string) string {
	heading = strings.ToLower(strings.ReplaceAll(heading, "`", ""))
	return strings.ReplaceAll(notInID.ReplaceAllString(heading, ""), " ", "-")
}

// section is the prose and the code below one heading.
func sectionOf(page, heading string) string {
	var out strings.Builder
	inside, fenced := false, false
	for line := range strings.Lines(page) {
		if strings.HasPrefix(strings.TrimSpace(line), "```") {
			fenced = !fenced
		}
		if !fenced && strings.HasPrefix(line, "#") {
			inside = strings.TrimSpace(strings.TrimLeft(line, "#")) == heading
			continue
		}
		if inside {
			out.WriteString(line)
		}
	}
	return out.String()
}
