package params

import (
	"errors"
	"fmt"
	"net/url"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"
)

// wantError fails unless err is an *Error for the parameter and reason; reason
// "" means that no error is wanted.
func wantError(t *testing.T, err error, parameter string, reason Reason) {
	t.Helper()
	if reason == "" {
		if err != nil {
			t.Fatalf("refused: %v", err)
		}
		return
	}
	var refused *Error
	if !errors.As(err, &refused) {
		t.Fatalf("err = %v, want %q %q", err, parameter, reason)
	}
	if refused.Parameter != parameter || refused.Reason != reason {
		t.Fatalf("refused %q because it %q, want %q %q", refused.Parameter, refused.Reason, parameter, reason)
	}
}

func TestParse(t *testing.T) {
	many := func(n int) string {
		var b strings.Builder
		for i := range n {
			fmt.Fprintf(&b, "&p%d=v", i)
		}
		return b.String()
	}
	for _, tc := range []struct {
		name      string
		in        []string
		want      url.Values
		parameter string
		reason    Reason
	}{
		{name: "nothing", in: []string{""}, want: url.Values{}},
		{name: "plain", in: []string{"a=1&b=x+y%20z"}, want: url.Values{"a": {"1"}, "b": {"x y z"}}},
		{name: "empty value is absent", in: []string{"state=&a=1&flag"}, want: url.Values{"a": {"1"}}},
		{name: "empty pairs", in: []string{"&&a=1&"}, want: url.Values{"a": {"1"}}},
		{name: "equals signs in a value", in: []string{"a=b=c="}, want: url.Values{"a": {"b=c="}}},
		{name: "repeated", in: []string{"a=1&a=1"}, parameter: "a", reason: Repeated},
		{name: "repeated with an empty value", in: []string{"a=&a=1"}, parameter: "a", reason: Repeated},
		{name: "repeated by escape", in: []string{"a=1&%61=1"}, parameter: "a", reason: Repeated},
		{name: "repeated in another case", in: []string{"client_id=1&Client_ID=2"}, parameter: "Client_ID", reason: Repeated},
		{name: "in URL and body", in: []string{"client_id=1", "client_id=1"}, parameter: "client_id", reason: Repeated},
		{name: "URL and body", in: []string{"a=1", "b=2"}, want: url.Values{"a": {"1"}, "b": {"2"}}},
		{name: "resource repeats", in: []string{"resource=b&resource=a"}, want: url.Values{"resource": {"b", "a"}}},
		{name: "resource in another case does not", in: []string{"Resource=b&Resource=a"}, parameter: "Resource", reason: Repeated},
		{name: "resource mixed with another case", in: []string{"Resource=b&resource=a"}, parameter: "resource", reason: Repeated},
		{name: "semicolon", in: []string{"a=1;b=2"}, reason: Encoding},
		{name: "bad escape in value", in: []string{"a=%zz"}, parameter: "a", reason: Encoding},
		{name: "bad escape in name", in: []string{"%a=1"}, reason: Encoding},
		{name: "NUL", in: []string{"a=x%00"}, parameter: "a", reason: Text},
		{name: "line break", in: []string{"state=x%0d%0aSet-Cookie:"}, parameter: "state", reason: Text},
		{name: "C1 control", in: []string{"a=%C2%85"}, parameter: "a", reason: Text},
		{name: "bad UTF-8", in: []string{"a=%ff"}, parameter: "a", reason: Text},
		{name: "control in name", in: []string{"a%0a=1"}, reason: Text},
		{name: "no name", in: []string{"=1"}, reason: Text},
		{name: "unprintable name is not repeated to the user", in: []string{"%3Cb%3E=%00"}, reason: Text},
		{name: "line breaks in claims", in: []string{"claims=%7B%0A%7D"}, want: url.Values{"claims": {"{\n}"}}},
		{name: "NUL in claims", in: []string{"claims=%7B%00%7D"}, parameter: "claims", reason: Text},
		{name: "64 parameters", in: []string{many(64)[1:] + "&&"}, want: nil},
		{name: "65 parameters", in: []string{many(65)[1:]}, reason: TooMany},
		{name: "65 resources", in: []string{strings.Repeat("resource=a&", 65)}, reason: TooMany},
		{name: "long name", in: []string{strings.Repeat("n", 65) + "=1"}, reason: TooLong},
		{name: "long value", in: []string{"a=" + strings.Repeat("v", MaxValue+1)}, parameter: "a", reason: TooLong},
		{name: "escapes count decoded", in: []string{"a=" + strings.Repeat("%41", MaxValue)}, want: nil},
		{name: "long request object", in: []string{"request=" + strings.Repeat("v", MaxRequestObject)}, want: nil},
		{name: "too long request object", in: []string{"request=" + strings.Repeat("v", MaxRequestObject+1)}, parameter: "request", reason: TooLong},
		{name: "passkey", in: []string{"passkey=" + strings.Repeat("v", MaxToken)}, want: url.Values{"passkey": {strings.Repeat("v", MaxToken)}}},
		{name: "too long passkey", in: []string{"passkey=" + strings.Repeat("v", MaxToken+1)}, parameter: "passkey", reason: TooLong},
		{name: "too long assertion", in: []string{"client_assertion=" + strings.Repeat("v", MaxToken+1)}, parameter: "client_assertion", reason: TooLong},
		{name: "too much altogether", in: []string{strings.Repeat("a", MaxTotal/2), strings.Repeat("b", MaxTotal/2+1)}, reason: TooLong},
	} {
		t.Run(tc.name, func(t *testing.T) {
			t.Parallel()
			form, err := Parse(tc.in...)
			wantError(t, err, tc.parameter, tc.reason)
			if tc.want != nil {
				if diff := cmp.Diff(tc.want, form.Values()); diff != "" {
					t.Fatal(diff)
				}
			}
		})
	}
}

