package session

import (
	"context"
	"time"

	"github.com/signet-idp/signet/provider/change"
	"github.com/signet-idp/signet/storage"
)

// NewJSON describes a session of the JSON API, which hangs on its refresh
// tokens instead of a cookie: idle is how long one of them may lie unused,
// expiry the end of the family. InsertJSON begins it; the id is known before,
// since the first access token names it.
func (m *Manager) NewJSON(auth Authentication, dev Device, clientID string, remember bool, idle time.Duration, expiry time.Time) storage.Session {
	now := m.clock.Now()
	return storage.Session{
		ID: storage.NewID(), UserID: auth.UserID, Kind: storage.SessionJSON, AuthTime: auth.Time, ACR: auth.ACR, AMR: auth.AMR,
		ClientID: clientID, DeviceName: cut(dev.Name, maxDeviceName), UserAgent: cut(dev.UserAgent, maxUserAgent),
		IPAddress: dev.IPAddress, Remember: remember,
		CreatedAt: now, LastActiveAt: now, IdleExpiry: now.Add(idle + touchEvery), Expiry: expiry,
	}
}

// InsertJSON begins a session that NewJSON described, as part of a change.
func (m *Manager) InsertJSON(ctx context.Context, c *change.Change, s storage.Session) error {
	return m.insert(ctx, c, s)
}

// TouchJSON is Touch for a session of the JSON API. Activity is not written
// every time, so the session may lie idle that much longer than its tokens.
func (m *Manager) TouchJSON(ctx context.Context, id string, idle time.Duration) error {
	return m.touch(ctx, id, idle+touchEvery)
}
