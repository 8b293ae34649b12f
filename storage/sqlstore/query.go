package sqlstore

import (
	"strconv"
	"strings"

	"github.com/signet-idp/signet/storage/sqlstore/engine"
)

// query puts a statement together whose conditions depend on what is asked.
// Text comes from the program only and values are always arguments, so that
// there are few texts and each stays prepared.
type query struct {
	text strings.Builder
	args []any
}

// add appends text.
func (q *query) add(parts ...string) {
	for _, p := range parts {
		q.text.WriteString(p)
	}
}

// arg adds an argument and returns its placeholder.
func (q *query) arg(v any) string {
	q.args = append(q.args, v)
	return "$" + strconv.Itoa(len(q.args))
}

// list adds arguments and returns their placeholders in parentheses. There are
// as many as the next power of two, the last value repeated (or the empty
// text), so that lists of all lengths share a few texts.
func (q *query) list(values []string) string {
	last := ""
	if len(values) > 0 {
		last = values[len(values)-1]
	}
	marks := make([]string, powerOfTwo(len(values)))
	for i := range marks {
		v := last
		if i < len(values) {
			v = values[i]
		}
		marks[i] = q.arg(v)
	}
	return "(" + strings.Join(marks, ", ") + ")"
}

// powerOfTwo returns the least one that is not below n.
func powerOfTwo(n int) int {
	p := 1
	for p < n {
		p *= 2
	}
	return p
}

func (q *query) statement() engine.Statement {
	return engine.Statement{SQL: q.text.String(), Args: q.args}
}

// blob is what a NOT NULL column keeps of bytes that may be nil.
func blob(b []byte) []byte {
	if b == nil {
		return []byte{}
	}
	return b
}
