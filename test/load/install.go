package main

import (
	"context"
	"crypto/rand"
	"fmt"
	"os"
	"path/filepath"
	"strings"
)

const (
	password    = "correct horse battery"
	redirectURI = "http://127.0.0.1:9/callback"
	service     = "service"
)

// installation is what is measured: an organization, a person for each
// connection, a service, and a client for each kind of ID token.
type installation struct {
	secret string
	people int
	seeded int // members of the seed, or 0
}

func email(n int) string { return fmt.Sprintf("person%d@acme.test", n) }

// webClient is the client whose ID tokens are signed by alg.
func webClient(alg string) string { return "web-" + alg }

func (i installation) yaml() string {
	var b strings.Builder
	b.WriteString("organizations:\n  - {slug: acme, name: Acme Inc}\nusers:\n")
	for n := range i.people {
		role := "member"
		if n == 0 {
			role = "owner"
		}
		fmt.Fprintf(&b, "  - {email: %s, email_verified: true, password: %s, name: Person %d, organizations: [{slug: acme, roles: [%s]}]}\n",
			email(n), password, n, role)
	}
	fmt.Fprintf(&b, "clients:\n  - {client_id: %s, client_secret: %q, grant_types: [client_credentials], scope: \"orders:read\", organization: acme}\n", service, i.secret)
	for _, alg := range []string{"ES256", "RS256"} {
		fmt.Fprintf(&b, `  - client_id: %s
    token_endpoint_auth_method: none
    first_party: true
    redirect_uris: [%q]
    grant_types: [authorization_code, refresh_token]
    scope: "openid profile email offline_access organization roles account organizations"
    id_token_signed_response_alg: %s
`, webClient(alg), redirectURI, alg)
	}
	return b.String()
}

// install makes the schema and applies an installation, with the server's own
// commands.
func install(ctx context.Context, s *server, people int) (installation, error) {
	i := installation{secret: rand.Text() + rand.Text(), people: people}
	file := filepath.Join(s.dir, "installation.yaml")
	if err := os.WriteFile(file, []byte(i.yaml()), 0o600); err != nil {
		return i, err
	}
	if err := s.command(ctx, "migrate", "up"); err != nil {
		return i, err
	}
	return i, s.command(ctx, "apply", "-f", file)
}
