package app

import (
	"github.com/signet-idp/signet/endpoints/shape"
	"github.com/signet-idp/signet/endpoints/web"
	"github.com/signet-idp/signet/provider/fault"
)

// shapes are the switches that the shapes of the JSON API obey.
func (c *Core) shapes() shape.Options {
	l := c.Config.Legacy
	return shape.Options{Times: c.times(), BareSystemRoles: l.BareSystemRoles, BareLists: l.ListShape == "array", EmptyTokens: l.MFAEmptyStrings}
}

func (c *Core) times() web.Times { return web.Times{Offset: c.Config.Legacy.TimeFormat == "offset"} }

// statuses are the statuses that switches change.
func (c *Core) statuses() map[fault.Code]int {
	return map[fault.Code]int{fault.EmailTaken: c.Config.Legacy.DuplicateEmailStatus}
}
