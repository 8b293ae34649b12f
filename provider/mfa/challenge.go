package mfa

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"github.com/signet-idp/signet/keys"
	"github.com/signet-idp/signet/provider/change"
	"github.com/signet-idp/signet/provider/fault"
	"github.com/signet-idp/signet/provider/notify"
	"github.com/signet-idp/signet/storage"
)

// challenge is a row of one and what is sealed in it.
type challenge struct {
	storage.Link
	content
}

// content is sealed in the challenge's row.
type content struct {
	Method string `json:"m"` // factor id, or TypeBackupCodes
	Type   string `json:"t"`
	Code   []byte `json:"c,omitempty"` // keyed hash of the code that was sent
	State  []byte `json:"s,omitempty"` // of package passkey
}

// purpose keeps the challenges of one holder and method apart from all others.
func (h Holder) purpose(method string) string { return "mfa " + h.Context + " " + method }

// Begin makes a challenge for one of the holder's confirmed factors and sends
// its code, if it is one that is sent. method is a factor's id, a kind, or
// empty: the primary factor. The one before it for the same factor is void.
// Errors: fault.NotFound, fault.MFANotSetUp, fault.RateLimited,
// fault.Unavailable.
func (s *Service) Begin(ctx context.Context, h Holder, method string) (Challenge, error) {
	u, err := s.Store.UserByID(ctx, h.UserID)
	if err != nil {
		return Challenge{}, notFound(err)
	}
	if method == TypeBackupCodes {
		n, err := s.Store.CountBackupCodes(ctx, u.ID)
		if err != nil {
			return Challenge{}, err
		}
		if n == 0 {
			return Challenge{}, fault.New(fault.MFANotSetUp, "there are no backup codes left")
		}
		return s.begin(ctx, h, u, storage.Factor{ID: TypeBackupCodes, UserID: u.ID, Type: TypeBackupCodes})
	}
	if h.Mailed && (method == "" || method == MailedCode || method == storage.FactorEmail) {
		return s.begin(ctx, h, u, storage.Factor{ID: MailedCode, UserID: u.ID, Type: storage.FactorEmail})
	}
	factors, err := s.Store.FactorsOf(ctx, u.ID)
	if err != nil {
		return Challenge{}, err
	}
	confirmed := 0
	for _, f := range factors {
		if f.VerifiedAt.IsZero() {
			continue
		}
		confirmed++
		if method == "" || method == f.ID || method == f.Type {
			return s.begin(ctx, h, u, f)
		}
	}
	if confirmed == 0 {
		return Challenge{}, fault.New(fault.MFANotSetUp, "no second factor is set up")
	}
	return Challenge{}, fault.New(fault.NotFound, "there is no such method")
}

// begin makes the challenge of a factor, confirmed or about to be.
func (s *Service) begin(ctx context.Context, h Holder, u storage.User, f storage.Factor) (Challenge, error) {
	now := s.Clock.Now()
	out := Challenge{ID: storage.NewID(), MethodID: f.ID, Type: f.Type, Expiry: now.Add(s.Settings.Challenge), Remaining: s.Settings.Tries}
	in := content{Method: f.ID, Type: f.Type}
	var send *notify.Message
	switch f.Type {
	case storage.FactorEmail, storage.FactorSMS:
		m, code, err := s.message(ctx, h, u, f, out.Expiry)
		if err != nil {
			return Challenge{}, err
		}
		in.Code, send, out.Destination = s.Key.Hash(codeData(out.ID, code)), &m, mask(f.Type, m.To)
	case storage.FactorWebAuthn:
		var err error
		if out.Options, in.State, err = s.passkeyOptions(ctx, u, f); err != nil {
			return Challenge{}, err
		}
	}
	plain, err := json.Marshal(in)
	if err != nil {
		return Challenge{}, fmt.Errorf("mfa: challenge: %w", err)
	}
	row := storage.Link{
		ID: out.ID, Purpose: h.purpose(f.ID), UserID: u.ID, Hash: s.Key.Hash(keys.Binding("factors", "challenge", out.ID)),
		Data: s.Key.Seal(binding(out.ID), plain), CreatedAt: now, Expiry: out.Expiry,
	}
	return out, s.Change.Do(ctx, "mfa: challenge", func(ctx context.Context, c *change.Change) error {
		if err := s.Store.VoidLinks(ctx, u.ID, row.Purpose, c.Now); err != nil {
			return err
		}
		if err := s.Store.InsertLink(ctx, row); err != nil {
			return err
		}
		if send != nil {
			return s.Messages.Queue(ctx, *send)
		}
		return nil
	})
}

