package guard

import (
	"context"

	"github.com/signet-idp/signet/storage"
)

// Unlock lifts an identifier's locks and forgets its failures and earlier locks:
// those of strangers, and of each device and session that it is known by. It
// says whether one of them was locked.
func (g *Guard) Unlock(ctx context.Context, identifier string, known ...string) (locked bool, err error) {
	for _, k := range append([]string{""}, known...) {
		own := Who{Identifier: identifier, Known: k}.own()
		n, _, err := g.counter.Add(ctx, lockOf(own), 0, 0)
		if err != nil {
			return false, err
		}
		locked = locked || n > 0
		// The lock goes last: an attempt in between finds the failures gone.
		for _, key := range []string{failures(own), notedOf(own), locks(own), lockOf(own)} {
			if err := g.counter.Reset(ctx, key); err != nil {
				return false, err
			}
		}
	}
	return locked, nil
}

// Acquaintances lists what a person is known by.
type Acquaintances interface {
	DevicesOf(ctx context.Context, userID string, limit int) ([]storage.Device, error)
	SessionsOf(ctx context.Context, userID string, limit int) ([]storage.Session, error)
}

// maxKnown bounds the devices, and the sessions, that Known looks at.
const maxKnown = 100

// Known are the values of Who.Known that a person may have: their devices and
// sessions.
func Known(ctx context.Context, of Acquaintances, userID string) ([]string, error) {
	devices, err := of.DevicesOf(ctx, userID, maxKnown)
	if err != nil {
		return nil, err
	}
	sessions, err := of.SessionsOf(ctx, userID, maxKnown)
	if err != nil {
		return nil, err
	}
	var known []string
	for _, d := range devices {
		known = append(known, d.ID)
	}
	for _, s := range sessions {
		known = append(known, s.ID)
	}
	return known, nil
}
