package hook

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/signet-idp/signet/internal/safehttp"
	"github.com/signet-idp/signet/provider/change"
	"github.com/signet-idp/signet/provider/event"
	"github.com/signet-idp/signet/provider/fault"
)

// path is where the rules are asked, below the service's own URL.
const path = "/api/validate-business-rules"

// maxReason bounds what is shown of the service's reason, in characters.
const maxReason = 300

// errInside: the question waits for another service, and a transaction must not.
var errInside = errors.New("hook: asked inside a transaction")

// Client makes calls (*safehttp.Client). Its time and size limits are the
// call's.
type Client interface {
	Do(ctx context.Context, r safehttp.Request) (*safehttp.Response, error)
}

// Config says whom to ask.
type Config struct {
	// URL of the service, without the path. Empty: there are no rules.
	URL string
	// Secret is sent as a bearer token; empty: none.
	Secret string
	// DenyOnSilence: no answer, or one that cannot be read, means no.
	DenyOnSilence bool
	Client        Client
	Log           *slog.Logger
}

// Rules asks the operator's service. A nil *Rules and one without a URL allow
// everything. It is safe for concurrent use.
type Rules struct{ c Config }

// New makes Rules.
func New(c Config) *Rules {
	c.URL = strings.TrimRight(c.URL, "/")
	if c.Log == nil {
		c.Log = slog.New(slog.DiscardHandler)
	}
	return &Rules{c}
}

// Check asks whether it may be done. fault.Invalid with the service's reason
// when it says no; fault.Unavailable when it says nothing and silence means no.
// Never called inside a transaction.
func (r *Rules) Check(ctx context.Context, q Question) error {
	if r == nil || r.c.URL == "" {
		return nil
	}
	if change.Inside(ctx) {
		return errInside
	}
	a, err := r.ask(ctx, q)
	if err != nil {
		if ctx.Err() != nil {
			return fmt.Errorf("hook: %s: %w", q.kind(), ctx.Err())
		}
		// The error names the host at most: no URL's path, no personal data.
		r.c.Log.WarnContext(ctx, "the business rules gave no answer", "question", q.kind(), "denied", r.c.DenyOnSilence, "error", err)
		if r.c.DenyOnSilence {
			return fault.Wrap(err, fault.Unavailable, "this cannot be decided now; try again")
		}
		return nil
	}
	if a.yes() {
		return nil
	}
	reason := readable(a.text())
	if reason == "" {
		reason = q.refused()
	}
	return fault.New(fault.Invalid, reason)
}

// answer is what the service says: one of each pair.
type answer struct {
	Allowed *bool  `json:"allowed"`
	Valid   *bool  `json:"valid"`
	Reason  string `json:"reason"`
	Message string `json:"message"`
}

func (a answer) yes() bool {
	return (a.Allowed == nil || *a.Allowed) && (a.Valid == nil || *a.Valid)
}

func (a answer) text() string {
	if a.Reason != "" {
		return a.Reason
	}
	return a.Message
}

func (r *Rules) ask(ctx context.Context, q Question) (answer, error) {
	body, err := json.Marshal(map[string]any{"type": q.kind(), "data": q})
	if err != nil {
		return answer{}, fmt.Errorf("hook: write the question: %w", err)
	}
	h := http.Header{"Content-Type": {"application/json"}, "Accept": {"application/json"}}
	if r.c.Secret != "" {
		h.Set("Authorization", "Bearer "+r.c.Secret)
	}
	if id := event.RequestFrom(ctx); id != "" {
		h.Set("X-Request-ID", id)
	}
	response, err := r.c.Client.Do(ctx, safehttp.Request{Method: http.MethodPost, URL: r.c.URL + path, Header: h, Body: string(body)})
	if err != nil {
		return answer{}, fmt.Errorf("hook: ask: %w", err)
	}
	return read(response.Status, response.Body)
}

// read takes a verdict from any answer that holds one, unless the status says
// that the service itself failed or was not reached.
func read(status int, body []byte) (answer, error) {
	var a answer
	if status >= 500 || status < 200 || status == http.StatusUnauthorized || status == http.StatusNotFound {
		return a, fmt.Errorf("hook: the answer has the status %d", status)
	}
	if err := json.Unmarshal(body, &a); err != nil {
		// The cause may quote what was answered, so it stays out.
		return a, errors.New("hook: the answer is not the JSON that is expected")
	}
	if a.Allowed == nil && a.Valid == nil {
		return a, errors.New("hook: the answer holds neither allowed nor valid")
	}
	if a.yes() && status >= 300 {
		return a, fmt.Errorf("hook: the answer says yes with the status %d", status)
	}
	return a, nil
}

// readable makes one short line of another program's text, fit to be shown.
func readable(s string) string {
	if !utf8.ValidString(s) {
		return ""
	}
	s = strings.Map(func(r rune) rune {
		switch {
		case unicode.IsSpace(r):
			return ' '
		case !unicode.IsPrint(r), unicode.Is(unicode.Cf, r): // among them what turns the direction of writing
			return -1
		}
		return r
	}, s)
	s = strings.Join(strings.Fields(s), " ")
	if n := []rune(s); len(n) > maxReason {
		s = strings.TrimSpace(string(n[:maxReason-1])) + "…"
	}
	return s
}
