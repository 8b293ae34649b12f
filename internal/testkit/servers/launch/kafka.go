package launch

import (
	"context"
	"crypto/sha256"
	_ "embed"
	"encoding/base64"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"

	"github.com/twmb/franz-go/pkg/kgo"
)

// kafkaVersion is the one that kafka/pom.xml names.
const kafkaVersion = "4.1.2"

// kafkaProject lists the jars of a broker, for Maven.
//
//go:embed kafka/pom.xml
var kafkaProject []byte

// Broker is a Kafka broker that a test can kill and bring back.
type Broker struct {
	*Server
	home home
}

// Kafka starts an empty Kafka broker that is its own controller, and returns
// when it answers. URL is its host:port. [ErrNotInstalled] is returned if there
// is no Java, or neither KAFKA_HOME nor PATH nor the cache that [InstallKafka]
// fills has the broker's jars.
func Kafka(ctx context.Context) (*Server, error) {
	b, err := NewBroker(ctx)
	if err != nil {
		return nil, err
	}
	return b.Server, nil
}

// NewBroker is [Kafka] for a test that needs one to itself.
func NewBroker(ctx context.Context) (*Broker, error) {
	java, err := exec.LookPath("java")
	if err != nil {
		return nil, fmt.Errorf("launch: Kafka (java): %w", ErrNotInstalled)
	}
	jars, err := kafkaJars()
	if err != nil {
		return nil, err
	}
	for attempt := 1; ; attempt++ {
		b, err := startBroker(ctx, java, jars)
		// A stranger may take a free port first: try others.
		if err == nil || attempt == 3 || ctx.Err() != nil {
			return b, err
		}
	}
}

// kafkaJars finds the folder with a broker's jars.
func kafkaJars() (string, error) {
	var found []string
	if dir := os.Getenv("KAFKA_HOME"); dir != "" {
		found = append(found, filepath.Join(dir, "libs"))
	}
	if path, err := exec.LookPath("kafka-server-start.sh"); err == nil {
		if path, err = filepath.EvalSymlinks(path); err == nil {
			found = append(found, filepath.Join(filepath.Dir(path), "..", "libs"))
		}
	}
	cache, err := kafkaCache()
	if err != nil {
		return "", err
	}
	for _, dir := range append(found, cache) {
		if jars, _ := filepath.Glob(filepath.Join(dir, "kafka_*.jar")); len(jars) > 0 {
			return dir, nil
		}
	}
	return "", fmt.Errorf("launch: Kafka: %w", ErrNotInstalled)
}

// kafkaCache is where the jars of this project are kept between runs.
func kafkaCache() (string, error) {
	dir, err := os.UserCacheDir()
	if err != nil {
		return "", fmt.Errorf("launch: Kafka: %w", err)
	}
	sum := sha256.Sum256(kafkaProject)
	return filepath.Join(dir, "signet-tools", "kafka-"+kafkaVersion+"-"+hex.EncodeToString(sum[:4])), nil
}

// InstallKafka lets Maven, as the machine has configured it, fetch the jars of
// a broker into the user's cache. The folder appears when it is complete.
func InstallKafka(ctx context.Context, log io.Writer) error {
	cache, err := kafkaCache()
	if err != nil {
		return err
	}
	if err := os.MkdirAll(filepath.Dir(cache), 0o755); err != nil {
		return fmt.Errorf("launch: Kafka: %w", err)
	}
	dir, err := os.MkdirTemp(filepath.Dir(cache), "kafka-")
	if err != nil {
		return fmt.Errorf("launch: Kafka: %w", err)
	}
	defer os.RemoveAll(dir)
	project, jars := filepath.Join(dir, "pom.xml"), filepath.Join(dir, "jars")
	if err := os.WriteFile(project, kafkaProject, 0o644); err != nil {
		return fmt.Errorf("launch: Kafka: %w", err)
	}
	cmd := exec.CommandContext(ctx, "mvn", "--batch-mode", "--quiet", "--file", project,
		"dependency:copy-dependencies", "-DincludeScope=runtime", "-DoutputDirectory="+jars)
	cmd.Stdout, cmd.Stderr = log, log
	if err := cmd.Run(); err != nil {
		return fmt.Errorf("launch: mvn: %w", err)
	}
	if err := os.Rename(jars, cache); err != nil && !errors.Is(err, os.ErrExist) && !errors.Is(err, syscall.ENOTEMPTY) {
		return fmt.Errorf("launch: Kafka: %w", err)
	}
	return nil
}

// superviseScript keeps a broker running. A test that wants it dead makes the
// file "down" and kills the process named in "pid"; without the file it starts
// again. One that ends by itself has failed.
const superviseScript = `
trap 'kill -KILL "$child" 2>/dev/null; wait "$child"; exit 0' TERM
while :; do
  "$@" & child=$!
  echo "$child" >pid.new && mv pid.new pid
  wait "$child"
  [ -e down ] || exit 1
  while [ -e down ]; do sleep 0.05; done
done`

func startBroker(ctx context.Context, java, jars string) (*Broker, error) {
	h, err := newHome("kafka", "kafka")
	if err != nil {
		return nil, err
	}
	argv, addr, err := prepareBroker(ctx, h, java, jars)
	if err != nil {
		return nil, errors.Join(err, h.remove())
	}
	ready := func(ctx context.Context) error { return PingKafka(ctx, addr) }
	s, err := h.serve(ctx, addr, "TERM", ready, argv...)
	if err != nil {
		return nil, err
	}
	return &Broker{Server: s, home: h}, nil
}

