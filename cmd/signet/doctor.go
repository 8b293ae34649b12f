package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/netip"
	"net/url"
	"os"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/signet-idp/signet/cmd/signet/app"
	"github.com/signet-idp/signet/cmd/signet/config"
	"github.com/signet-idp/signet/cmd/signet/control"
	"github.com/signet-idp/signet/internal/safehttp"
	"github.com/signet-idp/signet/provider/notify"
	"github.com/signet-idp/signet/storage"
	"github.com/signet-idp/signet/storage/volatile/redis"
)

// finding is one thing doctor looked at.
type finding struct {
	Check  string `json:"check"`
	Status string `json:"status"` // ok, warning, failed
	Detail string `json:"detail"`
	Fix    string `json:"fix,omitempty"`
}

const (
	fine    = "ok"
	warning = "warning"
	failed  = "failed"
)

// Bounds of what is healthy.
const (
	doctorTimeout = 5 * time.Second
	slowDatabase  = 50 * time.Millisecond
	badSkew       = 5 * time.Second
)

func newDoctorCommand() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "doctor",
		Short: "Check the configuration, the database, keys, clocks and proxies; every finding with its fix",
		Long: `Check the configuration, the issuer, the database, Redis, the master key, signing
keys, clocks and proxies. Every finding comes with its fix. Exit code 1 when one
of them is a failure; warnings alone leave it 0.`,
		Example: `  signet doctor
  signet doctor -o json | jq '.[] | select(.status != "ok")'`,
		Args: noArgs,
	}
	config.AddFlags(cmd.Flags())
	out := outputFlags(cmd)
	cmd.RunE = func(cmd *cobra.Command, _ []string) error {
		list := examine(cmd)
		t := table{header: []string{"CHECK", "STATUS", "DETAIL"}}
		bad := false
		for _, f := range list {
			t.add(f.Check, f.Status, f.Detail)
			if f.Fix != "" {
				t.add("", "", "→ "+f.Fix)
			}
			bad = bad || f.Status == failed
		}
		if err := out.write(cmd.OutOrStdout(), list, t); err != nil {
			return err
		}
		if bad {
			return errTold
		}
		return nil
	}
	return cmd
}

func examine(cmd *cobra.Command) []finding {
	loaded, err := config.Load(config.Sources{Flags: cmd.Flags(), Environ: os.Environ(), File: configFile})
	if err != nil {
		return []finding{{"configuration", failed, strings.TrimPrefix(err.Error(), "configuration: "), "correct the settings named; signet config docs explains each"}}
	}
	list := []finding{checkConfiguration(loaded)}
	list = append(list, checkIssuer(&loaded.Config), checkMasterKey(&loaded.Config))
	list = append(list, checkServer(cmd.Context(), &loaded.Config)...)
	list = append(list, checkStore(cmd, &loaded.Config)...)
	list = append(list, checkRedis(cmd.Context(), &loaded.Config), checkProxies(&loaded.Config), checkMail(cmd.Context(), &loaded.Config))
	return list
}

func checkConfiguration(l *config.Loaded) finding {
	where := "defaults and environment"
	if l.File != "" {
		where = l.File + " and environment"
	}
	if len(l.Warnings) > 0 {
		return finding{"configuration", warning, strings.Join(l.Warnings, "; "), "remove or correct what is named"}
	}
	return finding{Check: "configuration", Status: fine, Detail: where}
}

func checkIssuer(cfg *config.Config) finding {
	u, err := url.Parse(cfg.Issuer)
	if err != nil {
		return finding{"issuer", failed, "no URL: " + cfg.Issuer, "set SIGNET_ISSUER to the https URL people reach this server by"}
	}
	if u.Scheme == "http" {
		return finding{"issuer", warning, cfg.Issuer + " is for this machine only", "for anybody else set SIGNET_ISSUER to an https URL"}
	}
	return finding{Check: "issuer", Status: fine, Detail: cfg.Issuer}
}

func checkMasterKey(cfg *config.Config) finding {
	file := databaseFile(cfg)
	switch {
	case cfg.MasterKey != "":
		return finding{Check: "master key", Status: fine, Detail: "given by the configuration"}
	case cfg.Postgres():
		return finding{"master key", failed, "missing", app.ErrMasterKey.Error()}
	case file == "":
		return finding{Check: "master key", Status: fine, Detail: "made for this process: the database is in memory"}
	}
	info, err := os.Stat(file + ".key")
	switch {
	case errors.Is(err, os.ErrNotExist):
		return finding{Check: "master key", Status: fine, Detail: "will be made beside the database at the first start"}
	case err != nil:
		return finding{"master key", failed, err.Error(), "let the server's user read it"}
	case info.Mode().Perm()&0o077 != 0:
		return finding{"master key", failed, fmt.Sprintf("%s.key can be read by others (%o)", file, info.Mode().Perm()), "chmod 600 " + file + ".key"}
	}
	return finding{Check: "master key", Status: fine, Detail: file + ".key; keep a copy apart from the database's"}
}

