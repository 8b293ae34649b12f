// Command load measures a built Signet as its users feel it: whole requests
// over HTTP to one server process on one core, from another core.
//
//	go run ./test/load                        # every operation, SQLite and PostgreSQL
//	go run ./test/load -db sqlite -ops refresh,code -time 10s
//	go run ./test/load -ops validate-same -rate 2000    # open loop, for p99
//	go run ./test/load -members 10000 -events 1000000 -ops dashboard-user,dashboard-organization -rate 20
//	go run ./test/load alike                            # does an answer's time tell of accounts?
//	go run ./test/load seed -members 10000 -events 1000000 -database sqlite:data/signet.db
//
// It builds the server (or takes -bin), applies an installation of its own,
// starts the server with GOMAXPROCS=1 on the first of -cpus, and keeps itself
// and PostgreSQL to the second. Throughput is given per core of the server:
// requests over the CPU time that the server's process used for them, which a
// busy machine distorts much less than the clock on the wall. The server's
// time alone counts: PostgreSQL's own is on the other core.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"os/signal"
	"slices"
	"strings"
	"syscall"
	"time"
)

// options are the command line.
type options struct {
	bin   string
	db    string
	ops   string
	json  string
	prof  string
	cpus  string
	time  time.Duration
	count int
	conns int
	rate  float64
	fresh int
	seed  seedSize
}

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	err := run(ctx, os.Args[1:], os.Stdout)
	stop()
	if err != nil && !errors.Is(err, flag.ErrHelp) {
		fmt.Fprintln(os.Stderr, "load:", err)
		os.Exit(1)
	}
}

func run(ctx context.Context, args []string, out io.Writer) error {
	if len(args) > 0 {
		switch args[0] {
		case "seed":
			return seedCommand(ctx, args[1:], os.Stderr)
		case "alike":
			return alikeCommand(ctx, args[1:], out)
		}
	}
	o, err := parse(args)
	if err != nil {
		return err
	}
	ops, err := choose(o.ops)
	if err != nil {
		return err
	}
	dir, err := os.MkdirTemp("", "signet-load-")
	if err != nil {
		return err
	}
	defer os.RemoveAll(dir)
	if o.bin == "" {
		if o.bin, err = build(ctx, dir); err != nil {
			return err
		}
	}
	if !pinSelf(ctx, o.clientCPU()) {
		fmt.Fprintln(out, "not pinned to cores: taskset is not here; throughput on the wall means little")
	}
	rep := report{Binary: o.bin, Conns: o.conns}
	if info, err := os.Stat(o.bin); err == nil {
		rep.BinaryMB = float64(info.Size()) / 1e6
	}
	for _, engine := range o.engines() {
		e, err := measureEngine(ctx, o, ops, engine, dir)
		if err != nil {
			return fmt.Errorf("%s: %w", engine, err)
		}
		rep.Engines = append(rep.Engines, e)
	}
	rep.write(out)
	if o.json != "" {
		return rep.save(o.json)
	}
	return nil
}

func parse(args []string) (*options, error) {
	o := &options{}
	f := flag.NewFlagSet("load", flag.ContinueOnError)
	f.StringVar(&o.bin, "bin", "", "server binary; default: built from ./cmd/signet")
	f.StringVar(&o.db, "db", "both", "sqlite, postgres (one is started), both, or a postgres:// URL of an empty database")
	f.StringVar(&o.ops, "ops", "all", "operations, comma-separated: "+strings.Join(names(), ", "))
	f.StringVar(&o.json, "json", "", "also write the figures to this file")
	f.StringVar(&o.prof, "profile", "", "also save a CPU profile of the server for each operation in this folder")
	f.StringVar(&o.cpus, "cpus", "0,1", "cores of the server and of everything else")
	f.DurationVar(&o.time, "time", 4*time.Second, "longest time for one operation")
	f.IntVar(&o.count, "count", 100_000, "most requests for one operation")
	f.IntVar(&o.conns, "conns", 16, "connections kept alive; one request at a time on each")
	f.Float64Var(&o.rate, "rate", 0, "open loop: begin this many operations a second, however long they take")
	f.IntVar(&o.fresh, "fresh", 15_000, "tokens made beforehand for the operations that want a new one each time")
	f.IntVar(&o.seed.members, "members", 0, "seed the organization with so many members before measuring")
	f.IntVar(&o.seed.events, "events", 0, "and so many events of theirs")
	if err := f.Parse(args); err != nil {
		return nil, err
	}
	if o.seed.members < 0 || o.seed.events < 0 || o.seed.events > 0 && o.seed.members == 0 {
		return nil, errors.New("-events are of -members: see -h")
	}
	if o.time > 5*time.Minute || o.count < 1 || o.conns < 1 || o.conns > 1024 || o.fresh < 1 || o.rate < 0 {
		return nil, errors.New("a bound is out of reason: see -h")
	}
	return o, nil
}

func (o *options) serverCPU() string { cpu, _, _ := strings.Cut(o.cpus, ","); return cpu }
func (o *options) clientCPU() string { _, cpu, _ := strings.Cut(o.cpus, ","); return cpu }

func (o *options) engines() []string {
	if o.db == "both" {
		return []string{"sqlite", "postgres"}
	}
	return []string{o.db}
}

// choose finds operations by name.
func choose(list string) ([]operation, error) {
	all := operations()
	if list == "all" {
		return all, nil
	}
	var out []operation
	for name := range strings.SplitSeq(list, ",") {
		i := slices.IndexFunc(all, func(o operation) bool { return o.name == name })
		if i < 0 {
			return nil, fmt.Errorf("no operation %q; there are: %s", name, strings.Join(names(), ", "))
		}
		out = append(out, all[i])
	}
	return out, nil
}

func names() []string {
	var out []string
	for _, o := range operations() {
		out = append(out, o.name)
	}
	return out
}