// message is the mail or text message with a code.
func (s *Service) message(ctx context.Context, h Holder, u storage.User, f storage.Factor, until time.Time) (notify.Message, string, error) {
	channel := notify.Email
	if f.Type == storage.FactorSMS {
		channel = notify.SMS
	}
	if err := s.Messages.Check(channel); err != nil {
		return notify.Message{}, "", err
	}
	n, reset, err := s.Counters.Add(ctx, "mfa:sent:"+u.ID, 1, time.Hour)
	if err != nil {
		return notify.Message{}, "", err
	}
	if n > s.Settings.Sends {
		return notify.Message{}, "", fault.New(fault.RateLimited, "too many codes were asked for; try again later").Retry(reset)
	}
	to := []byte(u.Email)
	if f.ID != MailedCode {
		if to, err = s.open(f); err != nil {
			return notify.Message{}, "", err
		}
	}
	code, err := s.newCode()
	if err != nil {
		return notify.Message{}, "", err
	}
	return notify.Message{
		Channel: channel, Kind: notify.SignInCode, To: string(to), Locale: localeOf(u, h.Locale), UserID: u.ID,
		Values: notify.Values{Code: code, Until: until},
	}, code, nil
}

// find returns the holder's challenge that an answer is to: the one it names,
// or the open one of the method it names, made now if there is none (which an
// authenticator app and backup codes need nothing for). fault.NotFound for
// anybody else's, fault.ChallengeExpired for one that is over.
func (s *Service) find(ctx context.Context, h Holder, a Answer) (challenge, error) {
	if a.ChallengeID == "" {
		if a.MethodID == "" {
			return challenge{}, fault.Field("challenge_id", "say which challenge or method this answers")
		}
		row, err := s.Store.OpenLink(ctx, h.UserID, h.purpose(a.MethodID), s.Clock.Now())
		if errors.Is(err, storage.ErrNotFound) {
			row, err = s.implicit(ctx, h, a.MethodID)
		}
		if err != nil {
			return challenge{}, err
		}
		return s.opened(row)
	}
	row, err := s.Store.LinkByID(ctx, a.ChallengeID)
	if err != nil && !errors.Is(err, storage.ErrNotFound) {
		return challenge{}, err
	}
	if err != nil || row.UserID != h.UserID {
		return challenge{}, fault.New(fault.NotFound, "there is no such challenge")
	}
	c, err := s.opened(row)
	if err != nil || row.Purpose != h.purpose(c.Method) {
		return challenge{}, fault.Wrap(err, fault.NotFound, "there is no such challenge")
	}
	if !row.UsedAt.IsZero() || !s.Clock.Now().Before(row.Expiry) {
		return challenge{}, expired()
	}
	return c, nil
}

// implicit makes the challenge of a method that needs nothing for one. Of many
// answers at once the first makes it for all: each with its own would have as
// many tries.
func (s *Service) implicit(ctx context.Context, h Holder, method string) (row storage.Link, err error) {
	if method == MailedCode {
		return row, expired()
	}
	if method != TypeBackupCodes {
		f, err := s.Store.FactorByID(ctx, h.UserID, method)
		if errors.Is(err, storage.ErrNotFound) {
			return row, fault.New(fault.NotFound, "there is no such method")
		}
		if err != nil {
			return row, err
		}
		if f.Type != storage.FactorTOTP || f.VerifiedAt.IsZero() {
			return row, expired()
		}
	}
	err = s.Change.Do(ctx, "mfa: challenge", func(ctx context.Context, c *change.Change) error {
		if err := s.Store.LockUser(ctx, h.UserID); err != nil {
			return notFound(err)
		}
		row, err = s.Store.OpenLink(ctx, h.UserID, h.purpose(method), c.Now)
		if !errors.Is(err, storage.ErrNotFound) {
			return err
		}
		made, err := s.Begin(ctx, h, method)
		if err != nil {
			return err
		}
		row, err = s.Store.LinkByID(ctx, made.ID)
		return err
	})
	return row, err
}

func (s *Service) opened(row storage.Link) (challenge, error) {
	c := challenge{Link: row}
	plain, err := s.Key.Open(binding(row.ID), row.Data)
	if err != nil {
		return c, fmt.Errorf("mfa: challenge: %w", err)
	}
	if err := json.Unmarshal(plain, &c.content); err != nil {
		return c, fmt.Errorf("mfa: challenge: %w", err)
	}
	return c, nil
}

func binding(id string) []byte { return keys.Binding("factors", "sealed", id) }

// Column is where factors are kept, sealed under the keys of KeyPurpose.
func Column(p *keys.Purpose) keys.Column {
	return keys.Column{Name: storage.SealedFactors, Purpose: p, Binding: binding}
}

// open returns what is sealed in a factor.
func (s *Service) open(f storage.Factor) ([]byte, error) {
	plain, err := s.Key.Open(binding(f.ID), f.Sealed)
	if err != nil {
		return nil, fmt.Errorf("mfa: factor: %w", err)
	}
	return plain, nil
}

func expired() error {
	return fault.New(fault.ChallengeExpired, "the challenge is over: it was used before or has expired; begin again")
}

func notFound(err error) error {
	if errors.Is(err, storage.ErrNotFound) {
		return fault.Wrap(err, fault.UserNotFound, "there is no such user")
	}
	return err
}

// localeOf is the language to write to a person in.
func localeOf(u storage.User, accepted string) string {
	if own, ok := u.Profile["locale"].(string); ok && own != "" {
		return own
	}
	return accepted
}
