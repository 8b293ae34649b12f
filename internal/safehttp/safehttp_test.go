package safehttp

import (
	"bytes"
	"compress/gzip"
	"context"
	"crypto/tls"
	"encoding/pem"
	"errors"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"
	"time"
)

// names resolves fixed names and counts the questions.
type names struct {
	hosts map[string][]string
	asked atomic.Int64
}

func (n *names) LookupNetIP(_ context.Context, _, host string) ([]netip.Addr, error) {
	n.asked.Add(1)
	var addresses []netip.Addr
	for _, s := range n.hosts[host] {
		addresses = append(addresses, netip.MustParseAddr(s))
	}
	if addresses == nil {
		return nil, &net.DNSError{Err: "no such host", Name: host, IsNotFound: true}
	}
	return addresses, nil
}

// peer is a TLS server on loopback, whose certificate is for example.com and
// 127.0.0.1, and a client that trusts it.
type peer struct {
	*httptest.Server
	hits   atomic.Int64
	caFile string
}

func newPeer(t *testing.T, handler http.HandlerFunc) *peer {
	t.Helper()
	p := &peer{}
	p.Server = httptest.NewTLSServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		p.hits.Add(1)
		handler(w, r)
	}))
	t.Cleanup(p.Close)
	p.caFile = filepath.Join(t.TempDir(), "ca.pem")
	certificate := pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: p.Certificate().Raw})
	if err := os.WriteFile(p.caFile, certificate, 0o600); err != nil {
		t.Fatal(err)
	}
	return p
}

// port is where the peer listens.
func (p *peer) port() string { return p.URL[strings.LastIndexByte(p.URL, ':'):] }

func newClient(t testing.TB, o Options) *Client {
	t.Helper()
	c, err := New(o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(c.CloseIdleConnections)
	return c
}

func TestGet(t *testing.T) {
	p := newPeer(t, func(w http.ResponseWriter, r *http.Request) {
		if r.TLS.Version != tls.VersionTLS13 || r.ProtoMajor != 1 {
			t.Errorf("TLS %x, HTTP %s", r.TLS.Version, r.Proto)
		}
		if r.Header.Get("Accept") != "application/json" || r.Header.Get("Accept-Encoding") != "identity" || r.UserAgent() != "signet" {
			t.Errorf("headers %v", r.Header)
		}
		if len(r.Cookies()) != 0 || r.Referer() != "" {
			t.Errorf("the client remembers: %v", r.Header)
		}
		http.SetCookie(w, &http.Cookie{Name: "track", Value: "x"})
		w.Header().Set("X-Path", r.URL.RequestURI())
		_, _ = io.WriteString(w, "{}")
	})
	resolver := &names{hosts: map[string][]string{"example.com": {"127.0.0.1"}}}
	c := newClient(t, Options{AllowPrivate: true, ExtraCAFile: p.caFile, Resolver: resolver})
	for range 2 {
		body, header, err := c.Get(t.Context(), "https://example.com"+p.port()+"/a?b=c", "application/json")
		if err != nil || string(body) != "{}" || header.Get("X-Path") != "/a?b=c" {
			t.Fatalf("%q, %v, %v", body, header, err)
		}
	}
	if _, _, err := c.Get(t.Context(), p.URL, "application/json"); err != nil {
		t.Errorf("an address written out: %v", err)
	}
}

func TestPostForm(t *testing.T) {
	p := newPeer(t, func(w http.ResponseWriter, r *http.Request) {
		if r.Method != http.MethodPost || r.Header.Get("Content-Type") != "application/x-www-form-urlencoded" || r.FormValue("logout_token") != "a b" {
			t.Errorf("%s %v %v", r.Method, r.Header, r.Form)
		}
		w.WriteHeader(http.StatusBadRequest)
	})
	c := newClient(t, Options{AllowPrivate: true, ExtraCAFile: p.caFile})
	status, err := c.PostForm(t.Context(), p.URL, url.Values{"logout_token": {"a b"}})
	if err != nil || status != http.StatusBadRequest {
		t.Fatalf("%d, %v", status, err)
	}
}

func TestAddressesAreJudged(t *testing.T) {
	p := newPeer(t, func(http.ResponseWriter, *http.Request) {})
	resolver := &names{hosts: map[string][]string{
		"loopback.example": {"127.0.0.1"},
		"mapped.example":   {"::ffff:127.0.0.1"},
		"private.example":  {"10.0.0.1"},
		"metadata.example": {"169.254.169.254"},
		"mixed.example":    {"93.184.216.34", "127.0.0.1"},
		"localhost":        {"127.0.0.1"},
		"2130706433":       {"127.0.0.1"}, // as some resolvers read it
	}}
	strict := newClient(t, Options{ExtraCAFile: p.caFile, Resolver: resolver})
	for _, host := range []string{
		"127.0.0.1", "[::1]", "[::ffff:127.0.0.1]", "10.0.0.1", "169.254.169.254", "0.0.0.0", "[64:ff9b::7f00:1]", "[fe80::1]",
		"loopback.example", "mapped.example", "private.example", "metadata.example", "mixed.example", "localhost", "2130706433",
	} {
		if _, _, err := strict.Get(t.Context(), "https://"+host+p.port(), ""); !errors.Is(err, ErrAddress) {
			t.Errorf("%s: %v", host, err)
		}
	}
	open := newClient(t, Options{AllowPrivate: true, ExtraCAFile: p.caFile, Resolver: resolver})
	for _, host := range []string{"metadata.example", "169.254.169.254", "[fd00:ec2::254]", "0.0.0.0", "[::]", "224.0.0.1"} {
		if _, _, err := open.Get(t.Context(), "https://"+host+p.port(), ""); !errors.Is(err, ErrAddress) {
			t.Errorf("in development, %s: %v", host, err)
		}
	}
	if p.hits.Load() != 0 {
		t.Errorf("%d calls went through", p.hits.Load())
	}
}

// TestRebinding: the name is asked for once, and the address that was judged is
// the one connected to, whatever the next answer would have been.
func TestRebinding(t *testing.T) {
	p := newPeer(t, func(w http.ResponseWriter, _ *http.Request) { _, _ = io.WriteString(w, "peer") })
	trap := httptest.NewTLSServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { t.Error("reached the second answer") }))
	defer trap.Close()
	turning := &turning{answers: []string{"127.0.0.1", "169.254.169.254"}}
	c := newClient(t, Options{AllowPrivate: true, ExtraCAFile: p.caFile, Resolver: turning})
	body, _, err := c.Get(t.Context(), "https://example.com"+p.port(), "")
	if err != nil || string(body) != "peer" || turning.asked != 1 {
		t.Fatalf("%q, %v, asked %d times", body, err, turning.asked)
	}
	c.CloseIdleConnections()
	if _, _, err := c.Get(t.Context(), "https://example.com"+p.port(), ""); !errors.Is(err, ErrAddress) {
		t.Fatalf("after the name has turned: %v", err)
	}
}

