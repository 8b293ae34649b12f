package app

import (
	"context"
	"fmt"
	"strconv"

	"github.com/signet-idp/signet/keys"
	"github.com/signet-idp/signet/provider/change"
	"github.com/signet-idp/signet/provider/event"
	"github.com/signet-idp/signet/provider/mfa"
	"github.com/signet-idp/signet/provider/webhook"
)

// SealedColumns are the columns whose values are sealed under data keys and stay
// for years. What else is sealed (messages, links, logins under way, answers kept
// for an Idempotency-Key) is gone within days.
func (c *Core) SealedColumns(ctx context.Context) ([]keys.Column, error) {
	var list []keys.Column
	for _, kept := range []struct {
		purpose string
		columns func(*keys.Purpose) []keys.Column
	}{
		{event.PersonPurpose, one(event.Column)}, {mfa.KeyPurpose, one(mfa.Column)}, {webhook.SecretPurpose, webhook.Columns},
	} {
		p, err := c.Keyring.Purpose(ctx, kept.purpose)
		if err != nil {
			return nil, fmt.Errorf("app: data keys: %w", err)
		}
		list = append(list, kept.columns(p)...)
	}
	return list, nil
}

func one(column func(*keys.Purpose) keys.Column) func(*keys.Purpose) []keys.Column {
	return func(p *keys.Purpose) []keys.Column { return []keys.Column{column(p)} }
}

// RotateDataKeys gives new keys to what seals the columns of long life.
func (c *Core) RotateDataKeys(ctx context.Context) ([]keys.Change, error) {
	var done []keys.Change
	for _, name := range []string{event.PersonPurpose, mfa.KeyPurpose, webhook.SecretPurpose} {
		if _, err := c.Keyring.Purpose(ctx, name); err != nil {
			return done, fmt.Errorf("app: data keys: %w", err)
		}
		var ch keys.Change
		if err := c.Change.Do(ctx, "data keys: rotate", func(ctx context.Context, cc *change.Change) error {
			key, err := c.Keyring.Rotate(ctx, name)
			if err != nil {
				return err
			}
			ch = keys.Change{Kind: keys.KeyRotated, KID: name + "/" + strconv.FormatInt(key.Generation, 10), At: key.At}
			if key.New {
				cc.Record(event.Event{Type: event.KeyRotated, Subject: ch.KID, Data: map[string]any{"use": "data", "activates_at": key.At.Unix()}})
			}
			return nil
		}); err != nil {
			return done, err
		}
		done = append(done, ch)
	}
	return done, nil
}

// Rewrap seals under the first master key what is sealed under older ones:
// signing keys and data keys, of which it returns how many there were.
func (c *Core) Rewrap(ctx context.Context) (signing, data int, err error) {
	err = c.Change.Do(ctx, "keys: rewrap", func(ctx context.Context, cc *change.Change) error {
		if signing, err = c.Keys.Rewrap(ctx); err != nil {
			return err
		}
		if data, err = c.Keyring.Rewrap(ctx); err != nil || signing+data == 0 {
			return err
		}
		cc.Record(event.Event{
			Type: event.KeyRewrapped, Subject: c.Keyring.Master().Current(), Data: map[string]any{"signing_keys": signing, "data_keys": data},
		})
		return nil
	})
	return signing, data, err
}
