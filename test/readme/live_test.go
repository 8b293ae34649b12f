package readme

import (
	"encoding/json"
	"io"
	"net/http"
	"regexp"
	"strings"
	"testing"
)

func (d *demo) get(t *testing.T, path string) string {
	t.Helper()
	r, err := http.NewRequestWithContext(t.Context(), http.MethodGet, d.issuer+path, nil)
	if err != nil {
		t.Fatal(err)
	}
	resp, err := http.DefaultClient.Do(r)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body)
	if err != nil || resp.StatusCode != http.StatusOK {
		t.Fatalf("GET %s: %s %v\n%s", path, resp.Status, err, body)
	}
	return string(body)
}

var family = regexp.MustCompile(`(?m)^# TYPE (\S+) `)

// checkMetrics: docs/operate.md lists every metric that is shown.
func (d *demo) checkMetrics(t *testing.T) {
	page := read(t, "docs/operate.md")
	shown := family.FindAllStringSubmatch(d.get(t, "/metrics"), -1)
	if len(shown) < 20 {
		t.Fatalf("only %d metrics are shown", len(shown))
	}
	for _, m := range shown {
		if !strings.Contains(page, "`"+m[1]+"`") {
			t.Errorf("docs/operate.md does not name the metric %s", m[1])
		}
	}
}

// checkDiscovery: what discovery offers is on the pages.
func (d *demo) checkDiscovery(t *testing.T) {
	connect, spec, verify := read(t, "docs/connect-an-app.md"), read(t, "docs/oidc.md"), read(t, "docs/verify-tokens.md")
	var metadata map[string]any
	if err := json.Unmarshal([]byte(d.get(t, "/.well-known/openid-configuration")), &metadata); err != nil {
		t.Fatal(err)
	}
	for member, value := range metadata {
		switch value := value.(type) {
		case string:
			if path, ok := strings.CutPrefix(value, d.issuer+"/"); ok && !strings.Contains(connect, "`/"+path+"`") {
				t.Errorf("docs/connect-an-app.md does not name /%s (%s)", path, member)
			}
		case []any:
			page, name := spec, "docs/oidc.md"
			if member == "scopes_supported" {
				page, name = connect, "docs/connect-an-app.md"
			}
			for _, v := range value {
				if !strings.Contains(page, "`"+v.(string)+"`") {
					t.Errorf("%s does not name %v (%s)", name, v, member)
				}
			}
		}
	}
	var own map[string]string
	if err := json.Unmarshal([]byte(d.get(t, "/.well-known/signet-configuration")), &own); err != nil {
		t.Fatal(err)
	}
	for member := range own {
		if !strings.Contains(verify, "`"+member+"`") {
			t.Errorf("docs/verify-tokens.md does not name %s of signet-configuration", member)
		}
	}
}

// checkVerifyPage runs the commands of docs/verify-tokens.md. Every header and
// member of an answer of /auth/validate is on the page, and so is every claim
// of an access token.
func (d *demo) checkVerifyPage(t *testing.T, sh *shell) {
	page := read(t, "docs/verify-tokens.md")
	blocks, _, _ := parse(page)
	var head, verdict string
	for _, b := range blocks {
		out := sh.run(t, d.local(t, b.text)+"\necho \"exit $?\"")
		if !strings.HasSuffix(strings.TrimSpace(out), "exit 0") || strings.Contains(out, `"error`) {
			t.Errorf("this fails:\n%s\n%s", b.text, out)
		}
		if at := strings.Index(out, "HTTP/1.1 200"); at >= 0 {
			head, verdict, _ = strings.Cut(out[at:], "\n\n")
			verdict, _, _ = strings.Cut(verdict, "exit 0")
		}
	}
	for line := range strings.Lines(head) {
		name, _, _ := strings.Cut(line, ":")
		if (strings.HasPrefix(name, "X-Signet-") || strings.HasPrefix(name, "X-Auth-") || strings.HasPrefix(name, "Remote-")) && !strings.Contains(page, "`"+name+"`") {
			t.Errorf("docs/verify-tokens.md does not name the header %s", name)
		}
	}
	var members, claims map[string]any
	decode(t, verdict, &members)
	decode(t, sh.run(t, d.local(t, "bin/signet token inspect < tokens.json")), &claims)
	for what, names := range map[string]map[string]any{"member": members, "claim": claims} {
		if len(names) < 15 {
			t.Errorf("only %d of kind %s", len(names), what)
		}
		for name := range names {
			if !strings.Contains(page, "`"+name+"`") {
				t.Errorf("docs/verify-tokens.md does not name the %s %s", what, name)
			}
		}
	}
}
