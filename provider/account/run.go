package account

import (
	"context"
	"errors"
	"sync"
	"time"

	"github.com/signet-idp/signet/provider/fault"
	"github.com/signet-idp/signet/storage"
)

// Bounds of what runs beside the requests.
const (
	maxJobs    = 1024 // that wait; more are answered 503
	workers    = 2
	jobTime    = 10 * time.Second
	jobTries   = 3
	retryAfter = time.Second
	// headStart is how far an answer is ahead of the work behind it. Without one,
	// work that is only done for an account competes with its own answer for the
	// processor: some 20 microseconds, and the answer's time tells.
	headStart = 50 * time.Millisecond

	erasureLease = "erasure"
	eraseEvery   = time.Minute
	eraseBatch   = 100
)

// job is the part of a request that its answer does not wait for.
type job struct {
	ctx context.Context //nolint:containedctx // of the request that asked: who, which request
	op  string
	due time.Time
	do  func(ctx context.Context) error
}

// later hands a job over; fault.Unavailable when too many wait.
func (s *Service) later(ctx context.Context, op string, do func(context.Context) error) error {
	select {
	case s.jobs <- job{ctx: context.WithoutCancel(ctx), op: op, due: s.Clock.Now().Add(headStart), do: do}:
		return nil
	default:
		return fault.New(fault.Unavailable, "too much is asked for now; try again")
	}
}

// Run does what was asked for by address, and erases deleted accounts whose
// grace is over, until ctx ends; what was accepted by then is still done.
func (s *Service) Run(ctx context.Context) {
	var wg sync.WaitGroup
	for range workers {
		wg.Go(func() { s.work(ctx) })
	}
	wg.Go(func() { s.erasures(ctx) })
	wg.Wait()
}

func (s *Service) work(ctx context.Context) {
	for {
		select {
		case j := <-s.jobs:
			s.await(ctx, j)
			s.run(j) //nolint:contextcheck // the job has its request's
		case <-ctx.Done():
			s.Work() //nolint:contextcheck // what was accepted is done
			return
		}
	}
}

// await returns when a job is due, or nobody waits for answers any more.
func (s *Service) await(ctx context.Context, j job) {
	wait := time.NewTimer(min(headStart, j.due.Sub(s.Clock.Now())))
	defer wait.Stop()
	select {
	case <-wait.C:
	case <-ctx.Done():
	}
}

// Work does the jobs that wait now.
func (s *Service) Work() {
	for {
		select {
		case j := <-s.jobs:
			s.run(j)
		default:
			return
		}
	}
}

// run does one job; a database that is away for a moment gets another try.
func (s *Service) run(j job) {
	var err error
	for try := range jobTries {
		if try > 0 {
			time.Sleep(retryAfter)
		}
		if err = s.once(j); err == nil || !errors.Is(err, storage.ErrUnavailable) {
			break
		}
	}
	if err != nil {
		s.Log.ErrorContext(j.ctx, "account: request not carried out", "request", j.op, "error", err)
	}
}

func (s *Service) once(j job) error {
	ctx, cancel := context.WithTimeout(j.ctx, jobTime)
	defer cancel()
	return j.do(ctx)
}

func (s *Service) erasures(ctx context.Context) {
	tick := time.NewTicker(eraseEvery)
	defer tick.Stop()
	for {
		if _, err := s.EraseDue(ctx); err != nil && ctx.Err() == nil {
			s.Log.Error("account: erasure", "error", err)
		}
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		}
	}
}

// EraseDue erases the deleted accounts whose grace is over and returns how
// many; of these, and of accounts that were erased at once, nothing stays in the
// database's files either. One replica does it at a time; a second would find
// nothing to do, and one that dies in the middle leaves each account whole or
// wiped.
func (s *Service) EraseDue(ctx context.Context) (int, error) {
	n, err := s.eraseDue(ctx)
	return n, errors.Join(err, s.Store.Scrub(ctx))
}

func (s *Service) eraseDue(ctx context.Context) (int, error) {
	total := 0
	for {
		now := s.Clock.Now()
		_, mine, err := s.Store.AcquireLease(ctx, erasureLease, s.holder, now, now.Add(2*eraseEvery))
		if err != nil || !mine {
			return total, err
		}
		due, err := s.Store.UsersToErase(ctx, now, eraseBatch)
		if err != nil || len(due) == 0 {
			return total, err
		}
		for _, u := range due {
			if err := s.Users.Erase(ctx, u.ID, "grace_over"); err != nil {
				return total, err
			}
			total++
		}
	}
}
