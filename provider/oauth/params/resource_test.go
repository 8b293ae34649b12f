package params

import (
	"net/url"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestParseResources(t *testing.T) {
	many := make([]string, 17)
	for i := range many {
		many[i] = "https://api.example/" + strconv.Itoa(i)
	}
	for _, tc := range []struct {
		name   string
		in     []string
		want   []string
		reason Reason
	}{
		{name: "none"},
		{name: "order kept, repetition dropped", in: []string{"https://b.example", "urn:api:a", "https://b.example"}, want: []string{"https://b.example", "urn:api:a"}},
		{name: "not normalised", in: []string{"HTTPS://B.example:443/a/../b?x"}, want: []string{"HTTPS://B.example:443/a/../b?x"}},
		{name: "sixteen", in: many[:16], want: many[:16]},
		{name: "seventeen", in: many, reason: TooMany},
		{name: "relative", in: []string{"/orders"}, reason: Malformed},
		{name: "no scheme", in: []string{"//api.example"}, reason: Malformed},
		{name: "bare word", in: []string{"orders"}, reason: Malformed},
		{name: "no host", in: []string{"https:///orders"}, reason: Malformed},
		{name: "port without host", in: []string{"https://:443/orders"}, reason: Malformed},
		{name: "fragment", in: []string{"https://api.example#x"}, reason: Malformed},
		{name: "empty fragment", in: []string{"https://api.example#"}, reason: Malformed},
		{name: "not ASCII", in: []string{"https://äpi.example"}, reason: Malformed},
		{name: "space", in: []string{"https://api.example/a b"}, reason: Malformed},
		{name: "too long", in: []string{"https://api.example/" + strings.Repeat("a", MaxResourceLength)}, reason: Malformed},
		{name: "empty", in: []string{""}, reason: Malformed},
	} {
		t.Run(tc.name, func(t *testing.T) {
			t.Parallel()
			got, err := ParseResources(tc.in)
			wantError(t, err, "resource", tc.reason)
			if diff := cmp.Diff(tc.want, got); diff != "" {
				t.Fatal(diff)
			}
		})
	}
}

// FuzzParseResources: an accepted resource is unchanged and, for net/url, an
// absolute URI without fragment.
func FuzzParseResources(f *testing.F) {
	f.Add("https://api.example/x?y")
	f.Add("urn:x:y")
	f.Add("https:x")
	f.Fuzz(func(t *testing.T, s string) {
		got, err := ParseResources([]string{s, s})
		if err != nil {
			return
		}
		if !slices.Equal(got, []string{s}) {
			t.Fatalf("%q gave %q", s, got)
		}
		u, err := url.Parse(s)
		if err != nil || u.Scheme == "" || strings.Contains(s, "#") {
			t.Fatalf("accepted %q: %v", s, err)
		}
		if (u.Scheme == "https" || u.Scheme == "http") && u.Hostname() == "" {
			t.Fatalf("accepted %q without a host", s)
		}
	})
}
