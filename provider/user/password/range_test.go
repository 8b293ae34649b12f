package password_test

import (
	"bytes"
	"context"
	"crypto/sha1"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/signet-idp/signet/internal/safehttp"
	"github.com/signet-idp/signet/provider/change"
	"github.com/signet-idp/signet/provider/change/changetest"
	"github.com/signet-idp/signet/provider/fault"
	"github.com/signet-idp/signet/provider/user/password"
)

const breached = "through the looking-glass"

// The SHA-1 of it, taken apart as the service is asked, and another's rest.
var (
	digits         = fmt.Sprintf("%X", sha1.Sum([]byte(breached)))
	prefix, suffix = digits[:5], digits[5:]
	other          = "0018A45C4D1DEF81644B54AB7F969B88D65"
)

func rangeOf(t *testing.T, answer http.HandlerFunc) (*password.Range, *bytes.Buffer) {
	t.Helper()
	server := httptest.NewServer(answer)
	t.Cleanup(server.Close)
	client, err := safehttp.New(safehttp.Options{AllowPrivate: true, PlainPrivate: true, Timeout: password.RangeTime, MaxBody: 64 << 10})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(client.CloseIdleConnections)
	var log bytes.Buffer
	return password.NewRange(server.URL+"/range/", client, slog.New(slog.NewTextHandler(&log, nil))), &log
}

func text(lines ...string) http.HandlerFunc {
	return func(w http.ResponseWriter, _ *http.Request) { fmt.Fprint(w, strings.Join(lines, "\r\n")) }
}

func TestRangeAsks(t *testing.T) {
	var got *http.Request
	r, _ := rangeOf(t, func(w http.ResponseWriter, r *http.Request) {
		got = r
		text(other+":4", suffix+":1")(w, r)
	})
	if err := r.Check(t.Context(), breached); !errors.Is(err, password.ErrKnown) {
		t.Fatalf("err = %v", err)
	}
	if got.Method != http.MethodGet || got.URL.Path != "/range/"+prefix || got.Header.Get("Add-Padding") != "true" {
		t.Errorf("%s %s, Add-Padding %q", got.Method, got.URL.Path, got.Header.Get("Add-Padding"))
	}
}

func TestRangeAnswers(t *testing.T) {
	padded := []string{suffix + ":0"}
	for i := range 900 {
		padded = append(padded, fmt.Sprintf("%035X:%d", i, 0))
	}
	for _, tc := range []struct {
		name   string
		answer http.HandlerFunc
		known  bool
		silent int64
	}{
		{name: "not in it", answer: text(other + ":12")},
		{name: "in it", answer: text(other+":12", suffix+":3861493"), known: true},
		{name: "small letters, bare line ends", answer: func(w http.ResponseWriter, _ *http.Request) {
			fmt.Fprintf(w, "%s:1\n\n%s:2\n", other, strings.ToLower(suffix))
		}, known: true},
		{name: "only as padding", answer: text(padded...)},
		{name: "behind padding", answer: text(append(padded, suffix+":2")...), known: true},
		{name: "not hexadecimal", answer: text(suffix[:34]+"G:1", other+":1"), silent: 1},
		{name: "a page", answer: text("<!doctype html><title>" + suffix + ":1</title>"), silent: 1},
		{name: "whole hashes", answer: text(prefix + suffix + ":1"), silent: 1},
		{name: "no count", answer: text(suffix), silent: 1},
		{name: "a strange count", answer: text(suffix + ":-1"), silent: 1},
		{name: "broken off", answer: text(other+":4", suffix[:20]), silent: 1},
		{name: "nothing", answer: text(), silent: 1},
		{name: "error", answer: func(w http.ResponseWriter, _ *http.Request) {
			http.Error(w, suffix+":1", http.StatusServiceUnavailable)
		}, silent: 1},
		{name: "redirect", answer: func(w http.ResponseWriter, r *http.Request) { http.Redirect(w, r, "/elsewhere", http.StatusFound) }, silent: 1},
		{name: "too large", answer: func(w http.ResponseWriter, _ *http.Request) {
			for range 2000 {
				fmt.Fprintln(w, other+":1")
			}
			fmt.Fprintln(w, suffix+":1")
		}, silent: 1},
		{name: "hangs up", answer: func(http.ResponseWriter, *http.Request) { panic(http.ErrAbortHandler) }, silent: 1},
	} {
		t.Run(tc.name, func(t *testing.T) {
			t.Parallel()
			r, log := rangeOf(t, tc.answer)
			err := r.Check(t.Context(), breached)
			if known := errors.Is(err, password.ErrKnown); known != tc.known || err != nil && !known {
				t.Errorf("err = %v, known: %v", err, tc.known)
			}
			if r.Silent() != tc.silent {
				t.Errorf("%d counted as unanswered, want %d", r.Silent(), tc.silent)
			}
			if lines := strings.Count(log.String(), "\n"); lines != int(tc.silent) {
				t.Errorf("%d lines in the log:\n%s", lines, log)
			}
			for _, secret := range []string{breached, prefix, suffix, strings.ToLower(suffix)} {
				if strings.Contains(log.String(), secret) {
					t.Errorf("the log holds %s:\n%s", secret, log)
				}
			}
		})
	}
}

