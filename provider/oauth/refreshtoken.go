package oauth

import (
	"context"
	"encoding/base64"
	"encoding/binary"
	"errors"
	"strings"

	"github.com/google/uuid"

	"github.com/signet-idp/signet/storage"
)

// A refresh token is a family id, a generation and a keyed MAC over both, so
// that one row holds the whole family's state and a successor can be computed
// again: "srt_" and base64url of 16 bytes id, 8 bytes generation, MAC.
const refreshPrefix = "srt_"

const refreshBody = 16 + 8

// maxRefresh bounds what is decoded.
const maxRefresh = 256

var errRefreshMalformed = errors.New("oauth: not a refresh token of ours")

// refreshToken computes token generation of a grant.
func (p *Provider) refreshToken(grantID string, generation int64) (string, error) {
	id, err := uuid.Parse(grantID)
	if err != nil {
		return "", err
	}
	body := make([]byte, refreshBody, refreshBody+64)
	copy(body, id[:])
	binary.BigEndian.PutUint64(body[16:], uint64(generation))
	return refreshPrefix + base64.RawURLEncoding.EncodeToString(append(body, p.Refresh.MAC(body)...)), nil
}

// parseRefresh verifies a refresh token's MAC and returns what it names.
func (p *Provider) parseRefresh(token string) (grantID string, generation int64, err error) {
	text, ok := strings.CutPrefix(token, refreshPrefix)
	if !ok || len(text) > maxRefresh || strings.ContainsAny(text, "\r\n") { // the decoder skips line breaks
		return "", 0, errRefreshMalformed
	}
	raw, err := base64.RawURLEncoding.Strict().DecodeString(text)
	if err != nil || len(raw) <= refreshBody {
		return "", 0, errRefreshMalformed
	}
	body, mac := raw[:refreshBody], raw[refreshBody:]
	if !p.Refresh.VerifyMAC(mac, body) {
		return "", 0, errRefreshMalformed
	}
	n := binary.BigEndian.Uint64(body[16:])
	if n == 0 || n > 1<<62 {
		return "", 0, errRefreshMalformed
	}
	return uuid.UUID(body[:16]).String(), int64(n), nil
}

// family reads the grant of a client's refresh token and the generation that
// was presented; errRefreshUnknown when the token is none of ours, or another
// client's, whose family is left alone.
func (p *Provider) family(ctx context.Context, clientID, token string) (*storage.GrantState, int64, error) {
	id, generation, err := p.parseRefresh(token)
	if err != nil {
		return nil, 0, errors.Join(errRefreshUnknown, err)
	}
	state, err := p.Store.GrantByID(ctx, id, p.Clock.Now())
	switch {
	case errors.Is(err, storage.ErrNotFound):
		return nil, 0, errors.Join(errRefreshUnknown, err)
	case err != nil:
		return nil, 0, op("refresh", err)
	case state.ClientID != clientID:
		return nil, 0, errRefreshUnknown
	}
	return &state, generation, nil
}

// generationVerdict says what a presented generation means.
type generationVerdict int

const (
	generationUnknown generationVerdict = iota // ended, or from a future that never was
	generationExpired
	generationCurrent
	generationRepeat // the direct predecessor within the grace
	generationReuse
)

// judge compares a presented generation with the family's state. Reuse is told
// even of an expired family, but not of one that was revoked: nothing is left
// to end there.
func (p *Provider) judge(g *storage.Grant, presented int64) generationVerdict {
	now := p.Clock.Now()
	repeat := presented == g.Generation-1 && now.Before(g.SteppedAt.Add(p.Lifetimes.RefreshGrace))
	switch {
	case !g.RevokedAt.IsZero() || presented > g.Generation:
		return generationUnknown
	case presented < g.Generation && !repeat:
		return generationReuse
	case !now.Before(g.RefreshExpiry) || !now.Before(g.Expiry):
		return generationExpired
	case repeat:
		return generationRepeat
	}
	return generationCurrent
}
