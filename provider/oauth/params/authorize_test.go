package params

import (
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"
)

func TestParseScope(t *testing.T) {
	many := make([]string, 51)
	for i := range many {
		many[i] = "s" + strconv.Itoa(i)
	}
	for _, tc := range []struct {
		name, in string
		want     Scopes
		reason   Reason
	}{
		{name: "absent"},
		{name: "order kept", in: "openid profile a:b/c", want: Scopes{"openid", "profile", "a:b/c"}},
		{name: "repetition dropped", in: "b a b", want: Scopes{"b", "a"}},
		{name: "case kept", in: "A a", want: Scopes{"A", "a"}},
		{name: "surplus spaces", in: "  a   b ", want: Scopes{"a", "b"}},
		{name: "quote", in: `a "b"`, reason: Malformed},
		{name: "backslash", in: `a\b`, reason: Malformed},
		{name: "not ASCII", in: "ä", reason: Malformed},
		{name: "tab", in: "a\tb", reason: Text},
		{name: "50", in: strings.Join(many[:50], " "), want: many[:50]},
		{name: "51", in: strings.Join(many, " "), reason: TooMany},
		{name: "too long", in: strings.Repeat("a", MaxValue+1), reason: TooLong},
	} {
		t.Run(tc.name, func(t *testing.T) {
			t.Parallel()
			got, err := ParseScope(tc.in)
			wantError(t, err, "scope", tc.reason)
			if diff := cmp.Diff(tc.want, got); diff != "" {
				t.Fatal(diff)
			}
		})
	}
	if s := (Scopes{"openid"}); !s.Has("openid") || s.Has("open") {
		t.Error("Has")
	}
}

func TestParsePrompt(t *testing.T) {
	for _, tc := range []struct {
		name, in string
		want     Prompt
		reason   Reason
	}{
		{name: "absent"},
		{name: "none", in: "none", want: Prompt{None: true}},
		{name: "several", in: "consent login", want: Prompt{Login: true, Consent: true}},
		{name: "all but none", in: "login consent select_account", want: Prompt{Login: true, Consent: true, SelectAccount: true}},
		{name: "twice the same", in: "none none", want: Prompt{None: true}},
		{name: "none with another", in: "none login", reason: Combination},
		{name: "unknown", in: "create", reason: Unsupported},
		{name: "case matters", in: "Login", reason: Unsupported},
	} {
		t.Run(tc.name, func(t *testing.T) {
			t.Parallel()
			got, err := ParsePrompt(tc.in)
			wantError(t, err, "prompt", tc.reason)
			if got != tc.want {
				t.Fatalf("got %+v, want %+v", got, tc.want)
			}
		})
	}
}

func TestParseMaxAge(t *testing.T) {
	for _, tc := range []struct {
		name, in string
		want     MaxAge
		reason   Reason
	}{
		{name: "absent"},
		{name: "zero", in: "0", want: MaxAge{Set: true}},
		{name: "an hour", in: "3600", want: MaxAge{Set: true, Age: time.Hour}},
		{name: "largest integer", in: "9223372036854775807", want: MaxAge{Set: true, Age: maxAgeCap}},
		{name: "larger still", in: "9223372036854775808", reason: Malformed},
		{name: "hundreds of digits", in: strings.Repeat("9", 400), reason: Malformed},
		{name: "negative", in: "-1", reason: Malformed},
		{name: "plus", in: "+1", reason: Malformed},
		{name: "leading zero", in: "01", reason: Malformed},
		{name: "fraction", in: "1.5", reason: Malformed},
		{name: "exponent", in: "1e3", reason: Malformed},
		{name: "other digits", in: "١", reason: Malformed},
		{name: "space", in: " 1", reason: Malformed},
	} {
		t.Run(tc.name, func(t *testing.T) {
			t.Parallel()
			got, err := ParseMaxAge(tc.in)
			wantError(t, err, "max_age", tc.reason)
			if got != tc.want {
				t.Fatalf("got %+v, want %+v", got, tc.want)
			}
		})
	}
	rapid.Check(t, func(t *rapid.T) {
		seconds := rapid.Int64Range(0, 100*365*86400).Draw(t, "seconds")
		got, err := ParseMaxAge(strconv.FormatInt(seconds, 10))
		if err != nil || !got.Set || got.Age != time.Duration(seconds)*time.Second {
			t.Fatalf("%d gave %+v, %v", seconds, got, err)
		}
	})
}

func TestParseACRValues(t *testing.T) {
	got, err := ParseACRValues("aal2 aal1 aal2")
	if diff := cmp.Diff([]string{"aal2", "aal1"}, got); err != nil || diff != "" {
		t.Fatal(err, diff)
	}
	_, err = ParseACRValues("1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16 17")
	wantError(t, err, "acr_values", TooMany)
}

