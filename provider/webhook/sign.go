package webhook

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"fmt"
	"io"
	"net/http"
	"strconv"
	"strings"
	"time"

	"github.com/signet-idp/signet/keys"
	"github.com/signet-idp/signet/provider/fault"
	"github.com/signet-idp/signet/storage"
)

// secretPrefix marks a symmetric secret (Standard Webhooks 1.0.0, "Signature
// scheme"); what follows is base64.
const secretPrefix = "whsec_"

const secretBytes = 32

// SecretPurpose names the data keys that seal secrets.
const SecretPurpose = "webhook-secret"

// Columns are where secrets are kept, sealed under the keys of SecretPurpose.
func Columns(p *keys.Purpose) []keys.Column {
	return []keys.Column{{Name: storage.SealedWebhooks, Purpose: p, Binding: binding}, {Name: storage.SealedWebhookOld, Purpose: p, Binding: binding}}
}

func binding(webhookID string) []byte { return keys.Binding(webhookID) }

// Sealer seals under the keys of SecretPurpose (*keys.Purpose).
type Sealer interface {
	Seal(aad, plaintext []byte) []byte
	Open(aad, sealed []byte) ([]byte, error)
}

// newSecret makes a secret.
func newSecret(random io.Reader) (string, error) {
	raw := make([]byte, secretBytes)
	if _, err := io.ReadFull(random, raw); err != nil {
		return "", fmt.Errorf("random: %w", err)
	}
	return secretPrefix + base64.StdEncoding.EncodeToString(raw), nil
}

// parseSecret reads a secret of 24 to 64 bytes (Standard Webhooks 1.0.0,
// "Signature scheme").
func parseSecret(secret string) ([]byte, error) {
	text, ok := strings.CutPrefix(secret, secretPrefix)
	raw, err := base64.StdEncoding.DecodeString(text)
	if !ok || err != nil || len(raw) < 24 || len(raw) > 64 {
		return nil, fault.Field("secret", "a secret is whsec_ and the base64 of 24 to 64 bytes; leave it out to have one made")
	}
	return raw, nil
}

// seal seals a secret for the webhook.
func seal(key Sealer, webhookID, secret string) ([]byte, error) {
	raw, err := parseSecret(secret)
	if err != nil {
		return nil, err
	}
	return key.Seal(binding(webhookID), raw), nil
}

// secrets opens what signs at now: the webhook's secret, and the one before
// while it still does.
func secrets(key Sealer, w storage.Webhook, now time.Time) ([][]byte, error) {
	sealed := [][]byte{w.Secret}
	if len(w.OldSecret) > 0 && now.Before(w.OldUntil) {
		sealed = append(sealed, w.OldSecret)
	}
	out := make([][]byte, len(sealed))
	for i, s := range sealed {
		raw, err := key.Open(binding(w.ID), s)
		if err != nil {
			return nil, fmt.Errorf("secret: %w", err)
		}
		out[i] = raw
	}
	return out, nil
}

// header is the header of a message (Standard Webhooks 1.0.0, "Webhook headers").
// Each secret signs "id.time.body", so that no part can be changed without the
// others, and an old message cannot pass for a new one.
func header(secrets [][]byte, id string, at time.Time, body []byte) http.Header {
	seconds := strconv.FormatInt(at.Unix(), 10)
	signatures := make([]string, len(secrets))
	for i, secret := range secrets {
		mac := hmac.New(sha256.New, secret)
		for _, part := range []string{id, ".", seconds, "."} {
			_, _ = io.WriteString(mac, part) // a hash takes everything
		}
		_, _ = mac.Write(body)
		signatures[i] = "v1," + base64.StdEncoding.EncodeToString(mac.Sum(nil))
	}
	h := http.Header{}
	h.Set("Content-Type", "application/json")
	h.Set("Webhook-Id", id)
	h.Set("Webhook-Timestamp", seconds)
	h.Set("Webhook-Signature", strings.Join(signatures, " "))
	return h
}
