package harness

import (
	"net"
	"net/url"
	"sync"
	"sync/atomic"
	"testing"
	"time"
)

// Proxy stands between a server and its database or Redis and misbehaves on
// request. It forwards bytes and knows nothing about them.
type Proxy struct {
	target string
	addr   string

	mu       sync.Mutex
	listener net.Listener
	conns    map[net.Conn]struct{}
	wg       sync.WaitGroup
	// stalled is closed when bytes may flow; nil: they do.
	stalled chan struct{}

	delay atomic.Int64
	up    fuse
	down  fuse
}

// fuse counts bytes down; the connection on which it burns is cut.
type fuse struct{ left atomic.Int64 }

// spend takes n bytes and says how many of them may still pass, and whether
// that was the end.
func (f *fuse) spend(n int) (pass int, burnt bool) {
	for {
		left := f.left.Load()
		if left <= 0 {
			return n, false // not armed
		}
		rest := left - int64(n)
		if rest > 0 {
			if f.left.CompareAndSwap(left, rest) {
				return n, false
			}
			continue
		}
		if f.left.CompareAndSwap(left, 0) {
			return int(left), true
		}
	}
}

// NewProxy listens on a port of its own and forwards to what rawURL names; it
// returns the URL that goes through it.
func NewProxy(tb testing.TB, rawURL string) (p *Proxy, through string) {
	tb.Helper()
	u, err := url.Parse(rawURL)
	if err != nil {
		tb.Fatal(err)
	}
	p = &Proxy{target: u.Host, addr: "127.0.0.1:0", conns: map[net.Conn]struct{}{}}
	p.listen(tb)
	tb.Cleanup(func() { p.Cut(); p.wg.Wait() })
	u.Host = p.addr
	return p, u.String()
}

func (p *Proxy) listen(tb testing.TB) {
	tb.Helper()
	l, err := net.Listen("tcp", p.addr)
	if err != nil {
		tb.Fatal(err)
	}
	p.mu.Lock()
	p.addr, p.listener = l.Addr().String(), l
	p.mu.Unlock()
	p.wg.Go(func() {
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			p.wg.Go(func() { p.serve(l, c) })
		}
	})
}

// Cut closes every connection and refuses new ones: the server is gone.
func (p *Proxy) Cut() {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.listener != nil {
		_ = p.listener.Close()
		p.listener = nil
	}
	p.release()
	for c := range p.conns {
		_ = c.Close()
	}
}

// Restore listens again.
func (p *Proxy) Restore(tb testing.TB) { tb.Helper(); p.listen(tb) }

// Stall lets no byte through, on connections that stand and on new ones: the
// server hangs, or the network swallows everything.
func (p *Proxy) Stall() {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.stalled == nil {
		p.stalled = make(chan struct{})
	}
}

// Flow ends Stall.
func (p *Proxy) Flow() {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.release()
}

func (p *Proxy) release() {
	if p.stalled != nil {
		close(p.stalled)
		p.stalled = nil
	}
}

// Delay holds every answer back for d.
func (p *Proxy) Delay(d time.Duration) { p.delay.Store(int64(d)) }

// BreakAfterSending cuts one connection after n more bytes were sent to the
// server. 0 disarms.
func (p *Proxy) BreakAfterSending(n int) { p.up.left.Store(int64(n)) }

// BreakAfterReceiving is BreakAfterSending for the other direction.
func (p *Proxy) BreakAfterReceiving(n int) { p.down.left.Store(int64(n)) }

func (p *Proxy) serve(l net.Listener, client net.Conn) {
	defer client.Close()
	server, err := net.Dial("tcp", p.target)
	if err != nil {
		return
	}
	defer server.Close()
	p.mu.Lock()
	if p.listener != l { // cut meanwhile
		p.mu.Unlock()
		return
	}
	p.conns[client], p.conns[server] = struct{}{}, struct{}{}
	p.mu.Unlock()
	defer func() {
		p.mu.Lock()
		delete(p.conns, client)
		delete(p.conns, server)
		p.mu.Unlock()
	}()
	var both sync.WaitGroup
	both.Go(func() { p.pipe(server, client, &p.up, false) })
	both.Go(func() { p.pipe(client, server, &p.down, true) })
	both.Wait()
}

// pipe moves bytes until one end is closed, then closes both.
func (p *Proxy) pipe(to, from net.Conn, f *fuse, answers bool) {
	defer to.Close()
	defer from.Close()
	buf := make([]byte, 32<<10)
	for {
		n, err := from.Read(buf)
		p.hold(answers)
		pass, burnt := f.spend(n)
		if _, werr := to.Write(buf[:pass]); werr != nil || burnt {
			return
		}
		if err != nil {
			return
		}
	}
}

// hold waits as long as bytes must not flow.
func (p *Proxy) hold(answers bool) {
	if d := time.Duration(p.delay.Load()); d > 0 && answers {
		<-time.After(d)
	}
	p.mu.Lock()
	stalled := p.stalled
	p.mu.Unlock()
	if stalled != nil {
		<-stalled
	}
}
