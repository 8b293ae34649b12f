package config

import (
	"crypto/x509"
	"fmt"
	"net"
	"net/mail"
	"net/netip"
	"net/url"
	"regexp"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/signet-idp/signet/keys"
	"github.com/signet-idp/signet/provider/notify"
)

// derive fills what other settings imply.
func (l *loader) derive() {
	c := &l.out.Config
	if c.Issuer == "" {
		scheme := "http"
		if c.TLS.Cert != "" {
			scheme = "https"
		}
		host := "localhost"
		if _, port, err := net.SplitHostPort(c.Server.Addr); err == nil && port != "0" && validPort(port) {
			host += ":" + port
		}
		c.Issuer = scheme + "://" + host
		l.out.Origin["issuer"] = "derived"
	}
	if c.Database.Conns == 0 {
		c.Database.Conns = max(8, 4*runtime.GOMAXPROCS(0))
	}
	if c.Password.Concurrency == 0 {
		c.Password.Concurrency = runtime.GOMAXPROCS(0)
	}
	for _, alg := range []string{"ES256", "RS256"} {
		if !slices.Contains(c.Keys.Algorithms, alg) {
			c.Keys.Algorithms = append(c.Keys.Algorithms, alg)
		}
	}
}

// check finds everything wrong with a complete configuration.
func (c *Config) check(readFile func(string) ([]byte, error)) []Problem {
	k := checker{c: c, settings: Settings()}
	if message := checkIssuer(c.Issuer); message != "" {
		k.add("issuer", "%s", message)
	}
	k.listeners()
	k.stores()
	k.messages()
	k.outbound(readFile)
	k.durations()
	k.passwords()
	k.rest()
	return k.problems.List
}

type checker struct {
	c        *Config
	settings []Setting
	problems Error
}

func (k *checker) add(key, format string, args ...any) {
	name := key
	if i := slices.IndexFunc(k.settings, func(s Setting) bool { return s.Key == key }); i >= 0 {
		name = k.settings[i].Name()
	}
	k.problems.add(name, fmt.Sprintf(format, args...))
}

func (k *checker) listeners() {
	c := k.c
	addrs := map[string]string{"server.addr": c.Server.Addr}
	if c.Server.OpsAddr != "" {
		addrs["server.ops_addr"] = c.Server.OpsAddr
		if c.Server.OpsAddr == c.Server.Addr && !strings.HasSuffix(c.Server.Addr, ":0") {
			k.add("server.ops_addr", "is the same as server.addr; write another port")
		}
	}
	for key, addr := range addrs {
		if _, port, err := net.SplitHostPort(addr); err != nil || !validPort(port) {
			k.add(key, "%q is no listen address; write host:port, such as 127.0.0.1:8001 or :8001", addr)
		}
	}
	if c.Dev && !loopbackHost(hostOf(c.Server.Addr)) {
		k.add("server.addr", "--dev listens on loopback only; write 127.0.0.1:8001, or leave --dev and set SIGNET_ISSUER")
	}
	for _, p := range c.Server.TrustedProxies {
		if p.Bits() == 0 {
			k.add("server.trusted_proxies", "%s trusts everybody, so anyone could choose their address; name the networks of your proxies", p)
		}
	}
	if (c.TLS.Cert == "") != (c.TLS.Key == "") {
		k.add("tls.cert", "tls.cert and tls.key belong together; set both or neither")
	}
}

func (k *checker) stores() {
	c := k.c
	switch c.Database.URL.scheme() {
	case "sqlite":
	case "postgres", "postgresql":
		if c.Dev {
			k.add("database.url", "--dev uses SQLite only; leave --dev, or write sqlite:data/signet.db")
		}
		if c.MasterKey == "" {
			k.add("master_key", "is required with PostgreSQL; write id:base64 of 32 random bytes, such as k1:$(openssl rand -base64 32)")
		}
	default:
		k.add("database.url", "write sqlite:PATH or postgres://user@host/name")
	}
	if c.MasterKey != "" {
		if _, err := keys.ParseMaster(c.MasterKey.Reveal()); err != nil {
			k.add("master_key", "write id:base64 of 32 random bytes, several separated by commas, such as k1:$(openssl rand -base64 32)")
		}
	}
	if c.Redis.URL != "" && !slices.Contains([]string{"redis", "rediss", "unix"}, c.Redis.URL.scheme()) {
		k.add("redis.url", "write redis://host:6379/0, rediss:// for TLS, or unix:///path")
	}
	k.kafka()
	k.webhooks()
	if c.Database.Conns < 1 {
		k.add("database.conns", "must be positive, or 0 for the default")
	}
}

