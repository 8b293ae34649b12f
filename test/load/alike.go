package main

import (
	"bytes"
	"context"
	"crypto/rand"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"text/tabwriter"
	"time"

	"github.com/emersion/go-smtp"
	"github.com/pquerna/otp/totp"
)

// alikeOptions are the command line of `load alike`.
type alikeOptions struct {
	options
	requests  int
	pause     time.Duration
	questions []question
}

// alikeCommand is `load alike`: it measures whether the time of an answer tells
// if there is an account, and reports it. A machine's mood is no failure: there
// is no bound.
//
// Requests go one after another over one connection, in pairs, so that whatever
// else the machine does befalls both kinds the same.
func alikeCommand(ctx context.Context, args []string, out io.Writer) error {
	o := &alikeOptions{}
	f := flag.NewFlagSet("load alike", flag.ContinueOnError)
	f.StringVar(&o.bin, "bin", "", "server binary; default: built from ./cmd/signet")
	f.StringVar(&o.db, "db", "both", "sqlite, postgres (one is started), or both")
	f.StringVar(&o.cpus, "cpus", "0,1", "cores of the server and of everything else")
	f.StringVar(&o.json, "json", "", "also write the figures to this file")
	ops := f.String("ops", "all", "operations, comma-separated")
	f.IntVar(&o.requests, "requests", 1000, "requests of each kind for each operation")
	f.DurationVar(&o.pause, "pause", time.Millisecond, "between an answer and the next request")
	if err := f.Parse(args); err != nil {
		return err
	}
	if o.requests < 10 || f.NArg() > 0 {
		return errors.New("alike: at least 10 requests: see -h")
	}
	for _, q := range questions() {
		if *ops == "all" || slices.Contains(strings.Split(*ops, ","), q.name) {
			o.questions = append(o.questions, q)
		}
	}
	if len(o.questions) == 0 {
		return fmt.Errorf("alike: no operation of %q", *ops)
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
		fmt.Fprintln(out, "not pinned to cores: taskset is not here")
	}
	var all []alikeFigures
	for _, engine := range o.engines() {
		figures, err := alike(ctx, o, engine, dir)
		if err != nil {
			return fmt.Errorf("%s: %w", engine, err)
		}
		writeAlike(out, engine, figures)
		all = append(all, figures...)
	}
	if o.json == "" {
		return nil
	}
	raw, err := json.MarshalIndent(all, "", "  ")
	if err != nil {
		return err
	}
	return os.WriteFile(o.json, append(raw, '\n'), 0o600)
}

// alikeFigures are those of one operation: A is of accounts, B of nobody's
// addresses.
type alikeFigures struct {
	Engine   string `json:"engine"`
	Name     string `json:"name"`
	Requests int    `json:"requests"` // of each kind
	comparison
}

// question is one operation that is asked about an account and about nobody.
type question struct {
	name          string
	status        int
	known, nobody func(n int) string // addresses; n counts the requests
	path          string
	body          map[string]any
}

// alikePeople are so many accounts of each kind: requests about one address do
// not wait for each other's row.
const alikePeople = 20

func questions() []question {
	of := func(kind string) func(int) string {
		return func(n int) string { return fmt.Sprintf("%s-%04d@acme.test", kind, n%alikePeople) }
	}
	fresh := func(n int) string { return fmt.Sprintf("newone-%04d@acme.test", n) }
	return []question{
		{"login", http.StatusUnauthorized, of("active"), of("nobody"), "/auth/login", map[string]any{"password": "wrong"}},
		{"login-no-password", http.StatusUnauthorized, of("keyset"), of("nobody"), "/auth/login", map[string]any{"password": "wrong"}},
		{"login-second-factor", http.StatusUnauthorized, of("twofac"), of("nobody"), "/auth/login", map[string]any{"password": "wrong", "mfa_code": "123456"}},
		{"forgot-password", http.StatusOK, of("active"), of("nobody"), "/auth/forgot-password", nil},
		{"resend-verification", http.StatusOK, of("unsure"), of("nobody"), "/auth/resend-verification", nil},
		{"register", http.StatusAccepted, of("active"), fresh, "/auth/register", map[string]any{"password": password}},
	}
}

func twofac(n int) string { return fmt.Sprintf("twofac-%04d@acme.test", n) }

// guardPeople sets an authenticator app up for those who are to have one.
func guardPeople(ctx context.Context, w *worker) error {
	for n := range alikePeople {
		var made, begun proof
		if err := w.json(ctx, "/auth/login", "", map[string]any{"email": twofac(n), "password": password}, &made); err != nil {
			return err
		}
		if err := w.json(ctx, "/mfa/setup", made.Access, map[string]any{"method_type": "totp"}, &begun); err != nil {
			return err
		}
		code, err := totp.GenerateCode(begun.Secret, time.Now())
		if err != nil {
			return err
		}
		if err := w.confirm(ctx, made.Access, map[string]any{"challenge_id": begun.Challenge, "code": code}); err != nil {
			return err
		}
	}
	return nil
}

func alikeYAML() string {
	var b strings.Builder
	b.WriteString("users:\n")
	for n := range alikePeople {
		fmt.Fprintf(&b, "  - {email: active-%04d@acme.test, email_verified: true, password: %s}\n", n, password)
		fmt.Fprintf(&b, "  - {email: unsure-%04d@acme.test, email_verified: false, password: %s}\n", n, password)
		fmt.Fprintf(&b, "  - {email: %s, email_verified: true, password: %s}\n", twofac(n), password)
		fmt.Fprintf(&b, "  - {email: keyset-%04d@acme.test, email_verified: true}\n", n)
	}
	return b.String()
}

