package oauth

import (
	"context"
	"encoding/json"
	"log/slog"
	"net/url"
	"time"

	"github.com/signet-idp/signet/internal/worker"
	"github.com/signet-idp/signet/provider/client"
	"github.com/signet-idp/signet/storage"
)

// typeLogoutToken is the typ of logout tokens (Back-Channel Logout 1.0 §2.4).
const typeLogoutToken = "logout+jwt"

const logoutEvent = "http://schemas.openid.net/event/backchannel-logout"

// Poster sends a form to a client's URI through the guarded HTTP client.
type Poster interface {
	PostForm(ctx context.Context, uri string, form url.Values) (status int, err error)
}

// Notifier delivers the logout tokens that are due. Each is written with the
// end of its session; one that fails is tried again with growing pauses.
type Notifier struct {
	*worker.Loop
	p     *Provider
	store storage.LogoutDeliveries
	post  Poster
	log   *slog.Logger
}

// NewNotifier makes a Notifier. log hears of deliveries that failed or were given up.
func (p *Provider) NewNotifier(store storage.LogoutDeliveries, post Poster, log *slog.Logger) *Notifier {
	n := &Notifier{p: p, store: store, post: post, log: log}
	n.Loop = worker.New(worker.Each(deliveryParallel, n.take, n.deliver), deliveryPoll, log, "back-channel logout")
	return n
}

const (
	deliveryPoll     = time.Second
	deliveryParallel = 8
	deliveryAttempts = 6
	// logoutTokenLife is short: two minutes, as the specification recommends.
	logoutTokenLife = 2 * time.Minute
)

// retryAfter is the pause after an attempt: 10 s, 30 s, 90 s, ...
func retryAfter(attempt int64) time.Duration {
	d := 10 * time.Second
	for range attempt - 1 {
		d *= 3
	}
	return d
}

// take puts deliveries out of others' reach for longer than one takes.
func (n *Notifier) take(ctx context.Context, limit int) ([]storage.LogoutDelivery, error) {
	now := n.p.Clock.Now()
	due, err := n.store.TakeLogoutDeliveries(ctx, now, now.Add(retryAfter(1)), limit)
	return due, op("logout deliveries", err)
}

func (n *Notifier) deliver(ctx context.Context, d storage.LogoutDelivery) {
	if err := n.attempt(ctx, d); err != nil && ctx.Err() == nil {
		n.log.WarnContext(ctx, "back-channel logout", "client_id", d.ClientID, "error", err)
	}
}

func (n *Notifier) attempt(ctx context.Context, d storage.LogoutDelivery) error {
	c, err := n.p.lookup(ctx, d.ClientID)
	if err != nil {
		return err
	}
	if c == nil || c.Metadata.BackchannelLogoutURI == "" {
		return n.store.DeleteLogoutDelivery(ctx, d.ID)
	}
	token, err := n.p.logoutToken(c, d)
	if err != nil {
		return err
	}
	status, err := n.post.PostForm(ctx, c.Metadata.BackchannelLogoutURI, url.Values{"logout_token": {token}})
	switch {
	case err == nil && status >= 200 && status < 300:
		return n.store.DeleteLogoutDelivery(ctx, d.ID)
	case err == nil && status == 400:
		// §2.8: the client refuses this token; another try would not help.
		n.log.Warn("back-channel logout refused by the client", "client_id", d.ClientID, "status", status)
		return n.store.DeleteLogoutDelivery(ctx, d.ID)
	case d.Attempts >= deliveryAttempts:
		n.log.Warn("back-channel logout given up", "client_id", d.ClientID, "attempts", d.Attempts, "status", status, "error", err)
		return n.store.DeleteLogoutDelivery(ctx, d.ID)
	}
	n.log.Warn("back-channel logout failed", "client_id", d.ClientID, "attempts", d.Attempts, "status", status, "error", err)
	return n.store.PostponeLogoutDelivery(ctx, d.ID, n.p.Clock.Now().Add(retryAfter(d.Attempts)))
}

// logoutToken signs a logout token (Back-Channel Logout 1.0 §2.4), with the
// algorithm of the client's ID tokens.
func (p *Provider) logoutToken(c *client.Client, d storage.LogoutDelivery) (string, error) {
	now := p.Clock.Now()
	payload, err := json.Marshal(map[string]any{
		"iss": p.Issuer, "aud": c.ClientID, "sub": d.UserID, "sid": d.SessionID,
		"iat": now.Unix(), "exp": now.Add(logoutTokenLife).Unix(), "jti": storage.NewID(),
		"events": map[string]any{logoutEvent: struct{}{}},
	})
	if err != nil {
		return "", op("logout token", err)
	}
	return p.Signer.Sign(c.IDTokenAlg(), typeLogoutToken, payload)
}