// checkServer asks the issuer whether it is who it says, and what time it is.
func checkServer(ctx context.Context, cfg *config.Config) []finding {
	ctx, cancel := context.WithTimeout(ctx, doctorTimeout)
	defer cancel()
	r, err := http.NewRequestWithContext(ctx, http.MethodGet, cfg.Issuer+"/.well-known/openid-configuration", nil)
	if err != nil {
		return []finding{{"discovery", failed, err.Error(), "set SIGNET_ISSUER to a URL"}}
	}
	start := time.Now()
	answer, err := http.DefaultClient.Do(r)
	if err != nil {
		return []finding{{"discovery", warning, "nothing answers at the issuer", "start the server; if it runs, check DNS, certificates and the proxy in front of it"}}
	}
	defer answer.Body.Close()
	var document struct {
		Issuer string `json:"issuer"`
	}
	if err := json.NewDecoder(io.LimitReader(answer.Body, 1<<20)).Decode(&document); err != nil || answer.StatusCode != http.StatusOK {
		return []finding{{"discovery", failed, "the issuer answers " + answer.Status + " and no discovery document", "let the proxy pass /.well-known/ on"}}
	}
	list := []finding{{Check: "discovery", Status: fine, Detail: cfg.Issuer + "/.well-known/openid-configuration"}}
	if document.Issuer != cfg.Issuer {
		list[0] = finding{"discovery", failed, fmt.Sprintf("the server there says it is %.200q", document.Issuer), "give both the same SIGNET_ISSUER"}
	}
	if at, err := http.ParseTime(answer.Header.Get("Date")); err == nil {
		list = append(list, checkSkew("server clock", at.Add(500*time.Millisecond).Sub(start)))
	}
	return list
}

func checkSkew(name string, skew time.Duration) finding {
	if skew.Abs() > badSkew {
		return finding{name, failed, fmt.Sprintf("%s off from this machine's", skew.Abs().Round(time.Second)), "run NTP on both: tokens carry times"}
	}
	return finding{Check: name, Status: fine, Detail: "agrees with this machine's"}
}

// checkStore looks at the database and the keys in it.
func checkStore(cmd *cobra.Command, cfg *config.Config) []finding {
	ctx, cancel := context.WithTimeout(cmd.Context(), 2*doctorTimeout)
	defer cancel()
	if file := databaseFile(cfg); file != "" {
		if _, err := os.Stat(file); errors.Is(err, os.ErrNotExist) {
			return []finding{{Check: "database", Status: fine, Detail: file + " will be made at the first start"}}
		}
	}
	var in control.Inspection
	log := slog.New(slog.DiscardHandler)
	err := connect(ctx, cfg, log, func(ctx context.Context, ops control.Operations) error {
		var err error
		in, err = ops.Inspect(ctx)
		return err
	})
	switch {
	case errors.Is(err, errNotMigrated):
		return []finding{{"database", failed, "has migrations to come", "signet migrate up"}}
	case errors.Is(err, storage.ErrSchemaTooNew):
		return []finding{{"database", failed, "was migrated by a newer binary", "use that binary or a newer one"}}
	case errors.Is(err, storage.ErrLocked):
		return []finding{{"database", failed, "another process has it open and does not answer on its control socket", "stop that process"}}
	case err != nil:
		return []finding{{"database", failed, err.Error(), "check SIGNET_DATABASE_URL, the network and the database's log"}}
	}
	how := "opened directly"
	if in.ViaSocket {
		how = "through the running server"
	}
	list := []finding{{Check: "database", Status: fine, Detail: fmt.Sprintf("%s, schema %d, %s, %s", in.Engine, in.Version, in.Latency.Round(10*time.Microsecond), how)}}
	switch {
	case in.Pending > 0:
		list[0] = finding{"database", failed, fmt.Sprintf("%d migrations to come", in.Pending), "signet migrate up"}
	case in.Latency > slowDatabase:
		list[0] = finding{"database", warning, fmt.Sprintf("slow: %s for one question", in.Latency.Round(time.Millisecond)), "bring the database closer, or look at its load"}
	}
	if cfg.ClockOffset != 0 {
		list = append(list, finding{"clock offset", warning, "SIGNET_CLOCK_OFFSET shifts this process by " + cfg.ClockOffset.String(), "unset it outside of tests"})
	}
	return append(list, checkKeys(cfg, in)...)
}