func (k *checker) kafka() {
	c := k.c.Kafka
	for _, b := range c.Brokers {
		if host, port, err := net.SplitHostPort(b); err != nil || host == "" || !validPort(port) {
			k.add("kafka.brokers", "%q is no broker; write host:port, separated by commas", b)
		}
	}
	if !topicPrefix.MatchString(c.TopicPrefix) {
		k.add("kafka.topic_prefix", "%q cannot begin a topic's name; write at most 100 of a-z A-Z 0-9 . _ -", c.TopicPrefix)
	}
	for key, n := range map[string]int{"kafka.partitions": c.Partitions, "kafka.replication": c.Replication} {
		if n < 0 || n > 1000 {
			k.add(key, "must be from 1 to 1000, or 0 for the brokers' default")
		}
	}
	if c.MaxBytes < 1<<10 || c.MaxBytes > 100<<20 {
		k.add("kafka.max_bytes", "must be from 1024 to 104857600")
	}
	if !c.TLS && (c.TLSCA != "" || c.TLSCert != "") {
		k.add("kafka.tls", "is off, and kafka.tls_ca or kafka.tls_cert is set; set SIGNET_KAFKA_TLS=true")
	}
	if (c.TLSCert == "") != (c.TLSKey == "") {
		k.add("kafka.tls_cert", "kafka.tls_cert and kafka.tls_key belong together; set both or neither")
	}
	if c.SASL != "" && (c.SASLUser == "" || c.SASLPassword == "") {
		k.add("kafka.sasl", "needs kafka.sasl_user and kafka.sasl_password")
	}
	if c.SASL == "PLAIN" && !c.TLS && slices.ContainsFunc(c.Brokers, func(b string) bool { return !loopbackHost(hostOf(b)) }) {
		k.add("kafka.sasl", "PLAIN sends the password as it is; set SIGNET_KAFKA_TLS=true, or write SCRAM-SHA-512")
	}
}

func (k *checker) webhooks() {
	c := k.c.Webhooks
	if c.Concurrency < 1 || c.Concurrency > 1000 {
		k.add("webhooks.concurrency", "must be from 1 to 1000")
	}
	if c.PerWebhook < 1 || c.PerWebhook > 100 {
		k.add("webhooks.per_webhook", "must be from 1 to 100")
	}
	if c.Timeout < 100*time.Millisecond || c.Timeout > 20*time.Second {
		k.add("webhooks.timeout", "must be from 100ms to 20s")
	}
	if c.MaxAge < time.Minute || c.MaxAge > 30*24*time.Hour {
		k.add("webhooks.max_age", "must be from 1m to 30d")
	}
	if c.DisableAfter < c.MaxAge {
		k.add("webhooks.disable_after", "must not be shorter than webhooks.max_age")
	}
}

// topicPrefix is what Kafka allows in names of topics, with room for the rest.
var topicPrefix = regexp.MustCompile(`^[a-zA-Z0-9._-]{0,100}$`)

func (k *checker) messages() {
	c := k.c
	if c.SMTP.URL != "" {
		// The sender is judged below; any will do here.
		if _, err := notify.NewSMTP(notify.SMTPOptions{URL: c.SMTP.URL.Reveal(), From: "any@localhost"}); err != nil {
			k.add("smtp.url", "write smtp://host:587 or smtps://user:password@host:465")
		}
	}
	if _, err := mail.ParseAddress(c.SMTP.From); err != nil {
		k.add("smtp.from", `%q is no sender; write Name <address@example.com>`, c.SMTP.From)
	}
	switch c.SMS.URL.scheme() {
	case "https":
		if u, err := url.Parse(c.SMS.URL.Reveal()); err != nil || u.Hostname() == "" {
			k.add("sms.url", "write https://host/path, which receives POST {to, text}")
		}
	case "http":
		if u, err := url.Parse(c.SMS.URL.Reveal()); err != nil || !loopbackHost(u.Hostname()) {
			k.add("sms.url", "would send codes in clear; write https://, or http:// to loopback only")
		}
	default:
		if c.SMS.URL != "" {
			k.add("sms.url", "write https://host/path, which receives POST {to, text}")
		}
	}
	if c.Accounts.EmailVerification == "required" && !c.CanMail() {
		k.add("accounts.email_verification", "required needs mail; set SIGNET_SMTP_URL, or write optional")
	}
	if c.Accounts.EnumerationSafe && !c.CanMail() {
		k.add("accounts.enumeration_safe", "needs mail, by which the owner of an address learns what became of it; set SIGNET_SMTP_URL")
	}
}

