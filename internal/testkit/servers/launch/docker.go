package launch

import (
	"context"
	"errors"
	"fmt"
	"net/url"
	"os"
	"os/exec"
	"strconv"
)

// Images used where no server is installed but Docker runs.
const (
	postgresImage = "postgres:17-alpine"
	redisImage    = "redis:7-alpine"
)

// DockerRuns tells whether a Docker client is installed and reaches its engine.
func DockerRuns(ctx context.Context) bool {
	return exec.CommandContext(ctx, "docker", "info").Run() == nil
}

// PostgresInDocker is [Postgres] in a container, fetched if necessary.
func PostgresInDocker(ctx context.Context) (*Server, error) {
	secret := password()
	u := url.URL{Scheme: "postgres", User: url.UserPassword("signet", secret), Path: "/postgres", RawQuery: "sslmode=disable"}
	args := []string{}
	if os.Getenv("SIGNET_TEST_PG_FSYNC") != "on" {
		args = []string{"-c", "fsync=off", "-c", "synchronous_commit=off", "-c", "full_page_writes=off"}
	}
	return container{
		image: postgresImage, port: 5432, url: u,
		// By name only: values on a command line can be read by everyone.
		env: map[string]string{"POSTGRES_USER": "signet", "POSTGRES_DB": "postgres", "POSTGRES_PASSWORD": secret},
		// Before it is ready the image runs a server for its own set-up
		// that listens on no TCP port, so that the first answer is the
		// real one.
		ready: PingPostgres,
		// PostgreSQL's fast shutdown; its TERM waits for clients.
		stop: "INT",
		args: append(args, "-c", "max_connections=400"),
	}.start(ctx)
}

// RedisInDocker is [Redis] in a container, fetched if necessary.
func RedisInDocker(ctx context.Context) (*Server, error) {
	secret := password()
	return container{
		image: redisImage, port: 6379,
		url: url.URL{Scheme: "redis", User: url.UserPassword("default", secret), Path: "/0"},
		env: map[string]string{"SECRET": secret},
		args: []string{
			"sh", "-c", fmt.Sprintf(
				`printf 'requirepass %%s\ndatabases %d\nsave ""\nappendonly no\n' "$SECRET" | exec redis-server -`, redisDatabases),
		},
		ready: PingRedis,
		stop:  "TERM",
	}.start(ctx)
}

// container is what one image needs to become a test server.
type container struct {
	image string
	port  int
	url   url.URL // without host
	env   map[string]string
	args  []string
	ready func(ctx context.Context, url string) error
	stop  string
}

func (c container) start(ctx context.Context) (*Server, error) {
	if out, err := exec.CommandContext(ctx, "docker", "pull", "--quiet", c.image).CombinedOutput(); err != nil {
		return nil, fmt.Errorf("launch: docker pull %s: %w: %s", c.image, err, out)
	}
	dir, err := os.MkdirTemp("", "signet-docker-")
	if err != nil {
		return nil, fmt.Errorf("launch: directory: %w", err)
	}
	// The client runs as the current user, who may talk to the engine.
	h := home{dir: dir, env: os.Environ()}
	port, err := freePort(ctx)
	if err != nil {
		return nil, errors.Join(err, h.remove())
	}
	c.url.Host = "127.0.0.1:" + strconv.Itoa(port)
	// The attached client passes the leash's signal on to the container.
	argv := []string{"docker", "run", "--rm", "--sig-proxy=true", "-p", fmt.Sprintf("127.0.0.1:%d:%d", port, c.port)}
	for name, value := range c.env {
		argv = append(argv, "-e", name)
		h.env = append(h.env, name+"="+value)
	}
	argv = append(append(argv, c.image), c.args...)
	ready := func(ctx context.Context) error { return c.ready(ctx, c.url.String()) }
	return h.serve(ctx, c.url.String(), c.stop, ready, argv...)
}
