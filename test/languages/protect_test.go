package languages

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"
)

// program is one of docs/protect-an-api.md, running.
type program struct {
	name, base string
	log        *bytes.Buffer
	stop       func()
}

// TestProtectAnAPI runs the programs of docs/protect-an-api.md as they are
// written, with the commands that are written there, before a running server:
// who gets in, who does not, what is refused how soon after a logout, and what
// happens when the feed is cut, and when all is.
func TestProtectAnAPI(t *testing.T) {
	t.Parallel()
	blocks, react := page(t, "protect-an-api.md"), page(t, "sign-in-with-react.md")
	look(t, pythonPackage, typescriptPackage)
	w := newWorld(t, merged(t, blocks, react))
	checkout := checkoutOf(t)
	var programs []*program
	var mu sync.Mutex
	whole := t // the programs outlive the tests that start them
	t.Run("start", func(t *testing.T) {
		for _, section := range []string{"Go", "Django", "FastAPI", "Node"} {
			dir := whole.TempDir()
			t.Run(section, func(t *testing.T) {
				t.Parallel()
				started := start(t, w, blocks, section, dir, checkout)
				for _, p := range started {
					whole.Cleanup(p.stop)
				}
				mu.Lock()
				programs = append(programs, started...)
				mu.Unlock()
			})
		}
	})
	if t.Failed() {
		return
	}
	if len(programs) != 5 {
		t.Fatalf("%d programs", len(programs))
	}
	t.Run("who gets in", func(t *testing.T) { whoGetsIn(t, w, programs) })
	t.Run("a logout", func(t *testing.T) { aLogout(t, w, programs) })
	t.Run("an outage", func(t *testing.T) { anOutage(t, w, programs) })
	if t.Failed() {
		for _, p := range programs {
			p.stop()
			t.Logf("%s said:\n%s", p.name, p.log)
		}
	}
}

// merged is the first page's client and the second page's, as one file.
func merged(t *testing.T, pages ...[]block) string {
	t.Helper()
	var clients, rest string
	for _, blocks := range pages {
		for _, b := range blocks {
			if b.lang != "yaml" {
				continue
			}
			before, after, ok := strings.Cut(b.text, "clients:\n")
			if !ok {
				t.Fatalf("no clients:\n%s", b.text)
			}
			rest += before
			clients += after
		}
	}
	return rest + "clients:\n" + clients
}

// checkoutOf is a copy of what the commands need of a checkout, as git has it.
func checkoutOf(t *testing.T) string {
	t.Helper()
	to := t.TempDir()
	for _, from := range []string{pythonPackage, typescriptPackage} {
		rel := filepath.Join(to, "gateway", filepath.Base(from))
		files, err := exec.CommandContext(t.Context(), "git", "-C", from, "ls-files", "--cached", "--others", "--exclude-standard").Output()
		if err != nil {
			t.Fatal(err)
		}
		for name := range strings.Lines(string(files)) {
			name = strings.TrimSpace(name)
			b, err := os.ReadFile(filepath.Join(from, name))
			if err != nil {
				t.Fatal(err)
			}
			if err := os.MkdirAll(filepath.Dir(filepath.Join(rel, name)), 0o700); err != nil {
				t.Fatal(err)
			}
			if err := os.WriteFile(filepath.Join(rel, name), b, 0o600); err != nil {
				t.Fatal(err)
			}
		}
	}
	return to
}

// start writes a section's listings into a folder and runs its commands there:
// of each block the last line is a program, which is left running.
func start(t *testing.T, w *world, blocks []block, section, dir, checkout string) (programs []*program) {
	t.Helper()
	constraint, err := filepath.Abs(filepath.Join(pythonPackage, "tests", "requirements.txt"))
	if err != nil {
		t.Fatal(err)
	}
	// The pages name no versions; a test takes those of one day.
	env := append(os.Environ(), "GATEWAY_SECRET="+pageSecret, "SIGNET="+checkout, "PYTHONDONTWRITEBYTECODE=1",
		"npm_config_audit=false", "npm_config_fund=false", "npm_config_prefer_offline=true", "npm_config_before=2026-11-30",
		"PIP_DISABLE_PIP_VERSION_CHECK=1", "PIP_CONSTRAINT="+constraint)
	if section == "Django" || section == "FastAPI" {
		env = append(env, "PATH="+overlay(t, filepath.Join(dir, "python"))+string(os.PathListSeparator)+os.Getenv("PATH"), "PYTHONPATH="+dir)
	}
	for _, block := range commands(blocks, section) {
		addr := listen(t)
		_, port, err := net.SplitHostPort(addr)
		if err != nil {
			t.Fatal(err)
		}
		in := strings.NewReplacer(pageIssuer, w.Issuer, "127.0.0.1:8000", addr, "--port 8000", "--port "+port, "listen(8000", "listen("+port)
		write(t, blocks, section, dir, in)
		lines := strings.Split(strings.TrimSpace(in.Replace(block)), "\n")
		before, last := lines[:len(lines)-1], lines[len(lines)-1]
		cmd := exec.CommandContext(t.Context(), "bash", "-e", "-c", strings.Join(before, "\n"))
		cmd.Dir, cmd.Env = dir, env
		if out, err := cmd.CombinedOutput(); err != nil {
			t.Fatalf("%s: %v\n%s", section, err, out)
		}
		if section == "Go" {
			last = inModule(t, dir, last)
		}
		name := section
		if len(programs) > 0 {
			name += ", plain"
		}
		p := &program{name: name, base: "http://" + addr, log: &bytes.Buffer{}}
		p.run(t, dir, env, last)
		programs = append(programs, p)
	}
	return programs
}

