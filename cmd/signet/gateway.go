package main

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"net/url"
	"os"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/signet-idp/signet/gateway"
	"github.com/signet-idp/signet/gateway/sidecar"
)

type gatewayOptions struct {
	issuer, audience, client, secret, listen, upstream, onStale string
	scopes, roles                                               []string
	organization, acr                                           string
	maxAge, maxStale                                            time.Duration
	noFeed                                                      bool
}

func newGatewayCommand() *cobra.Command {
	var o gatewayOptions
	cmd := &cobra.Command{
		Use:   "gateway",
		Short: "Verify access tokens beside a service, or for another gateway",
		Long: `Verify access tokens beside a service, or for another gateway, without a call
to the provider for each: keys and revocations are followed in the background.

With --upstream it is a reverse proxy: requests whose bearer token is good and
holds what is required go on, with headers that say who calls. Without, it only
judges: /.signet/auth for nginx, Caddy and Traefik, /.signet/ext-authz/ for
Envoy. /.signet/healthz tells whether its news of revocations is fresh.

The client needs the scope revocations:read; its secret is read from
SIGNET_CLIENT_SECRET.`,
		Example: `  SIGNET_CLIENT_SECRET=… signet gateway --issuer https://id.example.com --audience https://api.example.com \
    --client api-gateway --upstream http://127.0.0.1:3000 --scope orders:read
  signet gateway config nginx --gate orders --upstream http://127.0.0.1:3000 --listen 8080`,
		Args: noArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			if o.secret = os.Getenv("SIGNET_CLIENT_SECRET"); o.secret != "" && o.client == "" {
				return usagef("SIGNET_CLIENT_SECRET is set, and --client is not")
			}
			return o.run(cmd)
		},
	}
	f := cmd.Flags()
	f.StringVar(&o.issuer, "issuer", defaultIssuer, "issuer URL of the provider")
	f.StringVar(&o.audience, "audience", "", "this API's identifier, which tokens must hold in aud (default: the issuer)")
	f.StringVar(&o.client, "client", "", "client_id for the revocation feed; none where the feed is open")
	f.StringVar(&o.listen, "listen", "127.0.0.1:8002", "address to listen on")
	f.StringVar(&o.upstream, "upstream", "", "where requests that pass go")
	f.StringArrayVar(&o.scopes, "scope", nil, "scope that is required; may repeat, all count")
	f.StringArrayVar(&o.roles, "role", nil, "role that is required; may repeat, one is enough")
	f.StringVar(&o.organization, "organization", "", "organization that is required, id or slug")
	f.StringVar(&o.acr, "acr", "", "level of authentication that is required: aal1, aal2, aal3")
	f.DurationVar(&o.maxAge, "max-age", 0, "how long ago the person may have signed in")
	f.DurationVar(&o.maxStale, "max-stale", 5*time.Second, "how old the news of revocations may get")
	f.StringVar(&o.onStale, "on-stale", "ask", "what happens beyond: ask the provider, refuse, accept")
	f.BoolVar(&o.noFeed, "no-feed", false, "do without the revocation feed")
	cmd.AddCommand(newGatewayConfigCommand(), newGatewaySyncCommand())
	return cmd
}

func (o *gatewayOptions) config() (gateway.Config, error) {
	if o.audience == "" {
		o.audience = o.issuer
	}
	policies := []gateway.StalePolicy{gateway.Ask, gateway.Refuse, gateway.Accept}
	i := slices.IndexFunc(policies, func(p gateway.StalePolicy) bool { return p.String() == o.onStale })
	if i < 0 {
		return gateway.Config{}, usagef("--on-stale is ask, refuse or accept, not %q", o.onStale)
	}
	return gateway.Config{
		Issuer: o.issuer, Audience: o.audience, ClientID: o.client, ClientSecret: o.secret, NoFeed: o.noFeed,
		MaxStale: o.maxStale, OnStale: policies[i], Log: slog.New(slog.NewJSONHandler(os.Stderr, nil)),
	}, nil
}

func (o *gatewayOptions) required() []gateway.Requirement {
	var out []gateway.Requirement
	if len(o.scopes) > 0 {
		out = append(out, gateway.Scope(o.scopes...))
	}
	if len(o.roles) > 0 {
		out = append(out, gateway.Role(o.roles...))
	}
	if o.organization != "" {
		out = append(out, gateway.Organization(o.organization))
	}
	if o.acr != "" {
		out = append(out, gateway.ACR(o.acr))
	}
	if o.maxAge > 0 {
		out = append(out, gateway.MaxAge(o.maxAge))
	}
	return out
}

// retryStart is the pause between attempts to reach the provider at the start.
const retryStart = time.Second

func (o *gatewayOptions) run(cmd *cobra.Command) error {
	ctx := cmd.Context()
	c, err := o.config()
	if err != nil {
		return err
	}
	s := sidecar.Config{Required: o.required(), MaxStale: max(o.maxStale, 5*time.Second)}
	if o.upstream != "" {
		if s.Upstream, err = url.Parse(o.upstream); err != nil || s.Upstream.Host == "" || !strings.HasPrefix(s.Upstream.Scheme, "http") {
			return usagef("--upstream is a URL such as http://127.0.0.1:3000")
		}
	}
	// A provider that starts later is waited for; a wrong flag is not.
	for s.Verifier == nil {
		if s.Verifier, err = o.connect(ctx, c); err == nil {
			break
		}
		var away net.Error
		if !errors.As(err, &away) {
			return err
		}
		fmt.Fprintf(cmd.ErrOrStderr(), "%v; trying again\n", err)
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-time.After(retryStart):
		}
	}
	defer s.Verifier.Close()
	listener, err := (&net.ListenConfig{}).Listen(ctx, "tcp", o.listen)
	if err != nil {
		return fmt.Errorf("gateway: listen: %w", err)
	}
	fmt.Fprintf(cmd.ErrOrStderr(), "gateway for %s on http://%s\n", o.audience, listener.Addr())
	srv := &http.Server{Handler: sidecar.New(s), ReadHeaderTimeout: 5 * time.Second, IdleTimeout: 2 * time.Minute, MaxHeaderBytes: 64 << 10}
	failed := make(chan error, 1)
	go func() { failed <- srv.Serve(listener) }()
	select {
	case err := <-failed:
		return fmt.Errorf("gateway: %w", err)
	case <-ctx.Done():
	}
	drain, cancel := context.WithTimeout(context.WithoutCancel(ctx), 15*time.Second)
	defer cancel()
	return srv.Shutdown(drain)
}

func (o *gatewayOptions) connect(ctx context.Context, c gateway.Config) (*gateway.Verifier, error) {
	ctx, cancel := context.WithTimeout(ctx, 10*time.Second)
	defer cancel()
	return gateway.New(ctx, c)
}
