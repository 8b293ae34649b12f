package user

import (
	"context"
	"time"

	"github.com/signet-idp/signet/storage"
)

// StoreSessions implements Sessions on the store alone.
type StoreSessions struct {
	Sessions storage.Sessions
	Grants   storage.Grants
}

// EndAll implements Sessions.
func (s StoreSessions) EndAll(ctx context.Context, userID, except, reason string, at time.Time) ([]string, int64, error) {
	sessions, err := s.Sessions.EndSessionsOf(ctx, userID, except, reason, at)
	if err != nil {
		return nil, 0, err
	}
	grants, err := s.Grants.RevokeGrantsOfUser(ctx, userID, except, reason, at)
	return sessions, grants, err
}
