package config

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/spf13/pflag"
	"pgregory.net/rapid"
)

const masterKey = "k1:MDEyMzQ1Njc4OTAxMjM0NTY3ODkwMTIzNDU2Nzg5MDE="

type files map[string]string

func (f files) read(name string) ([]byte, error) {
	text, ok := f[name]
	if !ok {
		return nil, fmt.Errorf("open %s: %w", name, fs.ErrNotExist)
	}
	return []byte(text), nil
}

// load runs Load with arguments, "NAME=value" variables and files.
func load(t *testing.T, args, env []string, f files) (*Loaded, error) {
	t.Helper()
	set := pflag.NewFlagSet("serve", pflag.ContinueOnError)
	AddFlags(set)
	if err := set.Parse(args); err != nil {
		t.Fatal(err)
	}
	return Load(Sources{Flags: set, Environ: env, File: "signet.yaml", ReadFile: f.read})
}

func TestDefaults(t *testing.T) {
	c, err := load(t, nil, nil, nil)
	if err != nil {
		t.Fatal(err)
	}
	if c.Issuer != "http://localhost:8001" || c.Server.Addr != "127.0.0.1:8001" || c.Database.URL != "sqlite:data/signet.db" || c.File != "" {
		t.Errorf("defaults: %+v", c.Config)
	}
	want := Lifetimes{
		AccessToken: 600 * time.Second, IDToken: 600 * time.Second, Code: time.Minute, PAR: 90 * time.Second, Login: 10 * time.Minute,
		RefreshIdle: 7 * 24 * time.Hour, RefreshRemember: 30 * 24 * time.Hour, RefreshMax: 90 * 24 * time.Hour, RefreshGrace: 30 * time.Second,
		SessionIdle: 12 * time.Hour, SessionMax: 30 * 24 * time.Hour, MFAChallenge: 5 * time.Minute, RecentAuth: 10 * time.Minute,
		Reset: time.Hour, Verification: 24 * time.Hour, Invitation: 7 * 24 * time.Hour,
	}
	if d := cmp.Diff(want, c.Lifetimes); d != "" {
		t.Error(d)
	}
	if c.EmailVerificationRequired() || c.Database.Conns < 8 || c.Password.Concurrency < 1 || c.Feed.MaxStale != 30*time.Second {
		t.Errorf("derived: %+v", c.Config)
	}
	zero, err := Load(Sources{})
	if err != nil || cmp.Diff(c.Config, zero.Config, cmp.Comparer(func(a, b Secret) bool { return a == b })) != "" {
		t.Errorf("the zero Sources differ from the defaults: %v", err)
	}
}

func TestPrecedence(t *testing.T) {
	file := files{"signet.yaml": "server:\n  addr: 127.0.0.1:1001\nlifetimes:\n  access_token: 300\n  code: 30s\nkafka:\n  brokers: [a:1, b:2]\nsmtp:\n"}
	cases := map[string]struct {
		args, env    []string
		addr, origin string
	}{
		"file over default":         {nil, nil, "127.0.0.1:1001", "file"},
		"environment over file":     {nil, []string{"SIGNET_ADDR=127.0.0.1:1002"}, "127.0.0.1:1002", "environment"},
		"flag over environment":     {[]string{"--addr", "127.0.0.1:1003"}, []string{"SIGNET_ADDR=127.0.0.1:1002"}, "127.0.0.1:1003", "flag"},
		"empty variable is unset":   {nil, []string{"SIGNET_ADDR="}, "127.0.0.1:1001", "file"},
		"PORT":                      {nil, []string{"PORT=9000"}, "0.0.0.0:9000", "environment"},
		"PORT in development":       {[]string{"--dev"}, []string{"PORT=9000"}, "127.0.0.1:9000", "environment"},
		"SIGNET_ADDR beats PORT":    {nil, []string{"PORT=9000", "SIGNET_ADDR=127.0.0.1:1002"}, "127.0.0.1:1002", "environment"},
		"a flag set to its default": {[]string{"--addr", "127.0.0.1:8001"}, []string{"SIGNET_ADDR=127.0.0.1:1002"}, "127.0.0.1:8001", "flag"},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			got, err := load(t, c.args, c.env, file)
			if err != nil {
				t.Fatal(err)
			}
			if got.Server.Addr != c.addr || got.Origin["server.addr"] != c.origin {
				t.Errorf("addr %s from %s, want %s from %s", got.Server.Addr, got.Origin["server.addr"], c.addr, c.origin)
			}
			if got.Lifetimes.AccessToken != 5*time.Minute || got.Lifetimes.Code != 30*time.Second || !slices.Equal(got.Kafka.Brokers, []string{"a:1", "b:2"}) {
				t.Errorf("the file's other values are lost: %+v", got.Config)
			}
			if got.Lifetimes.PAR != 90*time.Second {
				t.Errorf("a group in the file wiped its defaults: %+v", got.Lifetimes)
			}
		})
	}
}

