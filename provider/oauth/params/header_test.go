package params

import (
	"encoding/base64"
	"net/http"
	"net/url"
	"strings"
	"testing"

	"pgregory.net/rapid"
)

// encodeBasic is what a client does (RFC 6749 §2.3.1).
func encodeBasic(id, secret string) string {
	return "Basic " + base64.StdEncoding.EncodeToString([]byte(url.QueryEscape(id)+":"+url.QueryEscape(secret)))
}

func TestParseBasic(t *testing.T) {
	b64 := func(s string) string { return base64.StdEncoding.EncodeToString([]byte(s)) }
	for _, tc := range []struct {
		name   string
		in     []string
		want   Basic
		ok     bool
		reason Reason
	}{
		{name: "no header"},
		{name: "bearer", in: []string{"Bearer abc"}},
		{name: "a long bearer is not our business", in: []string{"Bearer " + strings.Repeat("a", MaxBasic)}},
		{name: "plain", in: []string{encodeBasic("web", "s3cret")}, want: Basic{"web", "s3cret"}, ok: true},
		{name: "scheme in another case", in: []string{"bAsIc " + b64("web:x")}, want: Basic{"web", "x"}, ok: true},
		{name: "colons and spaces on both sides", in: []string{encodeBasic("https://app.example/a b", "s:c r+t%")}, want: Basic{"https://app.example/a b", "s:c r+t%"}, ok: true},
		{name: "unescaped colon belongs to the secret", in: []string{"Basic " + b64("web:a:b")}, want: Basic{"web", "a:b"}, ok: true},
		{name: "no secret", in: []string{"Basic " + b64("web:")}, want: Basic{ID: "web"}, ok: true},
		{name: "no colon", in: []string{"Basic " + b64("web")}, reason: Malformed},
		{name: "no id", in: []string{"Basic " + b64(":x")}, reason: Malformed},
		{name: "nothing after the scheme", in: []string{"Basic "}, reason: Malformed},
		{name: "only the scheme", in: []string{"Basic"}, reason: Malformed},
		{name: "missing padding", in: []string{"Basic " + strings.TrimRight(b64("web:x"), "=")}, reason: Malformed},
		{name: "bits after the end", in: []string{"Basic d2ViOnh5eR=="}, reason: Malformed},
		{name: "line break inside", in: []string{"Basic d2Vi\nOng="}, reason: Malformed},
		{name: "base64url", in: []string{"Basic " + strings.ReplaceAll(b64("a:???>>>"), "/", "_")}, reason: Malformed},
		{name: "bad escape", in: []string{"Basic " + b64("web:%zz")}, reason: Encoding},
		{name: "NUL", in: []string{"Basic " + b64("web:%00")}, reason: Text},
		{name: "bad UTF-8", in: []string{"Basic " + b64("we\xff:x")}, reason: Text},
		{name: "two headers", in: []string{"Basic d2ViOng=", "Basic d2ViOng="}, reason: Repeated},
		{name: "too long", in: []string{encodeBasic("web", strings.Repeat("x", MaxBasic))}, reason: TooLong},
	} {
		t.Run(tc.name, func(t *testing.T) {
			t.Parallel()
			got, ok, err := ParseBasic(tc.in)
			wantError(t, err, "Authorization", tc.reason)
			if got != tc.want || ok != tc.ok {
				t.Fatalf("got %+v, %v", got, ok)
			}
		})
	}
}

func TestParseBasicRoundTrip(t *testing.T) {
	text := rapid.StringOfN(rapid.Rune().Filter(func(r rune) bool { return isText(string(r)) }), 1, 40, -1)
	rapid.Check(t, func(t *rapid.T) {
		want := Basic{ID: text.Draw(t, "id"), Secret: text.Draw(t, "secret")}
		got, ok, err := ParseBasic([]string{encodeBasic(want.ID, want.Secret)})
		if err != nil || !ok || got != want {
			t.Fatalf("%+v gave %+v, %v, %v", want, got, ok, err)
		}
	})
}

