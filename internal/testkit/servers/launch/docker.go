package launch

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"net/url"
	"os"
	"os/exec"
	"strconv"
)

// Images used where no server is installed but Docker runs.
const (
	postgresImage = "postgres:17-alpine"
	redisImage    = "redis:7-alpine"
	kafkaImage    = "apache/kafka:" + kafkaVersion
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

// KafkaInDocker is [Kafka] in a container, fetched if necessary.
func KafkaInDocker(ctx context.Context) (*Server, error) {
	return container{
		image: kafkaImage, port: 9092,
		env: map[string]string{
			"KAFKA_NODE_ID": "1", "KAFKA_PROCESS_ROLES": "broker,controller",
			"KAFKA_LISTENERS":                                "PLAINTEXT://:9092,CONTROLLER://:9093",
			"KAFKA_CONTROLLER_LISTENER_NAMES":                "CONTROLLER",
			"KAFKA_LISTENER_SECURITY_PROTOCOL_MAP":           "PLAINTEXT:PLAINTEXT,CONTROLLER:PLAINTEXT",
			"KAFKA_CONTROLLER_QUORUM_VOTERS":                 "1@localhost:9093",
			"KAFKA_OFFSETS_TOPIC_REPLICATION_FACTOR":         "1",
			"KAFKA_TRANSACTION_STATE_LOG_REPLICATION_FACTOR": "1",
			"KAFKA_TRANSACTION_STATE_LOG_MIN_ISR":            "1",
			"KAFKA_AUTO_CREATE_TOPICS_ENABLE":                "false",
		},
		// Clients are told to come back at this address.
		own: func(addr string) map[string]string {
			return map[string]string{"KAFKA_ADVERTISED_LISTENERS": "PLAINTEXT://" + addr}
		},
		ready: PingKafka,
		stop:  "TERM",
	}.start(ctx)
}

// container is what one image needs to become a test server.
type container struct {
	image string
	port  int
	url   url.URL // without host; zero: host:port is all there is to say
	env   map[string]string
	own   func(addr string) map[string]string // more env, which names where it is; nil: none
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
	addr := "127.0.0.1:" + strconv.Itoa(port)
	reach := addr
	if c.url.Scheme != "" {
		c.url.Host = addr
		reach = c.url.String()
	}
	if c.own != nil {
		maps.Copy(c.env, c.own(addr))
	}
	// The attached client passes the leash's signal on to the container.
	argv := []string{"docker", "run", "--rm", "--sig-proxy=true", "-p", fmt.Sprintf("127.0.0.1:%d:%d", port, c.port)}
	for name, value := range c.env {
		argv = append(argv, "-e", name)
		h.env = append(h.env, name+"="+value)
	}
	argv = append(append(argv, c.image), c.args...)
	ready := func(ctx context.Context) error { return c.ready(ctx, reach) }
	return h.serve(ctx, reach, c.stop, ready, argv...)
}