func TestBareNamesAndFileTwins(t *testing.T) {
	c, err := load(t, nil, []string{
		"DATABASE_URL=postgres://u:hunter2@db/x", "REDIS_URL=redis://r:6379/0", "SIGNET_MASTER_KEY_FILE=/run/key",
		"SIGNET_TRUSTED_PROXIES=10.0.0.0/8, 192.0.2.1", "SIGNET_ISSUER=https://id.example.com",
	}, files{"/run/key": masterKey + "\n"})
	if err != nil {
		t.Fatal(err)
	}
	if c.Database.URL.Reveal() != "postgres://u:hunter2@db/x" || c.Redis.URL.Reveal() != "redis://r:6379/0" || c.MasterKey.Reveal() != masterKey || !c.Postgres() {
		t.Error("bare names or the twin are not read")
	}
	if got := fmt.Sprint(c.Server.TrustedProxies); got != "[10.0.0.0/8 192.0.2.1/32]" {
		t.Errorf("proxies %s", got)
	}
	pinned, err := load(t, nil, []string{"DATABASE_URL=postgres://a/b", "SIGNET_DATABASE_URL=sqlite:x.db"}, nil)
	if err != nil || pinned.Database.URL != "sqlite:x.db" {
		t.Errorf("SIGNET_DATABASE_URL must win: %v", err)
	}
}

func TestConfigFileByName(t *testing.T) {
	f := files{"a.yaml": "issuer: https://a.example", "b.yaml": "issuer: https://b.example"}
	if c, err := load(t, nil, []string{"SIGNET_CONFIG=a.yaml"}, f); err != nil || c.Issuer != "https://a.example" || c.File != "a.yaml" {
		t.Errorf("by variable: %v", err)
	}
	if c, err := load(t, []string{"--config", "b.yaml"}, []string{"SIGNET_CONFIG=a.yaml"}, f); err != nil || c.Issuer != "https://b.example" {
		t.Errorf("by flag: %v", err)
	}
	if _, err := load(t, []string{"--config", "none.yaml"}, nil, f); err == nil || !strings.Contains(err.Error(), "none.yaml") {
		t.Errorf("a named file must exist: %v", err)
	}
}

func TestDerivedIssuer(t *testing.T) {
	for name, c := range map[string]struct {
		env  []string
		want string
	}{
		"other port": {[]string{"SIGNET_ADDR=127.0.0.1:9001"}, "http://localhost:9001"},
		"TLS":        {[]string{"SIGNET_TLS_CERT=c", "SIGNET_TLS_KEY=k"}, "https://localhost:8001"},
		"any port":   {[]string{"SIGNET_ADDR=127.0.0.1:0"}, "http://localhost"},
		"given":      {[]string{"SIGNET_ISSUER=http://127.0.0.1:7"}, "http://127.0.0.1:7"},
	} {
		t.Run(name, func(t *testing.T) {
			got, err := load(t, nil, c.env, nil)
			if err != nil || got.Issuer != c.want {
				t.Errorf("%v, %v", got, err)
			}
		})
	}
}

