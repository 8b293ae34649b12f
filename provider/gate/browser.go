package gate

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"net/url"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/signet-idp/signet/provider/change"
	"github.com/signet-idp/signet/provider/client"
	"github.com/signet-idp/signet/provider/fault"
	"github.com/signet-idp/signet/storage"
)

// Paths of a protected host that its gateway routes to Signet.
const (
	PathPrefix   = "/.signet/"
	PathLogin    = PathPrefix + "login"
	PathCallback = PathPrefix + "callback"
	PathLogout   = PathPrefix + "logout"
	PathLeft     = PathPrefix + "signed-out"
)

// RedirectNever answers 401 where a browser would be sent to sign in, and says
// where that is.
const RedirectNever = "never"

// Bounds of what a gate says about browsers.
const (
	maxHosts        = 20
	defaultLifetime = time.Hour
	minLifetime     = time.Minute
	// maxLifetime: a revocation is remembered for as long as the longest token.
	maxLifetime = 24 * time.Hour
)

var hostName = regexp.MustCompile(`^[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?(\.[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?)*$`)

// NormalHost is a host as it is compared: lower case, without a port that its
// scheme implies; empty for what is none.
func NormalHost(hostport string) string {
	host, port := strings.ToLower(hostport), ""
	if h, p, err := net.SplitHostPort(host); err == nil {
		host, port = h, p
	} else {
		host = strings.TrimSuffix(strings.TrimPrefix(host, "["), "]")
	}
	if a, err := netip.ParseAddr(host); err == nil && a.Zone() == "" {
		if host = a.String(); a.Is6() {
			host = "[" + host + "]"
		}
	} else if len(host) > 253 || !hostName.MatchString(host) {
		return ""
	}
	switch {
	case port == "":
		return host
	case port == "443", port == "80" && loopback(host):
		return host
	}
	if n, err := strconv.ParseUint(port, 10, 16); err != nil || n == 0 || strconv.FormatUint(n, 10) != port {
		return ""
	}
	return host + ":" + port
}

// loopback says whether a host is this machine, where http is as safe as https.
func loopback(host string) bool {
	if h, _, err := net.SplitHostPort(host); err == nil {
		host = h
	}
	host = strings.Trim(host, "[]")
	a, err := netip.ParseAddr(host)
	return host == "localhost" || strings.HasSuffix(host, ".localhost") || err == nil && a.IsLoopback()
}

// Origin is the origin of a protected host (RFC 6454): https, but on this
// machine, where what the gateway says counts.
func Origin(scheme, host string) string {
	if scheme == "http" && loopback(host) {
		return "http://" + host
	}
	return "https://" + host
}

func normalizeBrowser(b *storage.GateBrowser, wrong func(field, text string)) *storage.GateBrowser {
	out := *b
	out.Hosts = nil
	for _, h := range b.Hosts {
		n := NormalHost(h)
		if n == "" || strings.Contains(h, "/") {
			wrong("browser.hosts", "hosts as browsers know them, such as intranet.example.com or localhost:8080, without scheme and path")
			break
		}
		if !slices.Contains(out.Hosts, n) {
			out.Hosts = append(out.Hosts, n)
		}
	}
	if len(b.Hosts) == 0 || len(b.Hosts) > maxHosts {
		wrong("browser.hosts", fmt.Sprintf("1 to %d hosts", maxHosts))
	}
	if b.Redirect != "" && b.Redirect != RedirectNever {
		wrong("browser.redirect", "never, or nothing")
	}
	if l := b.Lifetime; l != 0 && (l < int64(minLifetime/time.Second) || l > int64(maxLifetime/time.Second)) {
		wrong("browser.lifetime", "60 to 86400 seconds")
	}
	return &out
}

// lifetime of a cookie that nobody renews.
func lifetime(g *storage.Gate) time.Duration {
	if g.Browser.Lifetime == 0 {
		return defaultLifetime
	}
	return time.Duration(g.Browser.Lifetime) * time.Second
}

func hostsOf(g *storage.Gate) []string {
	if g.Browser == nil {
		return nil
	}
	return g.Browser.Hosts
}

