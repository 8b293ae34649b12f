package app

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"time"
)

// Timeouts of the listeners.
const (
	headerTimeout = 5 * time.Second
	readTimeout   = 30 * time.Second
	idleTimeout   = 2 * time.Minute
	shutdownTime  = 15 * time.Second
	maxHeader     = 32 << 10
)

// Serve answers requests until ctx ends, then drains: readiness fails first,
// running requests finish. ready is called once the listeners accept.
func (s *Server) Serve(ctx context.Context, ready func(addr net.Addr)) error {
	listener, err := net.Listen("tcp", s.Config.Server.Addr) //nolint:noctx // listening is instant
	if err != nil {
		return fmt.Errorf("app: listen: %w", err)
	}
	defer listener.Close()
	if err := s.View.Load(ctx); err != nil {
		return fmt.Errorf("app: revocations: %w", err)
	}
	if err := s.EnsureRings(ctx); err != nil {
		return err
	}
	background, stop := context.WithCancel(context.WithoutCancel(ctx))
	defer stop()
	done := make(chan error, 1)
	go func() { done <- s.Background(background) }()

	failed := make(chan error, 2)
	servers := []*http.Server{newServer(s.Handler)}
	servers[0].RegisterOnShutdown(s.EndStreams)
	go func() { failed <- s.serveOn(servers[0], listener) }()
	if s.OpsFrame != nil {
		opsListener, err := net.Listen("tcp", s.Config.Server.OpsAddr) //nolint:noctx // as above
		if err != nil {
			return fmt.Errorf("app: listen: %w", err)
		}
		servers = append(servers, newServer(s.OpsFrame))
		go func() { failed <- servers[1].Serve(opsListener) }()
	}
	s.Ops.Started()
	if ready != nil {
		ready(listener.Addr())
	}
	var cause error
	select {
	case <-ctx.Done():
	case cause = <-failed:
	}
	s.Ops.Drain()
	s.news.Close() // who waits for events gets an answer
	if cause == nil && !s.Config.Dev {
		time.Sleep(s.Config.Server.DrainDelay) // load balancers look away first
	}
	cause = errors.Join(cause, shutdown(servers)) //nolint:contextcheck // ctx has ended: draining has a time of its own
	stop()
	return errors.Join(cause, <-done)
}

func (s *Server) serveOn(srv *http.Server, l net.Listener) error {
	if s.Config.TLS.Cert != "" {
		return srv.ServeTLS(l, s.Config.TLS.Cert, s.Config.TLS.Key)
	}
	return srv.Serve(l)
}

func newServer(h http.Handler) *http.Server {
	return &http.Server{
		Handler: h, ReadHeaderTimeout: headerTimeout, ReadTimeout: readTimeout, IdleTimeout: idleTimeout, MaxHeaderBytes: maxHeader,
	}
}

func shutdown(servers []*http.Server) error {
	ctx, cancel := context.WithTimeout(context.Background(), shutdownTime)
	defer cancel()
	var errs []error
	for _, srv := range servers {
		errs = append(errs, srv.Shutdown(ctx))
	}
	return errors.Join(errs...)
}
