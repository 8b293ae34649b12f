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
func gatewayKinds() []string { return append(askingKinds(), verifyingKinds()...) }

// askingKinds ask a gate about every request.
func askingKinds() []string { return []string{"nginx", "caddy", "traefik", "envoy"} }

// verifyingKinds verify tokens themselves: what is required is in their
// configuration.
func verifyingKinds() []string { return []string{"haproxy", "apache", "apache-openidc", "kong"} }

type gatewayConfig struct {
	server, gate, upstream, listen string
	audience, keys, client         string
	scopes                         []string
	browser                        bool
}

func newGatewayConfigCommand() *cobra.Command {
	var o gatewayConfig
	cmd := &cobra.Command{
		Use:   "config " + strings.Join(gatewayKinds(), "|"),
		Short: "Print the configuration of a gateway in front of a service",
		Long: `Print the configuration of a gateway that passes on requests with a good token,
and tells the upstream who calls. What a client itself sends under those names
never gets through.

nginx, Caddy, Traefik and Envoy ask /auth/validate about every request. A gate
is a named set of rules in the file for signet apply; without one a good token
is enough. With --browser the gateway also brings /.signet/ to Signet, where
people with browsers sign in; the gate has to have a browser section.

HAProxy, Apache and Kong verify tokens themselves and see no revocations: a token
is good until it expires. What is required is said with --audience and --scope;
signet gateway sync keeps HAProxy and Kong supplied with keys. apache is
mod_oauth2 for APIs, which asks about each token if --client is given;
apache-openidc is mod_auth_openidc, which signs people in as --client.`,
		Example: `  signet gateway config nginx --gate orders --upstream http://127.0.0.1:3000 --listen 8080
  signet gateway config nginx --gate intranet --browser --upstream http://127.0.0.1:3000 --listen 8080
  signet gateway config caddy --issuer https://id.example.com --upstream http://orders:3000 --listen :443
  signet gateway config haproxy --audience https://api.example.com --scope orders:read --listen 8080`,
		Args:      cobra.ExactArgs(1),
		ValidArgs: gatewayKinds(),
		RunE: func(cmd *cobra.Command, args []string) error {
			if err := o.suits(args[0], cmd.Flags().Changed); err != nil {
				return err
			}
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
	f.BoolVar(&o.browser, "browser", false, "of a gate for browsers: people sign in")
	f.StringVar(&o.upstream, "upstream", "http://127.0.0.1:3000", "where requests that pass go")
	f.StringVar(&o.listen, "listen", "127.0.0.1:8080", "address the gateway listens on")
	f.StringVar(&o.audience, "audience", "", "of a gateway that verifies itself: what tokens must hold in aud (default: the issuer)")
	f.StringArrayVar(&o.scopes, "scope", nil, "of a gateway that verifies itself: scope that is required; may repeat, all count")
	f.StringVar(&o.client, "client", "", "apache: client_id to ask about tokens with; apache-openidc: client_id to sign people in with")
	f.StringVar(&o.keys, "keys", "/etc/haproxy/signet", "haproxy: the folder that signet gateway sync writes")
	return cmd
}

// suits refuses flags that would mean nothing: a rule that is not enforced is
// worse than none.
func (o *gatewayConfig) suits(kind string, given func(string) bool) error {
	// The flags that only some kinds take, and which.
	for flag, kinds := range map[string][]string{
		"gate":     askingKinds(),
		"browser":  askingKinds(),
		"audience": {"haproxy", "apache", "kong"},
		"scope":    {"haproxy", "apache", "kong"},
		"client":   {"apache", "apache-openidc"},
		"keys":     {"haproxy"},
	} {
		switch {
		case !given(flag) || slices.Contains(kinds, kind) || !slices.Contains(gatewayKinds(), kind):
		case flag == "browser":
			return usagef("%s asks no gate, so that nobody signs in at one; apache-openidc signs people in by itself", kind)
		case flag == "gate":
			return usagef("%s asks no gate: say what is required with --audience and --scope", kind)
		case slices.Contains(askingKinds(), kind):
			return usagef("%s asks a gate: declare there what is required, and name it with --gate; --%s is not for it", kind, flag)
		default:
			return usagef("--%s is not for %s", flag, kind)
		}
	}
	if kind == "apache-openidc" && o.client == "" {
		return usagef("--client is needed: the client_id to sign people in with")
	}
	return nil
}

// sampleData is what a template may use.
type sampleData struct {
	Issuer, Server, Base, Host, Path, ExtAuthz     string
	Listen, Bind, ListenAll, VirtualHost, Upstream string
	ListenHost, ListenPort                         string
	ServerHost, ServerPort                         string
	UpstreamHost, UpstreamPort                     string
	TLS, UpstreamTLS                               bool
	Browser                                        bool // people sign in
	Headers                                        []sampleHeader
	// Of gateways that verify themselves:
	Audience, Scope, Keys, Client string
	Places                        []int    // in a list that a gateway cannot take whole
	Scopes                        []string // quoted for a regular expression
	PlainScopes                   []string
}

type sampleHeader struct {
	Name, Lower, Lower2, Variable string
	Underscores                   []string // what CGI and its kin take for the same name
	Pattern                       string   // all of these, for a regular expression
	Claim                         string
}

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
		Issuer: o.server, Base: base, Browser: o.browser, UpstreamTLS: upstream.Scheme == "https",
		Listen: strings.TrimPrefix(listen, ":"), ListenHost: host, ListenPort: port, Upstream: upstream.Scheme + "://" + upstream.Host,
		ServerHost: server.Hostname(), ServerPort: portOf(server), UpstreamHost: upstream.Hostname(), UpstreamPort: portOf(upstream),
	}
	if kind == "caddy" {
		d.Listen = listen
	}
	d.Bind, d.ListenAll, d.VirtualHost = listen, listen, listen
	if d.ListenHost == "" {
		d.ListenHost = "0.0.0.0"
		d.Bind, d.ListenAll, d.VirtualHost = "*"+listen, port, "*:"+port
	}
	if err := o.rules(&d); err != nil {
		return "", err
	}
	for _, name := range gateway.IdentityHeaders() {
		lower := strings.ToLower(name)
		under := strings.ReplaceAll(lower, "-", "_")
		d.Headers = append(d.Headers, sampleHeader{
			Name: name, Lower: under, Lower2: lower, Variable: "signet_" + under, Claim: claimOf(name),
			Underscores: underscores(name), Pattern: strings.ReplaceAll(lower, "-", "[-_]"),
		})
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

// maxPlaces is how many entries of a list are looked at by a gateway that cannot
// take one whole.
const maxPlaces = 16

var (
	plainScope  = regexp.MustCompile(`^[A-Za-z0-9._:/-]{1,128}$`)
	plainFolder = regexp.MustCompile(`^/[A-Za-z0-9._/-]{1,256}$`)
)

// rules fills in what a gateway that verifies itself requires.
func (o *gatewayConfig) rules(d *sampleData) error {
	d.Audience, d.Keys = o.audience, strings.TrimSuffix(o.keys, "/")
	if d.Audience == "" {
		d.Audience = d.Issuer
	}
	if !plainURL.MatchString(d.Audience) && !plainScope.MatchString(d.Audience) {
		return usagef("--audience is the identifier of a resource, such as https://api.example.com, or a client_id")
	}
	if !plainFolder.MatchString(o.keys) {
		return usagef("--keys is the absolute path of a folder")
	}
	for _, s := range o.scopes {
		if !plainScope.MatchString(s) {
			return usagef("--scope %q is no scope that can be written into a configuration", s)
		}
		d.Scopes = append(d.Scopes, regexp.QuoteMeta(s))
	}
	d.Scope, d.PlainScopes = strings.Join(o.scopes, " "), o.scopes
	if d.Client = o.client; o.client != "" && !plainScope.MatchString(o.client) {
		return usagef("--client is a client_id")
	}
	for i := range maxPlaces {
		d.Places = append(d.Places, i)
	}
	return nil
}

// underscores are the forms of a name with _ for one - or more.
func underscores(name string) []string {
	forms := []string{""}
	for i, part := range strings.Split(name, "-") {
		if i == 0 {
			forms[0] = part
			continue
		}
		for _, f := range forms {
			forms = append(forms, f+"_"+part)
		}
		for j := range len(forms) / 2 {
			forms[j] += "-" + part
		}
	}
	return forms[1:]
}

// claimOf names the claim that a header tells, for gateways that read it
// themselves; none where a header is always empty.
func claimOf(header string) string {
	switch header {
	case "X-Auth-Request-User", "Remote-User", "X-Signet-Subject":
		return "sub"
	case "X-Auth-Request-Email", "Remote-Email":
		return "email"
	case "X-Auth-Request-Groups", "Remote-Groups", "X-Signet-Roles":
		return "roles"
	case "X-Signet-Org":
		return "org_id"
	case "X-Signet-Scope":
		return "scope"
	case "X-Signet-Client":
		return "client_id"
	case "X-Signet-Session":
		return "sid"
	case "X-Signet-Acr":
		return "acr"
	case "X-Signet-Token-Exp":
		return "exp"
	}
	return ""
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
