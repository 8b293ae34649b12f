package readme

import (
	"bufio"
	"encoding/json"
	"io"
	"os/exec"
	"regexp"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"
)

// TestWalkThrough types the commands of README.md into a shell, one block after
// another, beside a server that was started as its first block does. The port
// is another one, and a small HTTP client is the person at the hosted page; the
// rest is as written.
func TestWalkThrough(t *testing.T) {
	t.Parallel()
	commands := map[string][]string{}
	blocks, _, _ := parse(read(t, "README.md"))
	for _, b := range blocks {
		commands[b.section] = append(commands[b.section], b.text)
	}
	if !strings.Contains(commands["Signet"][0], "make run\n") {
		t.Fatal("README.md does not begin with make run")
	}
	if out, err := exec.CommandContext(t.Context(), "make", "-C", root, "-n", "run").CombinedOutput(); err != nil || !strings.Contains(string(out), "bin/signet serve --dev\n") {
		t.Fatalf("make run does not run bin/signet serve --dev: %v\n%s", err, out)
	}
	d := startDemo(t)
	sh := d.shell(t)
	block := func(heading string, i int) string {
		t.Helper()
		if i >= len(commands[heading]) {
			t.Fatalf("README.md has no block %d under %q", i, heading)
		}
		return sh.run(t, d.local(t, commands[heading][i]))
	}

	sh.person = func(address string) error {
		return signIn(t.Context(), address, "alice@acme.test", d.secrets["alice@acme.test"])
	}
	var login struct {
		AccessToken  string `json:"access_token"`
		RefreshToken string `json:"refresh_token"`
		IDToken      string `json:"id_token"`
		ExpiresIn    int    `json:"expires_in"`
	}
	decode(t, block("First login", 0), &login)
	if login.AccessToken == "" || login.RefreshToken == "" || login.IDToken == "" || login.ExpiresIn != 600 {
		t.Fatalf("first login: %+v", login)
	}

	sh.run(t, "SECRET="+d.secrets["orders"]) // "with the secret of orders from the first terminal in $SECRET"
	var service struct {
		AccessToken string `json:"access_token"`
		Scope       string `json:"scope"`
	}
	decode(t, block("First service token", 0), &service)
	if service.AccessToken == "" || service.Scope != "orders:read orders:write" {
		t.Fatalf("first service token: %+v", service)
	}

	check := block("First gateway check", 0)
	var claims struct {
		Issuer  string   `json:"iss"`
		OrgSlug string   `json:"org_slug"`
		Roles   []string `json:"roles"`
	}
	at := strings.Index(check, "HTTP/1.1")
	if at < 0 {
		t.Fatalf("first gateway check: no answer of curl's in\n%s", check)
	}
	decode(t, check[:at], &claims)
	if claims.Issuer != d.issuer || claims.OrgSlug != "acme" || !slices.Equal(claims.Roles, []string{"owner", "system:admin", "system:user"}) {
		t.Errorf("token inspect: %+v", claims)
	}
	if answer := check[at:]; !strings.HasPrefix(answer, "HTTP/1.1 200 ") || !strings.Contains(answer, `"valid":true`) {
		t.Errorf("first gateway check: %s", answer)
	}

	ended := block("First gateway check", 1)
	disabled, rest, ok := strings.Cut(ended, "HTTP/1.1 401 ")
	if !ok || !suspended.MatchString(disabled) || !strings.Contains(rest, `"AUTH_005"`) || !active.MatchString(rest) {
		t.Errorf("disable, check, enable: %s", ended)
	}
	// "and stays so when the account is enabled again"
	if again := sh.run(t, `curl -si -X POST `+d.issuer+`/auth/validate -H "Authorization: Bearer $TOKEN"`); !strings.HasPrefix(again, "HTTP/1.1 401 ") {
		t.Errorf("enabling the account revived the token: %s", again)
	}
	t.Run("banner", func(t *testing.T) { d.checkBanner(t, commands) })
	t.Run("metrics", func(t *testing.T) { d.checkMetrics(t) })
	t.Run("discovery", func(t *testing.T) { d.checkDiscovery(t) })
	t.Run("verify-tokens", func(t *testing.T) { d.checkVerifyPage(t, sh) })
}

