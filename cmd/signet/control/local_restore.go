package control

import (
	"context"

	"github.com/signet-idp/signet/provider/operator"
)

// FinishRestore implements Operations.
func (l Local) FinishRestore(ctx context.Context) (RestoreEnded, error) {
	restore := operator.Restore{Store: l.Core.Store, Change: l.Core.Change}
	out, err := restore.Finish(by(ctx))
	return RestoreEnded{FeedID: out.FeedID, Sessions: out.Sessions, Grants: out.Grants, Links: out.Links}, err
}
