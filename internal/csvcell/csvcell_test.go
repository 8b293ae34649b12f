package csvcell_test

import (
	"strings"
	"testing"

	"pgregory.net/rapid"

	"github.com/signet-idp/signet/internal/csvcell"
)

func TestSafe(t *testing.T) {
	t.Parallel()
	for in, want := range map[string]string{
		"": "", "plain": "plain", "a=b": "a=b", "=1+1": "'=1+1", "+1": "'+1", "-2": "'-2", "@cmd": "'@cmd", "\t=1": "'\t=1",
		"\r=1": "'\r=1", "\n=1": "'\n=1", "＝1": "'＝1", "  =1": "'  =1", "'=1": "'=1", "ä": "ä", "   ": "   ",
	} {
		if got := csvcell.Safe(in); got != want {
			t.Errorf("Safe(%q) = %q, want %q", in, got, want)
		}
	}
}

// Whatever a cell holds, it begins as no formula does, and differs by an
// apostrophe at most.
func TestNoCellIsAFormula(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		cell := rapid.String().Draw(t, "cell")
		got := csvcell.Safe(cell)
		if got != "" && strings.ContainsRune("=+-@\t\r\n", rune(got[0])) || got != cell && got != "'"+cell {
			t.Fatalf("Safe(%q) = %q", cell, got)
		}
	})
}
