package config

import "strings"

// Problem is one thing wrong: where, and what to write instead.
type Problem struct {
	Setting string
	Message string
}

func (p Problem) String() string {
	if p.Setting == "" {
		return p.Message
	}
	return p.Setting + ": " + p.Message
}

// Error is every problem Load found.
type Error struct{ List []Problem }

// Error implements error: one problem a line.
func (e *Error) Error() string {
	lines := make([]string, len(e.List))
	for i, p := range e.List {
		lines[i] = p.String()
	}
	return "configuration: " + strings.Join(lines, "\n  ")
}

func (e *Error) add(setting, message string) {
	e.List = append(e.List, Problem{Setting: setting, Message: message})
}
