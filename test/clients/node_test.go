package clients

import (
	"encoding/json"
	"testing"
	"time"

	"github.com/signet-idp/signet/internal/testkit/script"
)

// limit is how long one script may take; they take seconds.
const limit = 2 * time.Minute

func TestOpenidClient(t *testing.T) {
	everywhere(t, func(t *testing.T, run server) { start(t, nowhere, run).node(t, "openid-client.mjs", nil) })
}

func TestOAuth4webapi(t *testing.T) {
	everywhere(t, func(t *testing.T, run server) { start(t, nowhere, run).node(t, "oauth4webapi.mjs", nil) })
}

func TestJose(t *testing.T) {
	everywhere(t, func(t *testing.T, run server) {
		ear, o := listen(t), nowhere
		o.Backchannel = "http://" + ear + "/logout"
		start(t, o, run).node(t, "jose.mjs", map[string]any{"ear": ear})
	})
}

// node runs a script of this directory and reports its checks as subtests. more
// are settings of this test alone.
func (s *site) node(t *testing.T, name string, more map[string]any) {
	t.Helper()
	script.Install(t, "")
	settings := map[string]any{
		"issuer": s.Issuer, "person": map[string]string{"sub": person, "email": email, "password": password},
		"secret": secret, "redirect": redirect, "home": home, "api": api, "keys": s.keys,
	}
	for setting, value := range more {
		settings[setting] = value
	}
	encoded, err := json.Marshal(settings)
	if err != nil {
		t.Fatal(err)
	}
	script.Run(t, limit, "", []string{"SETTINGS=" + string(encoded)}, script.Node(t), name)
}
