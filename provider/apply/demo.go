package apply

import (
	"context"
	"crypto/rand"
	_ "embed"
	"fmt"

	"github.com/signet-idp/signet/provider/client"
)

//go:embed demo.yaml
var demoFile []byte

// Credential is something that is shown once.
type Credential struct {
	Name   string `json:"name"` // an address or a client_id
	Secret string `json:"secret"`
}

// DemoResult says what was seeded and with which secrets.
type DemoResult struct {
	Users   []Credential
	Clients []Credential
}

// Demo is the file of the demonstration, with a new password for each person
// and a new secret for each client that needs one.
func Demo() (*File, *DemoResult, error) {
	f, err := Parse("demo.yaml", demoFile)
	if err != nil {
		return nil, nil, fmt.Errorf("apply: demo: %w", err)
	}
	out := &DemoResult{}
	for i := range f.Users {
		f.Users[i].Password = NewPassword(rand.Text())
		out.Users = append(out.Users, Credential{f.Users[i].Email, f.Users[i].Password})
	}
	for i := range f.Clients {
		m, err := client.Normalize(f.Clients[i].ClientMetadata)
		if err != nil {
			return nil, nil, fmt.Errorf("apply: demo: %w", err)
		}
		if client.NeedsSecret(m) {
			f.Clients[i].ClientSecret = client.NewSecret()
			out.Clients = append(out.Clients, Credential{f.Clients[i].ClientID, f.Clients[i].ClientSecret})
		}
	}
	return f, out, nil
}

// NewPassword makes a password of 80 bits that can be typed from random text
// (crypto/rand.Text: at least 16 characters of five bits each).
func NewPassword(text string) string {
	return text[:4] + "-" + text[4:8] + "-" + text[8:12] + "-" + text[12:16]
}

// SeedDemo applies the demonstration if the store is empty: no people, no
// clients but the built-in one. It returns nil when there was something.
func (a *Applier) SeedDemo(ctx context.Context) (*DemoResult, error) {
	users, err := a.Store.ListUsers(ctx, "", 1)
	if err != nil || len(users) > 0 {
		return nil, err
	}
	orgs, err := a.Store.ListOrganizations(ctx, "", 1)
	if err != nil || len(orgs) > 0 {
		return nil, err
	}
	f, out, err := Demo()
	if err != nil {
		return nil, err
	}
	if _, err := a.Apply(ctx, f, Options{Source: "demo"}); err != nil {
		return nil, fmt.Errorf("apply: demo: %w", err)
	}
	return out, nil
}