// run leaves the program running, once it answers.
func (p *program) run(t *testing.T, dir string, env []string, command string) {
	t.Helper()
	cmd := exec.CommandContext(context.WithoutCancel(t.Context()), "bash", "-c", "exec env "+command)
	cmd.Dir, cmd.Env, cmd.Stdout, cmd.Stderr = dir, env, p.log, p.log
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	p.stop = sync.OnceFunc(func() {
		_ = cmd.Process.Signal(syscall.SIGTERM)
		killing := time.AfterFunc(10*time.Second, func() { _ = cmd.Process.Kill() })
		defer killing.Stop()
		_ = cmd.Wait()
	})
	end := time.Now().Add(90 * time.Second)
	for {
		if a, err := p.get(t, "/orders", ""); err == nil && a.status == http.StatusUnauthorized {
			return
		}
		if time.Now().After(end) {
			p.stop()
			t.Fatalf("%s does not answer; it said:\n%s", p.name, p.log)
		}
		time.Sleep(20 * time.Millisecond)
	}
}

// inModule builds a program as one of this module's, and returns how it is run.
func inModule(t *testing.T, dir, command string) string {
	t.Helper()
	if command != "go run main.go" {
		t.Fatalf("the page says %q", command)
	}
	root, err := filepath.Abs(filepath.Join("..", ".."))
	if err != nil {
		t.Fatal(err)
	}
	overlaid, err := json.Marshal(map[string]any{"Replace": map[string]string{filepath.Join(root, "orders", "main.go"): filepath.Join(dir, "main.go")}})
	if err != nil {
		t.Fatal(err)
	}
	file := filepath.Join(dir, "overlay.json")
	if err := os.WriteFile(file, overlaid, 0o600); err != nil {
		t.Fatal(err)
	}
	program := filepath.Join(dir, "orders")
	run(t, root, "go", "build", "-buildvcs=false", "-overlay", file, "-o", program, "./orders")
	return program
}

// overlay makes a Python environment on top of the tests' own: what is there is
// there, what is installed goes into dir. It returns where its programs are.
func overlay(t *testing.T, dir string) string {
	t.Helper()
	below := environment(t)
	run(t, "", below, "-m", "venv", "--without-pip", dir)
	find := "import sysconfig; print(sysconfig.get_path('purelib'))"
	theirs, err := exec.CommandContext(t.Context(), below, "-c", find).Output()
	if err != nil {
		t.Fatal(err)
	}
	bin := filepath.Join(dir, "bin")
	ours, err := exec.CommandContext(t.Context(), filepath.Join(bin, "python"), "-c", find).Output()
	if err != nil {
		t.Fatal(err)
	}
	for name, text := range map[string]string{
		filepath.Join(strings.TrimSpace(string(ours)), "below.pth"): string(theirs),
		filepath.Join(bin, "pip"):                                   "#!/bin/sh\nexec " + filepath.Join(bin, "python") + " -m pip \"$@\"\n",
	} {
		if err := os.WriteFile(name, []byte(text), 0o700); err != nil {
			t.Fatal(err)
		}
	}
	return bin
}

// answer is a program's.
type answer struct {
	status    int
	challenge string
	body      string
}

func (p *program) get(t *testing.T, path, token string) (answer, error) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 15*time.Second)
	defer cancel()
	r, err := http.NewRequestWithContext(ctx, http.MethodGet, p.base+path, nil)
	if err != nil {
		t.Fatal(err)
	}
	if token != "" {
		r.Header.Set("Authorization", "Bearer "+token)
	}
	// Each request on a connection of its own reaches any worker.
	r.Close = true
	resp, err := http.DefaultClient.Do(r)
	if err != nil {
		return answer{}, err
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body)
	return answer{resp.StatusCode, resp.Header.Get("WWW-Authenticate"), string(body)}, err
}