// alike measures all questions on one engine.
func alike(ctx context.Context, o *alikeOptions, engine, dir string) (all []alikeFigures, err error) {
	url, stopDatabase, err := database(ctx, engine, dir)
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, stopDatabase()) }()
	home := filepath.Join(dir, "alike-"+engine)
	if err := os.Mkdir(home, 0o700); err != nil {
		return nil, err
	}
	mail, stopMail, err := swallow()
	if err != nil {
		return nil, err
	}
	defer stopMail()
	s, err := newServer(&o.options, home, url)
	if err != nil {
		return nil, err
	}
	s.env = append(s.env, "SIGNET_SMTP_URL="+mail, "SIGNET_ACCOUNTS_ENUMERATION_SAFE=true",
		"SIGNET_LIMITS_LOCK_FAILURES=1000000000", "SIGNET_LIMITS_MAILS_PER_HOUR=1000000000",
		"SIGNET_LIMITS_MAILS_PER_ADDR=0", "SIGNET_LIMITS_REGISTERS_PER_ADDR=0")
	people, err := install(ctx, s, 1)
	if err != nil {
		return nil, err
	}
	file := filepath.Join(home, "alike.yaml")
	if err := os.WriteFile(file, []byte(alikeYAML()), 0o600); err != nil {
		return nil, err
	}
	if err := s.command(ctx, "apply", "-f", file); err != nil {
		return nil, err
	}
	if _, err := s.start(ctx); err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, s.stop()) }()
	w := (&site{url: s.url, installation: people}).newWorker(0)
	defer w.client.CloseIdleConnections()
	if err := guardPeople(ctx, w); err != nil {
		return nil, err
	}
	for _, q := range o.questions {
		known, nobody, err := q.measure(ctx, w, o.requests, o.pause)
		if err != nil {
			return nil, fmt.Errorf("%s: %w", q.name, err)
		}
		all = append(all, alikeFigures{engine, q.name, o.requests, compare(known, nobody)})
	}
	return all, nil
}

// warmUp is how many requests of each kind go before those that count.
const warmUp = 20

// measure asks requests times about each kind: in pairs, of which chance says
// what comes first.
func (q question) measure(ctx context.Context, w *worker, requests int, pause time.Duration) (known, nobody []time.Duration, err error) {
	coins := make([]byte, requests+warmUp)
	if _, err := rand.Read(coins); err != nil {
		return nil, nil, err
	}
	for n, coin := range coins {
		for _, about := range []bool{coin&1 == 0, coin&1 == 1} {
			email, times := q.nobody, &nobody
			if about {
				email, times = q.known, &known
			}
			took, err := q.ask(ctx, w, email(n))
			if err != nil {
				return nil, nil, err
			}
			*times = append(*times, took)
			time.Sleep(pause)
		}
	}
	return known[warmUp:], nobody[warmUp:], nil
}

// ask sends one request and says how long its answer took to the last byte.
func (q question) ask(ctx context.Context, w *worker, email string) (time.Duration, error) {
	body := map[string]any{"email": email}
	for k, v := range q.body {
		body[k] = v
	}
	raw, err := json.Marshal(body)
	if err != nil {
		return 0, err
	}
	r, err := http.NewRequestWithContext(ctx, http.MethodPost, w.site.url+q.path, bytes.NewReader(raw))
	if err != nil {
		return 0, err
	}
	r.Header.Set("Content-Type", "application/json")
	begin := time.Now()
	answer, err := w.do(r)
	took := time.Since(begin)
	if err == nil && answer.status != q.status {
		err = fmt.Errorf("%s: status %d: %.300s", email, answer.status, answer.body)
	}
	return took, err
}

func writeAlike(out io.Writer, engine string, all []alikeFigures) {
	fmt.Fprintf(out, "\n%s: an account's address and nobody's, one request at a time\n", engine)
	t := tabwriter.NewWriter(out, 0, 0, 2, ' ', tabwriter.AlignRight)
	fmt.Fprintln(t, "operation\trequests\tknown p50 ms\tnobody p50 ms\tdifference µs\tknown p99 ms\tnobody p99 ms\tknown longer\tp\t")
	for _, f := range all {
		fmt.Fprintf(t, "%s\t2 x %d\t%.3f\t%.3f\t%+.0f\t%.2f\t%.2f\t%.1f %%\t%.3f\t\n", f.Name, f.Requests, f.MedianA/1000, f.MedianB/1000,
			f.MedianA-f.MedianB, f.P99A/1000, f.P99B/1000, 100*f.Longer, f.P)
	}
	_ = t.Flush() // to the terminal
}

// swallow runs an SMTP server that takes every mail and keeps none: delivering
// them is part of the work behind the answers.
func swallow() (url string, stop func(), err error) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return "", nil, err
	}
	srv := smtp.NewServer(smtp.BackendFunc(func(*smtp.Conn) (smtp.Session, error) { return noMail{}, nil }))
	srv.Domain, srv.MaxMessageBytes = "localhost", 1<<20
	srv.ErrorLog = quietMail{}
	done := make(chan struct{})
	go func() {
		defer close(done)
		_ = srv.Serve(l)
	}()
	return "smtp://" + l.Addr().String(), func() {
		_ = srv.Close()
		<-done
	}, nil
}

// noMail implements smtp.Session.
type noMail struct{}

func (noMail) Mail(string, *smtp.MailOptions) error { return nil }
func (noMail) Rcpt(string, *smtp.RcptOptions) error { return nil }
func (noMail) Data(r io.Reader) error               { _, err := io.Copy(io.Discard, r); return err }
func (noMail) Reset()                               {}
func (noMail) Logout() error                        { return nil }

// quietMail implements smtp.Logger.
type quietMail struct{}

func (quietMail) Printf(string, ...any) {}
func (quietMail) Println(...any)        {}
