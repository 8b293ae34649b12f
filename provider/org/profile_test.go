package org_test

import (
	"encoding/json"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/signet-idp/signet/provider/change/changetest"
	"github.com/signet-idp/signet/provider/fault"
	"github.com/signet-idp/signet/provider/org"
)

func object(tb testing.TB, text string) map[string]any {
	tb.Helper()
	var m map[string]any
	if err := json.Unmarshal([]byte(text), &m); err != nil {
		tb.Fatal(err)
	}
	return m
}

func TestNormalizeProfile(t *testing.T) {
	t.Parallel()
	for _, c := range []struct{ name, in, want, wrong string }{
		{
			"everything", `{"display_name":"Acme","description":"We\nmake","organization_type":"Business","industry":"steel","size":"11-50",
			"website":"https://acme.test","domain":"ACME.Test.","logo_url":"https://acme.test/l.png","contact_email":"Hi@acme.test",
			"contact_phone":"+33 1 23 45 67 89","address":{"line1":"1 Road","line2":"","country_code":"fr"},"settings":{"a":{"b":1}},
			"customization":{"color":"red"},"billing_email":"b@acme.test","subscription_tier":"professional","features":["sso"],
			"trial_ends_at":"2026-02-03T04:05:06+01:00"}`,
			`{"display_name":"Acme","description":"We\nmake","organization_type":"business","industry":"steel","size":"11-50",
			"website":"https://acme.test","domain":"acme.test","logo_url":"https://acme.test/l.png","contact_email":"Hi@acme.test",
			"contact_phone":"+33123456789","address":{"line1":"1 Road","country_code":"FR"},"settings":{"a":{"b":1}},
			"customization":{"color":"red"},"billing_email":"b@acme.test","subscription_tier":"professional","features":["sso"],
			"trial_ends_at":"2026-02-03T03:05:06.000000Z"}`, "",
		},
		{"empty ones go", `{"display_name":"","website":null,"address":{"city":""}}`, `{}`, ""},
		{"unknown", `{"mane":"x"}`, "", "mane"},
		{"what only Signet writes", `{"verified_domain":"acme.test"}`, "", "verified_domain"},
		{"type", `{"organization_type":"cult"}`, "", "organization_type"},
		{"javascript", `{"logo_url":"javascript:alert(1)"}`, "", "logo_url"},
		{"domain", `{"domain":"acme"}`, "", "domain"},
		{"address", `{"address":{"planet":"Earth"}}`, "", "address"},
		{"country", `{"address":{"country_code":"FRA"}}`, "", "address"},
		{"mail", `{"billing_email":"x"}`, "", "billing_email"},
		{"features", `{"features":["a b"]}`, "", "features"},
		{"trial", `{"trial_ends_at":"tomorrow"}`, "", "trial_ends_at"},
		{"settings", `{"settings":[1]}`, "", "settings"},
		{"too many settings", `{"settings":{` + strings.Repeat(`"x":1,`, 0) + manyMembers(65) + `}}`, "", "settings"},
		{"too much", `{"settings":{"x":"` + strings.Repeat("y", 17<<10) + `"}}`, "", "settings"},
	} {
		got, err := org.NormalizeProfile(object(t, c.in))
		if c.wrong != "" {
			if f := fields(err); !slices.Equal(f, []string{c.wrong}) {
				t.Errorf("%s: %v", c.name, err)
			}
			continue
		}
		if err != nil || !cmp.Equal(got, object(t, c.want)) {
			t.Errorf("%s: %v %s", c.name, err, cmp.Diff(object(t, c.want), got))
		}
	}
}

func manyMembers(n int) string {
	var b strings.Builder
	for i := range n {
		if i > 0 {
			b.WriteByte(',')
		}
		b.WriteString(`"k` + strings.Repeat("x", i) + `":1`)
	}
	return b.String()
}

func fields(err error) []string {
	var names []string
	if f, ok := err.(*fault.Error); ok { //nolint:errorlint // unwrapped on purpose
		for _, one := range f.Fields {
			names = append(names, one.Field)
		}
	}
	return names
}

func TestPatch(t *testing.T) {
	f := changetest.New(t)
	s := org.New(f.Store, f.Resolver, f.Changes)
	o, err := s.Create(t.Context(), org.Organization{
		Name: "Acme", OwnerID: person(t, f, t, "alice"), Restricted: true,
		Profile: object(t, `{"organization_type":"team","subscription_tier":"free","settings":{"theme":"dark","mail":{"weekly":true}}}`),
	})
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		name, patch, want string
		events            []string
		code              fault.Code
	}{
		{"one member", `{"industry":"steel"}`, `{"industry":"steel"}`, []string{"organization.updated"}, 0},
		{"the same again", `{"industry":"steel"}`, `{}`, nil, 0},
		{"settings are merged", `{"settings":{"theme":null,"mail":{"daily":false}}}`, `{"settings":{"mail":{"weekly":true,"daily":false}}}`, []string{"organization.settings_updated"}, 0},
		{"both", `{"industry":null,"settings":{"x":1}}`, `{"industry":null,"settings":{"mail":{"weekly":true,"daily":false},"x":1}}`, []string{"organization.settings_updated", "organization.updated"}, 0},
		{"null removes", `{"settings":null}`, `{"settings":null}`, []string{"organization.settings_updated"}, 0},
		{"wrong", `{"website":"x","industry":"glass"}`, `{}`, nil, fault.Invalid},
		{"restricted", `{"subscription_tier":"enterprise"}`, `{}`, nil, fault.Forbidden},
		{"restricted too", `{"features":["sso"]}`, `{}`, nil, fault.Forbidden},
		{"restricted, but as it is", `{"subscription_tier":null}`, `{"subscription_tier":null}`, []string{"organization.updated"}, 0},
		{"verified", `{"verified_domain":"acme.test"}`, `{}`, nil, fault.Invalid},
		{"not even removed", `{"verified_domain":null}`, `{}`, nil, fault.Invalid},
	} {
		want := o.Profile
		for name, v := range object(t, c.want) {
			if want[name] = v; v == nil {
				delete(want, name)
			}
		}
		before := f.Mark(t)
		_, err := s.Update(t.Context(), o.ID, org.Update{Patch: object(t, c.patch), Restricted: true}, "api")
		if err == nil && c.code != 0 || err != nil && !fault.Is(err, c.code) {
			t.Errorf("%s: %v", c.name, err)
		}
		got, err := s.Get(t.Context(), o.ID)
		if err != nil {
			t.Fatal(err)
		}
		if events := f.Events(t, before); !cmp.Equal(got.Profile, want) || !slices.Equal(events, append([]string{}, c.events...)) {
			t.Errorf("%s: %s %v", c.name, cmp.Diff(want, got.Profile), events)
		}
		o = got
	}
}
