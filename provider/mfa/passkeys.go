package mfa

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"

	"github.com/google/uuid"

	"github.com/signet-idp/signet/keys"
	"github.com/signet-idp/signet/provider/fault"
	"github.com/signet-idp/signet/provider/mfa/passkey"
	"github.com/signet-idp/signet/storage"
)

// person is somebody with their passkeys. The handle is their id, which says
// nothing about them.
func (s *Service) person(ctx context.Context, u storage.User) (passkey.Person, error) {
	id, err := uuid.Parse(u.ID)
	if err != nil {
		return passkey.Person{}, fmt.Errorf("mfa: user id: %w", err)
	}
	p := passkey.Person{Handle: id[:], Name: u.Email, DisplayName: u.Email}
	if name, _ := u.Profile["name"].(string); name != "" {
		p.DisplayName = name
	}
	factors, err := s.Store.FactorsOf(ctx, u.ID)
	if err != nil {
		return p, err
	}
	for _, f := range factors {
		if f.Type != storage.FactorWebAuthn || f.VerifiedAt.IsZero() {
			continue
		}
		c, err := s.credential(f)
		if err != nil {
			return p, err
		}
		p.Credentials = append(p.Credentials, c)
	}
	return p, nil
}

func (s *Service) credential(f storage.Factor) (c passkey.Credential, err error) {
	plain, err := s.open(f)
	if err != nil {
		return c, err
	}
	if err := json.Unmarshal(plain, &c); err != nil {
		return c, fmt.Errorf("mfa: passkey: %w", err)
	}
	return c, nil
}

// keep seals what is kept of a passkey into its factor.
func (s *Service) keep(f *storage.Factor, c passkey.Credential) error {
	plain, err := json.Marshal(c)
	if err != nil {
		return fmt.Errorf("mfa: passkey: %w", err)
	}
	f.Sealed, f.CredentialID = s.Key.Seal(binding(f.ID), plain), c.ID
	return nil
}

// passkeyRight judges an answer of a passkey: the first of a new one, or one of
// those the person has.
func (s *Service) passkeyRight(ctx context.Context, j *Judged, u storage.User, a Answer) (bool, error) {
	if s.Passkeys == nil {
		return false, noPasskeys()
	}
	p, err := s.person(ctx, u)
	if err != nil {
		return false, err
	}
	if j.Confirms {
		c, err := s.Passkeys.FinishRegister(ctx, p, j.challenge.State, a.Passkey)
		if err != nil {
			return false, err
		}
		if a.Name != "" {
			j.factor.Name = cut(a.Name, maxName)
		}
		j.AMR = passkey.Assertion{Credential: c, UserVerified: c.UserVerified}.AMR()
		return true, s.keep(&j.factor, c)
	}
	proof, err := s.Passkeys.FinishAssert(ctx, p, j.challenge.State, a.Passkey)
	if err != nil {
		return false, err
	}
	return true, s.asserted(ctx, j, proof)
}

// asserted notes a right answer of a passkey in its factor. *passkey.Error when
// its counter went back.
func (s *Service) asserted(ctx context.Context, j *Judged, proof passkey.Assertion) error {
	f, err := s.Store.FactorByCredential(ctx, proof.Credential.ID)
	if err != nil {
		return err
	}
	j.factor, j.from, j.MethodID, j.AMR = f, f.Position, f.ID, proof.AMR()
	if proof.CounterWentBack {
		// There may be two of it (WebAuthn §6.1.1), and nobody can tell which one
		// this is. The person has to come in by another way and remove it.
		return &passkey.Error{Reason: passkey.ReasonCounter}
	}
	j.factor.Position = max(f.Position, int64(proof.Credential.SignCount))
	return s.keep(&j.factor, proof.Credential)
}

// Discover begins a login with a passkey of whoever it is. State is sealed for
// the place that it travels through; it is good for once and five minutes.
func (s *Service) Discover(ctx context.Context, place string) (options json.RawMessage, state []byte, err error) {
	if s.Passkeys == nil {
		return nil, nil, noPasskeys()
	}
	options, raw, err := s.Passkeys.Discover(ctx)
	if err != nil {
		return nil, nil, err
	}
	return options, s.Key.Seal(keys.Binding("factors", "discover", place), raw), nil
}

// Discovered judges the answer to Discover and says whose it is. It is used up
// by Consume, as any other. Errors: fault.BadCredentials for what is nobody's
// passkey, fault.Malformed with the reason for what cannot be right.
func (s *Service) Discovered(ctx context.Context, h Holder, place string, state []byte, answer json.RawMessage) (*Judged, storage.User, error) {
	if s.Passkeys == nil {
		return nil, storage.User{}, noPasskeys()
	}
	raw, err := s.Key.Open(keys.Binding("factors", "discover", place), state)
	if err != nil {
		return nil, storage.User{}, expired()
	}
	var u storage.User
	proof, err := s.Passkeys.FinishDiscover(ctx, raw, answer, func(ctx context.Context, credentialID, userHandle []byte) (passkey.Person, error) {
		f, err := s.Store.FactorByCredential(ctx, credentialID)
		if err != nil {
			return passkey.Person{}, err
		}
		if u, err = s.Store.UserByID(ctx, f.UserID); err != nil {
			return passkey.Person{}, err
		}
		return s.person(ctx, u)
	})
	if p, ok := errors.AsType[*passkey.Error](err); ok {
		return nil, u, notAccepted(p)
	}
	if errors.Is(err, storage.ErrNotFound) {
		return nil, u, fault.Wrap(err, fault.BadCredentials, "the passkey is not known here")
	}
	if err != nil {
		return nil, u, err
	}
	h.UserID = u.ID
	j := &Judged{Type: storage.FactorWebAuthn, service: s, holder: h, once: string(s.Key.Hash(raw))}
	err = s.asserted(ctx, j, proof)
	if p, ok := errors.AsType[*passkey.Error](err); ok {
		if err := s.record(ctx, j, passkeyFailure(p)); err != nil {
			return nil, u, err
		}
		return nil, u, notAccepted(p)
	}
	return j, u, err
}

// passkeyFailure is the reason of a passkey's failure as events have it.
func passkeyFailure(e *passkey.Error) string {
	if e.Reason == passkey.ReasonCounter {
		return "counter_went_back"
	}
	return "passkey"
}

func notAccepted(e *passkey.Error) error {
	return fault.Wrap(e, fault.Malformed, "the passkey was not accepted: "+e.Reason)
}
