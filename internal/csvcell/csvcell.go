// Package csvcell makes text safe to stand in a cell of a CSV file that people
// open in a spreadsheet.
package csvcell

import "strings"

// Safe returns text that no spreadsheet takes for a formula: what begins with
// one of = + - @, a tab or a line end, also behind blanks, gets an apostrophe in
// front, which spreadsheets show as text (CWE-1236). Numbers with a sign are not
// texts: write them without Safe.
func Safe(text string) string {
	if trimmed := strings.TrimLeft(text, " "); trimmed != "" && strings.ContainsRune("=+-@\t\r\n", rune(trimmed[0])) {
		return "'" + text
	}
	return text
}
