package mfa

import (
	"context"
	"encoding/base64"
	"errors"
	"fmt"
	"io"
	"time"

	"github.com/signet-idp/signet/keys"
	"github.com/signet-idp/signet/provider/change"
	"github.com/signet-idp/signet/provider/fault"
	"github.com/signet-idp/signet/provider/session"
	"github.com/signet-idp/signet/storage"
)

// Of devices.
const (
	deviceSecret = 16
	// deviceLife is how long a device is remembered that nobody signs in with.
	// Browsers keep no cookie for longer than 400 days.
	deviceLife = 400 * 24 * time.Hour
	// maxDevices are listed of one person.
	maxDevices = 100
)

// NewDeviceToken makes the secret that a browser or program keeps, by which it
// is recognized for whoever signs in with it.
func (s *Service) NewDeviceToken() (string, error) {
	raw := make([]byte, deviceSecret)
	if _, err := io.ReadFull(s.Rand, raw); err != nil {
		return "", fmt.Errorf("mfa: device: %w", err)
	}
	return base64.RawURLEncoding.EncodeToString(raw), nil
}

// AgentToken stands in for the token of a program that keeps none: its kind is
// recognized, so that not every login is told as one from a new device. Nobody
// can present it, and it trusts nothing.
func (s *Service) AgentToken(userAgent string) string {
	sum := s.Key.Hash(keys.Binding("devices", "agent", userAgent)) // begins with the key's name
	return base64.RawURLEncoding.EncodeToString(sum[len(sum)-deviceSecret:])
}

// Device returns the person's device of a token, or nil when it is not known
// for them. userID "" does the same work for nobody.
func (s *Service) Device(ctx context.Context, userID, token string) (*storage.Device, error) {
	raw, err := base64.RawURLEncoding.Strict().DecodeString(token)
	if err != nil || len(raw) != deviceSecret {
		return nil, nil //nolint:nilnil,nilerr // no device is an answer
	}
	for _, h := range s.Key.HashAll(deviceData(raw)) {
		d, err := s.Store.DeviceByHash(ctx, userID, h)
		if errors.Is(err, storage.ErrNotFound) {
			continue
		}
		if err != nil {
			return nil, fmt.Errorf("mfa: device: %w", err)
		}
		if s.Clock.Now().Before(d.Expiry) {
			return &d, nil
		}
	}
	return nil, nil //nolint:nilnil // as above
}

func deviceData(secret []byte) []byte { return keys.Binding("devices", "token", string(secret)) }

// Remember notes that a person signed in with the device of a token, as part
// of a change, and with trust that no second factor is asked for on it for a
// while. fresh says that they never did before, though they have with others.
func (s *Service) Remember(ctx context.Context, c *change.Change, userID, token string, dev session.Device, trust bool) (fresh bool, err error) {
	raw, err := base64.RawURLEncoding.Strict().DecodeString(token)
	if err != nil || len(raw) != deviceSecret {
		return false, nil //nolint:nilerr // a token that we did not make names no device
	}
	known, err := s.Device(ctx, userID, token)
	if err != nil {
		return false, err
	}
	d := storage.Device{ID: storage.NewID(), UserID: userID, CreatedAt: c.Now}
	if known != nil {
		d = *known
	} else {
		n, err := s.Store.CountDevices(ctx, userID)
		if err != nil {
			return false, err
		}
		fresh = n > 0
	}
	d.Hash = s.Key.Hash(deviceData(raw))
	d.Name, d.UserAgent, d.IPAddress = dev.Name, dev.UserAgent, dev.IPAddress
	d.LastSeenAt, d.Expiry = c.Now, c.Now.Add(deviceLife)
	if trust {
		d.TrustedUntil = c.Now.Add(s.Settings.Trust)
	}
	return fresh, s.Store.PutDevice(ctx, d)
}

// Devices lists the devices a person has signed in with, the one used last first.
func (s *Service) Devices(ctx context.Context, userID string) ([]storage.Device, error) {
	return s.Store.DevicesOf(ctx, userID, maxDevices)
}

// ForgetDevice ends the trust in one of a person's devices and forgets it;
// fault.NotFound.
func (s *Service) ForgetDevice(ctx context.Context, userID, id string) error {
	won, err := s.Store.DeleteDevice(ctx, userID, id)
	if err == nil && !won {
		err = fault.New(fault.NotFound, "there is no such device")
	}
	return err
}

// ForgetDevices forgets all devices of a person, and says how many.
func (s *Service) ForgetDevices(ctx context.Context, userID string) (n int, err error) {
	list, err := s.Devices(ctx, userID)
	if err != nil {
		return 0, err
	}
	for _, d := range list {
		won, err := s.Store.DeleteDevice(ctx, userID, d.ID)
		if err != nil {
			return n, err
		}
		if won { // not forgotten at the same time
			n++
		}
	}
	return n, nil
}

// Recent answers fault.StepUpRequired (RFC 9470) unless the person has
// authenticated a short while ago, and with a second factor if they have one:
// once there is a factor, a password alone is not enough for what could take
// the account over.
func (s *Service) Recent(ctx context.Context, userID string, authTime time.Time, acr string) error {
	e := fault.New(fault.StepUpRequired, "sign in again first: this needs a recent authentication")
	e.MaxAge = s.Settings.Recent
	n, err := s.Store.CountFactors(ctx, userID)
	if err != nil {
		return err
	}
	if n > 0 && acr == acrPassword {
		e.Message, e.ACR = "prove your second factor first: this needs a recent authentication with it", acrFactor
		return e
	}
	if age := s.Clock.Now().Sub(authTime); authTime.IsZero() || age > s.Settings.Recent {
		if n > 0 {
			e.ACR = acrFactor
		}
		return e
	}
	return nil
}

// Values of acr, as package login gives them.
const (
	acrPassword = "aal1"
	acrFactor   = "aal2"
)
