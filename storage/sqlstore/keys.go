package sqlstore

import (
	"context"

	"github.com/signet-idp/signet/storage"
	"github.com/signet-idp/signet/storage/sqlstore/engine"
)

const signingKeyColumns = `ring, kid, key_use, algorithm, public_jwk, private_sealed, created_at, publish_at, activate_at,
	retire_at, drop_at, revoked_at`

// KeyRings implements storage.SigningKeys.
func (s *Store) KeyRings(ctx context.Context) ([]storage.KeyRing, error) {
	type row struct {
		ring storage.KeyRing
		key  storage.SigningKey
	}
	flat, err := rows(ctx, s, "key rings", `SELECT r.name, r.version, COALESCE(k.kid, ''), COALESCE(k.key_use, ''),
		COALESCE(k.algorithm, ''), k.public_jwk, k.private_sealed, COALESCE(k.created_at, 0), COALESCE(k.publish_at, 0),
		COALESCE(k.activate_at, 0), COALESCE(k.retire_at, 0), COALESCE(k.drop_at, 0), COALESCE(k.revoked_at, 0)
		FROM key_rings r LEFT JOIN signing_keys k ON k.ring = r.name ORDER BY r.name, k.created_at, k.kid`, nil,
		func(scan engine.Scan) (v row, err error) {
			k := &v.key
			err = scan(&v.ring.Name, &v.ring.Version, &k.KID, (*string)(&k.Use), &k.Algorithm, &k.PublicJWK, &k.PrivateSealed,
				&k.CreatedAt, &k.PublishAt, &k.ActivateAt, &k.RetireAt, &k.DropAt, &k.RevokedAt)
			return v, err
		})
	if err != nil {
		return nil, err
	}
	var rings []storage.KeyRing
	for _, v := range flat {
		if n := len(rings); n == 0 || rings[n-1].Name != v.ring.Name {
			rings = append(rings, v.ring)
		}
		if v.key.KID != "" {
			last := &rings[len(rings)-1]
			last.Keys = append(last.Keys, v.key)
		}
	}
	return rings, nil
}

// KeyRingVersions implements storage.SigningKeys.
func (s *Store) KeyRingVersions(ctx context.Context) (map[string]int64, error) {
	list, err := rows(ctx, s, "key ring versions", `SELECT name, version FROM key_rings`, nil,
		func(scan engine.Scan) (r storage.KeyRing, err error) {
			err = scan(&r.Name, &r.Version)
			return r, err
		})
	if err != nil {
		return nil, err
	}
	versions := make(map[string]int64, len(list))
	for _, r := range list {
		versions[r.Name] = r.Version
	}
	return versions, nil
}

// ReplaceKeyRing implements storage.SigningKeys.
func (s *Store) ReplaceKeyRing(ctx context.Context, ring storage.KeyRing) (won bool, err error) {
	err = s.InTx(ctx, func(ctx context.Context) error {
		if ring.Version == 0 {
			won, err = s.won(ctx, "replace key ring",
				`INSERT INTO key_rings (name, version) VALUES ($1, 1) ON CONFLICT (name) DO NOTHING`, ring.Name)
		} else {
			won, err = s.won(ctx, "replace key ring",
				`UPDATE key_rings SET version = version + 1 WHERE name = $1 AND version = $2`, ring.Name, ring.Version)
		}
		if err != nil || !won {
			return err
		}
		s.tx(ctx).bump = true
		return s.batch(ctx, "replace key ring", replaceKeys(ring))
	})
	return won && err == nil, err
}

func replaceKeys(ring storage.KeyRing) []engine.Statement {
	stmts := []engine.Statement{{SQL: `DELETE FROM signing_keys WHERE ring = $1`, Args: []any{ring.Name}}}
	for _, k := range ring.Keys {
		stmts = append(stmts, engine.Statement{
			SQL: `INSERT INTO signing_keys (` + signingKeyColumns + `) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12)`,
			Args: []any{
				ring.Name, k.KID, k.Use, k.Algorithm, k.PublicJWK, k.PrivateSealed, k.CreatedAt, k.PublishAt, k.ActivateAt,
				k.RetireAt, k.DropAt, k.RevokedAt,
			},
		})
	}
	return stmts
}

// DataKeys implements storage.DataKeys.
func (s *Store) DataKeys(ctx context.Context) ([]storage.DataKey, error) {
	return rows(ctx, s, "data keys", `SELECT purpose, generation, sealed, created_at, activate_at, retired_at
		FROM data_keys ORDER BY purpose, generation`, nil, func(scan engine.Scan) (k storage.DataKey, err error) {
		err = scan(&k.Purpose, &k.Generation, &k.Sealed, &k.CreatedAt, &k.ActivateAt, &k.RetiredAt)
		return k, err
	})
}

// InsertDataKey implements storage.DataKeys.
func (s *Store) InsertDataKey(ctx context.Context, k storage.DataKey) (bool, error) {
	return s.won(ctx, "insert data key", `INSERT INTO data_keys (purpose, generation, sealed, created_at, activate_at, retired_at)
		VALUES ($1, $2, $3, $4, $5, $6) ON CONFLICT (purpose, generation) DO NOTHING`,
		k.Purpose, k.Generation, k.Sealed, k.CreatedAt, k.ActivateAt, k.RetiredAt)
}

// UpdateDataKey implements storage.DataKeys.
func (s *Store) UpdateDataKey(ctx context.Context, k storage.DataKey) error {
	return s.must(ctx, "update data key", storage.ErrNotFound,
		`UPDATE data_keys SET sealed = $3, retired_at = $4 WHERE purpose = $1 AND generation = $2`,
		k.Purpose, k.Generation, k.Sealed, k.RetiredAt)
}