// TestRangeSlow: nobody waits longer than a second, and every failure is counted.
func TestRangeSlow(t *testing.T) {
	release := make(chan struct{})
	r, log := rangeOf(t, func(http.ResponseWriter, *http.Request) { <-release })
	t.Cleanup(func() { close(release) })
	start := time.Now()
	var group sync.WaitGroup
	for range 4 {
		group.Go(func() {
			if err := r.Check(t.Context(), breached); err != nil {
				t.Errorf("err = %v", err)
			}
		})
	}
	group.Wait()
	if took := time.Since(start); took < password.RangeTime || took > 3*password.RangeTime {
		t.Errorf("took %v", took)
	}
	if r.Silent() != 4 || !strings.Contains(log.String(), "failures=4") {
		t.Errorf("%d counted:\n%s", r.Silent(), log)
	}
}

func TestRangeNobodyThere(t *testing.T) {
	server := httptest.NewServer(http.NotFoundHandler())
	server.Close()
	client, err := safehttp.New(safehttp.Options{AllowPrivate: true, PlainPrivate: true})
	if err != nil {
		t.Fatal(err)
	}
	if r := password.NewRange(server.URL, client, nil); r.Check(t.Context(), breached) != nil || r.Silent() != 1 {
		t.Errorf("%d counted", r.Silent())
	}
}

func TestRangeCaller(t *testing.T) {
	asked := 0
	r, _ := rangeOf(t, func(http.ResponseWriter, *http.Request) { asked++ })
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if err := r.Check(ctx, breached); !errors.Is(err, context.Canceled) {
		t.Errorf("cancelled: %v", err)
	}
	err := changetest.New(t).Changes.Do(t.Context(), "test", func(ctx context.Context, _ *change.Change) error {
		return r.Check(ctx, breached)
	})
	if err == nil || !strings.Contains(err.Error(), "inside a transaction") {
		t.Errorf("inside a transaction: %v", err)
	}
	if asked != 0 {
		t.Errorf("asked %d times", asked)
	}
}

// TestJudge: what is wrong with a password, as people are told.
func TestJudge(t *testing.T) {
	asked := 0
	p := password.NewPolicy(0)
	p.Range, _ = rangeOf(t, func(w http.ResponseWriter, r *http.Request) { asked++; text(suffix+":9")(w, r) })
	for _, tc := range []struct {
		name, password string
		code           fault.Code
		asked          int
	}{
		{"good", "a walrus and a carpenter", 0, 1},
		{"short", "abc", fault.WeakPassword, 0},
		{"long", strings.Repeat("x", 1025), fault.WeakPassword, 0},
		{"unusable", "abcd\x00efgh", fault.WeakPassword, 0},
		{"common", "password1", fault.BreachedPassword, 0},
		{"personal", "Humpty99", fault.WeakPassword, 0},
		{"breached", breached, fault.BreachedPassword, 1},
	} {
		t.Run(tc.name, func(t *testing.T) {
			asked = 0
			err := p.Judge(t.Context(), "new_password", tc.password, "Humpty Dumpty")
			if tc.code == 0 {
				if err != nil {
					t.Errorf("err = %v", err)
				}
			} else if f, ok := errors.AsType[*fault.Error](err); !ok || f.Code != tc.code || len(f.Fields) != 1 || f.Fields[0].Field != "new_password" {
				t.Errorf("err = %#v", err)
			} else if strings.Contains(err.Error(), tc.password) {
				t.Errorf("the error quotes the password: %v", err)
			}
			if asked != tc.asked {
				t.Errorf("the service was asked %d times, want %d", asked, tc.asked)
			}
		})
	}
}