func (k *checker) outbound(readFile func(string) ([]byte, error)) {
	c := k.c
	if c.Fetch.AllowPrivate && strings.HasPrefix(c.Issuer, "https:") && !loopbackIssuer(c.Issuer) {
		k.add("fetch.allow_private", "is for development and refused with the issuer %s; remove it", c.Issuer)
	}
	if c.Hooks.CoreURL != "" && !serviceURL(c.Hooks.CoreURL) {
		k.add("hooks.core_url", "write https://host or http://host, to which /api/validate-business-rules is added; a password belongs into hooks.core_secret")
	}
	if c.Hooks.AnalyticsURL != "" && !serviceURL(c.Hooks.AnalyticsURL) {
		k.add("hooks.analytics_url", "write https://host or http://host, to which /events is added; a password belongs into hooks.analytics_token")
	}
	if c.ClockOffset != 0 && !c.Dev && !loopbackIssuer(c.Issuer) {
		k.add("clock_offset", "is for tests and refused with the issuer %s; remove it", c.Issuer)
	}
	if c.Fetch.ExtraCA != "" {
		data, err := readFile(c.Fetch.ExtraCA)
		if err != nil {
			k.add("fetch.extra_ca", "cannot be read: %v", err)
		} else if !x509.NewCertPool().AppendCertsFromPEM(data) {
			k.add("fetch.extra_ca", "%s holds no PEM certificate", c.Fetch.ExtraCA)
		}
	}
}

// serviceURL says whether raw is the URL of a service of the operator's, to
// which a path can be added.
func serviceURL(raw string) bool {
	u, err := url.Parse(raw)
	return err == nil && (u.Scheme == "https" || u.Scheme == "http") && u.Host != "" && u.User == nil && u.RawQuery == "" && u.Fragment == ""
}

func (k *checker) durations() {
	c := k.c
	for i := range k.settings {
		s := &k.settings[i]
		if s.kind() != "duration" || s.Key == "clock_offset" {
			continue
		}
		d := time.Duration(fieldOf(c, s).Int())
		zeroOK := s.Key == "lifetimes.refresh_grace" || s.Key == "server.drain_delay" || s.Key == "accounts.deletion_grace"
		kept := strings.HasPrefix(s.Key, "audit.keep_")
		switch {
		case kept && d != 0 && d < 24*time.Hour:
			k.add(s.Key, "%s is too short; write at least 24h, or 0 for ever", formatDuration(d))
		case d < 0 || d == 0 && !zeroOK && !kept:
			k.add(s.Key, "must be positive; the default is %s", s.Default)
		}
	}
	bounds := []struct {
		key   string
		value time.Duration
		max   time.Duration
	}{
		{"lifetimes.access_token", c.Lifetimes.AccessToken, 24 * time.Hour},
		{"lifetimes.id_token", c.Lifetimes.IDToken, 24 * time.Hour},
		{"lifetimes.code", c.Lifetimes.Code, 10 * time.Minute},
		{"lifetimes.par", c.Lifetimes.PAR, 10 * time.Minute},
		{"lifetimes.login", c.Lifetimes.Login, time.Hour},
		{"lifetimes.refresh_grace", c.Lifetimes.RefreshGrace, 5 * time.Minute},
		{"lifetimes.reset", c.Lifetimes.Reset, 24 * time.Hour},
		{"lifetimes.mfa_challenge", c.Lifetimes.MFAChallenge, 15 * time.Minute},
		{"revocations.max_stale", c.Feed.MaxStale, 10 * time.Minute},
		{"server.drain_delay", c.Server.DrainDelay, 5 * time.Minute},
		{"lifetimes.refresh_idle", c.Lifetimes.RefreshIdle, c.Lifetimes.RefreshMax},
		{"lifetimes.refresh_remember", c.Lifetimes.RefreshRemember, c.Lifetimes.RefreshMax},
		{"hooks.core_timeout", c.Hooks.CoreTimeout, 8 * time.Second}, // a request's own time is ten
		{"accounts.deletion_grace", c.Accounts.DeletionGrace, 400 * 24 * time.Hour},
		{"lifetimes.session_idle", c.Lifetimes.SessionIdle, c.Lifetimes.SessionMax},
	}
	for _, b := range bounds {
		if b.value > b.max {
			k.add(b.key, "%s is too long; write at most %s", formatDuration(b.value), formatDuration(b.max))
		}
	}
}

