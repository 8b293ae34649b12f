package apply

import (
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/signet-idp/signet/provider/fault"
)

// Problem is one thing wrong in a file.
type Problem struct {
	File   string `json:"file"`
	Line   int    `json:"line"`
	Column int    `json:"column"`
	Path   string `json:"path"` // as in clients[0].redirect_uris[1]
	Reason string `json:"reason"`
}

// String is file:line:column: path: reason.
func (p Problem) String() string {
	s := fmt.Sprintf("%s:%d:%d: ", p.File, p.Line, p.Column)
	if p.Path != "" {
		s += p.Path + ": "
	}
	return s + p.Reason
}

// Error is everything that is wrong in a file. Nothing of it was applied.
type Error struct{ Problems []Problem }

// Error implements error: one problem a line.
func (e *Error) Error() string {
	lines := make([]string, len(e.Problems))
	for i, p := range e.Problems {
		lines[i] = p.String()
	}
	return strings.Join(lines, "\n")
}

type position struct{ line, column int }

// maxProblems bounds what one file is told.
const maxProblems = 100

// problems collects what is wrong in a file.
type problems struct {
	file string
	at   map[string]position
	list []Problem
}

// add notes that what stands at path (or what surrounds it) is wrong.
func (p *problems) add(path, format string, args ...any) {
	if len(p.list) >= maxProblems {
		return
	}
	pos := p.position(path)
	p.list = append(p.list, Problem{p.file, pos.line, pos.column, path, fmt.Sprintf(format, args...)})
}

// position finds the nearest place that is written: a member that is missing is
// reported where its object begins.
func (p *problems) position(path string) position {
	for {
		if pos, ok := p.at[path]; ok {
			return pos
		}
		cut := strings.LastIndexAny(path, ".[")
		if cut < 0 {
			return position{1, 1}
		}
		path = path[:cut]
	}
}

// fault notes a domain error about the object at path, field by field.
func (p *problems) fault(path string, err error) {
	f := asFault(err)
	if f == nil || len(f.Fields) == 0 {
		p.add(path, "%s", reason(err))
		return
	}
	for _, field := range f.Fields {
		p.add(join(path, field.Field), "%s", field.Message)
	}
}

// join writes a dotted field ("redirect_uris.0") as a path below another.
func join(path, field string) string {
	for part := range strings.SplitSeq(field, ".") {
		switch {
		case part != "" && strings.Trim(part, "0123456789") == "":
			path += "[" + part + "]"
		case path == "":
			path = part
		default:
			path += "." + part
		}
	}
	return path
}

func (p *problems) err() error {
	if len(p.list) == 0 {
		return nil
	}
	slices.SortStableFunc(p.list, func(a, b Problem) int {
		if a.Line != b.Line {
			return a.Line - b.Line
		}
		return a.Column - b.Column
	})
	return &Error{Problems: p.list}
}

// reason is what a refused change is told with: the domain's sentence.
func reason(err error) string {
	if f := asFault(err); f != nil && f.Message != "" {
		return f.Message
	}
	return err.Error()
}

func asFault(err error) *fault.Error {
	f, _ := errors.AsType[*fault.Error](err)
	return f
}
