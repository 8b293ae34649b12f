package control

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"github.com/signet-idp/signet/cmd/signet/app"
	"github.com/signet-idp/signet/keys"
	"github.com/signet-idp/signet/provider/apply"
	"github.com/signet-idp/signet/provider/event"
	"github.com/signet-idp/signet/provider/fault"
	"github.com/signet-idp/signet/storage/sqlstore"
)

// Local does operations on an open store.
type Local struct{ Core *app.Core }

var _ Operations = Local{}

// by names the operator as the actor of what is recorded.
func by(ctx context.Context) context.Context {
	return event.WithActor(ctx, event.Actor{ID: "operator", Kind: event.ActorSystem})
}

// Inspect implements Operations.
func (l Local) Inspect(ctx context.Context) (Inspection, error) {
	start := time.Now()
	if err := l.Core.Store.Ping(ctx); err != nil {
		return Inspection{}, fmt.Errorf("inspect: %w", err)
	}
	in := Inspection{Engine: l.Core.Store.Stats().Engine, Latency: time.Since(start), Now: l.Core.Clock.Now()}
	migrations, err := l.Migrations(ctx)
	if err != nil {
		return Inspection{}, err
	}
	for _, m := range migrations {
		if m.AppliedAt.IsZero() {
			in.Pending++
		} else {
			in.Version = m.Version
		}
	}
	if in.Keys, err = l.ListKeys(ctx); err != nil {
		return Inspection{}, err
	}
	return in, nil
}

// Migrations implements Operations.
func (l Local) Migrations(ctx context.Context) ([]sqlstore.MigrationStatus, error) {
	list, err := l.Core.Store.MigrationStatus(ctx)
	if err != nil {
		return nil, fmt.Errorf("migrations: %w", err)
	}
	return list, nil
}

// Apply implements Operations.
func (l Local) Apply(ctx context.Context, r ApplyRequest) (*apply.Report, error) {
	f, err := apply.Parse(r.Name, r.Text)
	if err != nil {
		return nil, err
	}
	return l.Core.Applier().Apply(by(ctx), f, apply.Options{DryRun: r.DryRun, Prune: r.Prune})
}

// Export implements Operations.
func (l Local) Export(ctx context.Context, r ExportRequest) (ExportResult, error) {
	f, err := l.Core.Applier().Export(ctx, r.PasswordHashes)
	if err != nil {
		return ExportResult{}, err
	}
	text, err := f.YAML()
	return ExportResult{YAML: text}, err
}

// ListKeys implements Operations.
func (l Local) ListKeys(ctx context.Context) ([]Key, error) {
	if err := l.Core.Keys.Tick(ctx); err != nil {
		return nil, fmt.Errorf("keys: %w", err)
	}
	list := []Key{}
	for _, k := range l.Core.Keys.Snapshot().Keys() {
		text, err := k.PEM()
		if err != nil {
			return nil, err
		}
		var jwk map[string]any
		if err := json.Unmarshal(k.JWK, &jwk); err != nil {
			return nil, fmt.Errorf("keys: %s: %w", k.KID, err)
		}
		list = append(list, Key{
			KID: k.KID, Use: string(k.Use), Algorithm: k.Algorithm, State: string(k.State),
			CreatedAt: k.CreatedAt, ActiveAt: k.ActivateAt, RetireAt: k.RetireAt, RevokedAt: k.RevokedAt,
			JWK: jwk, PEM: text,
		})
	}
	return list, nil
}

// RotateKey implements Operations.
func (l Local) RotateKey(ctx context.Context, r KeyRequest) ([]KeyChange, error) {
	if r.Data {
		list, err := l.Core.RotateDataKeys(by(ctx))
		done := []KeyChange{}
		for _, ch := range list {
			done = append(done, KeyChange{"rotated", ch.KID, "", ch.At})
		}
		return done, err
	}
	algorithms := []string{r.Algorithm}
	if r.Algorithm == "" {
		algorithms = l.Core.Keys.Snapshot().Algorithms()
	}
	var done []KeyChange
	for _, alg := range algorithms {
		ch, err := l.Core.Keys.Rotate(by(ctx), alg)
		if errors.Is(err, keys.ErrNoActiveKey) {
			return done, fault.Wrap(err, fault.NotFound, fmt.Sprintf("there is no key ring for %.20q; signet keys list shows those there are", alg))
		}
		if err != nil {
			return done, err
		}
		done = append(done, KeyChange{"rotated", ch.KID, ch.Algorithm, ch.At})
	}
	return done, nil
}

// RevokeKey implements Operations.
func (l Local) RevokeKey(ctx context.Context, r KeyRequest) ([]KeyChange, error) {
	ch, err := l.Core.Keys.Revoke(by(ctx), r.KID, "operator")
	switch {
	case errors.Is(err, keys.ErrUnknownKey):
		return nil, fault.Wrap(err, fault.NotFound, "there is no such key; signet keys list shows those there are")
	case errors.Is(err, keys.ErrKeyRevoked):
		return nil, fault.Wrap(err, fault.Conflict, "the key is revoked already")
	case err != nil:
		return nil, err
	}
	return []KeyChange{{"revoked", ch.KID, ch.Algorithm, ch.At}}, nil
}
