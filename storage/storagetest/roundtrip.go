package storagetest

import (
	"context"
	"slices"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/signet-idp/signet/storage"
)

// Generators of what may be in a record: any valid text without NUL, times cut
// to microseconds or not set, lists of words, bytes or none.
var (
	texts = rapid.Custom(func(t *rapid.T) string {
		return strings.ReplaceAll(rapid.String().Draw(t, "text"), "\x00", "")
	})
	words = rapid.Custom(func(t *rapid.T) []string {
		list := rapid.SliceOfN(rapid.StringMatching(`[!-~]{1,20}`), 0, 4).Draw(t, "words")
		if len(list) == 0 {
			return nil
		}
		return list
	})
	times = rapid.Custom(func(t *rapid.T) time.Time {
		us := rapid.Int64Range(-1, 4102444800_000000).Draw(t, "µs")
		if us <= 0 {
			return time.Time{}
		}
		return time.UnixMicro(us).UTC()
	})
	blobs = rapid.Custom(func(t *rapid.T) []byte {
		if rapid.Bool().Draw(t, "none") {
			return nil
		}
		return rapid.SliceOfN(rapid.Byte(), 1, 40).Draw(t, "bytes")
	})
	documents = rapid.Custom(func(t *rapid.T) map[string]any {
		m := rapid.MapOfN(texts, texts, 0, 3).Draw(t, "members")
		if len(m) == 0 {
			return nil
		}
		doc := make(map[string]any, len(m))
		for k, v := range m {
			doc[k] = v
		}
		return doc
	})
)

// testRoundTrips: what is read is what was written.
func testRoundTrips(t *testing.T, r []Store) {
	s, back := r[0], r[len(r)-1]
	owner := insertUser(t, t.Context(), s)
	t.Run("user", rapid.MakeCheck(func(t *rapid.T) {
		ctx := context.Background()
		v := storage.User{
			ID: storage.NewID(), Email: texts.Draw(t, "email"), EmailVerified: rapid.Bool().Draw(t, "verified"),
			PasswordHash: texts.Draw(t, "hash"), PasswordChangedAt: times.Draw(t, "changed"), Status: storage.UserStatus(texts.Draw(t, "status")),
			Profile: documents.Draw(t, "profile"), LastOrganizationID: texts.Draw(t, "org"), LastLoginAt: times.Draw(t, "login"),
			ManagedBy: texts.Draw(t, "managed"), Version: rapid.Int64().Draw(t, "version"), CreatedAt: times.Draw(t, "created"), UpdatedAt: times.Draw(t, "updated"),
		}
		v.EmailCanonical = v.ID + texts.Draw(t, "canonical")
		noError(t, s.InsertUser(ctx, v))
		equal(t, must(back.UserByEmail(ctx, v.EmailCanonical))(t), v)
	}))
	t.Run("session", rapid.MakeCheck(func(t *rapid.T) {
		ctx := context.Background()
		v := storage.Session{
			ID: storage.NewID(), UserID: owner.ID, Kind: storage.SessionKind(texts.Draw(t, "kind")), ParentID: texts.Draw(t, "parent"),
			AuthTime: times.Draw(t, "auth"), ACR: texts.Draw(t, "acr"), AMR: words.Draw(t, "amr"), ClientID: texts.Draw(t, "client"),
			DeviceName: texts.Draw(t, "device"), UserAgent: texts.Draw(t, "agent"), IPAddress: texts.Draw(t, "address"),
			Remember: rapid.Bool().Draw(t, "remember"), CreatedAt: times.Draw(t, "created"), LastActiveAt: times.Draw(t, "active"),
			IdleExpiry: times.Draw(t, "idle"), Expiry: times.Draw(t, "expiry"), EndedAt: times.Draw(t, "ended"), EndReason: texts.Draw(t, "reason"),
		}
		if hash := blobs.Draw(t, "cookie"); hash != nil {
			v.CookieHash = slices.Concat(hash, []byte(v.ID))
		}
		noError(t, s.InsertSession(ctx, v))
		equal(t, must(back.SessionByID(ctx, v.ID))(t), v)
	}))
	t.Run("grant", rapid.MakeCheck(func(t *rapid.T) {
		ctx := context.Background()
		v := storage.Grant{
			ID: storage.NewID(), ClientID: texts.Draw(t, "client"), UserID: owner.ID, SessionID: texts.Draw(t, "sid"),
			OrganizationID: texts.Draw(t, "org"), Scope: words.Draw(t, "scope"), Audience: words.Draw(t, "audience"), Claims: texts.Draw(t, "claims"),
			Nonce: texts.Draw(t, "nonce"), AuthTime: times.Draw(t, "auth"), ACR: texts.Draw(t, "acr"), AMR: words.Draw(t, "amr"),
			Offline: rapid.Bool().Draw(t, "offline"), RedirectURI: texts.Draw(t, "uri"), CodeChallenge: texts.Draw(t, "challenge"),
			CodeExpiry: times.Draw(t, "code expiry"), CodeUsedAt: times.Draw(t, "used"), Generation: rapid.Int64().Draw(t, "generation"),
			SteppedAt: times.Draw(t, "stepped"), RefreshExpiry: times.Draw(t, "refresh expiry"), RevokedAt: times.Draw(t, "revoked"),
			RevokeReason: texts.Draw(t, "reason"), CreatedAt: times.Draw(t, "created"), Expiry: times.Draw(t, "expiry"),
		}
		if hash := blobs.Draw(t, "code"); hash != nil {
			v.CodeHash = slices.Concat(hash, []byte(v.ID))
		}
		noError(t, s.InsertGrant(ctx, v))
		equal(t, must(back.GrantByID(ctx, v.ID, epoch))(t).Grant, v)
	}))
	t.Run("client", rapid.MakeCheck(func(t *rapid.T) {
		ctx := context.Background()
		v := storage.Client{
			ClientID: storage.NewID() + texts.Draw(t, "id"), OrganizationID: texts.Draw(t, "org"), Disabled: rapid.Bool().Draw(t, "disabled"),
			ManagedBy: texts.Draw(t, "managed"), Version: rapid.Int64().Draw(t, "version"), CreatedAt: times.Draw(t, "created"), UpdatedAt: times.Draw(t, "updated"),
			Metadata: storage.ClientMetadata{
				ClientName: texts.Draw(t, "name"), RedirectURIs: words.Draw(t, "uris"), Scope: texts.Draw(t, "scope"),
				AccessTokenLifetime: rapid.Int64().Draw(t, "lifetime"), FirstParty: rapid.Bool().Draw(t, "first party"),
			},
		}
		noError(t, s.InsertClient(ctx, v))
		equal(t, must(back.ClientByID(ctx, v.ClientID))(t), v)
	}))
	t.Run("login transaction", rapid.MakeCheck(func(t *rapid.T) {
		ctx := context.Background()
		v := storage.LoginTransaction{
			ID: storage.NewID(), BrowserHash: append([]byte{1}, blobs.Draw(t, "browser")...), Request: blobs.Draw(t, "request"),
			SessionID: texts.Draw(t, "sid"), AuthenticatedAt: times.Draw(t, "authenticated"), Consented: rapid.Bool().Draw(t, "consented"),
			ConsentedScope: texts.Draw(t, "scope"), ConsumedAt: times.Draw(t, "consumed"), CreatedAt: times.Draw(t, "created"), Expiry: times.Draw(t, "expiry"),
		}
		noError(t, s.PutLoginTransaction(ctx, v))
		equal(t, must(back.LoginTransactionByID(ctx, v.ID))(t), v)
	}))
}
