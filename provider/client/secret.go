package client

import (
	"context"
	"fmt"
	"slices"
	"time"

	"github.com/signet-idp/signet/provider/change"
	"github.com/signet-idp/signet/provider/event"
	"github.com/signet-idp/signet/provider/fault"
	"github.com/signet-idp/signet/storage"
)

// SecretHasher makes the keyed hash under which a secret is stored. It is fast:
// what it hashes is 256 random bits.
type SecretHasher interface {
	Hash(secret string) []byte
}

// SecretKeeper hashes and verifies.
type SecretKeeper interface {
	SecretHasher
	SecretVerifier
}

// SecretPurpose names the data key of client secrets (keys.DataKeyring.Purpose).
const SecretPurpose = "client-secret"

// MAC is a keyed hash that names its key (*keys.Purpose).
type MAC interface {
	MAC(data []byte) []byte
	VerifyMAC(mac, data []byte) bool
}

// Keep makes a SecretKeeper of a keyed hash.
func Keep(key MAC) SecretKeeper { return keeper{key} }

type keeper struct{ key MAC }

func (k keeper) Hash(secret string) []byte { return k.key.MAC([]byte(secret)) }

func (k keeper) VerifySecret(hash []byte, secret string) bool {
	return k.key.VerifyMAC(hash, []byte(secret))
}

// maxOverlap bounds how long an old secret lives beside the new one.
const maxOverlap = 90 * 24 * time.Hour

// RotateSecret gives a client a new secret and returns it, this once. The
// newest of the old ones lives on for overlap (0: ends now), so that a
// deployment can follow; any other ends: at most two live at once.
func (s *Service) RotateSecret(ctx context.Context, clientID string, overlap time.Duration) (storage.Client, string, error) {
	if overlap < 0 || overlap > maxOverlap {
		return storage.Client{}, "", fmt.Errorf("client: rotate secret: %w", fault.Field("overlap", "0 to 90 days"))
	}
	secret := NewSecret()
	c, err := s.replaceSecret(ctx, "client: rotate secret", clientID, secret, overlap)
	if err != nil {
		return c, "", err
	}
	return c, secret, nil
}

// SetSecret makes secret, which a deployment brings along, the client's only
// one. When it is one already, nothing changes.
func (s *Service) SetSecret(ctx context.Context, clientID, secret string) (changed bool, err error) {
	if !validSecret(secret) {
		return false, fmt.Errorf("client: set secret: %w", secretFault())
	}
	c, err := s.Get(ctx, clientID)
	if err != nil {
		return false, fmt.Errorf("client: set secret: %w", err)
	}
	if s.HasSecret(c, secret) {
		return false, nil
	}
	_, err = s.replaceSecret(ctx, "client: set secret", clientID, secret, 0)
	return err == nil, err
}

// HasSecret says whether secret is one of the client's that does not expire.
func (s *Service) HasSecret(c storage.Client, secret string) bool {
	return slices.ContainsFunc(c.Secrets, func(k storage.ClientSecret) bool {
		return k.ExpiresAt.IsZero() && s.secrets.VerifySecret(k.Hash, secret)
	})
}

func (s *Service) replaceSecret(ctx context.Context, op, clientID, secret string, overlap time.Duration) (storage.Client, error) {
	var c storage.Client
	err := s.changes.Do(ctx, op, func(ctx context.Context, ch *change.Change) error {
		var err error
		if c, err = s.store.ClientByID(ctx, clientID); err != nil {
			return notFound(err)
		}
		if !NeedsSecret(c.Metadata) {
			return fault.New(fault.Conflict, "a client with "+c.Metadata.TokenEndpointAuthMethod+" has no secret")
		}
		if err := s.write(ctx, ch, &c); err != nil { // locks: two rotations leave two secrets, not three
			return err
		}
		kept := storage.ClientSecret{ID: storage.NewID(), Hash: s.secrets.Hash(secret), CreatedAt: ch.Now}
		after := []storage.ClientSecret{}
		for i, old := range c.Secrets { // oldest first
			if overlap > 0 && i == len(c.Secrets)-1 && live(old, ch.Now) {
				if end := ch.Now.Add(overlap); old.ExpiresAt.IsZero() || old.ExpiresAt.After(end) {
					old.ExpiresAt = end
				}
				if err := s.store.PutClientSecret(ctx, clientID, old); err != nil {
					return err
				}
				after = append(after, old)
				continue
			}
			if err := s.store.DeleteClientSecret(ctx, clientID, old.ID); err != nil {
				return err
			}
		}
		if err := s.store.PutClientSecret(ctx, clientID, kept); err != nil {
			return err
		}
		c.Secrets = append(after, kept)
		ch.Record(event.Event{
			Type: event.ClientSecretChanged, Subject: clientID, Organization: c.OrganizationID,
			Data: map[string]any{"change": "replaced", "credential_id": kept.ID},
		})
		return nil
	})
	return c, err
}

// DeleteSecret ends one of a client's secrets. The last one that is live stays:
// a client without any is one to disable. fault.NotFound, fault.Conflict.
func (s *Service) DeleteSecret(ctx context.Context, clientID, id string) (storage.Client, error) {
	var c storage.Client
	err := s.changes.Do(ctx, "client: delete secret", func(ctx context.Context, ch *change.Change) error {
		var err error
		if c, err = s.store.ClientByID(ctx, clientID); err != nil {
			return notFound(err)
		}
		i := slices.IndexFunc(c.Secrets, func(k storage.ClientSecret) bool { return k.ID == id })
		if i < 0 {
			return fault.New(fault.NotFound, "the client has no such secret")
		}
		rest := slices.Delete(slices.Clone(c.Secrets), i, i+1)
		if live(c.Secrets[i], ch.Now) && !slices.ContainsFunc(rest, func(k storage.ClientSecret) bool { return live(k, ch.Now) }) {
			return fault.New(fault.Conflict, "this is the client's last secret; make a new one first, or disable the client")
		}
		if err := s.write(ctx, ch, &c); err != nil { // locks: of two deletions one sees the other
			return err
		}
		if err := s.store.DeleteClientSecret(ctx, clientID, id); err != nil {
			return err
		}
		c.Secrets = rest
		ch.Record(event.Event{
			Type: event.ClientSecretChanged, Subject: clientID, Organization: c.OrganizationID,
			Data: map[string]any{"change": "removed", "credential_id": id},
		})
		return nil
	})
	return c, err
}

// LiveSecrets lists the secrets that are good at now, without their hashes.
func LiveSecrets(c storage.Client, now time.Time) []storage.ClientSecret {
	out := []storage.ClientSecret{}
	for _, k := range c.Secrets {
		if live(k, now) {
			k.Hash = nil
			out = append(out, k)
		}
	}
	return out
}

// validSecret: what an Authorization header can carry (RFC 6749 §2.3.1 encodes
// it), of bounded length. That it is long and random is for whoever brings it.
func validSecret(secret string) bool {
	if secret == "" || len(secret) > 256 {
		return false
	}
	for i := range len(secret) {
		if secret[i] < ' ' || secret[i] > '~' {
			return false
		}
	}
	return true
}

func secretFault() error {
	return fault.Field("client_secret", "a secret is 1 to 256 visible ASCII characters; leave it out to have one made")
}
