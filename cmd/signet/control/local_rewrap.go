package control

import (
	"context"

	"github.com/signet-idp/signet/keys"
)

// RewrapKeys implements Operations. Nothing is held between the steps, what is
// done stays done, and what another replica seals under an older key meanwhile
// the last step sees.
func (l Local) RewrapKeys(ctx context.Context, r Rewrapping) (Rewrapping, error) {
	columns, err := l.Core.SealedColumns(ctx)
	if err != nil {
		return r, err
	}
	if !r.Begun {
		if r, err = l.rewrap(ctx, r); err != nil {
			return r, err
		}
		for _, c := range columns {
			n, err := l.Core.Store.CountSealedValues(ctx, c.Name)
			if err != nil {
				return r, err
			}
			r.Total += n
		}
		r.Begun = true
		return r, nil
	}
	if r.Column < 0 || r.Column >= len(columns) {
		r, err = l.rewrap(ctx, r)
		r.Finished = err == nil
		return r, err
	}
	var step keys.Resealed
	if err := l.Core.Store.InTx(ctx, func(ctx context.Context) (err error) {
		step, err = columns[r.Column].Reseal(ctx, l.Core.Store, r.After, pageSize)
		return err
	}); err != nil {
		return r, err
	}
	r.After, r.Done, r.Values = step.Last, r.Done+int64(step.Seen), r.Values+step.Sealed
	if step.Seen < pageSize {
		r.Column, r.After = r.Column+1, ""
	}
	return r, nil
}

// rewrap seals keys under the first master key.
func (l Local) rewrap(ctx context.Context, r Rewrapping) (Rewrapping, error) {
	signing, data, err := l.Core.Rewrap(by(ctx))
	r.SigningKeys, r.DataKeys = r.SigningKeys+signing, r.DataKeys+data
	r.MasterKey, r.Removable = l.Core.Keyring.Master().Current(), l.Core.Keyring.Master().Older()
	if at := l.Core.Keyring.Settled(); at.After(l.Core.Clock.Now()) {
		r.SealsFrom = at
	}
	return r, err
}