type turning struct {
	answers []string
	asked   int
}

func (r *turning) LookupNetIP(context.Context, string, string) ([]netip.Addr, error) {
	addr := netip.MustParseAddr(r.answers[min(r.asked, len(r.answers)-1)])
	r.asked++
	return []netip.Addr{addr}, nil
}

// TestControl: the last guard stands by itself, should the first ever fail.
func TestControl(t *testing.T) {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer listener.Close()
	if err := allowOnly([]scope{public})("tcp4", listener.Addr().String(), nil); !errors.Is(err, ErrAddress) {
		t.Errorf("loopback: %v", err)
	}
	if err := allowOnly([]scope{loopback})("tcp4", listener.Addr().String(), nil); err != nil {
		t.Errorf("loopback, allowed: %v", err)
	}
	if err := allowOnly([]scope{public})("tcp4", "nonsense", nil); !errors.Is(err, ErrAddress) {
		t.Errorf("nonsense: %v", err)
	}
}

// TestSecondAddress: one address that refuses does not hide the next.
func TestSecondAddress(t *testing.T) {
	p := newPeer(t, func(w http.ResponseWriter, _ *http.Request) { _, _ = io.WriteString(w, "ok") })
	resolver := &names{hosts: map[string][]string{"example.com": {"127.0.0.2", "127.0.0.1"}}}
	c := newClient(t, Options{AllowPrivate: true, ExtraCAFile: p.caFile, Resolver: resolver})
	if body, _, err := c.Get(t.Context(), "https://example.com"+p.port(), ""); err != nil || string(body) != "ok" {
		t.Fatalf("%q, %v", body, err)
	}
}