func TestUnknownVariablesWarn(t *testing.T) {
	c, err := load(t, nil, []string{
		"SIGNET_ISUER=x", "SIGNET_SERVICE_HOST=10.0.0.1", "SIGNET_PORT=tcp://10.0.0.1:80", "SIGNET_PORT_8001_TCP_ADDR=10.0.0.1",
		"SIGNET_SERVICE_PORT_HTTP=80", "PATH=/bin", "SIGNET_WHATEVER_THIS_IS=1",
	}, nil)
	if err != nil {
		t.Fatal(err)
	}
	want := []string{
		`unknown variable SIGNET_ISUER is ignored; did you mean "SIGNET_ISSUER"?`,
		`unknown variable SIGNET_WHATEVER_THIS_IS is ignored`,
	}
	if d := cmp.Diff(want, c.Warnings); d != "" {
		t.Error(d)
	}
}

func TestProblemsSayWhatToWrite(t *testing.T) {
	pg := []string{"DATABASE_URL=postgres://db/x", "SIGNET_MASTER_KEY=" + masterKey}
	cases := map[string]struct {
		args, env []string
		file      string
		want      string
	}{
		"unknown key":            {nil, nil, "lifetimes:\n  acess_token: 5", `signet.yaml: unknown setting "lifetimes.acess_token"; did you mean "lifetimes.access_token"?`},
		"unknown group":          {nil, nil, "servr:\n  addr: x", `signet.yaml: unknown setting "servr"`},
		"key twice":              {nil, nil, "issuer: a\nissuer: b", "not valid YAML"},
		"two documents":          {nil, nil, "issuer: http://localhost\n---\nissuer: b", "more than one document"},
		"dev in the file":        {nil, nil, "dev: true", "start with --dev"},
		"group for a value":      {nil, nil, "issuer:\n  a: b", "issuer (SIGNET_ISSUER): takes a value, not a group"},
		"list for a value":       {nil, nil, "issuer: [a]", "takes one value, not a list"},
		"both twins":             {nil, []string{"SIGNET_MASTER_KEY=x", "SIGNET_MASTER_KEY_FILE=y"}, "", "master_key: both SIGNET_MASTER_KEY and SIGNET_MASTER_KEY_FILE are set; keep one"},
		"twin is missing":        {nil, []string{"SIGNET_SMTP_URL_FILE=/no"}, "", "smtp.url (SIGNET_SMTP_URL_FILE): open /no"},
		"bad duration":           {nil, []string{"SIGNET_REVOCATION_MAX_STALE=soon"}, "", `revocations.max_stale (SIGNET_REVOCATION_MAX_STALE): "soon" is not a duration: write seconds (600), or a number with s, m, h or d (10m, 7d)`},
		"bad boolean":            {nil, []string{"SIGNET_REVOCATIONS_OPEN=ja"}, "", `"ja" is neither true nor false`},
		"bad number":             {nil, []string{"SIGNET_PASSWORD_MEMORY=big"}, "", `password.memory (SIGNET_PASSWORD_MEMORY): "big" is not a whole number`},
		"bad choice":             {nil, []string{"SIGNET_REGISTRATION=opened"}, "", `accounts.registration (SIGNET_REGISTRATION): "opened" is not one of open, invite, closed; did you mean "open"?`},
		"bad network":            {nil, []string{"SIGNET_TRUSTED_PROXIES=proxy"}, "", `"proxy" is not a network: write CIDRs such as 10.0.0.0/8`},
		"everybody trusted":      {nil, []string{"SIGNET_TRUSTED_PROXIES=0.0.0.0/0"}, "", "0.0.0.0/0 trusts everybody"},
		"http issuer":            {nil, []string{"SIGNET_ISSUER=http://id.example.com:8001"}, "", "issuer (SIGNET_ISSUER): must be https, since it is not a loopback address; write https://id.example.com:8001"},
		"issuer with slash":      {nil, []string{"SIGNET_ISSUER=https://id.example.com/"}, "", "must not end with a slash; write https://id.example.com"},
		"issuer with query":      {nil, []string{"SIGNET_ISSUER=https://id.example.com?a"}, "", "must not hold a query or fragment"},
		"issuer with fragment":   {nil, []string{"SIGNET_ISSUER=https://id.example.com#"}, "", "must not hold a query or fragment"},
		"issuer with user":       {nil, []string{"SIGNET_ISSUER=https://a@id.example.com"}, "", "must not hold a user name"},
		"issuer in capitals":     {nil, []string{"SIGNET_ISSUER=https://ID.example.com/A"}, "", "must be in lower case up to the path; write https://id.example.com/A"},
		"issuer with dots":       {nil, []string{"SIGNET_ISSUER=https://id.example.com/a/../b"}, "", "must have a plain path"},
		"issuer, encoded path":   {nil, []string{"SIGNET_ISSUER=https://id.example.com/%61"}, "", "must have a plain path"},
		"issuer, double slash":   {nil, []string{"SIGNET_ISSUER=https://id.example.com//a"}, "", "must have a plain path"},
		"issuer, default port":   {nil, []string{"SIGNET_ISSUER=https://id.example.com:443"}, "", "must not name the default port; write https://id.example.com"},
		"issuer without scheme":  {nil, []string{"SIGNET_ISSUER=id.example.com"}, "", "is not a URL; write it like https://id.example.com"},
		"issuer of another kind": {nil, []string{"SIGNET_ISSUER=ftp://id.example.com"}, "", "must be https; write it like"},
		"dev beyond loopback":    {[]string{"--dev", "--addr", ":8001"}, nil, "", "server.addr (SIGNET_ADDR): --dev listens on loopback only; write 127.0.0.1:8001"},
		"dev with PostgreSQL":    {[]string{"--dev"}, pg, "", "database.url (SIGNET_DATABASE_URL): --dev uses SQLite only"},
		"PostgreSQL without key": {nil, pg[:1], "", "master_key (SIGNET_MASTER_KEY): is required with PostgreSQL; write id:base64 of 32 random bytes"},
		"short master key":       {nil, []string{"SIGNET_MASTER_KEY=k1:c2hvcnQ="}, "", "master_key (SIGNET_MASTER_KEY): write id:base64 of 32 random bytes"},
		"bad database":           {nil, []string{"DATABASE_URL=mysql://x"}, "", "write sqlite:PATH or postgres://user@host/name"},
		"bad redis":              {nil, []string{"REDIS_URL=localhost:6379"}, "", "redis.url (SIGNET_REDIS_URL): write redis://host:6379/0"},
		"bad broker":             {nil, []string{"SIGNET_KAFKA_BROKERS=kafka"}, "", `"kafka" is no broker; write host:port`},
		"bad topic prefix":       {nil, []string{"SIGNET_KAFKA_TOPIC_PREFIX=a b"}, "", `"a b" cannot begin a topic's name`},
		"too many partitions":    {nil, []string{"SIGNET_KAFKA_PARTITIONS=100000"}, "", "must be from 1 to 1000, or 0"},
		"tiny Kafka messages":    {nil, []string{"SIGNET_KAFKA_MAX_BYTES=1"}, "", "must be from 1024"},
		"Kafka CA without TLS":   {nil, []string{"SIGNET_KAFKA_TLS_CA=ca.pem"}, "", "set SIGNET_KAFKA_TLS=true"},
		"Kafka key alone":        {nil, []string{"SIGNET_KAFKA_TLS=true", "SIGNET_KAFKA_TLS_KEY=k.pem"}, "", "belong together"},
		"SASL without user":      {nil, []string{"SIGNET_KAFKA_SASL=PLAIN"}, "", "needs kafka.sasl_user and kafka.sasl_password"},
		"SASL in clear":          {nil, []string{"SIGNET_KAFKA_BROKERS=k.example.com:9092", "SIGNET_KAFKA_SASL=PLAIN", "SIGNET_KAFKA_SASL_USER=u", "SIGNET_KAFKA_SASL_PASSWORD=p"}, "", "PLAIN sends the password as it is"},
		"another SASL":           {nil, []string{"SIGNET_KAFKA_SASL=GSSAPI"}, "", "PLAIN"},
		"no webhook at once":     {nil, []string{"SIGNET_WEBHOOKS_CONCURRENCY=0"}, "", "must be from 1 to 1000"},
		"no message to one":      {nil, []string{"SIGNET_WEBHOOKS_PER_WEBHOOK=101"}, "", "must be from 1 to 100"},
		"webhooks that wait":     {nil, []string{"SIGNET_WEBHOOKS_TIMEOUT=1m"}, "", "must be from 100ms to 20s"},
		"webhooks for ever":      {nil, []string{"SIGNET_WEBHOOKS_MAX_AGE=31d", "SIGNET_WEBHOOKS_DISABLE_AFTER=31d"}, "", "must be from 1m to 30d"},
		"webhooks end too soon":  {nil, []string{"SIGNET_WEBHOOKS_DISABLE_AFTER=2d"}, "", "must not be shorter than webhooks.max_age"},
		"bad SMTP":               {nil, []string{"SIGNET_SMTP_URL=mail.example.com"}, "", "smtp.url (SIGNET_SMTP_URL): write smtp://host:587"},
		"SMS in clear":           {nil, []string{"SIGNET_SMS_URL=http://sms.example.com"}, "", "would send codes in clear; write https://"},
		"bad address":            {nil, []string{"SIGNET_ADDR=8001"}, "", `"8001" is no listen address; write host:port`},
		"bad port":               {nil, []string{"SIGNET_ADDR=:80001"}, "", `":80001" is no listen address`},
		"same ops address":       {nil, []string{"SIGNET_OPS_ADDR=127.0.0.1:8001"}, "", "is the same as server.addr"},
		"certificate alone":      {nil, []string{"SIGNET_TLS_CERT=c.pem"}, "", "tls.cert and tls.key belong together"},
		"mail required, no mail": {nil, []string{"SIGNET_EMAIL_VERIFICATION=required"}, "", "required needs mail; set SIGNET_SMTP_URL"},
		"private fetch outside":  {nil, []string{"SIGNET_ALLOW_PRIVATE_FETCH=true", "SIGNET_ISSUER=https://id.example.com"}, "", "is for development and refused with the issuer https://id.example.com"},
		"clock offset outside":   {nil, []string{"SIGNET_CLOCK_OFFSET=5s", "SIGNET_ISSUER=https://id.example.com"}, "", "is for tests and refused with the issuer"},
		"CA file missing":        {nil, []string{"SIGNET_EXTRA_CA=/no"}, "", "fetch.extra_ca (SIGNET_EXTRA_CA): cannot be read"},
		"CA file without one":    {nil, []string{"SIGNET_EXTRA_CA=signet.yaml"}, "issuer: http://localhost", "signet.yaml holds no PEM certificate"},
		"no lifetime":            {nil, []string{"SIGNET_LIFETIMES_CODE=0"}, "", "lifetimes.code (SIGNET_LIFETIMES_CODE): must be positive; the default is 60s"},
		"code too long":          {nil, []string{"SIGNET_LIFETIMES_CODE=1h"}, "", "1h is too long; write at most 10m"},
		"idle above absolute":    {nil, []string{"SIGNET_LIFETIMES_SESSION_IDLE=31d"}, "", "31d is too long; write at most 30d"},
		"weak hash":              {nil, []string{"SIGNET_PASSWORD_TIME=1"}, "", "19456 KiB with password.time 1 is too weak"},
		"unknown algorithm":      {nil, []string{"SIGNET_KEYS_ALGORITHMS=ES256,HS256"}, "", `"HS256" is not one of ES256, RS256, PS256, EdDSA`},
		"odd duplicate status":   {nil, nil, "legacy:\n  duplicate_email_status: 200", "legacy.duplicate_email_status (SIGNET_LEGACY_DUPLICATE_EMAIL_STATUS): write 409 or 400"},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			f := files{}
			if c.file != "" {
				f["signet.yaml"] = c.file
			}
			_, err := load(t, c.args, c.env, f)
			problems, ok := errors.AsType[*Error](err)
			if !ok || len(problems.List) == 0 || !strings.Contains(err.Error(), c.want) {
				t.Errorf("got  %v\nwant %s", err, c.want)
			}
			if ok && len(problems.List) > 1 {
				t.Errorf("more than one problem: %v", err)
			}
		})
	}
}

