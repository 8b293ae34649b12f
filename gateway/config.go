package gateway

import (
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"time"
)

// StalePolicy is what becomes of a good token when the news of revocations is
// older than the bound.
type StalePolicy uint8

const (
	// Ask asks the server's /auth/validate; if that is out of reach, too, the
	// token is refused with ErrUnknown.
	Ask StalePolicy = iota
	// Refuse refuses with ErrUnknown.
	Refuse
	// Accept lets the token pass until it expires: for what may be read by
	// somebody who has just been signed out.
	Accept
)

// String is the policy's name in configuration and metrics.
func (p StalePolicy) String() string {
	return [...]string{"ask", "refuse", "accept"}[min(p, Accept)]
}

// Config says whose tokens are accepted. Issuer and Audience are required; for
// everything else zero means the default.
type Config struct {
	// Issuer is the server's issuer URL, as in its discovery document.
	Issuer string
	// Audience is this API's identifier: tokens must name it in aud.
	Audience string
	// ClientID and ClientSecret get a token with the scope revocations:read
	// for the feed. Without them the feed must be open, or NoFeed be set.
	ClientID, ClientSecret string
	// NoFeed does without the feed: MaxStale is exceeded at once, and OnStale
	// decides.
	NoFeed bool

	// MaxStale is how old the news of revocations may be. Default 5 s. A route
	// may say otherwise (Stale).
	MaxStale time.Duration
	// OnStale is what happens beyond. Default Ask.
	OnStale StalePolicy

	// Algorithms are the signature algorithms accepted. Default ES256, RS256,
	// PS256, EdDSA.
	Algorithms []string
	// Skew is how far clocks may differ. Default 30 s.
	Skew time.Duration
	// Cache is how many just-verified tokens are remembered. Default 10,000;
	// negative: none.
	Cache int

	// HTTPClient fetches discovery, keys, feed and verdicts. Default: one of
	// its own with time limits. Its Timeout, if any, must be 0: the stream has
	// no end. Redirects are never followed.
	HTTPClient *http.Client
	// Observer sees verdicts and the state of the feed. Default: nobody.
	Observer Observer
	// Log hears of trouble with the server. Default: nobody.
	Log *slog.Logger
	// Realm is named in WWW-Authenticate. Default "signet".
	Realm string
	// Now is the clock for expiry. Default time.Now. What measures how old news
	// is does not go by it.
	Now func() time.Time
}

// Observer is told what happens, for metrics. Its methods must be quick and
// safe for concurrent use.
type Observer interface {
	// Verified is told each verdict: "valid", or the word of Reason.
	Verified(result string, took time.Duration)
	// Staleness is told about once a second how old the news is.
	Staleness(age time.Duration)
}

type nobody struct{}

func (nobody) Verified(string, time.Duration) {}
func (nobody) Staleness(time.Duration)        {}

const (
	defaultMaxStale = 5 * time.Second
	defaultSkew     = 30 * time.Second
	defaultCache    = 10_000
)

func (c Config) withDefaults() (Config, error) {
	u, err := url.Parse(c.Issuer)
	switch {
	case err != nil || u.Host == "" || u.Fragment != "" || u.RawQuery != "" || u.User != nil:
		return c, fmt.Errorf("gateway: Issuer %q is not an issuer URL", c.Issuer)
	case u.Scheme != "https" && (u.Scheme != "http" || !loopback(u.Hostname())):
		return c, fmt.Errorf("gateway: Issuer %q must be https", c.Issuer)
	case c.Audience == "":
		return c, errors.New("gateway: Audience is required: tokens for other APIs must not open this one")
	case (c.ClientID == "") != (c.ClientSecret == ""):
		return c, errors.New("gateway: ClientID and ClientSecret go together")
	}
	if len(c.Algorithms) == 0 {
		c.Algorithms = []string{"ES256", "RS256", "PS256", "EdDSA"}
	}
	for _, alg := range c.Algorithms {
		if !slices.Contains([]string{"ES256", "ES384", "ES512", "RS256", "RS384", "RS512", "PS256", "PS384", "PS512", "EdDSA"}, alg) {
			return c, fmt.Errorf("gateway: algorithm %q is not accepted", alg)
		}
	}
	if c.MaxStale <= 0 {
		c.MaxStale = defaultMaxStale
	}
	if c.Skew <= 0 {
		c.Skew = defaultSkew
	}
	if c.Cache == 0 {
		c.Cache = defaultCache
	}
	if c.HTTPClient == nil {
		c.HTTPClient = newHTTPClient()
	}
	client := *c.HTTPClient
	client.CheckRedirect = func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }
	c.HTTPClient = &client
	if c.Observer == nil {
		c.Observer = nobody{}
	}
	if c.Log == nil {
		c.Log = slog.New(slog.DiscardHandler)
	}
	if c.Realm == "" {
		c.Realm = "signet"
	}
	if strings.ContainsAny(c.Realm, "\"\\\r\n") {
		return c, errors.New("gateway: Realm must not need quoting")
	}
	if c.Now == nil {
		c.Now = instant
	}
	return c, nil
}

func loopback(host string) bool {
	return host == "localhost" || host == "::1" || strings.HasPrefix(host, "127.")
}

// newHTTPClient has no limit for a whole answer, since streams have no end, but
// for each step of it.
func newHTTPClient() *http.Client {
	t := http.DefaultTransport.(*http.Transport).Clone()
	t.ResponseHeaderTimeout = 5 * time.Second
	t.TLSHandshakeTimeout = 5 * time.Second
	t.MaxIdleConnsPerHost = 32 // asking about tokens during an outage of the feed
	return &http.Client{Transport: t}
}
