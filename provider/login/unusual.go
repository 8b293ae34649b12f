package login

import (
	"context"
	"net/netip"
	"slices"

	"github.com/signet-idp/signet/provider/change"
	"github.com/signet-idp/signet/provider/event"
	"github.com/signet-idp/signet/provider/mfa"
	"github.com/signet-idp/signet/provider/risk"
	"github.com/signet-idp/signet/provider/session"
	"github.com/signet-idp/signet/storage"
)

// amrRisk is RFC 8176's word for a login that was asked for more because it
// looked odd. While it waits, that is how we know.
const amrRisk = "rba"

// unusual says what is unusual about a login beside the devices that the person
// has signed in with before: each tells of the last login on it. token is the
// device's.
func (s *Service) unusual(ctx context.Context, u storage.User, dev session.Device, token string) ([]risk.Signal, error) {
	devices, err := s.Factors.Devices(ctx, u.ID)
	if err != nil {
		return nil, err
	}
	now := risk.Login{At: s.Clock.Now(), Place: s.place(dev.IPAddress), Device: "another"}
	if known, err := s.Factors.Device(ctx, u.ID, token); err != nil {
		return nil, err
	} else if known != nil {
		now.Device = known.ID
	}
	failed, err := s.Guard.Failed(ctx, u.EmailCanonical)
	if err != nil {
		return nil, err
	}
	now.Failures = int(failed)
	earlier := make([]risk.Login, len(devices))
	for i, d := range devices {
		earlier[i] = risk.Login{At: d.LastSeenAt, Device: d.ID, Place: s.place(d.IPAddress)}
	}
	return risk.Judge(earlier, now), nil
}

func (s *Service) place(address string) risk.Place {
	parsed, err := netip.ParseAddr(address)
	if s.Geo == nil || err != nil {
		return risk.Place{}
	}
	return s.Geo.Place(parsed)
}

// suspicious says whether a policy may ask for more because of the signals. A
// new device alone is everyday.
func suspicious(signals []risk.Signal) bool { return risk.Worst(signals) >= risk.Medium }

// first is what the first factor of a login is on record as: with amrRisk when
// more is asked for because of how the login looks.
func first(n mfa.Need, amr ...string) []string {
	if n.Suspicious {
		amr = append(amr, amrRisk)
	}
	return amr
}

// without leaves a value out.
func without(amr []string, value string) []string {
	return slices.DeleteFunc(slices.Clone(amr), func(v string) bool { return v == value })
}

// tell puts the signals of a login on record, as part of it.
func tell(c *change.Change, signals []risk.Signal, sess storage.Session, clientID string, dev session.Device) {
	for _, signal := range signals {
		e := event.Event{
			Type: event.AuthSuspiciousActivity, Subject: sess.UserID, Data: signal.Data(),
			PersonalOf: sess.UserID, Personal: map[string]string{"ip_address": dev.IPAddress, "user_agent": dev.UserAgent},
		}
		e.Data["session_id"] = sess.ID
		if clientID != "" {
			e.Data["client_id"] = clientID
		}
		c.Record(e)
	}
}

// noted keeps the same failures from being told of with the next login too. It
// is a courtesy: the login stands.
func (s *Service) noted(ctx context.Context, u storage.User, signals []risk.Signal) {
	if slices.ContainsFunc(signals, func(s risk.Signal) bool { return s.Kind == risk.ManyFailures }) {
		_ = s.Guard.Noted(ctx, u.EmailCanonical)
	}
}
