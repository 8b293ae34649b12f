package app

import (
	"context"
	"errors"
	"time"

	"github.com/signet-idp/signet/endpoints/revocations"
	"github.com/signet-idp/signet/endpoints/web"
	"github.com/signet-idp/signet/provider/revocation/feed"
	"github.com/signet-idp/signet/provider/token"
)

// openFeed has what the view enforces told to gateways.
func (s *Server) openFeed() {
	s.feed = feed.New(feed.Config{Issuer: s.Config.Issuer, Keys: s.Keys, Clock: s.Clock, Log: s.Log})
	s.View.OnStep(s.feed.Step)
}

func (s *Server) mountFeed() {
	h := &revocations.Handler{
		Feed: s.feed, Open: s.Config.Feed.Open, Subscribers: s.Config.Feed.Subscribers, PerAddress: s.Config.Feed.StreamsPerAddr,
		Alive: s.readerAlive, WriteTimeout: slowReader,
	}
	h.Mount(s.Table)
	s.Telemetry.Metrics.FeedSubscribers(s.feed.Subscribers)
}

// EndStreams ends what has no end of its own, so that the server can drain:
// readers of the feed go to another replica and lose nothing.
func (s *Server) EndStreams() { s.feed.Close() }

// slowReader is how long a subscriber may take to accept a message.
const slowReader = 10 * time.Second

// readerAlive judges the token of an open stream. Of a replica that is cut off
// nobody knows whether it was revoked: the stream goes on, and says how old its
// news is.
func (s *Server) readerAlive(ctx context.Context) error {
	p := web.PrincipalFrom(ctx)
	if p == nil {
		return nil
	}
	t, ok := p.Claims.(*token.Verified)
	if !ok {
		return errors.New("app: a stream without a verified token")
	}
	if err := s.Verifier.Still(t); err != nil && !errors.Is(err, token.ErrUnknownVerdict) {
		return err
	}
	return nil
}
