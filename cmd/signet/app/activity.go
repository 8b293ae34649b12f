package app

import (
	"fmt"
	"time"

	"github.com/signet-idp/signet/endpoints/users"
	"github.com/signet-idp/signet/internal/safehttp"
	"github.com/signet-idp/signet/provider/activity"
	"github.com/signet-idp/signet/provider/analytics"
	"github.com/signet-idp/signet/provider/dashboard"
	"github.com/signet-idp/signet/provider/event"
	"github.com/signet-idp/signet/provider/event/kafka"
	"github.com/signet-idp/signet/provider/figures"
	"github.com/signet-idp/signet/provider/report"
	"github.com/signet-idp/signet/provider/webhook"
	"github.com/signet-idp/signet/storage"
)

// follow makes those who read the record behind a cursor of their own: the
// counts, webhooks, Kafka and the operator's analytics service when there is one.
func (s *Server) follow() error {
	configs := []event.FollowerConfig{
		{Name: activity.Follower, Apply: activity.Count(s.Store)},
		{Name: figures.Follower, Apply: figures.Count(s.Store)},
	}
	if h := s.Config.Hooks; h.AnalyticsURL != "" {
		// The operator's own address: it may lie in a private network.
		client, err := safehttp.New(safehttp.Options{AllowPrivate: true, PlainPrivate: true, ExtraCAFile: s.Config.Fetch.ExtraCA})
		if err != nil {
			return fmt.Errorf("app: analytics: %w", err)
		}
		configs = append(configs, event.FollowerConfig{
			Name: analytics.Follower, Batch: analytics.Batch, FromHead: true,
			Deliver: analytics.New(client, h.AnalyticsURL, h.AnalyticsToken.Reveal()).Deliver,
		})
	}
	relay, err := s.relay()
	if err != nil {
		return err
	}
	if relay != nil {
		configs = append(configs, *relay)
	}
	fanOut, err := s.fanOut()
	if err != nil {
		return err
	}
	configs = append(configs, *fanOut)
	for _, c := range configs {
		c.Store, c.Clock, c.Holder, c.Poll, c.Log = s.Store, s.Clock, storage.NewID(), s.followerPoll(), s.Log
		f, err := event.NewFollower(c)
		if err != nil {
			return fmt.Errorf("app: %w", err)
		}
		s.followers = append(s.followers, f)
		s.Telemetry.Metrics.FollowerLag(c.Name, f.Lag)
		switch c.Name {
		case kafka.Follower:
			s.observeRelay(f)
		case webhook.Follower:
			s.observeFanOut(f)
		}
	}
	return nil
}

// followerPoll is how often a follower looks without being told: where there
// are replicas, another one may have sequenced.
func (s *Server) followerPoll() time.Duration {
	if s.Config.Postgres() {
		return time.Second
	}
	return 5 * time.Second
}

// people serves what the JSON API tells of people.
func (s *Server) people(counts *figures.Service) (*users.Handler, error) {
	did := &activity.Service{Store: s.Store, Opener: s.Recorder, Changes: s.Change, Clock: s.Clock}
	boards, err := dashboard.New(dashboard.Deps{Store: s.Store, Directory: s.Directory, Activity: did, Factors: s.Store, Clock: s.Clock})
	if err != nil {
		return nil, fmt.Errorf("app: %w", err)
	}
	return &users.Handler{
		Directory: s.Directory, Store: s.Store, Accounts: s.Users, Operators: s.Operator, Members: s.Organizations, Registrar: s.Accounts, Activity: did, Dashboards: boards, Factors: s.Factors, Figures: counts, Reports: s.Reports(),
		Changes: s.Change, Authenticator: authenticator{s.Verifier, s.Config.Issuer}, Shapes: s.shapes(),
	}, nil
}

// Reports makes reports.
func (c *Core) Reports() *report.Service {
	return &report.Service{Store: c.Store, Opener: c.Recorder, Changes: c.Change, Clock: c.Clock}
}
