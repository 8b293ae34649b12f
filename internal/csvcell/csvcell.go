// Package csvcell makes text safe to stand in a cell of a CSV file that people
// open in a spreadsheet.
package csvcell

import (
	"strings"
	"unicode/utf8"
)

// Safe returns text that no spreadsheet takes for a formula: what begins with
// one of = + - @ (their full-width forms too), a tab or a line end, also behind
// blanks, gets an apostrophe in front, which spreadsheets show as text (OWASP,
// CSV Injection). Numbers with a sign are not texts: write them without Safe.
func Safe(text string) string {
	first, _ := utf8.DecodeRuneInString(strings.TrimLeft(text, " "))
	if strings.ContainsRune("=+-@\t\r\n＝＋－＠", first) {
		return "'" + text
	}
	return text
}
