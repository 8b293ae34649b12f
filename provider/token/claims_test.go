package token

import (
	"encoding/json"
	"slices"
	"testing"
	"time"

	"pgregory.net/rapid"
)

func roleName(t *rapid.T, label string) string {
	return rapid.StringMatching(`[a-z][a-z0-9_-]{0,20}`).Draw(t, label)
}

// TestBareRolesAreReadBack: either form of the roles has one reading.
func TestBareRolesAreReadBack(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		roles := []string{}
		for range rapid.IntRange(0, 8).Draw(t, "n") {
			r := roleName(t, "role")
			if rapid.Bool().Draw(t, "system") {
				r = systemPrefix + r
			}
			roles = append(roles, r)
		}
		if got := marked(bare(roles)); !slices.Equal(got, roles) {
			t.Fatalf("%q became %q", roles, got)
		}
		c := Claims{Roles: roles, BareRoles: true}
		if got := marked(c.WrittenRoles()); !slices.Equal(got, roles) {
			t.Fatalf("%q written as %q", roles, c.WrittenRoles())
		}
	})
}

// TestClaimsAsJSON: what is written by hand is what encoding/json reads.
func TestClaimsAsJSON(t *testing.T) {
	t.Parallel()
	now := time.Unix(1_800_000_000, 0).UTC()
	c := Claims{
		Issuer: "https://id.example.com", Subject: "u", Audience: []string{"https://id.example.com"}, Expiry: now.Add(time.Minute), IssuedAt: now,
		JTI: "j", ClientID: "c", Scope: []string{"openid", "email"}, AuthTime: now, ACR: "aal1", AMR: []string{"pwd"},
		SID: "s", GID: "g", OrgID: "o", OrgSlug: "acme", Roles: []string{"owner", "system:admin"}, BareRoles: true, PE: 7,
		Extra: map[string]any{"email": "a\"b\\ü@example.test", "roles": []string{"system:admin"}, rolesForm: "", "sub": "somebody"},
	}
	raw, err := c.appendJSON(nil)
	if err != nil {
		t.Fatal(err)
	}
	var w wire
	if err := json.Unmarshal(raw, &w); err != nil {
		t.Fatalf("%v: %s", err, raw)
	}
	if w.Email != `a"b\ü@example.test` || w.Subject != "u" || w.RolesForm != rolesBare || w.PE != 7 || w.Scope != "openid email" {
		t.Fatalf("%s", raw)
	}
	if !slices.Equal(w.Roles, []string{"org:owner", "admin"}) || !slices.Equal(w.Audience, c.Audience) {
		t.Fatalf("%s", raw)
	}
	for _, name := range []string{"roles", rolesForm, "sub", "aud"} {
		if !Reserved(name) {
			t.Errorf("a claim rule may write %s", name)
		}
	}
}
