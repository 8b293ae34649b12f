package app

import (
	"github.com/signet-idp/signet/endpoints/openapi"
	"github.com/signet-idp/signet/provider/fault"
)

// describe adds the API document and its page to the table, which holds all
// other routes by now.
func (s *Server) describe(build Build) error {
	h := &openapi.Handler{Options: openapi.Options{
		Issuer: s.Config.Issuer, Version: build.Version, BareLists: s.shapes().BareLists,
		Statuses: map[string]int{"USER_002": s.statuses()[fault.EmailTaken]},
		Scopes: map[string]string{
			"openid": "An ID token", "profile": "Name and profile", "email": "The e-mail address", "address": "The postal address",
			"phone": "The telephone number", "offline_access": "Access after the browser session has ended",
			"organization": "The active organization in ID tokens", "roles": "Roles in ID tokens", "permissions": "Permissions in access tokens",
			"account": "The own profile, sessions and password", "organizations": "Organizations and their members",
			"admin": "Operating the server", "permissions:read": "Permissions and roles of people, for services",
			"users:contact": "Addresses of people, for services", "activity:write": "Reporting activity, for services",
			"revocations:read": "The revocation feed", "events:read": "The event log", "metrics:read": "Metrics",
		},
	}}
	h.Mount(s.Table)
	return h.Prepare(s.Table)
}
