package fault

import (
	"errors"
	"fmt"
	"io"
	"testing"
	"time"
)

func TestEveryCodeHasAName(t *testing.T) {
	seen := map[string]Code{}
	for c := Code(0); c < Codes; c++ {
		name := c.String()
		if name == "unknown" {
			t.Errorf("code %d has no name", c)
		}
		if other, dup := seen[name]; dup {
			t.Errorf("codes %d and %d are both %q", other, c, name)
		}
		seen[name] = c
	}
	if got := Codes.String(); got != "unknown" {
		t.Errorf("the sentinel is named %q", got)
	}
}

func TestCodeSurvivesWrapping(t *testing.T) {
	err := fmt.Errorf("login: %w", Wrap(io.ErrUnexpectedEOF, Unavailable, "try again").Retry(time.Second))
	if !Is(err, Unavailable) || CodeOf(err) != Unavailable {
		t.Errorf("code lost: %v", err)
	}
	if !errors.Is(err, io.ErrUnexpectedEOF) {
		t.Errorf("cause lost: %v", err)
	}
	if want := "login: unavailable: try again: unexpected EOF"; err.Error() != want {
		t.Errorf("text %q, want %q", err.Error(), want)
	}
}

func TestForeignErrorsAreInternal(t *testing.T) {
	if CodeOf(io.EOF) != Internal || Is(io.EOF, Internal) {
		t.Error("a foreign error must count as internal without being a fault")
	}
}