// freeHosts refuses a host that another gate protects: it would not be clear
// which of them a cookie is for.
func (s *Service) freeHosts(ctx context.Context, g storage.Gate) error {
	if g.Browser == nil {
		return nil
	}
	all, err := s.Store.ListGates(ctx, "", most)
	if err != nil {
		return err
	}
	for _, other := range all {
		if other.Name == g.Name {
			continue
		}
		for _, h := range hostsOf(&other) {
			if slices.Contains(g.Browser.Hosts, h) {
				return fault.New(fault.Conflict, fmt.Sprintf("the gate %s protects %s already", other.Name, h))
			}
		}
	}
	return nil
}

// endParty ends what was issued to a gate that is no relying party any more.
func (s *Service) endParty(ctx context.Context, ch *change.Change, name string) error {
	if _, err := s.Store.RevokeGrantsOfClient(ctx, ClientID(name), "gate_closed", ch.Now); err != nil {
		return err
	}
	ch.Revoke(storage.RevokeClient, ClientID(name))
	return nil
}

// ClientID is the client that a gate for browsers is. No other can have this id.
func ClientID(name string) string { return client.GatePrefix + name }

// Parties finds the gates for browsers among the clients: such a gate is a
// relying party, without a registration that could say anything else.
type Parties struct {
	client.Store
	Gates interface {
		GateByName(ctx context.Context, name string) (storage.Gate, error)
	}
}

// ClientByID implements client.Store.
func (p Parties) ClientByID(ctx context.Context, id string) (storage.Client, error) {
	name, ok := strings.CutPrefix(id, client.GatePrefix)
	if !ok {
		return p.Store.ClientByID(ctx, id)
	}
	g, err := p.Gates.GateByName(ctx, name)
	if err == nil && g.Browser == nil {
		err = storage.ErrNotFound
	}
	if err != nil {
		return storage.Client{}, fmt.Errorf("gate: party: %w", err)
	}
	return party(&g), nil
}

// party is a gate as a client: public, since its proof is PKCE bound to the
// browser, and first-party.
func party(g *storage.Gate) storage.Client {
	c := storage.Client{ClientID: ClientID(g.Name), ManagedBy: "gate", Version: g.Version, CreatedAt: g.CreatedAt, UpdatedAt: g.UpdatedAt}
	c.Metadata = storage.ClientMetadata{
		ClientName: g.Browser.Hosts[0], ApplicationType: "web", GrantTypes: []string{client.GrantCode},
		ResponseTypes: []string{"code"}, TokenEndpointAuthMethod: client.AuthNone, FirstParty: true, Scope: strings.Join(scopes(g), " "),
	}
	for _, h := range g.Browser.Hosts {
		origins := []string{Origin("https", h)}
		if o := Origin("http", h); o != origins[0] {
			origins = append(origins, o)
		}
		for _, o := range origins {
			c.Metadata.RedirectURIs = append(c.Metadata.RedirectURIs, o+PathCallback)
			c.Metadata.PostLogoutRedirectURIs = append(c.Metadata.PostLogoutRedirectURIs, o+PathLeft)
		}
	}
	return c
}

// scopes are what a gate asks for: who it is, and what it requires itself.
func scopes(g *storage.Gate) []string {
	out := []string{"openid"}
	for _, s := range g.Scopes {
		if !slices.Contains(out, s) {
			out = append(out, s)
		}
	}
	return out
}

// maxReturn bounds the address that somebody is sent back to.
const maxReturn = 2 << 10

// ReturnPath is where on the protected host a browser goes after signing in:
// path and query of what it asked for, or the front page for what is none, leads
// elsewhere, or comes back to signing in.
func ReturnPath(raw string) string {
	if raw == "" || len(raw) > maxReturn || raw[0] != '/' || strings.HasPrefix(raw, "//") {
		return "/"
	}
	for i := range len(raw) {
		if c := raw[i]; c <= ' ' || c > '~' || c == '\\' || c == '#' {
			return "/"
		}
	}
	u, err := url.ParseRequestURI(raw)
	if err != nil || u.Host != "" || u.Scheme != "" || strings.HasPrefix(u.Path, "//") || strings.HasPrefix(u.Path, PathPrefix) {
		return "/"
	}
	return raw
}

// LoginURL is where a browser signs in to come back to a path.
func LoginURL(origin, path string) string {
	return origin + PathLogin + "?return_to=" + url.QueryEscape(ReturnPath(path))
}

// ErrHost means a request for a host that the gate does not protect.
var ErrHost = errors.New("gate: host is not protected by this gate")
