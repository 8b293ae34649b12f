package app

import (
	"context"
	"crypto/rand"
	"fmt"

	"github.com/signet-idp/signet/endpoints/webhooks"
	"github.com/signet-idp/signet/internal/safehttp"
	"github.com/signet-idp/signet/provider/event"
	"github.com/signet-idp/signet/provider/webhook"
)

// openWebhooks makes the service that keeps webhooks. What is called is what
// others have named, so nothing private unless in development.
func (c *Core) openWebhooks(ctx context.Context) error {
	key, err := c.Keyring.Purpose(ctx, webhook.SecretPurpose)
	if err != nil {
		return fmt.Errorf("app: data keys: %w", err)
	}
	client, err := safehttp.New(safehttp.Options{
		AllowPrivate: c.Config.Fetch.AllowPrivate, ExtraCAFile: c.Config.Fetch.ExtraCA, Timeout: c.Config.Webhooks.Timeout,
	})
	if err != nil {
		return fmt.Errorf("app: webhooks: %w", err)
	}
	c.Webhooks = webhook.New(webhook.Deps{
		Store: c.Store, Change: c.Change, Client: client, Key: key, Clock: c.Clock, Random: rand.Reader, Origin: c.Origin(),
	})
	return nil
}

// fanOut makes what sends, and the follower that gives it something to send.
func (s *Server) fanOut() (*event.FollowerConfig, error) {
	settings := s.Config.Webhooks
	var err error
	if s.messenger, err = webhook.NewWorker(webhook.WorkerConfig{
		Store: s.Store, Change: s.Change, Client: s.Webhooks.Client, Key: s.Webhooks.Key, Clock: s.Clock, Random: rand.Reader, Origin: s.Origin(),
		Concurrency: settings.Concurrency, PerWebhook: settings.PerWebhook, MaxAge: settings.MaxAge, DisableAfter: settings.DisableAfter,
		Observer: s.Telemetry.Metrics, Log: s.Log,
	}); err != nil {
		return nil, fmt.Errorf("app: %w", err)
	}
	s.Webhooks.Kick = s.messenger.Kick
	s.fanned = webhook.NewFanout(s.Store, s.Change, s.Clock, s.Log)
	return &event.FollowerConfig{
		Name: webhook.Follower, Batch: webhook.Batch, Tend: s.fanned.Tend, Apply: s.fanned.Apply, Done: s.messenger.Kick,
	}, nil
}

// observeFanOut registers the figures of what waits, which only the replica that
// fans out has.
func (s *Server) observeFanOut(f *event.Follower) {
	working := func(figure func() float64) func() float64 {
		return func() float64 {
			if !f.Working() {
				return 0
			}
			return figure()
		}
	}
	s.Telemetry.Metrics.WebhookBacklog(
		working(func() float64 { return float64(s.fanned.Pending()) }), working(func() float64 { return s.fanned.Oldest().Seconds() }))
}

func (s *Server) webhooks() *webhooks.Handler {
	return &webhooks.Handler{Directory: s.Directory, Webhooks: s.Webhooks, Shape: s.shapes()}
}
