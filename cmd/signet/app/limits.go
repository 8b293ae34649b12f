package app

import (
	"github.com/signet-idp/signet/endpoints/web"
	"github.com/signet-idp/signet/endpoints/web/limit"
	"github.com/signet-idp/signet/endpoints/web/replay"
)

// limiter counts requests by class.
func (c *Core) limiter() web.Limiter {
	l := c.Config.Limits
	return &limit.Limiter{
		Counters: blindCounters{c.Counters, c.purposes.logins},
		Rules: map[string]limit.Rule{
			web.RateLogin:    {PerAddress: l.LoginsPerAddr},
			web.RateRegister: {PerAddress: l.RegistersPerAddr},
			web.RateMail:     {PerAddress: l.MailsPerAddr},
			web.RateStrength: {PerAddress: l.StrengthPerAddr},
			web.RateToken:    {PerAddress: l.TokensPerAddr},
			web.RateRead:     {PerAddress: l.ReadsPerAddr, PerSubject: l.ReadsPerCaller},
			web.RateWrite:    {PerAddress: l.WritesPerAddr, PerSubject: l.WritesPerCaller},
			web.RateAdmin:    {PerAddress: l.AdminPerAddr, PerSubject: l.AdminPerCaller},
		},
	}
}

// replays remembers the answers to requests with an Idempotency-Key.
func (c *Core) replays() web.Replays {
	return replay.Store{Requests: c.Store, Key: c.purposes.replays, Clock: c.Clock}
}
