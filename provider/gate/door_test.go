package gate_test

import (
	"net/url"
	"testing"
	"time"

	"github.com/signet-idp/signet/internal/testkit/fakeclock"
	"github.com/signet-idp/signet/provider/gate"
	"github.com/signet-idp/signet/storage"
)

func door(t *testing.T) *gate.Door {
	t.Helper()
	d, err := gate.NewDoor(gate.Deps{Issuer: "https://id.test", Clock: fakeclock.New(time.Unix(1_800_000_000, 0)), Rand: fixed(1)})
	if err != nil {
		t.Fatal(err)
	}
	return d
}

// TestBegin: the request asks for what the gate requires.
func TestBegin(t *testing.T) {
	t.Parallel()
	g := &storage.Gate{
		Name: "vault", Scopes: []string{"keys:read"}, ACR: "aal2", MaxAge: 5 * time.Minute, OrganizationID: "org-1",
		Browser: &storage.GateBrowser{Hosts: []string{"vault.test"}},
	}
	d := door(t)
	secret, err := d.NewSecret()
	if err != nil {
		t.Fatal(err)
	}
	address, err := d.Begin(g, "https://vault.test", secret, "/keys")
	if err != nil {
		t.Fatal(err)
	}
	u, err := url.Parse(address)
	if err != nil {
		t.Fatal(err)
	}
	q := u.Query()
	for name, want := range map[string]string{
		"response_type": "code", "client_id": "gate:vault", "redirect_uri": "https://vault.test/.signet/callback", "scope": "openid keys:read",
		"acr_values": "aal2", "max_age": "300", "organization": "org-1", "code_challenge_method": "S256",
	} {
		if q.Get(name) != want {
			t.Errorf("%s is %q", name, q.Get(name))
		}
	}
	if len(q.Get("code_challenge")) != 43 || u.Host != "id.test" || u.Path != "/oauth2/authorize" {
		t.Errorf("%s", address)
	}
	for _, bad := range []string{"", "x", secret + "A", secret[:42] + "="} {
		if gate.ValidSecret(bad) {
			t.Errorf("%q is a secret", bad)
		}
	}
}
