package app

import (
	"fmt"

	"github.com/signet-idp/signet/internal/safehttp"
	"github.com/signet-idp/signet/provider/hook"
)

// maxHookAnswer bounds what the operator's service may answer, in bytes.
const maxHookAnswer = 16 << 10

// rules makes the client of the operator's business rules. Its URL is the
// operator's own, so it may lie in a private network.
func (c *Core) rules() (*hook.Rules, error) {
	h := c.Config.Hooks
	if h.CoreURL == "" {
		return nil, nil
	}
	client, err := safehttp.New(safehttp.Options{
		AllowPrivate: true, PlainPrivate: true, ExtraCAFile: c.Config.Fetch.ExtraCA, Timeout: h.CoreTimeout, MaxBody: maxHookAnswer,
	})
	if err != nil {
		return nil, fmt.Errorf("app: business rules: %w", err)
	}
	return hook.New(hook.Config{
		URL: h.CoreURL, Secret: h.CoreSecret.Reveal(), DenyOnSilence: h.CoreOnSilence == "deny", Client: client, Log: c.Log,
	}), nil
}