func TestPlainHTTP(t *testing.T) {
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { _, _ = io.WriteString(w, "ok") }))
	defer server.Close()
	resolver := &names{hosts: map[string][]string{"private.example": {"10.0.0.1"}, "public.example": {"1.1.1.1"}, "localhost": {"127.0.0.1"}}}
	if _, _, err := newClient(t, Options{Resolver: resolver}).Get(t.Context(), server.URL, ""); !errors.Is(err, ErrURL) {
		t.Errorf("http: %v", err)
	}
	open := newClient(t, Options{AllowPrivate: true, Resolver: resolver})
	port := server.URL[strings.LastIndexByte(server.URL, ':'):]
	for _, host := range []string{"127.0.0.1", "localhost"} {
		if body, _, err := open.Get(t.Context(), "http://"+host+port, ""); err != nil || string(body) != "ok" {
			t.Errorf("in development, %s: %q, %v", host, body, err)
		}
	}
	for _, host := range []string{"private.example", "public.example", "10.0.0.1", "1.1.1.1"} {
		if _, _, err := open.Get(t.Context(), "http://"+host+port, ""); !errors.Is(err, ErrAddress) {
			t.Errorf("in development, http to %s: %v", host, err)
		}
	}
}

func TestRedirectsAreNotFollowed(t *testing.T) {
	p := newPeer(t, func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path != "/" {
			t.Error("followed")
		}
		http.Redirect(w, r, "/other", http.StatusFound)
	})
	c := newClient(t, Options{AllowPrivate: true, ExtraCAFile: p.caFile})
	if _, _, err := c.Get(t.Context(), p.URL, ""); !errors.Is(err, ErrStatus) {
		t.Errorf("get: %v", err)
	}
	if status, err := c.PostForm(t.Context(), p.URL, nil); err != nil || status != http.StatusFound {
		t.Errorf("post: %d, %v", status, err)
	}
	if p.hits.Load() != 2 {
		t.Errorf("%d calls", p.hits.Load())
	}
}

func TestSize(t *testing.T) {
	const limit = 1000
	for _, tc := range []struct {
		name   string
		answer http.HandlerFunc
		want   error
	}{
		{"just fits", func(w http.ResponseWriter, _ *http.Request) { _, _ = w.Write(make([]byte, limit)) }, nil},
		{"one more", func(w http.ResponseWriter, _ *http.Request) { _, _ = w.Write(make([]byte, limit+1)) }, ErrTooLarge},
		{"announced", func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Length", "10000000000")
			w.WriteHeader(http.StatusOK)
		}, ErrTooLarge},
		{"endless", func(w http.ResponseWriter, _ *http.Request) {
			for {
				if _, err := w.Write(make([]byte, 4096)); err != nil {
					return
				}
			}
		}, ErrTooLarge},
		{"compressed though not asked for", func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Encoding", "gzip")
			_, _ = w.Write(bomb(t))
		}, ErrEncoding},
	} {
		t.Run(tc.name, func(t *testing.T) {
			p := newPeer(t, tc.answer)
			c := newClient(t, Options{AllowPrivate: true, ExtraCAFile: p.caFile, MaxBody: limit})
			if _, _, err := c.Get(t.Context(), p.URL, ""); !errors.Is(err, tc.want) {
				t.Fatalf("err = %v, want %v", err, tc.want)
			}
			// Whom the body does not matter to, it does not.
			if status, header, err := c.Tell(t.Context(), Request{Method: http.MethodPost, URL: p.URL, Body: "{}"}); err != nil || status != http.StatusOK || header == nil {
				t.Errorf("tell: %d, %v", status, err)
			}
		})
	}
	t.Run("endless headers", func(t *testing.T) {
		p := newPeer(t, func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("X-Long", strings.Repeat("x", maxHeader))
		})
		c := newClient(t, Options{AllowPrivate: true, ExtraCAFile: p.caFile})
		if _, _, err := c.Get(t.Context(), p.URL, ""); err == nil {
			t.Fatal("accepted")
		}
	})
}

// bomb is a kilobyte that unpacks to a megabyte.
func bomb(t *testing.T) []byte {
	var packed bytes.Buffer
	w := gzip.NewWriter(&packed)
	if _, err := w.Write(make([]byte, 1<<20)); err != nil {
		t.Error(err)
	}
	if err := w.Close(); err != nil {
		t.Error(err)
	}
	return packed.Bytes()
}

