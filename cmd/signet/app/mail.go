package app

import (
	"context"
	"fmt"
	"time"

	"github.com/signet-idp/signet/internal/safehttp"
	"github.com/signet-idp/signet/provider/notify"
)

// smsTimeout bounds one call of the SMS gateway.
const smsTimeout = 10 * time.Second

// openMessages makes the queue of messages and what sends them.
func (c *Core) openMessages(ctx context.Context) error {
	key, err := c.Keyring.Purpose(ctx, notify.Purpose)
	if err != nil {
		return fmt.Errorf("app: data keys: %w", err)
	}
	senders, err := c.senders()
	if err != nil {
		return fmt.Errorf("app: %w", err)
	}
	var channels []notify.Channel
	for channel := range senders {
		channels = append(channels, channel)
	}
	if c.outbox, err = notify.NewWorker(notify.WorkerConfig{
		Store: c.Store, Key: key, Clock: c.Clock, Senders: senders, Observer: c.Telemetry.Metrics, Log: c.Log,
	}); err != nil {
		return fmt.Errorf("app: %w", err)
	}
	c.Notify, err = notify.New(notify.Deps{
		Store: c.Store, Key: key, Clock: c.Clock, Issuer: c.Config.Issuer, Channels: channels, Kick: c.outbox.Kick, Log: c.Log,
	})
	if err != nil {
		return fmt.Errorf("app: %w", err)
	}
	return nil
}

// senders are what delivers on each channel. Development captures what nothing
// is configured for.
func (c *Core) senders() (map[notify.Channel]notify.Sender, error) {
	senders := map[notify.Channel]notify.Sender{}
	if c.Config.Dev {
		c.Captured = &notify.Capture{}
		senders[notify.Email], senders[notify.SMS] = c.Captured, c.Captured
	}
	if url := c.Config.SMTP.URL.Reveal(); url != "" {
		roots, err := safehttp.Roots(c.Config.Fetch.ExtraCA)
		if err != nil {
			return nil, err
		}
		if senders[notify.Email], err = notify.NewSMTP(notify.SMTPOptions{URL: url, From: c.Config.SMTP.From, Roots: roots}); err != nil {
			return nil, err
		}
	}
	if url := c.Config.SMS.URL.Reveal(); url != "" {
		// The operator chose the address, so it may be in their own network.
		client, err := safehttp.New(safehttp.Options{AllowPrivate: true, ExtraCAFile: c.Config.Fetch.ExtraCA, Timeout: smsTimeout})
		if err != nil {
			return nil, err
		}
		if senders[notify.SMS], err = notify.NewHTTPSMS(url, client); err != nil {
			return nil, err
		}
	}
	return senders, nil
}