func TestGoodIssuers(t *testing.T) {
	for _, issuer := range []string{
		"https://id.example.com", "https://id.example.com:8443", "https://example.com/id/eu-1", "http://localhost:8001",
		"http://127.0.0.1:1", "http://[::1]:8001", "http://signet.localhost",
	} {
		if message := checkIssuer(issuer); message != "" {
			t.Errorf("%s: %s", issuer, message)
		}
	}
}

func TestAllowedInDevelopment(t *testing.T) {
	c, err := load(t, []string{"--dev"}, []string{"SIGNET_CLOCK_OFFSET=-5s", "SIGNET_ALLOW_PRIVATE_FETCH=true", "SIGNET_EMAIL_VERIFICATION=required"}, nil)
	if err != nil || c.ClockOffset != -5*time.Second || !c.EmailVerificationRequired() {
		t.Errorf("%v %v", c, err)
	}
	pg, err := load(t, nil, []string{"SIGNET_CLOCK_OFFSET=5s", "DATABASE_URL=postgres://db/x", "SIGNET_MASTER_KEY=" + masterKey}, nil)
	if err != nil || pg.ClockOffset != 5*time.Second {
		t.Errorf("two replicas of a test share PostgreSQL: %v", err)
	}
}

func TestSecretsDoNotPrint(t *testing.T) {
	c, err := load(t, nil, []string{"DATABASE_URL=postgres://u:hunter2@db/x?sslpassword=hunter2", "SIGNET_MASTER_KEY=" + masterKey, "SIGNET_SMTP_URL=smtp://m:hunter2@mail:25"}, nil)
	if err != nil {
		t.Fatal(err)
	}
	var printed, logged strings.Builder
	if err := c.Print(&printed); err != nil {
		t.Fatal(err)
	}
	asJSON, err := json.Marshal(c.Config)
	if err != nil {
		t.Fatal(err)
	}
	slog.New(slog.NewJSONHandler(&logged, nil)).Info("x", "c", c.Config, "s", c.MasterKey)
	for _, text := range []string{printed.String(), logged.String(), string(asJSON), fmt.Sprintf("%v %+v %#v %s %q", c.Config, c.Config, c.Config, c.MasterKey, c.MasterKey)} {
		if strings.Contains(text, "hunter2") || strings.Contains(text, masterKey[3:]) {
			t.Errorf("a secret shows in %s", text)
		}
	}
	for _, want := range []string{
		"database:\n  url: \"postgres://u@db/x?redacted\"  # environment\n", "master_key: \"[redacted]\"  # environment",
		"  access_token: 10m  # default", "issuer: \"http://localhost:8001\"  # derived", "  url: \"smtp://m@mail:25\"  # environment",
	} {
		if !strings.Contains(printed.String(), want) {
			t.Errorf("print lacks %q:\n%s", want, printed.String())
		}
	}
}