func TestParseUILocales(t *testing.T) {
	for _, tc := range []struct {
		name, in string
		want     []string
	}{
		{name: "absent"},
		{name: "order kept", in: "de-CH fr en", want: []string{"de-CH", "fr", "en"}},
		{name: "POSIX spelling", in: "en_US", want: []string{"en-US"}},
		{name: "nonsense left out", in: "<b> de x.y " + strings.Repeat("a", 36), want: []string{"de"}},
		{name: "never an error", in: "\xff\x00"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			t.Parallel()
			if diff := cmp.Diff(tc.want, ParseUILocales(tc.in)); diff != "" {
				t.Fatal(diff)
			}
		})
	}
	var many []string
	for i := range 40 {
		many = append(many, "l"+strconv.Itoa(i))
	}
	if got := ParseUILocales(strings.Join(many, " ")); !slices.Equal(got, many[:MaxUILocales]) {
		t.Errorf("got %v", got)
	}
}

func TestParseResponseMode(t *testing.T) {
	for in, reason := range map[string]Reason{
		"": "", "query": "", "fragment": "", "form_post": "", "Query": Unsupported, "jwt": Unsupported, "query,": Unsupported,
	} {
		mode, err := ParseResponseMode(in)
		wantError(t, err, "response_mode", reason)
		if err == nil && string(mode) != in {
			t.Errorf("%q gave %q", in, mode)
		}
	}
}

// FuzzParseScope: accepted tokens are exactly the distinct fields, and their
// canonical form parses to the same.
func FuzzParseScope(f *testing.F) {
	f.Add("openid profile  openid ")
	f.Add("a\"b")
	f.Fuzz(func(t *testing.T, s string) {
		scopes, err := ParseScope(s)
		if err != nil {
			return
		}
		var want Scopes
		for _, field := range strings.FieldsFunc(s, func(r rune) bool { return r == ' ' }) {
			if !slices.Contains(want, field) {
				want = append(want, field)
			}
		}
		if !slices.Equal(scopes, want) || len(scopes) > MaxScopes {
			t.Fatalf("%q gave %q", s, scopes)
		}
		for i := range len(s) {
			if c := s[i]; c < 0x20 || c > 0x7e || c == '"' || c == '\\' {
				t.Fatalf("accepted byte %#x", c)
			}
		}
		again, err := ParseScope(scopes.String())
		if err != nil || !slices.Equal(again, scopes) {
			t.Fatalf("%q gave %q, %v", scopes, again, err)
		}
	})
}

// FuzzParsePrompt: accepted values render to a form that parses to the same,
// and none never comes with another.
func FuzzParsePrompt(f *testing.F) {
	f.Add("login consent")
	f.Add("none login")
	f.Fuzz(func(t *testing.T, s string) {
		prompt, err := ParsePrompt(s)
		if err != nil {
			return
		}
		if prompt.None && prompt != (Prompt{None: true}) {
			t.Fatalf("%q gave %+v", s, prompt)
		}
		for _, value := range strings.Fields(s) {
			if !slices.Contains(strings.Fields(prompt.String()), value) {
				t.Fatalf("%q lost %q", s, value)
			}
		}
		if again, err := ParsePrompt(prompt.String()); err != nil || again != prompt {
			t.Fatalf("%+v gave %+v, %v", prompt, again, err)
		}
	})
}

// FuzzParseMaxAge holds ParseMaxAge against strconv.
func FuzzParseMaxAge(f *testing.F) {
	f.Add("0")
	f.Add("9223372036854775807")
	f.Add("-0")
	f.Fuzz(func(t *testing.T, s string) {
		got, err := ParseMaxAge(s)
		seconds, theirErr := strconv.ParseInt(s, 10, 64)
		canonical := theirErr == nil && seconds >= 0 && strconv.FormatInt(seconds, 10) == s
		if canonical != (err == nil && s != "") {
			t.Fatalf("%q: %+v, %v; strconv %d, %v", s, got, err, seconds, theirErr)
		}
		if canonical && got.Age != min(time.Duration(min(seconds, 4e9))*time.Second, maxAgeCap) {
			t.Fatalf("%q gave %v", s, got.Age)
		}
	})
}

// FuzzParseUILocales: whatever comes, the result is bounded and harmless, and
// parses to itself.
func FuzzParseUILocales(f *testing.F) {
	f.Add("de-CH en_US <x>")
	f.Fuzz(func(t *testing.T, s string) {
		tags := ParseUILocales(s)
		if len(tags) > MaxUILocales {
			t.Fatalf("%d tags", len(tags))
		}
		for _, tag := range tags {
			if len(tag) > 35 || strings.Trim(strings.ToLower(tag), "abcdefghijklmnopqrstuvwxyz0123456789-") != "" {
				t.Fatalf("kept %q", tag)
			}
		}
		if again := ParseUILocales(strings.Join(tags, " ")); !slices.Equal(again, tags) {
			t.Fatalf("%q gave %q", tags, again)
		}
	})
}
