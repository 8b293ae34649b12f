package storagetest

import (
	"testing"

	"github.com/signet-idp/signet/storage"
)

func testOrganizationLists(t *testing.T, r []Store) {
	ctx, s := t.Context(), r[0]
	named := func(slug string, status storage.OrganizationStatus) storage.Organization {
		return insertOrganization(t, ctx, s, func(o *storage.Organization) { o.Slug, o.Status = slug, status })
	}
	a, b := named("acme", storage.OrganizationActive), named("acme-labs", storage.OrganizationSuspended)
	c, gone := named("globex", storage.OrganizationActive), named("acme-old", storage.OrganizationDeleted)
	for _, q := range []struct {
		q    storage.OrganizationSearch
		want []storage.Organization
		all  int64
	}{
		{storage.OrganizationSearch{Limit: 10}, []storage.Organization{a, b, c}, 3},
		{storage.OrganizationSearch{Slug: "acme", Limit: 10}, []storage.Organization{a, b}, 2},
		{storage.OrganizationSearch{Slug: "-lab", Limit: 10}, []storage.Organization{b}, 1},
		{storage.OrganizationSearch{Slug: "acme", Status: storage.OrganizationActive, Limit: 10}, []storage.Organization{a}, 1},
		{storage.OrganizationSearch{Status: storage.OrganizationDeleted, Limit: 10}, []storage.Organization{gone}, 1},
		{storage.OrganizationSearch{Limit: 1}, []storage.Organization{a}, 3},
		{storage.OrganizationSearch{After: a.ID, Limit: 1}, []storage.Organization{b}, 3},
		{storage.OrganizationSearch{Offset: 2, Limit: 10}, []storage.Organization{c}, 3},
		{storage.OrganizationSearch{Slug: "none", Limit: 10}, nil, 0},
	} {
		got := must(s.FindOrganizations(ctx, q.q))(t)
		if len(got)+len(q.want) > 0 {
			equal(t, got, q.want)
		}
		equal(t, must(s.CountFoundOrganizations(ctx, q.q))(t), q.all)
	}
}
