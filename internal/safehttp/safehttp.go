// Package safehttp is the one HTTP client for everything this server fetches or
// calls at addresses that others chose: key sets, request objects, logout
// notices, webhooks, upstream providers. Client.Get reads a document,
// Client.PostForm delivers a notice; Client.Do is what both are made of, and
// Client.Tell its kin for whom the body of the answer does not matter.
//
// It speaks https only, to addresses of the public internet only (judged after
// the name was resolved, at the moment of connecting), follows no redirects,
// takes no proxy from the environment, keeps no cookies, asks for and accepts
// no compression, and is bounded in time and size.
package safehttp

import (
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"net"
	"net/http"
	"os"
	"time"
)

// Why a call failed, besides network errors. No error holds a URL's path or
// query, which may carry a secret.
var (
	ErrURL      = errors.New("URL is not an absolute https URL without user name and fragment")
	ErrAddress  = errors.New("address is not on the public internet")
	ErrTooLarge = errors.New("answer is too large")
	ErrEncoding = errors.New("answer is compressed")
	ErrStatus   = errors.New("unexpected status")
)

// Defaults and bounds.
const (
	DefaultTimeout   = 5 * time.Second
	DefaultMaxBody   = 64 << 10
	maxURL           = 2 << 10
	maxHeader        = 16 << 10
	idleConnTimeout  = 30 * time.Second
	defaultUserAgent = "signet"
)

// Options of a Client. The zero value is ready for use.
type Options struct {
	// AllowPrivate lets the client reach loopback and private networks, and
	// loopback also over plain http. For development only
	// (SIGNET_ALLOW_PRIVATE_FETCH).
	AllowPrivate bool
	// PlainPrivate, with AllowPrivate, lets it reach private networks over plain
	// http too: for services whose URL the operator has configured, never for
	// what others name.
	PlainPrivate bool
	// ExtraCAFile names a PEM file of certificates to trust besides the
	// system's (SIGNET_EXTRA_CA).
	ExtraCAFile string
	// Timeout bounds a whole call with all its steps; default DefaultTimeout.
	Timeout time.Duration
	// MaxBody bounds the bytes of an answer's body; default DefaultMaxBody.
	MaxBody int64
	// UserAgent is sent along; default "signet".
	UserAgent string
	// Resolver finds addresses; default the system's.
	Resolver Resolver
}

// Client makes guarded calls. It is safe for concurrent use.
type Client struct {
	options Options
	secure  *http.Transport
	plain   *http.Transport // nil unless AllowPrivate
}

// New returns a Client. It fails if the file of extra certificates cannot be
// read or holds none.
func New(o Options) (*Client, error) {
	if o.Timeout <= 0 {
		o.Timeout = DefaultTimeout
	}
	if o.MaxBody <= 0 {
		o.MaxBody = DefaultMaxBody
	}
	if o.UserAgent == "" {
		o.UserAgent = defaultUserAgent
	}
	if o.Resolver == nil {
		o.Resolver = net.DefaultResolver
	}
	roots, err := Roots(o.ExtraCAFile)
	if err != nil {
		return nil, fmt.Errorf("safehttp: new client: %w", err)
	}
	c := &Client{options: o}
	c.secure = o.transport(&tls.Config{MinVersion: tls.VersionTLS12, RootCAs: roots}, o.scopes())
	if o.AllowPrivate {
		plain := []scope{loopback}
		if o.PlainPrivate {
			plain = append(plain, private)
		}
		c.plain = o.transport(nil, plain)
	}
	return c, nil
}

// scopes are what may be reached over https.
func (o Options) scopes() []scope {
	if o.AllowPrivate {
		return []scope{public, private, loopback}
	}
	return []scope{public}
}

func (o Options) transport(config *tls.Config, allowed []scope) *http.Transport {
	// HTTP/1.1 is enough for one small exchange, and has less to go wrong.
	protocols := &http.Protocols{}
	protocols.SetHTTP1(true)
	return &http.Transport{
		Proxy:                  nil, // not even from the environment
		DialContext:            (&dialer{resolver: o.Resolver, allowed: allowed, timeout: o.Timeout}).DialContext,
		TLSClientConfig:        config,
		TLSHandshakeTimeout:    o.Timeout,
		ResponseHeaderTimeout:  o.Timeout,
		IdleConnTimeout:        idleConnTimeout,
		MaxIdleConns:           100,
		MaxIdleConnsPerHost:    2,
		MaxResponseHeaderBytes: maxHeader,
		DisableCompression:     true,
		Protocols:              protocols,
	}
}

// Roots are the system's certificate authorities and those of a PEM file;
// without a file nil, which stands for the system's alone.
func Roots(file string) (*x509.CertPool, error) {
	if file == "" {
		return nil, nil
	}
	pem, err := os.ReadFile(file) //nolint:gosec // G304: the operator names it
	if err != nil {
		return nil, fmt.Errorf("extra CA: %w", err)
	}
	pool, err := x509.SystemCertPool()
	if err != nil {
		pool = x509.NewCertPool()
	}
	if !pool.AppendCertsFromPEM(pem) {
		return nil, fmt.Errorf("extra CA: no certificates in %s", file)
	}
	return pool, nil
}

// CloseIdleConnections ends connections that are kept for a next call.
func (c *Client) CloseIdleConnections() {
	c.secure.CloseIdleConnections()
	if c.plain != nil {
		c.plain.CloseIdleConnections()
	}
}
