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
	owner, tenant := insertUser(t, t.Context(), s), insertOrganization(t, t.Context(), s)
	t.Run("user", rapid.MakeCheck(func(t *rapid.T) {
		ctx := context.Background()
		v := storage.User{
			ID: storage.NewID(), Email: texts.Draw(t, "email"), EmailVerified: rapid.Bool().Draw(t, "verified"),
			PasswordHash: texts.Draw(t, "hash"), PasswordChangedAt: times.Draw(t, "changed"), Status: storage.UserStatus(texts.Draw(t, "status")),
			Profile: documents.Draw(t, "profile"), LastOrganizationID: texts.Draw(t, "org"), LastLoginAt: times.Draw(t, "login"),
			ManagedBy: texts.Draw(t, "managed"), Version: rapid.Int64().Draw(t, "version"), CreatedAt: times.Draw(t, "created"), UpdatedAt: times.Draw(t, "updated"),
			DeletedAt: times.Draw(t, "deleted"), EraseAt: times.Draw(t, "erase"),
		}
		v.EmailCanonical = v.ID + texts.Draw(t, "canonical")
		noError(t, s.InsertUser(ctx, v))
		equal(t, must(back.UserByEmail(ctx, v.EmailCanonical))(t), v)
	}))
	t.Run("organization", rapid.MakeCheck(func(t *rapid.T) {
		ctx := context.Background()
		v := storage.Organization{
			ID: storage.NewID(), Name: texts.Draw(t, "name"), Profile: documents.Draw(t, "profile"),
			Status: storage.OrganizationStatus(texts.Draw(t, "status")), ManagedBy: texts.Draw(t, "managed"), CreatedBy: texts.Draw(t, "by"),
			Version: rapid.Int64().Draw(t, "version"), CreatedAt: times.Draw(t, "created"), UpdatedAt: times.Draw(t, "updated"),
		}
		v.Slug = v.ID + texts.Draw(t, "slug")
		noError(t, s.InsertOrganization(ctx, v))
		equal(t, must(back.OrganizationBySlug(ctx, v.Slug))(t), v)
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
			UserID: texts.Draw(t, "user"), ProvenAt: times.Draw(t, "proven"), AMR: words.Draw(t, "amr"),
		}
		noError(t, s.PutLoginTransaction(ctx, v))
		equal(t, must(back.LoginTransactionByID(ctx, v.ID))(t), v)
	}))
	t.Run("link", rapid.MakeCheck(func(t *rapid.T) {
		ctx := context.Background()
		v := storage.Link{
			ID: storage.NewID(), Purpose: texts.Draw(t, "purpose"), UserID: owner.ID, Data: blobs.Draw(t, "data"),
			Attempts: rapid.Int64().Draw(t, "attempts"), CreatedAt: times.Draw(t, "created"), Expiry: times.Draw(t, "expiry"),
			UsedAt: times.Draw(t, "used"),
		}
		v.Hash = slices.Concat(blobs.Draw(t, "hash"), []byte(v.ID))
		noError(t, s.InsertLink(ctx, v))
		equal(t, must(back.LinkByHash(ctx, v.Purpose, v.Hash))(t), v)
	}))
	t.Run("message", rapid.MakeCheck(func(t *rapid.T) {
		ctx := context.Background()
		v := storage.Message{
			ID: storage.NewID(), Channel: texts.Draw(t, "channel"), UserID: texts.Draw(t, "user"), DueAt: epoch,
			Sealed: slices.Concat([]byte{0}, blobs.Draw(t, "sealed")), Attempts: rapid.Int64Range(0, 1<<40).Draw(t, "attempts"),
			CreatedAt: times.Draw(t, "created"), Expiry: epoch.Add(time.Duration(rapid.Int64Range(1, 1e15).Draw(t, "µs")) * time.Microsecond),
		}
		noError(t, s.InsertMessage(ctx, v))
		got := must(back.TakeMessages(ctx, epoch, epoch.Add(time.Hour), 10))(t)
		noError(t, s.DeleteMessage(ctx, v.ID))
		v.Attempts++
		v.DueAt = epoch.Add(time.Hour)
		equal(t, got, []storage.Message{v})
	}))
	t.Run("invitation", rapid.MakeCheck(func(t *rapid.T) {
		ctx := context.Background()
		v := storage.Invitation{
			ID: storage.NewID(), OrganizationID: tenant.ID, Email: texts.Draw(t, "email"), Roles: words.Draw(t, "roles"),
			InvitedBy: texts.Draw(t, "by"), CreatedAt: times.Draw(t, "created"), SentAt: times.Draw(t, "sent"), Expiry: times.Draw(t, "expiry"),
			AcceptedAt: times.Draw(t, "accepted"), AcceptedBy: texts.Draw(t, "accepted by"), RevokedAt: times.Draw(t, "revoked"),
		}
		v.EmailCanonical = v.ID + texts.Draw(t, "canonical")
		v.Hash = slices.Concat(blobs.Draw(t, "hash"), []byte(v.ID))
		noError(t, s.InsertInvitation(ctx, v))
		equal(t, must(back.InvitationByID(ctx, tenant.ID, v.ID))(t), v)
		equal(t, must(back.InvitationByHash(ctx, v.Hash))(t), v)
	}))
	t.Run("domain", rapid.MakeCheck(func(t *rapid.T) {
		ctx := context.Background()
		v := storage.Domain{
			OrganizationID: tenant.ID, Domain: storage.NewID() + texts.Draw(t, "domain"), Challenge: texts.Draw(t, "challenge"),
			CreatedAt: times.Draw(t, "created"), VerifiedAt: times.Draw(t, "verified"),
		}
		noError(t, s.InsertDomain(ctx, v))
		equal(t, must(back.Domain(ctx, tenant.ID, v.Domain))(t), v)
	}))
	t.Run("idempotent request", rapid.MakeCheck(func(t *rapid.T) {
		ctx := context.Background()
		v := storage.IdempotentRequest{
			ID: storage.NewID(), Fingerprint: slices.Concat([]byte{0}, blobs.Draw(t, "fingerprint")),
			Status: rapid.Int64().Draw(t, "status"), Answer: blobs.Draw(t, "answer"), CreatedAt: times.Draw(t, "created"), Expiry: epoch,
		}
		_, won, err := s.BeginIdempotent(ctx, v)
		noError(t, err)
		equal(t, won, true)
		stands, won, err := back.BeginIdempotent(ctx, storage.IdempotentRequest{ID: v.ID, CreatedAt: epoch.Add(-1000)})
		noError(t, err)
		equal(t, won, false)
		equal(t, stands, v)
	}))
}
