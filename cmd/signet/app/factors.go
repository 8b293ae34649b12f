package app

import (
	"context"
	"crypto/rand"
	"fmt"
	"net/netip"
	"net/url"

	factors "github.com/signet-idp/signet/endpoints/mfa"
	"github.com/signet-idp/signet/provider/guard"
	"github.com/signet-idp/signet/provider/mfa"
	"github.com/signet-idp/signet/provider/mfa/passkey"
)

// openFactors makes what keeps and judges second factors.
func (s *Server) openFactors(ctx context.Context, attempts *guard.Guard) error {
	key, err := s.Keyring.Purpose(ctx, mfa.KeyPurpose)
	if err != nil {
		return fmt.Errorf("app: data keys: %w", err)
	}
	issuer, err := url.Parse(s.Config.Issuer)
	if err != nil {
		return fmt.Errorf("app: issuer: %w", err)
	}
	settings := mfa.DefaultSettings(issuer.Hostname())
	settings.Tries, settings.Challenge = int64(s.Config.Limits.MFATries), s.Config.Lifetimes.MFAChallenge
	settings.Recent = s.Config.Lifetimes.RecentAuth
	d := mfa.Deps{
		Store: s.Store, Guard: attempts, Counters: blindCounters{s.Counters, s.purposes.logins}, Messages: s.Notify,
		Change: s.Change, Key: key, Observer: s.Telemetry.Metrics, Clock: s.Clock, Rand: rand.Reader, Settings: settings,
	}
	// A passkey belongs to a domain: an issuer that is an address has none.
	if _, err := netip.ParseAddr(issuer.Hostname()); err != nil {
		if d.Passkeys, err = passkey.New(passkey.Config{
			RPID: issuer.Hostname(), RPDisplayName: issuer.Hostname(), Origins: []string{issuer.Scheme + "://" + issuer.Host},
			Clock: s.Clock, Rand: rand.Reader,
		}); err != nil {
			return fmt.Errorf("app: %w", err)
		}
	}
	s.Factors = mfa.New(d)
	return nil
}

// ResetFactors removes every second factor of a person, who is told: for
// commands that run without a server, and ask for nothing else of factors.
func (c *Core) ResetFactors(ctx context.Context, userID string) (int, error) {
	return mfa.New(mfa.Deps{Store: c.Store, Messages: c.Notify, Change: c.Change, Clock: c.Clock}).Reset(ctx, userID, "")
}

// mountFactors adds the JSON API of second factors.
func (s *Server) mountFactors() {
	(&factors.Handler{
		Factors: s.Factors, Login: s.Login, Directory: s.Directory, Authenticator: authenticator{s.Verifier, s.Config.Issuer},
		Shape: s.shapes(), Now: s.Clock.Now,
	}).Mount(s.Table)
}
