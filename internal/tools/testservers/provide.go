package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/url"
	"os"
	"os/exec"
	"slices"
	"strings"

	"github.com/signet-idp/signet/internal/testkit/servers/launch"
)

// server is one kind of server and the ways to come by it.
type server struct {
	name    string
	env     string // names the one to use, and tells tests about it
	apt     []string
	fetch   *fetch // besides apt; nil: nothing
	ping    func(ctx context.Context, url string) error
	start   func(ctx context.Context) (*launch.Server, error)
	contain func(ctx context.Context) (*launch.Server, error)
}

// fetch is how a server that Debian does not package is come by, with programs
// that Debian does.
type fetch struct {
	with []string
	do   func(ctx context.Context, log io.Writer) error
}

// ready tells whether the programs are there.
func (f *fetch) ready() bool {
	for _, name := range f.with {
		if _, err := exec.LookPath(name); err != nil {
			return false
		}
	}
	return true
}

// program is something tests only have to find.
type program struct {
	name  string
	env   string
	apt   []string
	names []string // on PATH, the first wins
	files []string // that must be there, too
}

// A new kind of server is one entry here and one pair of functions in package
// launch.
func catalogue() (map[string][]server, map[string][]program) {
	servers := map[string][]server{
		"postgres": {{
			name: "PostgreSQL", env: "SIGNET_TEST_POSTGRES_URL", apt: []string{"postgresql"},
			ping: launch.PingPostgres, start: launch.Postgres, contain: launch.PostgresInDocker,
		}},
		"redis": {{
			name: "Redis", env: "SIGNET_TEST_REDIS_URL", apt: []string{"redis-server"},
			ping: launch.PingRedis, start: launch.Redis, contain: launch.RedisInDocker,
		}},
		"kafka": {{
			name: "Kafka", env: "SIGNET_TEST_KAFKA_BROKERS", apt: []string{"default-jre-headless", "maven"},
			fetch: &fetch{with: []string{"java", "mvn"}, do: launch.InstallKafka},
			ping:  launch.PingKafka, start: launch.Kafka, contain: launch.KafkaInDocker,
		}},
	}
	programs := map[string][]program{
		"browser": {
			{
				name: "Chromium", env: "SIGNET_TEST_CHROMIUM", apt: []string{"chromium"},
				names: []string{"chromium", "chromium-browser", "google-chrome", "google-chrome-stable"},
			},
			{name: "Node.js", env: "SIGNET_TEST_NODE", apt: []string{"nodejs"}, names: []string{"node", "nodejs"}},
			{name: "npm", env: "SIGNET_TEST_NPM", apt: []string{"npm"}, names: []string{"npm"}},
		},
		"python": {
			{name: "Python", env: "SIGNET_TEST_PYTHON", apt: []string{"python3", "python3-venv"}, names: []string{"python3"}},
		},
		"gateways": {
			{name: "nginx", env: "SIGNET_TEST_NGINX", apt: []string{"nginx"}, names: []string{"nginx", "/usr/sbin/nginx"}},
			{name: "Caddy", env: "SIGNET_TEST_CADDY", apt: []string{"caddy"}, names: []string{"caddy"}},
			{
				name: "Apache", env: "SIGNET_TEST_APACHE", names: []string{"apache2", "/usr/sbin/apache2"},
				apt:   []string{"apache2", "libapache2-mod-auth-openidc", "libapache2-mod-oauth2"},
				files: []string{"/usr/lib/apache2/modules/mod_auth_openidc.so", "/usr/lib/apache2/modules/mod_oauth2.so"},
			},
			{name: "HAProxy", env: "SIGNET_TEST_HAPROXY", apt: []string{"haproxy"}, names: []string{"haproxy", "/usr/sbin/haproxy"}},
		},
		"oath": {
			{name: "OATH Toolkit", env: "SIGNET_TEST_OATHTOOL", apt: []string{"oathtool"}, names: []string{"oathtool"}},
		},
	}
	return servers, programs
}

// provide finds, starts or installs what is needed and returns the environment
// that tells where it is. stop ends what was started; it is never nil.
func provide(ctx context.Context, need []string) (env []string, stop func() error, err error) {
	servers, programs := catalogue()
	var started []*launch.Server
	stop = func() error {
		var errs []error
		for _, s := range slices.Backward(started) {
			errs = append(errs, s.Stop())
		}
		return errors.Join(errs...)
	}
	for _, n := range need {
		if servers[n] == nil && programs[n] == nil {
			return nil, stop, fmt.Errorf("unknown need %q", n)
		}
	}
	a := &apt{log: os.Stderr}
	for _, n := range need {
		for _, s := range servers[n] {
			u, own, err := s.provide(ctx, a)
			if err != nil {
				return nil, stop, err
			}
			if own != nil {
				started = append(started, own)
			}
			env = append(env, s.env+"="+u)
		}
		for _, p := range programs[n] {
			path, err := p.provide(ctx, a)
			if err != nil {
				return nil, stop, err
			}
			env = append(env, p.env+"="+path)
		}
	}
	return env, stop, nil
}