var (
	suspended = regexp.MustCompile(`(?m)^status +suspended$`)
	active    = regexp.MustCompile(`(?m)^status +active$`)
)

// checkBanner: what the server prints is what the page says.
func (d *demo) checkBanner(t *testing.T, commands map[string][]string) {
	service := strings.ReplaceAll(d.local(t, commands["First service token"][0]), `"orders:$SECRET"`, "orders:"+d.secrets["orders"])
	if !strings.Contains(d.banner, strings.TrimSpace(service)) {
		t.Errorf("the server does not print %q:\n%s", service, d.banner)
	}
	for _, want := range []string{"bin/signet token get ", "--client web | tee tokens.json", "bin/signet token inspect ", "bin/signet token inspect --raw < tokens.json", "/auth/validate"} {
		if !strings.Contains(d.banner, want) {
			t.Errorf("the server does not print %q:\n%s", want, d.banner)
		}
	}
}

// local puts this server's port in the place of 8001. `signet token` takes the
// issuer as a flag; the address for the browser to come back to must not be
// that of another test.
func (d *demo) local(t *testing.T, commands string) string {
	t.Helper()
	r := strings.NewReplacer("localhost:8001", "localhost:"+d.port,
		"bin/signet token get", "bin/signet token get --listen 127.0.0.1:0 --issuer "+d.issuer,
		"bin/signet token inspect", "bin/signet token inspect --issuer "+d.issuer)
	return r.Replace(commands)
}

// shell is a terminal that stays open from one block to the next.
type shell struct {
	in     io.Writer
	out    chan string
	person func(address string) error // goes to an address that is printed
	signed chan error

	mu   sync.Mutex
	talk string // what was written to standard error
}

func (sh *shell) note(line string) {
	sh.mu.Lock()
	defer sh.mu.Unlock()
	sh.talk += line + "\n"
}

func (sh *shell) said() string {
	sh.mu.Lock()
	defer sh.mu.Unlock()
	return sh.talk
}

// shell opens a terminal in the folder of the server.
func (d *demo) shell(t *testing.T) *shell {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), "sh")
	cmd.Dir, cmd.Env = d.dir, environment()
	in, err := cmd.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	talk, err := cmd.StderrPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	sh := &shell{in: in, out: make(chan string, 1), signed: make(chan error, 1)}
	ended := make(chan struct{})
	go sh.listen(out)
	go func() { defer close(ended); sh.watch(talk) }()
	t.Cleanup(func() {
		_ = in.Close()
		<-ended
		_ = cmd.Wait()
		if t.Failed() {
			t.Logf("the commands said:\n%s", sh.said())
		}
	})
	return sh
}

const mark = "@@block ended@@"

// listen hands over what each block wrote.
func (sh *shell) listen(out io.Reader) {
	var b strings.Builder
	for s := bufio.NewScanner(out); s.Scan(); {
		if s.Text() == mark {
			sh.out <- b.String()
			b.Reset()
			continue
		}
		b.WriteString(s.Text() + "\n")
	}
}

// watch looks at what is printed for people, and sends one to an address.
func (sh *shell) watch(talk io.Reader) {
	for s := bufio.NewScanner(talk); s.Scan(); {
		sh.note(s.Text())
		if address := strings.TrimSpace(s.Text()); strings.HasPrefix(address, "http://") && sh.person != nil {
			go func() { sh.signed <- sh.person(address) }()
		}
	}
}

// run types commands and returns what they wrote to standard output.
func (sh *shell) run(t *testing.T, commands string) string {
	t.Helper()
	if _, err := io.WriteString(sh.in, strings.TrimSpace(commands)+"\necho; echo '"+mark+"'\n"); err != nil {
		t.Fatal(err)
	}
	limit := time.After(30 * time.Second)
	for {
		select {
		case out := <-sh.out:
			return out
		case err := <-sh.signed:
			if err != nil {
				t.Fatalf("sign in: %v", err)
			}
		case <-limit:
			t.Fatalf("this does not end:\n%s\n%s", commands, sh.said())
		}
	}
}

// decode reads the one JSON value in what a command wrote.
func decode(t *testing.T, text string, into any) {
	t.Helper()
	if err := json.Unmarshal([]byte(text), into); err != nil {
		t.Fatalf("%v in\n%s", err, text)
	}
}