func TestPrintLoadsAgain(t *testing.T) {
	before, err := load(t, nil, []string{"SIGNET_TRUSTED_PROXIES=10.0.0.0/8,fd00::/8", "SIGNET_KAFKA_BROKERS=a:1,b:2", "SIGNET_LIFETIMES_LOGIN=90s"}, nil)
	if err != nil {
		t.Fatal(err)
	}
	var text strings.Builder
	if err := before.Print(&text); err != nil {
		t.Fatal(err)
	}
	after, err := load(t, nil, nil, files{"signet.yaml": text.String()})
	if err != nil {
		t.Fatalf("%v\n%s", err, text.String())
	}
	if fmt.Sprint(before.Config) != fmt.Sprint(after.Config) {
		t.Errorf("\n%v\n%v", before.Config, after.Config)
	}
}

func TestDurationsReadBack(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		d := time.Duration(rapid.Int64Range(-1e15, 1e15).Draw(t, "ns"))
		if rapid.Bool().Draw(t, "whole seconds") {
			d = d.Truncate(time.Second)
		}
		got, err := parseDuration(formatDuration(d))
		if err != nil || got != d {
			t.Fatalf("%v became %q became %v, %v", d, formatDuration(d), got, err)
		}
	})
	for _, text := range []string{"", "d", "1w", "99999999999999d", "1.5", "10 m"} {
		if d, err := parseDuration(text); err == nil {
			t.Errorf("%q is %v", text, d)
		}
	}
}

func TestSuggestions(t *testing.T) {
	candidates := []string{"issuer", "server.addr", "database.url"}
	for name, want := range map[string]string{"isuser": "issuer", "sever.addr": "server.addr", "databse.url": "database.url", "zzzzzz": "", "": ""} {
		if got := Suggest(name, candidates); got != want {
			t.Errorf("%q suggests %q, want %q", name, got, want)
		}
	}
}
