package main

import (
	"embed"
	"fmt"
	"net"
	"net/url"
	"regexp"
	"slices"
	"strings"
	"text/template"

	"github.com/spf13/cobra"

	"github.com/signet-idp/signet/gateway"
)

//go:embed samples
var samples embed.FS

// gatewayKinds are the gateways that a configuration is printed for.
func gatewayKinds() []string { return []string{"nginx", "caddy", "traefik", "envoy"} }

type gatewayConfig struct{ server, gate, upstream, listen string }

func newGatewayConfigCommand() *cobra.Command {
	var o gatewayConfig
	cmd := &cobra.Command{
		Use:   "config nginx|caddy|traefik|envoy",
		Short: "Print the configuration of a gateway that asks /auth/validate",
		Long: `Print the configuration of a gateway that asks /auth/validate about every
request, passes on those that may go through, and tells the upstream who calls.
What a client itself sends under those names never gets through.

A gate is a named set of rules in the file for signet apply; without one a good
token is enough.`,
		Example: `  signet gateway config nginx --gate orders --upstream http://127.0.0.1:3000 --listen 8080
  signet gateway config caddy --issuer https://id.example.com --upstream http://orders:3000 --listen :443`,
		Args:      cobra.ExactArgs(1),
		ValidArgs: gatewayKinds(),
		RunE: func(cmd *cobra.Command, args []string) error {
			text, err := o.text(args[0])
			if err != nil {
				return err
			}
			_, err = fmt.Fprint(cmd.OutOrStdout(), text)
			return err
		},
	}
	f := cmd.Flags()
	f.StringVar(&o.server, "issuer", defaultIssuer, "issuer URL of the provider")
	f.StringVar(&o.gate, "gate", "default", "gate that judges")
	f.StringVar(&o.upstream, "upstream", "http://127.0.0.1:3000", "where requests that pass go")
	f.StringVar(&o.listen, "listen", "127.0.0.1:8080", "address the gateway listens on")
	return cmd
}

// sampleData is what a template may use.
type sampleData struct {
	Server, Host, Path, ExtAuthz, Listen, Upstream string
	ListenHost, ListenPort                         string
	ServerHost, ServerPort                         string
	UpstreamHost, UpstreamPort                     string
	TLS                                            bool
	Headers                                        []sampleHeader
}

type sampleHeader struct{ Name, Lower, Lower2, Variable string }

var gateName = regexp.MustCompile(`^[a-z][a-z0-9_-]{0,62}$`)

// text fills the template of a kind in. What goes into it is checked: a
// configuration file is no place for what somebody else has written.
func (o *gatewayConfig) text(kind string) (string, error) {
	if !slices.Contains(gatewayKinds(), kind) {
		return "", usagef("there is no configuration for %q; there are %s", kind, strings.Join(gatewayKinds(), ", "))
	}
	if !gateName.MatchString(o.gate) {
		return "", usagef("--gate %q is no name of a gate", o.gate)
	}
	server, err := address("--issuer", o.server)
	if err != nil {
		return "", err
	}
	upstream, err := address("--upstream", o.upstream)
	if err != nil {
		return "", err
	}
	if strings.Trim(upstream.Path, "/") != "" {
		return "", usagef("--upstream has no path")
	}
	listen := strings.TrimPrefix(o.listen, "http://")
	if !strings.Contains(listen, ":") {
		listen = ":" + listen
	}
	host, port, err := net.SplitHostPort(listen)
	if err != nil || !regexp.MustCompile(`^[0-9]{1,5}$`).MatchString(port) || strings.ContainsAny(host, " ;{}\"'\n") {
		return "", usagef("--listen is an address such as 127.0.0.1:8080, or a port")
	}
	base := strings.TrimSuffix(server.Path, "/")
	d := sampleData{
		Server: server.Scheme + "://" + server.Host, Host: server.Host, TLS: server.Scheme == "https",
		Path: base + "/auth/validate/" + o.gate, ExtAuthz: base + "/auth/validate/ext-authz/" + o.gate,
		Listen: strings.TrimPrefix(listen, ":"), ListenHost: host, ListenPort: port, Upstream: upstream.Scheme + "://" + upstream.Host,
		ServerHost: server.Hostname(), ServerPort: portOf(server), UpstreamHost: upstream.Hostname(), UpstreamPort: portOf(upstream),
	}
	if kind == "caddy" {
		d.Listen = listen
	}
	if d.ListenHost == "" {
		d.ListenHost = "0.0.0.0"
	}
	for _, name := range gateway.IdentityHeaders() {
		lower := strings.ToLower(name)
		under := strings.ReplaceAll(lower, "-", "_")
		d.Headers = append(d.Headers, sampleHeader{Name: name, Lower: under, Lower2: lower, Variable: "signet_" + under})
	}
	t, err := template.ParseFS(samples, "samples/"+kind+".tmpl")
	if err != nil {
		return "", fmt.Errorf("gateway config: %w", err)
	}
	var b strings.Builder
	if err := t.Execute(&b, d); err != nil {
		return "", fmt.Errorf("gateway config: %w", err)
	}
	return b.String(), nil
}

var plainURL = regexp.MustCompile(`^https?://[A-Za-z0-9.\-\[\]:]+(/[A-Za-z0-9._~/\-]*)?$`)

func address(flag, text string) (*url.URL, error) {
	u, err := url.Parse(text)
	if err != nil || u.Host == "" || !plainURL.MatchString(text) {
		return nil, usagef("%s is a URL such as http://127.0.0.1:3000", flag)
	}
	return u, nil
}

func portOf(u *url.URL) string {
	switch {
	case u.Port() != "":
		return u.Port()
	case u.Scheme == "https":
		return "443"
	}
	return "80"
}
