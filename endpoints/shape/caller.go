package shape

import (
	"context"

	"github.com/signet-idp/signet/endpoints/web"
	"github.com/signet-idp/signet/provider/directory"
	"github.com/signet-idp/signet/provider/token"
)

// CallerOf is who makes the request, for the directory.
func CallerOf(ctx context.Context) directory.Caller {
	p := web.PrincipalFrom(ctx)
	if p == nil {
		return directory.Caller{}
	}
	c := directory.Caller{ID: p.Subject, Service: p.Service, OrganizationID: p.OrgID, Roles: p.Roles, Scopes: p.Scopes}
	if t, ok := p.Claims.(*token.Verified); ok {
		c.Position = t.PE
	}
	return c
}

// Message is an answer that only says what happened.
type Message struct {
	Message string `json:"message"`
}
