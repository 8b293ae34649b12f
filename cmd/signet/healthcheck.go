package main

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/signet-idp/signet/cmd/signet/config"
	"github.com/signet-idp/signet/storage"
)

func newHealthcheckCommand() *cobra.Command {
	var target string
	var timeout, wait time.Duration
	cmd := &cobra.Command{
		Use:   "healthcheck",
		Short: "Ask a server whether it is ready (for container health checks)",
		Long: `Ask a server whether it is ready: exit code 0 when it is, 5 when not. Without
--url it asks the address this configuration listens on. Images without a shell
use it as their health check.`,
		Example: `  signet healthcheck
  signet healthcheck --wait 30s && run-my-tests
  signet healthcheck --url https://id.example.com/readyz`,
		Args: noArgs,
	}
	cmd.Flags().StringVar(&target, "url", "", "what to ask (default: /readyz at the configured address)")
	cmd.Flags().DurationVar(&timeout, "timeout", 3*time.Second, "how long to wait for the answer")
	cmd.Flags().DurationVar(&wait, "wait", 0, "go on asking until it is ready, at most so long")
	storeFlags(cmd)
	cmd.RunE = func(cmd *cobra.Command, _ []string) error {
		ask := health{url: target}
		if target == "" {
			loaded, err := loadConfig(cmd)
			if err != nil {
				return err
			}
			if ask, err = ownHealth(&loaded.Config); err != nil {
				return err
			}
		}
		return ask.until(cmd.Context(), timeout, wait)
	}
	return cmd
}

// health is one question.
type health struct {
	url  string
	host string // Host header, where it is not the URL's
	own  bool   // this machine's server: its certificate names another host
}

// askEvery is how often a server that is starting is asked.
const askEvery = 50 * time.Millisecond

// until asks once, or with a wait until the answer is yes.
func (h health) until(ctx context.Context, timeout, wait time.Duration) error {
	enough := time.After(wait)
	for {
		err := h.once(ctx, timeout)
		if err == nil || wait <= 0 {
			return err
		}
		select {
		case <-ctx.Done():
			return err
		case <-enough:
			return err
		case <-time.After(askEvery):
		}
	}
}

func (h health) once(ctx context.Context, timeout time.Duration) error {
	ctx, cancel := context.WithTimeout(ctx, timeout)
	defer cancel()
	return h.run(ctx)
}

// ownHealth asks the server that this configuration describes.
func ownHealth(cfg *config.Config) (health, error) {
	host, port, err := net.SplitHostPort(cfg.Server.Addr)
	if err != nil {
		return health{}, fmt.Errorf("listen address: %w", err)
	}
	if ip := net.ParseIP(host); host == "" || ip != nil && ip.IsUnspecified() {
		host = "127.0.0.1"
	}
	scheme := "http"
	if cfg.TLS.Cert != "" {
		scheme = "https"
	}
	h := health{url: scheme + "://" + net.JoinHostPort(host, port) + "/readyz", own: true}
	if u, err := url.Parse(cfg.Issuer); err == nil {
		h.host = u.Host
	}
	return h, nil
}

func (h health) run(ctx context.Context) error {
	r, err := http.NewRequestWithContext(ctx, http.MethodGet, h.url, nil)
	if err != nil {
		return usageError{err}
	}
	if h.host != "" {
		r.Host = h.host
	}
	client := &http.Client{Transport: &http.Transport{
		// A server that terminates TLS itself has the issuer's certificate, and is
		// asked by its loopback address; nothing is sent to it.
		TLSClientConfig: &tls.Config{InsecureSkipVerify: h.own, MinVersion: tls.VersionTLS12}, //nolint:gosec // see above
	}}
	defer client.CloseIdleConnections()
	answer, err := client.Do(r)
	if err != nil {
		return fmt.Errorf("nothing answers at %s: %w: %w", h.url, errors.Unwrap(err), storage.ErrUnavailable)
	}
	defer answer.Body.Close()
	body, _ := io.ReadAll(io.LimitReader(answer.Body, 512))
	if answer.StatusCode != http.StatusOK {
		return fmt.Errorf("%s: %s: %s: %w", h.url, answer.Status, strings.TrimSpace(string(body)), storage.ErrUnavailable)
	}
	return nil
}
