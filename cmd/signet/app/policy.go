package app

import (
	"fmt"
	"net/url"

	"github.com/signet-idp/signet/internal/safehttp"
	"github.com/signet-idp/signet/provider/user/password"
)

// maxRange bounds what a range service answers, in bytes: a thousand lines and
// their padding are some 60,000.
const maxRange = 256 << 10

// openPolicy makes the rules for new passwords. The URL of a range service is
// the operator's own, so it may lie in a private network.
func (c *Core) openPolicy() error {
	p := c.Config.Password
	c.Policy = password.NewPolicy(p.MinLength)
	c.Policy.Words = []string{"signet"}
	if u, err := url.Parse(c.Config.Issuer); err == nil {
		c.Policy.Words = append(c.Policy.Words, u.Hostname())
	}
	if p.RefusedFile != "" {
		list, err := password.OpenRefused(p.RefusedFile)
		if err != nil {
			return fmt.Errorf("app: password.refused_file: %w", err)
		}
		c.Log.Info("refused passwords read", "passwords", list.Len(), "skipped_lines", list.Skipped())
		c.Policy.Refused = list
	}
	if p.RangeURL != "" {
		client, err := safehttp.New(safehttp.Options{
			AllowPrivate: true, PlainPrivate: true, ExtraCAFile: c.Config.Fetch.ExtraCA, Timeout: password.RangeTime, MaxBody: maxRange,
		})
		if err != nil {
			return fmt.Errorf("app: password.range_url: %w", err)
		}
		c.Policy.Range = password.NewRange(p.RangeURL, client, c.Log)
	}
	return nil
}
