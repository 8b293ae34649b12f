package csvcell_test

import (
	"testing"

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
