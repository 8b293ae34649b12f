package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/signet-idp/signet/internal/clock"
	"github.com/signet-idp/signet/internal/progress"
)

// figures are what was measured of one operation. Durations are microseconds.
type figures struct {
	Name     string  `json:"name"`
	Requests int     `json:"requests"`
	Errors   int     `json:"errors"`
	PerCore  float64 `json:"per_core_second"` // operations over the server's CPU seconds
	Wall     float64 `json:"per_wall_second"`
	Promise  float64 `json:"promise,omitempty"`
	CPU      float64 `json:"cpu_us"` // of the server, for one operation
	P50      float64 `json:"p50_us"`
	P95      float64 `json:"p95_us"`
	P99      float64 `json:"p99_us"`
	Max      float64 `json:"max_us"`
	Rate     float64 `json:"rate,omitempty"` // open loop
	first    error
}

// engineFigures are those of one server on one engine.
type engineFigures struct {
	Engine     string    `json:"engine"`
	ColdStart  float64   `json:"cold_start_ms"`
	IdleMiB    float64   `json:"idle_mib"`
	LoadedMiB  float64   `json:"loaded_mib"`
	Operations []figures `json:"operations"`
}

// coldStarts is how often the server is started to find its best time.
const coldStarts = 3

// settle is how long a fresh server is left alone before it counts as idle.
const settle = time.Second

func measureEngine(ctx context.Context, o *options, ops []operation, engine, dir string) (f engineFigures, err error) {
	f.Engine = engine
	url, stopDatabase, err := database(ctx, engine, dir)
	if err != nil {
		return f, err
	}
	defer func() { err = errors.Join(err, stopDatabase()) }()
	home := filepath.Join(dir, "server-"+time.Now().Format("150405.000"))
	if err := os.Mkdir(home, 0o700); err != nil {
		return f, err
	}
	s, err := newServer(o, home, url)
	if err != nil {
		return f, err
	}
	people, err := install(ctx, s, o.conns)
	if err != nil {
		return f, err
	}
	if o.seed.members > 0 {
		if err := seed(ctx, s.env, o.seed, progress.New(os.Stderr, clock.System{})); err != nil {
			return f, err
		}
		people.seeded = o.seed.members
	}
	for n := range coldStarts {
		took, err := s.start(ctx)
		if err != nil {
			return f, err
		}
		if ms := float64(took.Microseconds()) / 1000; n == 0 || ms < f.ColdStart {
			f.ColdStart = ms
		}
		if n < coldStarts-1 {
			if err := s.stop(); err != nil {
				return f, fmt.Errorf("stop: %w: %s", err, s.tail())
			}
		}
	}
	defer func() { err = errors.Join(err, s.stop()) }()
	time.Sleep(settle)
	f.IdleMiB = s.memory()
	for _, op := range ops {
		one, err := measure(ctx, o, s, &site{url: s.url, installation: people}, op)
		if err != nil {
			return f, fmt.Errorf("%s: %w", op.name, err)
		}
		f.Operations = append(f.Operations, one)
	}
	f.LoadedMiB = s.memory()
	return f, nil
}

// errorsAllowed ends a measurement that has gone wrong.
const errorsAllowed = 100