func TestFormIsImmutable(t *testing.T) {
	form, err := Parse("a=1&resource=x&resource=y")
	if err != nil {
		t.Fatal(err)
	}
	form.Values()["a"][0] = "2"
	form.All("resource")[0] = "z"
	with, err := form.With("a", "3")
	if err != nil {
		t.Fatal(err)
	}
	without := form.Without("resource", "absent")
	if form.Get("a") != "1" || form.Get("resource") != "x" || len(form.All("resource")) != 2 {
		t.Fatalf("the form changed: %v", form.Values())
	}
	if with.Get("a") != "3" || without.Has("resource") || !without.Has("a") {
		t.Fatalf("with %v, without %v", with.Values(), without.Values())
	}
	if diff := cmp.Diff([]string{"a", "resource"}, form.Names()); diff != "" {
		t.Fatal(diff)
	}
	_, err = form.With("b", "1", "2")
	wantError(t, err, "b", Repeated)
}

func TestZeroForm(t *testing.T) {
	var form Form
	if form.Get("a") != "" || form.Has("a") || form.All("a") != nil || form.Values() == nil {
		t.Fatal("the zero Form is not empty")
	}
}

func TestIsForm(t *testing.T) {
	for in, want := range map[string]bool{
		"application/x-www-form-urlencoded":                true,
		"Application/X-WWW-Form-Urlencoded; charset=UTF-8": true,
		"application/x-www-form-urlencoded;charset=utf-8":  true,
		"application/x-www-form-urlencoded; charset=utf-7": false,
		"application/json":    false,
		"multipart/form-data": false,
		"":                    false,
	} {
		if got := IsForm(in); got != want {
			t.Errorf("IsForm(%q) = %v", in, got)
		}
	}
}

func TestErrorHoldsNothingSent(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		secret := rapid.StringN(8, 40, -1).Filter(func(s string) bool {
			return strings.ContainsFunc(s, notNameChar)
		}).Draw(t, "secret")
		for _, raw := range []string{
			url.QueryEscape(secret) + "=1&" + url.QueryEscape(secret) + "=2",
			"a=" + url.QueryEscape(secret+"\x00"),
			"a=1&a=" + url.QueryEscape(secret),
		} {
			_, err := Parse(raw)
			if err == nil {
				t.Fatalf("accepted %q", raw)
			}
			if strings.Contains(err.Error(), secret) {
				t.Fatalf("the error repeats what was sent: %v", err)
			}
		}
	})
}

func TestErrorCode(t *testing.T) {
	for parameter, want := range map[string]string{
		"scope": "invalid_scope", "resource": "invalid_target", "prompt": "invalid_request", "": "invalid_request",
	} {
		if got := refuse(parameter, Malformed).Code(); got != want {
			t.Errorf("Code for %q = %q, want %q", parameter, got, want)
		}
	}
}

// FuzzParse holds Parse against net/url: what is accepted must be what net/url
// reads, less the empty values, within the bounds, and must survive encoding
// and parsing again.
func FuzzParse(f *testing.F) {
	f.Add("a=1&b=x+y%20z")
	f.Add("resource=a&resource=b&state=")
	f.Add("a=1&A=2")
	f.Add("claims=%7B%0A%7D&;")
	f.Fuzz(func(t *testing.T, raw string) {
		form, err := Parse(raw)
		if err != nil {
			return
		}
		theirs, err := url.ParseQuery(raw)
		if err != nil {
			t.Fatalf("accepted %q, which net/url refuses: %v", raw, err)
		}
		for name, values := range theirs {
			var kept []string
			for _, value := range values {
				if value != "" {
					kept = append(kept, value)
				}
			}
			if diff := cmp.Diff(kept, form.All(name)); diff != "" {
				t.Fatalf("%q: %s", name, diff)
			}
			if len(values) > 1 && name != "resource" {
				t.Fatalf("%q was accepted twice", name)
			}
		}
		for name := range form.Values() {
			if _, ok := theirs[name]; !ok {
				t.Fatalf("%q came from nowhere", name)
			}
			for _, value := range form.All(name) {
				if len(value) > MaxRequestObject || strings.Contains(value, "\x00") || value == "" {
					t.Fatalf("%q holds %q", name, value)
				}
			}
		}
		again, err := Parse(form.Values().Encode())
		if err != nil {
			t.Fatalf("refused its own encoding: %v", err)
		}
		if diff := cmp.Diff(form.Values(), again.Values()); diff != "" {
			t.Fatal(diff)
		}
	})
}

func BenchmarkParse(b *testing.B) {
	const raw = "response_type=code&client_id=web&redirect_uri=https%3A%2F%2Fapp.example%2Fcallback" +
		"&scope=openid+profile+email&state=af0ifjsldkj&nonce=n-0S6_WzA2Mj" +
		"&code_challenge=E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM&code_challenge_method=S256"
	b.ReportAllocs()
	for b.Loop() {
		if _, err := Parse(raw); err != nil {
			b.Fatal(err)
		}
	}
}