// prepareBroker writes a broker's configuration and formats its disk.
func prepareBroker(ctx context.Context, h home, java, jars string) (argv []string, addr string, err error) {
	lib := filepath.Join(h.dir, "lib")
	if err := takeOver(h, jars, lib); err != nil {
		return nil, "", err
	}
	var ports [2]int
	for i := range ports {
		if ports[i], err = freePort(ctx); err != nil {
			return nil, "", err
		}
	}
	addr = "127.0.0.1:" + strconv.Itoa(ports[0])
	control := "127.0.0.1:" + strconv.Itoa(ports[1])
	conf, err := h.write("server.properties", strings.Join([]string{
		"process.roles=broker,controller", "node.id=1",
		"controller.quorum.voters=1@" + control,
		"listeners=PLAINTEXT://" + addr + ",CONTROLLER://" + control,
		"advertised.listeners=PLAINTEXT://" + addr,
		"controller.listener.names=CONTROLLER",
		"listener.security.protocol.map=PLAINTEXT:PLAINTEXT,CONTROLLER:PLAINTEXT",
		"log.dirs=" + filepath.Join(h.dir, "data"),
		"num.network.threads=2", "num.io.threads=2", "num.recovery.threads.per.data.dir=1",
		"offsets.topic.replication.factor=1", "offsets.topic.num.partitions=1",
		"transaction.state.log.replication.factor=1", "transaction.state.log.min.isr=1",
		"group.initial.rebalance.delay.ms=0",
		// Who needs a topic makes it: a name misspelt in a test shows.
		"auto.create.topics.enable=false",
		// What comes back after a kill need not wait for its old self.
		"broker.session.timeout.ms=3000", "broker.heartbeat.interval.ms=500",
	}, "\n"))
	if err != nil {
		return nil, "", err
	}
	run := []string{
		java, "-Xms64m", "-Xmx320m", "-XX:+UseSerialGC", "-XX:TieredStopAtLevel=1", "-XX:-UsePerfData",
		"-Djava.awt.headless=true", "-Dorg.slf4j.simpleLogger.defaultLogLevel=warn", "-cp", filepath.Join(lib, "*"),
	}
	format := append(append([]string{}, run...), "kafka.tools.StorageTool", "format", "--config", conf, "--cluster-id", clusterID())
	if out, err := h.command(ctx, format[0], format[1:]...).CombinedOutput(); err != nil {
		return nil, "", fmt.Errorf("launch: format the broker's disk: %w: %s", err, out)
	}
	argv = append([]string{"/bin/sh", "-c", superviseScript, "supervise"}, run...)
	return append(argv, "kafka.Kafka", conf), addr, nil
}

// takeOver makes the jars readable to the broker's user, to whom the cache of
// another may be closed: as links, or as copies from another file system.
func takeOver(h home, from, to string) error {
	if err := os.Mkdir(to, 0o755); err != nil {
		return fmt.Errorf("launch: %w", err)
	}
	if h.cred != nil { // who removes the folder in the end
		if err := os.Chown(to, int(h.cred.Uid), int(h.cred.Gid)); err != nil {
			return fmt.Errorf("launch: %w", err)
		}
	}
	jars, err := filepath.Glob(filepath.Join(from, "*.jar"))
	if err != nil {
		return fmt.Errorf("launch: %w", err)
	}
	for _, jar := range jars {
		name := filepath.Join(to, filepath.Base(jar))
		if h.cred == nil {
			err = os.Symlink(jar, name)
		} else if err = os.Link(jar, name); err != nil {
			err = copyFile(jar, name)
		}
		if err != nil {
			return fmt.Errorf("launch: %w", err)
		}
	}
	return nil
}

func copyFile(from, to string) (err error) {
	in, err := os.Open(from)
	if err != nil {
		return err
	}
	defer in.Close()
	out, err := os.OpenFile(to, os.O_CREATE|os.O_EXCL|os.O_WRONLY, 0o644)
	if err != nil {
		return err
	}
	_, err = io.Copy(out, in)
	return errors.Join(err, out.Close())
}

// clusterID is 16 bytes as Kafka writes them.
func clusterID() string { return base64.RawURLEncoding.EncodeToString([]byte(password())[:16]) }

// Kill ends the broker as a power cut does. Its disk stays.
func (b *Broker) Kill() error {
	if err := os.WriteFile(filepath.Join(b.home.dir, "down"), nil, 0o644); err != nil {
		return fmt.Errorf("launch: kill: %w", err)
	}
	text, err := os.ReadFile(filepath.Join(b.home.dir, "pid"))
	if err != nil {
		return fmt.Errorf("launch: kill: %w", err)
	}
	pid, err := strconv.Atoi(strings.TrimSpace(string(text)))
	if err != nil {
		return fmt.Errorf("launch: kill: %w", err)
	}
	if err := syscall.Kill(pid, syscall.SIGKILL); err != nil {
		return fmt.Errorf("launch: kill: %w", err)
	}
	return nil
}

// Restart brings the killed broker back, on its ports and its disk. It does not
// wait until the broker answers.
func (b *Broker) Restart() error {
	if err := os.Remove(filepath.Join(b.home.dir, "down")); err != nil {
		return fmt.Errorf("launch: restart: %w", err)
	}
	return nil
}

// PingKafka asks the brokers at host:port, comma-separated, for one answer.
func PingKafka(ctx context.Context, brokers string) error {
	c, err := kgo.NewClient(kgo.SeedBrokers(strings.Split(brokers, ",")...))
	if err != nil {
		return fmt.Errorf("launch: kafka: %w", err)
	}
	defer c.Close()
	ctx, cancel := context.WithTimeout(ctx, pingTimeout)
	defer cancel()
	if err := c.Ping(ctx); err != nil {
		return fmt.Errorf("launch: kafka: %w", err)
	}
	return nil
}