// measure runs one operation: closed loop, or with -rate open.
func measure(ctx context.Context, o *options, s *server, at *site, op operation) (figures, error) {
	workers := make([]*worker, o.conns)
	defer func() {
		for _, w := range workers {
			if w != nil {
				w.client.CloseIdleConnections()
			}
		}
	}()
	for n := range workers {
		workers[n] = at.newWorker(n)
		if op.prepare != nil {
			if err := op.prepare(ctx, workers[n]); err != nil {
				return figures{}, fmt.Errorf("prepare: %w", err)
			}
		}
	}
	var shared *pool
	if op.shared != nil {
		var err error
		if shared, err = op.shared(ctx, workers[0], o); err != nil {
			return figures{}, fmt.Errorf("prepare: %w", err)
		}
	}
	before, err := s.cpuTime()
	if err != nil {
		return figures{}, err
	}
	profiled := make(chan error, 1)
	if o.prof != "" {
		go func() {
			profiled <- s.profile(ctx, filepath.Join(o.prof, op.name+".pprof"), o.time)
		}()
	} else {
		profiled <- nil
	}
	run := &running{op: op, pool: shared, until: time.Now().Add(o.time), count: int64(o.count)}
	begin := time.Now()
	if o.rate > 0 {
		run.open(ctx, workers, o.rate)
	} else {
		run.closed(ctx, workers)
	}
	wall := time.Since(begin)
	after, err := s.cpuTime()
	if err != nil {
		return figures{}, err
	}
	if err := <-profiled; err != nil {
		return figures{}, err
	}
	f := run.figures(wall, after-before)
	f.Rate = o.rate
	if len(run.took) == 0 || f.Errors >= errorsAllowed {
		return f, fmt.Errorf("%d errors, the first: %w", f.Errors, f.first)
	}
	return f, nil
}

// running collects one measurement.
type running struct {
	op    operation
	pool  *pool
	until time.Time
	count int64

	begun, failed atomic.Int64
	mu            sync.Mutex
	took          []time.Duration
	first         error
}

// more says whether another operation is to begin.
func (r *running) more(ctx context.Context) bool {
	return ctx.Err() == nil && r.begun.Add(1) <= r.count && r.failed.Load() < errorsAllowed && time.Now().Before(r.until)
}

// one runs the operation and notes how long it took since start. It says
// whether to go on.
func (r *running) one(ctx context.Context, w *worker, start time.Time, took *[]time.Duration) bool {
	err := r.op.once(ctx, w, r.pool)
	switch {
	case errors.Is(err, errEmpty):
		return false
	case err != nil:
		r.failed.Add(1)
		r.mu.Lock()
		if r.first == nil {
			r.first = err
		}
		r.mu.Unlock()
		return true
	}
	*took = append(*took, time.Since(start))
	return true
}

// closed: every worker begins its next operation when the last has ended.
func (r *running) closed(ctx context.Context, workers []*worker) {
	var wg sync.WaitGroup
	for _, w := range workers {
		wg.Go(func() {
			var took []time.Duration
			for r.more(ctx) && r.one(ctx, w, time.Now(), &took) {
			}
			r.add(took)
		})
	}
	wg.Wait()
}

// open: operations begin at their times, whether or not earlier ones have
// ended; a wait for a free worker counts as the server's.
func (r *running) open(ctx context.Context, workers []*worker, rate float64) {
	due := make(chan time.Time, 1<<16)
	go func() {
		defer close(due)
		gap := time.Duration(float64(time.Second) / rate)
		for at := time.Now(); r.more(ctx); at = at.Add(gap) {
			time.Sleep(time.Until(at))
			due <- at
		}
	}()
	var wg sync.WaitGroup
	for _, w := range workers {
		wg.Go(func() {
			var took []time.Duration
			for at := range due {
				if !r.one(ctx, w, at, &took) {
					break
				}
			}
			r.add(took)
		})
	}
	wg.Wait()
}

func (r *running) add(took []time.Duration) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.took = append(r.took, took...)
}

func (r *running) figures(wall, cpu time.Duration) figures {
	f := figures{Name: r.op.name, Promise: r.op.promise, Requests: len(r.took), Errors: int(r.failed.Load()), first: r.first}
	if len(r.took) == 0 {
		return f
	}
	slices.Sort(r.took)
	at := func(q float64) float64 {
		return float64(r.took[min(len(r.took)-1, int(q*float64(len(r.took))))].Microseconds())
	}
	f.P50, f.P95, f.P99, f.Max = at(.5), at(.95), at(.99), at(1)
	f.Wall = float64(f.Requests) / wall.Seconds()
	if cpu > 0 {
		f.PerCore = float64(f.Requests) / cpu.Seconds()
		f.CPU = float64(cpu.Microseconds()) / float64(f.Requests)
	}
	return f
}
