package event

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"sync"
	"time"

	"github.com/signet-idp/signet/internal/clock"
	"github.com/signet-idp/signet/storage"
)

const (
	leaseName = "sequencer"
	leaseTime = 5 * time.Second
	// batchSize bounds one transaction.
	batchSize = 500

	defaultPoll = 100 * time.Millisecond
	// hotPoll and hotTicks: a kick comes before the commit it announces, so
	// after one the sequencer looks this often, for this many times.
	hotPoll  = 10 * time.Millisecond
	hotTicks = 100
)

// SequencerStore is what the Sequencer needs of the store.
type SequencerStore interface {
	storage.Transactor
	storage.Events
	storage.Leases
}

// SequencerConfig is what a Sequencer is made of.
type SequencerConfig struct {
	Store SequencerStore // required
	Clock clock.Clock    // required
	// Holder names this replica in the lease; required, unique per process.
	Holder string
	// Poll is how often to look for events of other replicas (0: 100 ms).
	// Where there is one process only, Kick announces all events, and this may
	// be seconds.
	Poll time.Duration
	// Notify is called after events were sequenced; it must not block.
	// Follower.Kick belongs here. nil: nobody is told.
	Notify func()
	Log    *slog.Logger // nil: none
}

// Sequencer gives recorded events their gap-free seq and their place in the
// chain, once they are committed. Every replica runs one; the one that holds
// the lease works. A replica that lost the lease without noticing (a pause, a
// clock that runs ahead) is stopped by the lease's fence inside the transaction
// that writes, so the chain never forks.
type Sequencer struct {
	store  SequencerStore
	notify func()
	poll   time.Duration
	log    *slog.Logger
	kick   chan struct{}

	mu     sync.Mutex // one Tick at a time
	tenure Tenure
}

// NewSequencer makes a Sequencer; start it with Run.
func NewSequencer(c SequencerConfig) (*Sequencer, error) {
	if c.Store == nil || c.Clock == nil || c.Holder == "" {
		return nil, errors.New("event: sequencer: store, clock and holder are required")
	}
	if c.Poll <= 0 {
		c.Poll = defaultPoll
	}
	if c.Log == nil {
		c.Log = slog.New(slog.DiscardHandler)
	}
	if c.Notify == nil {
		c.Notify = func() {}
	}
	return &Sequencer{
		store: c.Store, notify: c.Notify, poll: c.Poll, log: c.Log, kick: make(chan struct{}, 1),
		tenure: NewTenure(c.Store, c.Clock, leaseName, c.Holder, leaseTime),
	}, nil
}

// Kick announces that events are being recorded. It never blocks.
func (s *Sequencer) Kick() {
	select {
	case s.kick <- struct{}{}:
	default:
	}
}

// Tick sequences one batch, if this replica has or gets the lease, and returns
// how many events that were. A full batch (500) means there is more to do.
func (s *Sequencer) Tick(ctx context.Context) (int, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	held, err := s.tenure.Hold(ctx)
	if err != nil {
		return 0, fmt.Errorf("event: sequencer: %w", err)
	}
	if !held {
		return 0, nil
	}
	// Most looks find nothing: they cost one read and no transaction.
	waiting, err := s.store.UnsequencedEvents(ctx, 1)
	if err != nil {
		return 0, fmt.Errorf("event: sequencer: %w", err)
	}
	if len(waiting) == 0 {
		return 0, nil
	}
	n, err := s.sequence(ctx)
	if errors.Is(err, storage.ErrVersion) {
		s.tenure.Lost()
		s.log.InfoContext(ctx, "event sequencer: another replica took the lease")
		return 0, nil
	}
	if err != nil {
		return 0, fmt.Errorf("event: sequencer: %w", err)
	}
	if n > 0 {
		s.notify()
	}
	return n, nil
}

// sequence writes one batch under the lease's fence. Checking the lease locks
// its row until the commit, so whoever takes the lease next waits for that, and
// reads the end of the chain that is written here.
func (s *Sequencer) sequence(ctx context.Context) (n int, err error) {
	err = s.store.InTx(ctx, func(ctx context.Context) error {
		n = 0
		if err := s.tenure.Check(ctx); err != nil {
			return err
		}
		seq, hash := int64(0), Genesis()
		last, err := s.store.LastEvent(ctx)
		switch {
		case err == nil:
			seq, hash = last.Seq, last.Hash
		case !errors.Is(err, storage.ErrNotFound):
			return fmt.Errorf("last event: %w", err)
		}
		batch, err := s.store.UnsequencedEvents(ctx, batchSize)
		if err != nil {
			return fmt.Errorf("unsequenced events: %w", err)
		}
		for i := range batch {
			seq++
			batch[i].Seq = seq
			hash = Hash(hash, batch[i])
			batch[i].Hash = hash
		}
		if len(batch) == 0 {
			return nil
		}
		if err := s.store.SequenceEvents(ctx, batch); err != nil {
			return fmt.Errorf("sequence events: %w", err)
		}
		n = len(batch)
		return nil
	})
	return n, err
}

// Run sequences until ctx ends, then gives the lease back. Events recorded by
// this replica are sequenced some 10 ms after their commit, those of others
// within Poll.
func (s *Sequencer) Run(ctx context.Context) error {
	timer := time.NewTimer(0)
	defer timer.Stop()
	hot, failing := hotTicks, false
	for {
		select {
		case <-ctx.Done():
			return s.release(ctx)
		case <-s.kick:
			if hot == 0 { // else the timer is as near already
				timer.Reset(min(hotPoll, s.poll))
			}
			hot = hotTicks
			continue
		case <-timer.C:
		}
		n, err := s.Tick(ctx)
		switch {
		case err != nil && ctx.Err() == nil && !failing:
			failing = true
			s.log.WarnContext(ctx, "event sequencer: events wait", slog.Any("error", err))
		case err == nil && failing:
			failing = false
			s.log.InfoContext(ctx, "event sequencer: working again")
		}
		wait := s.poll
		switch {
		case n == batchSize:
			wait = 0
		case hot > 0 && err == nil:
			hot--
			wait = min(hotPoll, s.poll)
		}
		timer.Reset(wait)
	}
}

func (s *Sequencer) release(ctx context.Context) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if err := s.tenure.Release(ctx); err != nil {
		return fmt.Errorf("event: sequencer: %w", err)
	}
	return nil
}
