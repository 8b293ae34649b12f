package password

import (
	"errors"
	"strings"
	"testing"
)

func TestPolicy(t *testing.T) {
	p := NewPolicy(0)
	for _, tc := range []struct {
		name, password string
		want           error
	}{
		{"phrase", english, nil},
		{"no kinds of characters asked for", "ein langer satz", nil},
		{"eight characters", "kx7Qwp3z", nil},
		{"seven", "kx7Qwp3", ErrTooShort},
		{"empty", "", ErrTooShort},
		{"characters count, not bytes", "żółwżółw", nil},
		{"seven characters of many bytes", "🙂🙂🙂🙂🙂🙂🙂", ErrTooShort},
		{"counted when composed", strings.Repeat("e\u0301", 7), ErrTooShort},
		{"longest", strings.Repeat("ab", MaxLength/2), nil},
		{"longer", strings.Repeat("ab", MaxLength/2) + "c", ErrTooLong},
		{"common", "password1", ErrCommon},
		{"common in capitals", "PassWord1", ErrCommon},
		{"common and more", "password1 and more", nil},
		{"not UTF-8", "\xff\xfe\xfd\xfc\xfb\xfa\xf9\xf8", ErrPassword},
		{"NUL", "abcdefg\x00hij", ErrPassword},
	} {
		t.Run(tc.name, func(t *testing.T) {
			t.Parallel()
			if err := p.Check(tc.password); !errors.Is(err, tc.want) {
				t.Fatalf("err = %v, want %v", err, tc.want)
			}
		})
	}
	if NewPolicy(12).Check("kx7Qwp3zkx7") == nil || p.MinLength() != 8 {
		t.Error("the minimum is not kept")
	}
}

// TestCommonList: each entry is one that Check can meet.
func TestCommonList(t *testing.T) {
	p := NewPolicy(0)
	if len(p.common) < 200 {
		t.Errorf("%d entries", len(p.common))
	}
	for entry := range p.common {
		if err := p.Check(entry); !errors.Is(err, ErrCommon) {
			t.Errorf("%q: %v", entry, err)
		}
	}
}
