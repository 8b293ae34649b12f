package client

import (
	"context"
	"errors"
	"slices"

	"github.com/signet-idp/signet/storage"
)

// BackchannelLogoutURI is where a client wants to hear of logouts, or "".
func (r *Registry) BackchannelLogoutURI(ctx context.Context, clientID string) (string, error) {
	c, err := r.Get(ctx, clientID)
	if errors.Is(err, ErrUnknown) || errors.Is(err, ErrDisabled) {
		return "", nil
	}
	if err != nil {
		return "", err
	}
	return c.Metadata.BackchannelLogoutURI, nil
}

// Describe says what a resource's scope allows, or "".
func (r *Registry) Describe(ctx context.Context, resources []string, scope string) string {
	for _, id := range resources {
		res, err := r.Resource(ctx, id)
		if err != nil {
			continue
		}
		if i := slices.IndexFunc(res.Scopes, func(s storage.ResourceScope) bool { return s.Name == scope }); i >= 0 {
			return res.Scopes[i].Description
		}
	}
	return ""
}