// want asks once.
func (p *program) want(t *testing.T, path, token string, status int, challenge string) {
	t.Helper()
	a, err := p.get(t, path, token)
	if err != nil || a.status != status || !strings.Contains(a.challenge, challenge) {
		t.Errorf("%s %s: %d %s %v, want %d %s\n%s", p.name, path, a.status, a.challenge, err, status, challenge, a.body)
	}
}

// becomes asks until it is so, several times in a row: there may be several
// workers. It returns how long that took.
func (p *program) becomes(t *testing.T, within time.Duration, path, token string, status int) time.Duration {
	t.Helper()
	begin := time.Now()
	var so time.Time
	for row := 0; row < 6; {
		a, err := p.get(t, path, token)
		switch {
		case err == nil && a.status == status:
			if row == 0 {
				so = time.Now()
			}
			row++
		case time.Since(begin) > within:
			t.Errorf("%s %s: not %d within %v, but %d %s %v", p.name, path, status, within, a.status, a.challenge, err)
			return within
		default:
			row = 0
			time.Sleep(5 * time.Millisecond)
		}
	}
	return so.Sub(begin)
}

const scopes = "openid orders:read"

func whoGetsIn(t *testing.T, w *world, programs []*program) {
	alice, bob := w.signIn(t, aliceEmail, scopes), w.signIn(t, "bob@acme.test", "openid")
	for _, p := range programs {
		t.Run(p.name, func(t *testing.T) {
			a, err := p.get(t, "/orders", alice.AccessToken)
			var said struct{ Sub string }
			if err != nil || a.status != http.StatusOK || json.Unmarshal([]byte(a.body), &said) != nil || said.Sub == "" {
				t.Errorf("%d %s %v", a.status, a.body, err)
			}
			p.want(t, "/catalogue", bob.AccessToken, http.StatusOK, "")
			p.want(t, "/orders", "", http.StatusUnauthorized, `Bearer realm="signet"`)
			p.want(t, "/orders", alice.AccessToken[:len(alice.AccessToken)-8], http.StatusUnauthorized, `error="invalid_token"`)
			p.want(t, "/orders", alice.IDToken, http.StatusUnauthorized, `error="invalid_token"`)
			p.want(t, "/orders", bob.AccessToken, http.StatusForbidden, `error="insufficient_scope", error_description="the token lacks scope orders:read", scope="orders:read"`)
			p.want(t, "/admin", bob.AccessToken, http.StatusForbidden, `error_description="the token lacks role owner or admin"`)
			p.want(t, "/admin", alice.AccessToken, http.StatusUnauthorized, `error="insufficient_user_authentication"`)
		})
	}
}

// soon is how long a revocation may take to be refused everywhere (README). What
// is over on a slow machine is the machine's: the time is measured and reported.
const soon = 5 * time.Second

func aLogout(t *testing.T, w *world, programs []*program) {
	s := w.signIn(t, aliceEmail, scopes)
	for _, p := range programs {
		// Each worker has seen the token, and follows the feed.
		p.becomes(t, soon, "/orders", s.AccessToken, http.StatusOK)
	}
	s.signOut(t)
	var waiting sync.WaitGroup
	took := make([]string, len(programs))
	for i, p := range programs {
		waiting.Go(func() {
			took[i] = fmt.Sprintf("%s %v", p.name, p.becomes(t, soon, "/orders", s.AccessToken, http.StatusUnauthorized).Round(time.Millisecond))
		})
	}
	waiting.Wait()
	t.Log("refused after the logout by", strings.Join(took, ", "))
}

func anOutage(t *testing.T, w *world, programs []*program) {
	const stale = 20 * time.Second // they are patient for five
	alice, bob := w.signIn(t, aliceEmail, scopes), w.signIn(t, "bob@acme.test", scopes)
	for _, p := range programs {
		p.becomes(t, soon, "/orders", alice.AccessToken, http.StatusOK)
	}
	w.front.shut("/revocations", "/auth/validate")
	for _, p := range programs {
		p.becomes(t, stale, "/orders", alice.AccessToken, http.StatusServiceUnavailable)
		p.want(t, "/catalogue", alice.AccessToken, http.StatusOK, "")
	}
	// The feed alone is away: they ask, and hear of a logout so.
	w.front.shut("/revocations")
	for _, p := range programs {
		p.becomes(t, soon, "/orders", alice.AccessToken, http.StatusOK)
	}
	bob.signOut(t)
	for _, p := range programs {
		p.becomes(t, soon, "/orders", bob.AccessToken, http.StatusUnauthorized)
		p.want(t, "/catalogue", bob.AccessToken, http.StatusOK, "")
	}
	// Back: what was missed is known soon, without asking.
	w.front.shut()
	for _, p := range programs {
		p.becomes(t, stale, "/catalogue", bob.AccessToken, http.StatusUnauthorized)
		p.becomes(t, stale, "/orders", alice.AccessToken, http.StatusOK)
	}
}