func checkKeys(cfg *config.Config, in control.Inspection) []finding {
	active, next := map[string]time.Time{}, map[string]bool{}
	for _, k := range in.Keys {
		name := k.Use + "/" + k.Algorithm
		switch k.State {
		case "active":
			active[name] = k.ActiveAt
		case "next":
			next[name] = true
		}
	}
	var list []finding
	for _, alg := range cfg.Keys.Algorithms {
		name := "sig/" + alg
		since, signs := active[name]
		age := in.Now.Sub(since)
		switch {
		case !signs:
			list = append(list, finding{"signing key " + alg, failed, "no key signs", "start the server, which makes one; signet keys list shows what there is"})
		case age > 2*cfg.Keys.Rotation:
			list = append(list, finding{"signing key " + alg, warning, fmt.Sprintf("signs since %s, twice as long as it should", when(since)), "signet keys rotate --alg " + alg + "; a running server rotates by itself"})
		case !next[name]:
			list = append(list, finding{"signing key " + alg, warning, "there is no next key", "start the server, which makes one"})
		default:
			list = append(list, finding{Check: "signing key " + alg, Status: fine, Detail: fmt.Sprintf("signs since %s", when(since))})
		}
	}
	return list
}

func checkRedis(ctx context.Context, cfg *config.Config) finding {
	if cfg.Redis.URL == "" {
		if cfg.Postgres() {
			return finding{"redis", warning, "not configured: limits are counted by each replica for itself", "set SIGNET_REDIS_URL when more than one replica runs"}
		}
		return finding{Check: "redis", Status: fine, Detail: "not configured; one process needs none"}
	}
	ctx, cancel := context.WithTimeout(ctx, doctorTimeout)
	defer cancel()
	r, err := redis.Open(redis.Options{URL: cfg.Redis.URL.Reveal()})
	if err == nil {
		err = errors.Join(r.Ping(ctx), r.Close())
	}
	if err != nil {
		return finding{"redis", warning, "does not answer: " + err.Error(), "check SIGNET_REDIS_URL and the network; Signet works without, more slowly"}
	}
	return finding{Check: "redis", Status: fine, Detail: cfg.Redis.URL.Redacted()}
}

func checkProxies(cfg *config.Config) finding {
	for _, p := range cfg.Server.TrustedProxies {
		if p.Bits() == 0 {
			return finding{"trusted proxies", failed, p.String() + " lets everybody choose their address, and so escape limits", "name only the networks of your own proxies"}
		}
	}
	if len(cfg.Server.TrustedProxies) == 0 && strings.HasPrefix(cfg.Issuer, "https:") && cfg.TLS.Cert == "" {
		return finding{"trusted proxies", warning, "something in front terminates TLS, and none is trusted: everybody has its address", "set SIGNET_TRUSTED_PROXIES to the network it calls from"}
	}
	return finding{Check: "trusted proxies", Status: fine, Detail: orDash(joinPrefixes(cfg.Server.TrustedProxies))}
}

func joinPrefixes(list []netip.Prefix) string {
	var out []string
	for _, p := range list {
		out = append(out, p.String())
	}
	return strings.Join(out, ", ")
}

// checkMail shakes hands with the mail server, credentials and all, and sends
// nothing.
func checkMail(ctx context.Context, cfg *config.Config) finding {
	if cfg.SMTP.URL == "" {
		if cfg.Dev {
			return finding{Check: "mail", Status: fine, Detail: "kept for /dev/inbox"}
		}
		return finding{"mail", warning, "cannot be sent: recovery and verification answer 503", "set SIGNET_SMTP_URL"}
	}
	ctx, cancel := context.WithTimeout(ctx, doctorTimeout)
	defer cancel()
	roots, err := safehttp.Roots(cfg.Fetch.ExtraCA)
	if err != nil {
		return finding{"mail", failed, err.Error(), "correct SIGNET_EXTRA_CA"}
	}
	server, err := notify.NewSMTP(notify.SMTPOptions{URL: cfg.SMTP.URL.Reveal(), From: cfg.SMTP.From, Roots: roots})
	if err == nil {
		err = server.Probe(ctx)
	}
	if err != nil {
		return finding{"mail", failed, cfg.SMTP.URL.Redacted() + ": " + err.Error(), "check SIGNET_SMTP_URL and the network; messages wait until they expire"}
	}
	if strings.Contains(cfg.SMTP.From, "@localhost") {
		return finding{"mail", warning, "comes from " + cfg.SMTP.From + ", which others refuse", "set SIGNET_SMTP_FROM to an address of yours"}
	}
	return finding{Check: "mail", Status: fine, Detail: cfg.SMTP.URL.Redacted()}
}