func TestTime(t *testing.T) {
	const limit = 100 * time.Millisecond
	// Handlers wait for the test's end, not for the client's departure: one
	// that ends with it may get its last bytes through.
	hold := make(chan struct{})
	for _, tc := range []struct {
		name   string
		answer http.HandlerFunc
	}{
		{"no answer", func(http.ResponseWriter, *http.Request) { <-hold }},
		{"half an answer", func(w http.ResponseWriter, _ *http.Request) {
			_, _ = io.WriteString(w, "half")
			w.(http.Flusher).Flush()
			<-hold
		}},
	} {
		p := newPeer(t, tc.answer)
		t.Run(tc.name, func(t *testing.T) {
			c := newClient(t, Options{AllowPrivate: true, ExtraCAFile: p.caFile, Timeout: limit})
			if _, _, err := c.Get(t.Context(), p.URL, ""); !isTimeout(err) {
				t.Fatalf("err = %v", err)
			}
		})
	}
	t.Run("no handshake", func(t *testing.T) {
		listener, err := net.Listen("tcp", "127.0.0.1:0") // never answers
		if err != nil {
			t.Fatal(err)
		}
		defer listener.Close()
		c := newClient(t, Options{AllowPrivate: true, Timeout: limit})
		if _, _, err := c.Get(t.Context(), "https://"+listener.Addr().String(), ""); !isTimeout(err) {
			t.Fatalf("err = %v", err)
		}
	})
	t.Run("the caller gives up", func(t *testing.T) {
		c := newClient(t, Options{AllowPrivate: true})
		ctx, cancel := context.WithCancel(t.Context())
		cancel()
		if _, _, err := c.Get(ctx, "https://127.0.0.1:1", ""); !errors.Is(err, context.Canceled) {
			t.Fatalf("err = %v", err)
		}
	})
	close(hold)
}

// isTimeout: which of the bounds strikes first is a matter of chance.
func isTimeout(err error) bool {
	var timeout interface{ Timeout() bool }
	return errors.Is(err, context.DeadlineExceeded) || (errors.As(err, &timeout) && timeout.Timeout())
}

func TestTLS(t *testing.T) {
	p := newPeer(t, func(http.ResponseWriter, *http.Request) {})
	resolver := &names{hosts: map[string][]string{"other.example": {"127.0.0.1"}}}
	if _, _, err := newClient(t, Options{AllowPrivate: true}).Get(t.Context(), p.URL, ""); err == nil {
		t.Error("an unknown authority is trusted")
	}
	c := newClient(t, Options{AllowPrivate: true, ExtraCAFile: p.caFile, Resolver: resolver})
	if _, _, err := c.Get(t.Context(), "https://other.example"+p.port(), ""); err == nil {
		t.Error("a certificate for another name is accepted")
	}
	old := httptest.NewUnstartedServer(http.NotFoundHandler())
	old.TLS = &tls.Config{MaxVersion: tls.VersionTLS11, MinVersion: tls.VersionTLS10}
	old.StartTLS()
	defer old.Close()
	if _, _, err := c.Get(t.Context(), old.URL, ""); err == nil {
		t.Error("TLS 1.1 is spoken")
	}
	if p.hits.Load() != 0 {
		t.Errorf("%d calls went through", p.hits.Load())
	}
}

func TestProxyFromTheEnvironmentIsIgnored(t *testing.T) {
	proxy := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { t.Error("asked the proxy") }))
	defer proxy.Close()
	for _, name := range []string{"HTTPS_PROXY", "HTTP_PROXY", "ALL_PROXY", "https_proxy", "http_proxy"} {
		t.Setenv(name, proxy.URL)
	}
	p := newPeer(t, func(http.ResponseWriter, *http.Request) {})
	resolver := &names{hosts: map[string][]string{"example.com": {"127.0.0.1"}}}
	c := newClient(t, Options{AllowPrivate: true, ExtraCAFile: p.caFile, Resolver: resolver})
	if _, _, err := c.Get(t.Context(), "https://example.com"+p.port(), ""); err != nil || p.hits.Load() != 1 {
		t.Fatalf("%v, %d hits", err, p.hits.Load())
	}
}

func TestErrorsHoldNoSecrets(t *testing.T) {
	resolver := &names{hosts: map[string][]string{"private.example": {"10.0.0.1"}}}
	c := newClient(t, Options{Resolver: resolver})
	for _, u := range []string{
		"https://private.example/s3cret?token=s3cret", "https://absent.example/s3cret", "https://u:s3cret@private.example", "http://x/s3cret", "https://%zz/s3cret",
	} {
		_, _, err := c.Get(t.Context(), u, "")
		if err == nil || strings.Contains(err.Error(), "s3cret") {
			t.Errorf("err = %v", err)
		}
	}
}

func TestNewRefuses(t *testing.T) {
	if _, err := New(Options{ExtraCAFile: filepath.Join(t.TempDir(), "absent.pem")}); !errors.Is(err, os.ErrNotExist) {
		t.Error(err)
	}
	empty := filepath.Join(t.TempDir(), "empty.pem")
	if err := os.WriteFile(empty, []byte("nothing"), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := New(Options{ExtraCAFile: empty}); err == nil {
		t.Error("a file without certificates is accepted")
	}
}
