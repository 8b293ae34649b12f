package replicas_test

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/signet-idp/signet/cmd/signet/app"
	"github.com/signet-idp/signet/cmd/signet/config"
	"github.com/signet-idp/signet/storage"
	"github.com/signet-idp/signet/test/harness"
)

// TestDrain ends a server, as SIGTERM does, while requests run and keep coming
// from clients that stop when readiness fails, as a load balancer does. None
// fails, and one that is still being sent when the listener is gone is
// answered too.
func TestDrain(t *testing.T) {
	t.Parallel()
	loaded, err := config.Load(config.Sources{Environ: []string{
		"SIGNET_ISSUER=http://127.0.0.1:8001", "SIGNET_ADDR=127.0.0.1:0", "SIGNET_SERVER_DRAIN_DELAY=300ms",
		"SIGNET_DATABASE_URL=sqlite:" + filepath.Join(t.TempDir(), "signet.db"),
	}})
	if err != nil {
		t.Fatal(err)
	}
	core, err := app.Open(t.Context(), app.Options{Config: &loaded.Config, Log: slog.New(slog.DiscardHandler)}, true)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := core.Close(); err != nil {
			t.Errorf("close: %v", err)
		}
	})
	srv, err := app.NewServer(t.Context(), core, app.Build{Version: "test"})
	if err != nil {
		t.Fatal(err)
	}
	ctx, terminate := context.WithCancel(t.Context())
	defer terminate()
	address, ended := make(chan string, 1), make(chan error, 1)
	go func() { ended <- srv.Serve(ctx, func(a net.Addr) { address <- a.String() }) }()
	in := &harness.Instance{Server: srv, URL: "http://" + <-address, Issuer: "http://127.0.0.1:8001"}
	_, secret := in.Service(t, "orders", "", storage.ClientMetadata{Scope: "orders:read"})

	// A request whose body has only begun to arrive.
	slow, err := net.Dial("tcp", in.URL[len("http://"):])
	if err != nil {
		t.Fatal(err)
	}
	defer slow.Close()
	body := "grant_type=client_credentials"
	r, err := http.NewRequestWithContext(t.Context(), http.MethodPost, in.URL+"/oauth2/token", http.NoBody)
	if err != nil {
		t.Fatal(err)
	}
	r.SetBasicAuth("orders", secret)
	fmt.Fprintf(slow, "POST /oauth2/token HTTP/1.1\r\nHost: x\r\nAuthorization: %s\r\nContent-Type: application/x-www-form-urlencoded\r\nContent-Length: %d\r\n\r\n%s",
		r.Header.Get("Authorization"), len(body), body[:10])

	// Clients that keep asking until they are told not to.
	var stop atomic.Bool
	var answered atomic.Int64
	var clients sync.WaitGroup
	c := newCaller(t, 8)
	for range 4 {
		clients.Go(func() {
			for !stop.Load() {
				r, _ := http.NewRequestWithContext(t.Context(), http.MethodPost, in.URL+"/oauth2/token", strings.NewReader(body))
				r.SetBasicAuth("orders", secret)
				r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
				if a := c.do(r); a.err != nil || a.status != http.StatusOK {
					t.Errorf("a request failed while the server drained: %d %v %.200s", a.status, a.err, a.body)
					return
				}
				answered.Add(1)
			}
		})
	}
	harness.Eventually(t, patience, "load", func() bool { return answered.Load() > 20 })
	before := answered.Load()
	terminate()
	harness.Eventually(t, patience, "readiness fails", func() bool {
		a := c.get(t.Context(), in.URL+"/readyz")
		return a.status == http.StatusServiceUnavailable
	})
	harness.Eventually(t, patience, "requests are still answered", func() bool { return answered.Load() > before+5 })
	stop.Store(true)
	clients.Wait()
	harness.Eventually(t, patience, "the listener is closed", func() bool {
		probe, err := net.Dial("tcp", in.URL[len("http://"):])
		if err == nil {
			probe.Close()
		}
		return err != nil
	})
	select {
	case err := <-ended:
		t.Fatalf("it ended with a request running: %v", err)
	default:
	}
	if _, err := io.WriteString(slow, body[10:]); err != nil {
		t.Fatal(err)
	}
	resp, err := http.ReadResponse(bufio.NewReader(slow), nil)
	if err != nil || resp.StatusCode != http.StatusOK {
		t.Fatalf("the request that was running: %v %v", resp, err)
	}
	resp.Body.Close()
	select {
	case err := <-ended:
		if err != nil {
			t.Fatal(err)
		}
	case <-time.After(patience):
		t.Fatal("it does not end")
	}
	t.Logf("%d requests, none failed", answered.Load()+1)
}
