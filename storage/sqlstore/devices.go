package sqlstore

import (
	"context"
	"time"

	"github.com/signet-idp/signet/storage"
	"github.com/signet-idp/signet/storage/sqlstore/engine"
)

const deviceColumns = `id, user_id, hash, name, user_agent, ip_address, created_at, last_seen_at, trusted_until, expires_at`

func deviceDest(d *storage.Device) []any {
	return []any{
		&d.ID, &d.UserID, &d.Hash, &d.Name, &d.UserAgent, &d.IPAddress, &d.CreatedAt, &d.LastSeenAt, &d.TrustedUntil, &d.Expiry,
	}
}

func scanDevice(scan engine.Scan) (d storage.Device, err error) {
	err = scan(deviceDest(&d)...)
	return d, err
}

// PutDevice implements storage.Devices; ErrNotFound when there is no such user.
func (s *Store) PutDevice(ctx context.Context, d storage.Device) error {
	_, err := s.exec(ctx, "put device", `INSERT INTO devices (`+deviceColumns+`) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10)
		ON CONFLICT (user_id, hash) DO UPDATE SET name = excluded.name, user_agent = excluded.user_agent,
		ip_address = excluded.ip_address, last_seen_at = excluded.last_seen_at, trusted_until = excluded.trusted_until,
		expires_at = excluded.expires_at`,
		d.ID, d.UserID, blob(d.Hash), d.Name, d.UserAgent, d.IPAddress, d.CreatedAt, d.LastSeenAt, d.TrustedUntil, d.Expiry)
	return err
}

// DeviceByHash implements storage.Devices.
func (s *Store) DeviceByHash(ctx context.Context, userID string, hash []byte) (d storage.Device, err error) {
	err = s.row(ctx, "device by hash", `SELECT `+deviceColumns+` FROM devices WHERE user_id = $1 AND hash = $2`,
		[]any{userID, blob(hash)}, deviceDest(&d)...)
	return d, err
}

// DevicesOf implements storage.Devices.
func (s *Store) DevicesOf(ctx context.Context, userID string, limit int) ([]storage.Device, error) {
	return rows(ctx, s, "devices of", `SELECT `+deviceColumns+` FROM devices WHERE user_id = $1
		ORDER BY last_seen_at DESC, id DESC LIMIT $2`, []any{userID, limit}, scanDevice)
}

// CountDevices implements storage.Devices.
func (s *Store) CountDevices(ctx context.Context, userID string) (int, error) {
	var n int64
	err := s.row(ctx, "count devices", `SELECT COUNT(*) FROM devices WHERE user_id = $1`, []any{userID}, &n)
	return int(n), err
}

// DeleteDevice implements storage.Devices.
func (s *Store) DeleteDevice(ctx context.Context, userID, id string) (bool, error) {
	return s.won(ctx, "delete device", `DELETE FROM devices WHERE user_id = $1 AND id = $2`, userID, id)
}

// DistrustDevices implements storage.Devices.
func (s *Store) DistrustDevices(ctx context.Context, userID string, at time.Time) (int64, error) {
	return s.exec(ctx, "distrust devices", `UPDATE devices SET trusted_until = 0 WHERE user_id = $1 AND trusted_until > $2`, userID, at)
}
