package account

import (
	"context"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"time"

	"github.com/signet-idp/signet/keys"
	"github.com/signet-idp/signet/provider/change"
	"github.com/signet-idp/signet/provider/fault"
	"github.com/signet-idp/signet/storage"
)

// KeyPurpose is the data key of links.
const KeyPurpose = "link"

// What a link is for.
const (
	purposeVerify  = "verify_email"
	purposeReset   = "reset_password"
	purposeRecover = "recover" // made by an operator; proves no mailbox
	purposeEmail   = "change_email"
	purposePhone   = "change_phone" // a short code, bound to its person
	purposeRestore = "restore"
	purposeUnlock  = "unlock"
)

// tokenBytes is the entropy of a link.
const tokenBytes = 32

// content is what a link confirms; it is sealed in the row.
type content struct {
	Email string `json:"email,omitempty"` // as written; the one that the mail went to
	Phone string `json:"phone,omitempty"`
}

// link is an opened link.
type link struct {
	storage.Link
	content content
}

// newLink makes the only open link of a person and purpose, as part of a
// change, and returns its token.
func (s *Service) newLink(ctx context.Context, c *change.Change, purpose, userID string, what content, expiry time.Time) (string, error) {
	secret := make([]byte, tokenBytes)
	if _, err := io.ReadFull(s.Rand, secret); err != nil {
		return "", fmt.Errorf("account: link: %w", err)
	}
	l := storage.Link{ID: storage.NewID(), Purpose: purpose, UserID: userID, Hash: s.Key.Hash(linkData(purpose, secret)), Expiry: expiry}
	if err := s.putLink(ctx, c, l, what); err != nil {
		return "", err
	}
	return base64.RawURLEncoding.EncodeToString(secret), nil
}

func (s *Service) putLink(ctx context.Context, c *change.Change, l storage.Link, what content) error {
	if err := s.Store.VoidLinks(ctx, l.UserID, l.Purpose, c.Now); err != nil {
		return err
	}
	plain, err := json.Marshal(what)
	if err != nil {
		return fmt.Errorf("account: link: %w", err)
	}
	l.Data, l.CreatedAt = s.Key.Seal(binding(l.ID), plain), c.Now
	return s.Store.InsertLink(ctx, l)
}

// linkData is what is hashed of a link: one of a purpose is none of another.
func linkData(purpose string, secret []byte) []byte {
	return keys.Binding("links", purpose, string(secret))
}

// codeData is what is hashed of a short code: it is good beside its row only.
func codeData(linkID, code string) []byte { return keys.Binding("links", "code", linkID, code) }

func binding(id string) []byte { return keys.Binding("links", "data", id) }

// find returns the link of a token for one of the purposes, used and expired
// ones too; fault.LinkInvalid when there is none.
func (s *Service) find(ctx context.Context, token string, purposes ...string) (link, error) {
	if len(token) != base64.RawURLEncoding.EncodedLen(tokenBytes) {
		return link{}, invalidLink(nil)
	}
	secret, err := base64.RawURLEncoding.Strict().DecodeString(token)
	if err != nil || len(secret) != tokenBytes { // the decoder skips line breaks
		return link{}, invalidLink(err)
	}
	for _, purpose := range purposes {
		for _, h := range s.Key.HashAll(linkData(purpose, secret)) {
			row, err := s.Store.LinkByHash(ctx, purpose, h)
			if errors.Is(err, storage.ErrNotFound) {
				continue
			}
			if err != nil {
				return link{}, err
			}
			return s.opened(row)
		}
	}
	return link{}, invalidLink(nil)
}

func (s *Service) opened(row storage.Link) (link, error) {
	l := link{Link: row}
	plain, err := s.Key.Open(binding(row.ID), row.Data)
	if err != nil {
		return l, fmt.Errorf("account: link: %w", err)
	}
	if err := json.Unmarshal(plain, &l.content); err != nil {
		return l, fmt.Errorf("account: link: %w", err)
	}
	return l, nil
}

// open is find for a link that can still be used. Whether it is used, use
// decides.
func (s *Service) open(ctx context.Context, token string, purposes ...string) (link, error) {
	l, err := s.find(ctx, token, purposes...)
	if err == nil && (!l.UsedAt.IsZero() || !s.Clock.Now().Before(l.Expiry)) {
		err = invalidLink(nil)
	}
	return l, err
}

// use uses the link up, as part of a change; fault.LinkInvalid when another did.
func (s *Service) use(ctx context.Context, c *change.Change, l link) error {
	won, err := s.Store.UseLink(ctx, l.ID, c.Now)
	if err == nil && !won {
		err = invalidLink(nil)
	}
	return err
}

func invalidLink(cause error) error {
	return fault.Wrap(cause, fault.LinkInvalid, "the link is not valid: it was used before, has expired, or a newer one was sent")
}
