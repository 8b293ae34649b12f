// Package organizations serves the JSON API of organizations: what they are,
// who belongs to them, whom they have invited, their roles and domains.
//
// Every route with an {org_id} (an id or a slug) asks directory.Organization
// first: strangers get 404, members without the permission 403.
package organizations
