package change

import (
	"strings"

	"github.com/signet-idp/signet/provider/event"
)

// Enum makes a word that may stand in an event as event.Enum of what a caller
// gave as reason or source: lower case, "_" for blanks; "other" when it is too
// long or holds something else.
func Enum(s string) string {
	s = strings.ToLower(strings.ReplaceAll(strings.TrimSpace(s), " ", "_"))
	if len(s) > event.MaxEnum || strings.Trim(s, "abcdefghijklmnopqrstuvwxyz0123456789_.:-") != "" {
		return "other"
	}
	return s
}