func (s server) provide(ctx context.Context, a *apt) (rawURL string, own *launch.Server, err error) {
	if u := os.Getenv(s.env); u != "" {
		// Found out now, not by a hundred failing tests.
		if err := s.ping(ctx, u); err != nil {
			return "", nil, fmt.Errorf("%s at %s: %w", s.name, s.env, err)
		}
		say("%s: %s, as %s says", s.name, address(u), s.env)
		return u, nil, nil
	}
	how := "started"
	own, err = s.start(ctx)
	if errors.Is(err, launch.ErrNotInstalled) {
		switch {
		case launch.DockerRuns(ctx):
			how = "started in a container"
			own, err = s.contain(ctx)
		case a.usable() || s.fetch != nil && s.fetch.ready():
			how = "installed and started"
			if err := s.install(ctx, a); err != nil {
				return "", nil, err
			}
			own, err = s.start(ctx)
		default:
			return "", nil, missing(s.name, s.apt, "or set "+s.env+", or start Docker")
		}
	}
	if err != nil {
		return "", nil, err
	}
	say("%s: %s, %s", s.name, address(own.URL), how)
	return own.URL, own, nil
}

func (s server) install(ctx context.Context, a *apt) error {
	if s.fetch == nil {
		return a.install(ctx, s.apt)
	}
	if !s.fetch.ready() {
		if err := a.install(ctx, s.apt); err != nil {
			return err
		}
	}
	say("%s: fetching it once", s.name)
	return s.fetch.do(ctx, a.log)
}

func (p program) provide(ctx context.Context, a *apt) (string, error) {
	path := p.find()
	if path == "" && a.usable() {
		if err := a.install(ctx, p.apt); err != nil {
			return "", err
		}
		path = p.find()
	}
	if path == "" {
		return "", missing(p.name, p.apt, "or set "+p.env+" to its path")
	}
	say("%s: %s", p.name, path)
	return path, nil
}

func (p program) find() string {
	for _, f := range p.files {
		if _, err := os.Stat(f); err != nil {
			return ""
		}
	}
	names := p.names
	if set := os.Getenv(p.env); set != "" {
		names = []string{set}
	}
	for _, name := range names {
		if path, err := exec.LookPath(name); err == nil {
			return path
		}
	}
	return ""
}

func missing(name string, packages []string, otherwise string) error {
	return fmt.Errorf("%s is missing: install it (Debian: apt-get install %s), %s",
		name, strings.Join(packages, " "), otherwise)
}

// address is the part of a server's URL that is no secret.
func address(rawURL string) string {
	if !strings.Contains(rawURL, "://") {
		return rawURL // host:port
	}
	u, err := url.Parse(rawURL)
	if err != nil {
		return "an unreadable URL"
	}
	return u.Host
}

func say(format string, args ...any) {
	fmt.Fprintf(os.Stderr, "testservers: "+format+"\n", args...)
}

// apt installs Debian packages, where it may.
type apt struct {
	log     io.Writer
	updated bool
}

func (a *apt) usable() bool {
	_, err := exec.LookPath("apt-get")
	return err == nil && os.Geteuid() == 0
}

func (a *apt) install(ctx context.Context, packages []string) error {
	say("apt-get install %s", strings.Join(packages, " "))
	if !a.updated {
		if err := a.get(ctx, "update"); err != nil {
			return err
		}
		a.updated = true
	}
	return a.get(ctx, append([]string{"install", "-y", "--no-install-recommends"}, packages...)...)
}

func (a *apt) get(ctx context.Context, args ...string) error {
	cmd := exec.CommandContext(ctx, "apt-get", append([]string{"-qq"}, args...)...)
	// RUNLEVEL=1 keeps packages from starting a server of the machine's own.
	cmd.Env = append(os.Environ(), "DEBIAN_FRONTEND=noninteractive", "RUNLEVEL=1")
	cmd.Stdout, cmd.Stderr = a.log, a.log
	if err := cmd.Run(); err != nil {
		return fmt.Errorf("apt-get %s: %w", strings.Join(args, " "), err)
	}
	return nil
}
