package app

import (
	"context"
	"fmt"
)

const ringPage = 500

// EnsureRings makes a key ring for every algorithm that a client or resource
// asks for and none exists for. RSA keys take long to make, so this happens
// when a registration changes, not when the first token is asked for.
func (c *Core) EnsureRings(ctx context.Context) error {
	wanted := map[string]bool{}
	for after := ""; ; {
		page, err := c.Store.ListClients(ctx, after, ringPage)
		if err != nil {
			return fmt.Errorf("app: rings: %w", err)
		}
		for _, cl := range page {
			after = cl.ClientID
			wanted[cl.Metadata.IDTokenSignedResponseAlg], wanted[cl.Metadata.AccessTokenSigningAlg] = true, true
		}
		if len(page) < ringPage {
			break
		}
	}
	for after := ""; ; {
		page, err := c.Store.ListResources(ctx, after, ringPage)
		if err != nil {
			return fmt.Errorf("app: rings: %w", err)
		}
		for _, r := range page {
			after = r.Identifier
			wanted[r.SigningAlg] = true
		}
		if len(page) < ringPage {
			break
		}
	}
	delete(wanted, "")
	for _, have := range c.Keys.Snapshot().Algorithms() {
		delete(wanted, have)
	}
	for alg := range wanted {
		if err := c.Keys.EnsureAlgorithms(ctx, alg); err != nil {
			return fmt.Errorf("app: rings: %w", err)
		}
	}
	return nil
}
