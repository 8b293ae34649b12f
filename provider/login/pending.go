package login

import (
	"bytes"
	"context"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/signet-idp/signet/provider/oauth"
	"github.com/signet-idp/signet/provider/oauth/params"
	"github.com/signet-idp/signet/storage"
)

// Pending is an authorization request that waits for its person.
type Pending struct {
	Request *oauth.AuthorizeRequest
	// Own is set when the login is to a page of ours; Request stands in for the
	// client's then.
	Own *Own
	// Param is the sealed transaction.
	Param string

	fresh bool // not frozen: nobody has been asked anything
	row   storage.LoginTransaction
}

// authenticated says whether the session was authenticated within this
// transaction.
func (p *Pending) authenticated(sess *storage.Session) bool {
	return p.row.SessionID == sess.ID && !p.row.AuthenticatedAt.IsZero()
}

// frozen is what the sealed parameter holds.
type frozen struct {
	ID      string `json:"i"`
	Created int64  `json:"c"` // microseconds
	Request string `json:"q,omitempty"`
	Row     bool   `json:"r,omitempty"` // the request is in the row: it was too large to travel
	Own     *Own   `json:"o,omitempty"` // instead of a request
}

// Sizes of the sealed parameter.
const (
	maxParam      = 4 << 10 // no longer than any parameter may be
	maxTravelling = 2800    // bytes of the request that still travel
)

// freeze seals the request for the browser that began it.
func (s *Service) freeze(ctx context.Context, p *Pending, browserID string) error {
	now := s.Clock.Now()
	p.row = storage.LoginTransaction{
		ID: storage.NewID(), BrowserHash: s.Key.Hash([]byte(browserID)), CreatedAt: now, Expiry: now.Add(TransactionLifetime),
	}
	f := frozen{ID: p.row.ID, Created: now.UnixMicro(), Request: p.Request.Form.Values().Encode(), Own: p.Own}
	if len(f.Request) > maxTravelling {
		p.row.Request = s.Key.Seal([]byte("login request "+f.ID), []byte(f.Request))
		f.Request, f.Row = "", true
		if err := s.Store.PutLoginTransaction(ctx, p.row); err != nil {
			return fmt.Errorf("login: freeze: %w", err)
		}
	}
	var raw bytes.Buffer
	enc := json.NewEncoder(&raw)
	enc.SetEscapeHTML(false) // or each & of the request takes six bytes
	if err := enc.Encode(f); err != nil {
		return fmt.Errorf("login: freeze: %w", err)
	}
	p.Param = base64.RawURLEncoding.EncodeToString(s.Key.Seal(binding(browserID), raw.Bytes()))
	p.fresh = false
	return nil
}

func binding(browserID string) []byte { return []byte("login transaction " + browserID) }

// Resume opens a sealed transaction. Errors: ErrTransaction, ErrConsumed.
func (s *Service) Resume(ctx context.Context, param, browserID string) (*Pending, error) {
	if browserID == "" || param == "" || len(param) > maxParam {
		return nil, ErrTransaction
	}
	sealed, err := base64.RawURLEncoding.Strict().DecodeString(param)
	if err != nil || strings.ContainsAny(param, "\r\n") { // the decoder skips line breaks
		return nil, ErrTransaction
	}
	raw, err := s.Key.Open(binding(browserID), sealed)
	if err != nil {
		return nil, ErrTransaction
	}
	var f frozen
	if err := json.Unmarshal(raw, &f); err != nil {
		return nil, fmt.Errorf("login: resume: %w", err)
	}
	p := &Pending{Param: param}
	created := time.UnixMicro(f.Created).UTC()
	if !s.Clock.Now().Before(created.Add(TransactionLifetime)) {
		return nil, ErrTransaction
	}
	if err := s.loadRow(ctx, p, f, created, browserID); err != nil {
		return nil, err
	}
	if f.Own != nil {
		p.Own, p.Request = f.Own, s.ownRequest(*f.Own)
		return p, nil
	}
	form, err := params.Parse(f.Request)
	if f.Row {
		var request []byte
		if request, err = s.Key.Open([]byte("login request "+f.ID), p.row.Request); err != nil {
			return nil, ErrTransaction
		}
		form, err = params.Parse(string(request))
	}
	if err != nil {
		return nil, fmt.Errorf("login: resume: %w", err)
	}
	// The request was valid; what it refers to may have changed since.
	if p.Request, err = s.OAuth.ParseAuthorize(ctx, form); err != nil {
		return nil, err
	}
	return p, nil
}

func (s *Service) loadRow(ctx context.Context, p *Pending, f frozen, created time.Time, browserID string) error {
	row, err := s.Store.LoginTransactionByID(ctx, f.ID)
	switch {
	case errors.Is(err, storage.ErrNotFound) && !f.Row:
		// Nothing has been proven yet: no row was needed.
		row = storage.LoginTransaction{
			ID: f.ID, BrowserHash: s.Key.Hash([]byte(browserID)), CreatedAt: created, Expiry: created.Add(TransactionLifetime),
		}
	case errors.Is(err, storage.ErrNotFound):
		return ErrTransaction
	case err != nil:
		return fmt.Errorf("login: resume: %w", err)
	}
	p.row = row
	if !row.ConsumedAt.IsZero() {
		return ErrConsumed
	}
	return nil
}

// put writes what was proven. Errors: ErrConsumed.
func (s *Service) put(ctx context.Context, p *Pending) error {
	err := s.Store.PutLoginTransaction(ctx, p.row)
	if errors.Is(err, storage.ErrVersion) {
		return ErrConsumed // in another tab, while this one was at work
	}
	return err
}

// consume marks the transaction used, in the transaction that writes the code.
func (s *Service) consume(ctx context.Context, p *Pending) error {
	won, err := s.Store.ConsumeLoginTransaction(ctx, p.row, s.Clock.Now())
	if err != nil {
		return err
	}
	if !won {
		return ErrConsumed
	}
	return nil
}

// Continue takes a resumed transaction as far as it goes.
func (s *Service) Continue(ctx context.Context, p *Pending, b Browser) (Outcome, error) {
	return s.advance(ctx, p, b)
}

// Cancel ends a request because the person does not want to go on.
func (s *Service) Cancel(ctx context.Context, p *Pending) (Outcome, error) {
	if err := s.consume(ctx, p); err != nil {
		return Outcome{}, err
	}
	if p.Own != nil {
		return Outcome{Step: StepDone}, nil
	}
	refusal := s.OAuth.Deny(p.Request)
	return Outcome{Step: StepDone, Response: refusal.Redirect, Err: refusal.Err}, nil
}
