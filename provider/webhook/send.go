package webhook

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/url"
	"time"

	"github.com/signet-idp/signet/internal/clock"
	"github.com/signet-idp/signet/internal/safehttp"
	"github.com/signet-idp/signet/storage"
)

// Client makes guarded calls (*safehttp.Client).
type Client interface {
	// Tell makes a call of which only status and header matter.
	Tell(ctx context.Context, r safehttp.Request) (status int, header http.Header, err error)
	// CheckURL reports whether it would call a URL.
	CheckURL(raw string) (*url.URL, error)
}

// sender signs and sends.
type sender struct {
	client Client
	key    Sealer
	clock  clock.Clock
}

// outcome is what came of one attempt.
type outcome struct {
	status int
	// problem says in a few words why it failed, in words of ours: nothing that
	// the receiver answered, and nothing of its URL. Empty: it was taken.
	problem string
	// silent: nobody answered there, or asked to be left alone; what comes next
	// will hardly fare better.
	silent bool
	after  time.Duration // how long it asked to be left alone
	took   time.Duration
}

func (o outcome) delivered() bool { return o.problem == "" }

// result is the outcome as metrics count it.
func (o outcome) result() string {
	switch {
	case o.delivered():
		return "delivered"
	case o.status == http.StatusGone:
		return "gone"
	case o.status != 0:
		return "refused"
	}
	return "unreachable"
}

// send makes one attempt. What is wrong with us and not with the receiver is an
// error.
func (s sender) send(ctx context.Context, w storage.Webhook, id string, body []byte) (outcome, error) {
	begun := s.clock.Now()
	signing, err := secrets(s.key, w, begun)
	if err != nil {
		return outcome{}, err
	}
	status, answer, err := s.client.Tell(ctx, safehttp.Request{
		Method: http.MethodPost, URL: w.URL, Header: header(signing, id, begun, body), Body: string(body),
	})
	out := outcome{status: status, took: s.clock.Now().Sub(begun)}
	switch {
	case err != nil:
		out.problem, out.silent = problem(err), true
	case status >= 200 && status <= 299:
	case status >= 300 && status <= 399:
		out.problem = fmt.Sprintf("HTTP %d: redirects are not followed", status)
	default:
		out.problem = fmt.Sprintf("HTTP %d", status)
		if status == http.StatusTooManyRequests || status == http.StatusServiceUnavailable {
			out.silent, out.after = true, retryAfter(answer, s.clock.Now())
		}
	}
	return out, nil
}

// problem is why there was no answer.
func problem(err error) string {
	var timeout net.Error
	var dns *net.DNSError
	switch {
	case errors.Is(err, safehttp.ErrAddress):
		return "the address is not on the public internet"
	case errors.Is(err, safehttp.ErrURL):
		return "the URL is not one that is called"
	case errors.As(err, &dns):
		return "the name was not found"
	case errors.Is(err, context.DeadlineExceeded), errors.As(err, &timeout) && timeout.Timeout():
		return "no answer in time"
	}
	return "the connection failed"
}