func TestBearer(t *testing.T) {
	body := func(s string) Form {
		form, err := Parse("access_token=" + url.QueryEscape(s))
		if err != nil {
			t.Fatal(err)
		}
		return form
	}
	for _, tc := range []struct {
		name      string
		header    []string
		body      Form
		want      string
		parameter string
		reason    Reason
	}{
		{name: "none"},
		{name: "header", header: []string{"Bearer a.b-c_d~e+f/g=="}, want: "a.b-c_d~e+f/g=="},
		{name: "scheme in another case", header: []string{"BEARER abc"}, want: "abc"},
		{name: "body", body: body("abc"), want: "abc"},
		{name: "both", header: []string{"Bearer abc"}, body: body("abc"), parameter: "access_token", reason: TwoMethods},
		{name: "client authentication beside a token in the body", header: []string{"Basic d2ViOng="}, body: body("abc"), want: "abc"},
		{name: "two headers", header: []string{"Bearer a", "Bearer b"}, parameter: "Authorization", reason: Repeated},
		{name: "two tokens in one header", header: []string{"Bearer a b"}, parameter: "Authorization", reason: Malformed},
		{name: "list", header: []string{"Bearer a,Bearer b"}, parameter: "Authorization", reason: Malformed},
		{name: "no token", header: []string{"Bearer"}, parameter: "Authorization", reason: Malformed},
		{name: "only padding", header: []string{"Bearer =="}, parameter: "Authorization", reason: Malformed},
		{name: "odd characters in the body", body: body("a b"), parameter: "access_token", reason: Malformed},
		{name: "too long", header: []string{"Bearer " + strings.Repeat("a", MaxBearer)}, parameter: "Authorization", reason: TooLong},
	} {
		t.Run(tc.name, func(t *testing.T) {
			t.Parallel()
			got, err := Bearer(tc.header, tc.body)
			wantError(t, err, tc.parameter, tc.reason)
			if got != tc.want {
				t.Fatalf("got %q", got)
			}
		})
	}
}

// FuzzParseBasic: what is accepted is what net/http and form decoding read, and
// its re-encoding parses the same.
func FuzzParseBasic(f *testing.F) {
	f.Add(encodeBasic("web", "s:e+c%r t"))
	f.Add("basic  d2ViOng=")
	f.Add("Basic d2ViOnh5eR==")
	f.Fuzz(func(t *testing.T, header string) {
		got, ok, err := ParseBasic([]string{header})
		if err != nil || !ok {
			return
		}
		if len(header) > MaxBasic {
			t.Fatalf("accepted %d bytes", len(header))
		}
		// net/http takes exactly one space, we any number.
		request := http.Request{Header: http.Header{"Authorization": {"Basic " + strings.Trim(header[5:], " ")}}}
		user, password, ok := request.BasicAuth()
		if !ok {
			t.Fatalf("accepted %q, which net/http does not read", header)
		}
		id, idErr := url.QueryUnescape(user)
		secret, secretErr := url.QueryUnescape(password)
		if idErr != nil || secretErr != nil || got != (Basic{id, secret}) {
			t.Fatalf("%q gave %+v, want %q %q", header, got, id, secret)
		}
		again, ok, err := ParseBasic([]string{encodeBasic(got.ID, got.Secret)})
		if len(encodeBasic(got.ID, got.Secret)) <= MaxBasic && (err != nil || !ok || again != got) {
			t.Fatalf("%+v gave %+v, %v, %v", got, again, ok, err)
		}
	})
}

// FuzzBearer: an accepted token is a part of the header, in the b64token
// alphabet, and parses to itself.
func FuzzBearer(f *testing.F) {
	f.Add("Bearer abc.def")
	f.Add("bearer  a=b")
	f.Fuzz(func(t *testing.T, header string) {
		token, err := Bearer([]string{header}, Form{})
		if err != nil || token == "" {
			return
		}
		if !strings.HasSuffix(strings.TrimRight(header, " "), " "+token) || strings.ContainsAny(token, " ,;\"\\\x00") {
			t.Fatalf("%q gave %q", header, token)
		}
		if again, err := Bearer([]string{"Bearer " + token}, Form{}); len(token) < MaxBearer-8 && (err != nil || again != token) {
			t.Fatalf("%q gave %q, %v", token, again, err)
		}
	})
}

func BenchmarkParseBasic(b *testing.B) {
	header := []string{encodeBasic("orders", "vQ1x0nY8sT4uW7zA2bC5dE6fG9hJ3kL0mN1pQ4rS7tU")}
	b.ReportAllocs()
	for b.Loop() {
		if _, ok, err := ParseBasic(header); !ok || err != nil {
			b.Fatal(err)
		}
	}
}