// passwords holds argon2id to 19 MiB and two passes, or work worth as much.
func (k *checker) passwords() {
	p := k.c.Password
	if p.Memory < 19456 || p.Time < 1 || p.Memory*p.Time < 2*19456 {
		k.add("password.memory", "%d KiB with password.time %d is too weak; write at least 19456 with 2 passes", p.Memory, p.Time)
	}
	if p.Memory > 4<<20 {
		k.add("password.memory", "%d KiB for each hash is more than 4 GiB; write 19456 or a little more", p.Memory)
	}
	if p.Parallelism < 1 || p.Parallelism > 16 {
		k.add("password.parallelism", "write 1 to 16")
	}
	if p.Time > 64 {
		k.add("password.time", "write 1 to 64")
	}
	if p.Concurrency < 1 {
		k.add("password.concurrency", "must be positive, or 0 for one per processor")
	}
	if p.MinLength < 8 || p.MinLength > 64 {
		k.add("password.min_length", "write 8 to 64")
	}
	if p.RangeURL != "" && !serviceURL(p.RangeURL) {
		k.add("password.range_url", "write https://host/path or http://host/path, to which a slash and five digits are added")
	}
}

func (k *checker) rest() {
	c := k.c
	for _, alg := range c.Keys.Algorithms {
		if !slices.Contains([]string{"ES256", "RS256", "PS256", "EdDSA"}, alg) {
			k.add("keys.algorithms", "%q is not one of ES256, RS256, PS256, EdDSA", alg)
		}
	}
	if s := c.Legacy.DuplicateEmailStatus; s != 409 && s != 400 {
		k.add("legacy.duplicate_email_status", "write 409 or 400")
	}
	for key, n := range map[string]int{"limits.lock_failures": c.Limits.LockFailures, "limits.logins_per_addr": c.Limits.LoginsPerAddr, "limits.mfa_tries": c.Limits.MFATries, "limits.mails_per_hour": c.Limits.MailsPerHour} {
		if n < 1 {
			k.add(key, "must be positive")
		}
	}
	l := c.Limits
	for key, n := range map[string]int{
		"limits.registers_per_addr": l.RegistersPerAddr, "limits.mails_per_addr": l.MailsPerAddr, "limits.tokens_per_addr": l.TokensPerAddr,
		"limits.strength_per_addr": l.StrengthPerAddr,
		"limits.reads_per_addr":    l.ReadsPerAddr, "limits.reads_per_caller": l.ReadsPerCaller,
		"limits.writes_per_addr": l.WritesPerAddr, "limits.writes_per_caller": l.WritesPerCaller,
		"limits.admin_per_addr": l.AdminPerAddr, "limits.admin_per_caller": l.AdminPerCaller,
	} {
		if n < 0 {
			k.add(key, "must not be negative; 0 is no limit")
		}
	}
	slices.SortStableFunc(k.problems.List, func(a, b Problem) int { return strings.Compare(a.Setting, b.Setting) })
}

func validPort(port string) bool {
	n, err := strconv.ParseUint(port, 10, 16)
	return err == nil && strconv.FormatUint(n, 10) == port
}

func hostOf(addr string) string {
	host, _, err := net.SplitHostPort(addr)
	if err != nil {
		return ""
	}
	return host
}

func loopbackHost(host string) bool {
	if host == "localhost" || strings.HasSuffix(host, ".localhost") {
		return true
	}
	a, err := netip.ParseAddr(host)
	return err == nil && a.IsLoopback()
}
