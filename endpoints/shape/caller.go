package shape

import (
	"context"

	"github.com/signet-idp/signet/endpoints/web"
	"github.com/signet-idp/signet/provider/directory"
)

// CallerOf is who makes the request, for the directory.
func CallerOf(ctx context.Context) directory.Caller {
	p := web.PrincipalFrom(ctx)
	if p == nil {
		return directory.Caller{}
	}
	return directory.Caller{ID: p.Subject, Service: p.Service, OrganizationID: p.OrgID, Roles: p.Roles, Scopes: p.Scopes}
}

// Message is an answer that only says what happened.
type Message struct {
	Message string `json:"message"`
}
