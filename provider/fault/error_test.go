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

func TestAllFieldsAtOnce(t *testing.T) {
	name, site := Field("name", "write a name"), Field("website", "write a URL")
	e, ok := errors.AsType[*Error](All(nil, fmt.Errorf("check: %w", name), site))
	if !ok || e.Code != Invalid || len(e.Fields) != 2 || e.Fields[0].Field != "name" || e.Fields[1].Field != "website" {
		t.Errorf("%+v", e)
	}
	if len(name.Fields) != 1 {
		t.Error("an error that was handed in changed")
	}
	if err := All(name, io.EOF); !errors.Is(err, io.EOF) {
		t.Errorf("%v, want the one that is not about the input", err)
	}
	if err := All(nil, nil); err != nil {
		t.Errorf("%v of nothing", err)
	}
}
