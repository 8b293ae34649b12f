package revocation_test

import (
	"testing"
	"time"

	"github.com/signet-idp/signet/internal/testkit/fakeclock"
	"github.com/signet-idp/signet/provider/revocation"
	"github.com/signet-idp/signet/storage"
)

func token() revocation.TokenRef {
	return revocation.TokenRef{
		JTI: "jti-1", GID: "gid-1", SID: "sid-1", Sub: "sub-1", ClientID: "web", OrgID: "org-1",
		Roles: []string{"owner", "system:admin"}, KID: "kid-1", PE: 5,
	}
}

// TestCheck puts one entry at seq 10 into the list.
func TestCheck(t *testing.T) {
	t.Parallel()
	const before, at, after = 9, 10, 11
	tests := []struct {
		name  string
		kind  storage.RevocationKind
		value string
		pe    int64
		edit  func(*revocation.TokenRef)
		want  revocation.Verdict
	}{
		{name: "jti", kind: storage.RevokeJTI, value: "jti-1", pe: before, want: revocation.Revoked},
		{name: "jti kills whatever the position", kind: storage.RevokeJTI, value: "jti-1", pe: after, want: revocation.Revoked},
		{name: "another jti", kind: storage.RevokeJTI, value: "jti-2", pe: before, want: revocation.OK},
		{name: "kid", kind: storage.RevokeKID, value: "kid-1", pe: before, want: revocation.Revoked},
		{name: "kid kills whatever the position", kind: storage.RevokeKID, value: "kid-1", pe: after, want: revocation.Revoked},
		{name: "grant", kind: storage.RevokeGrant, value: "gid-1", pe: before, want: revocation.Revoked},
		{name: "grant, token read at the entry", kind: storage.RevokeGrant, value: "gid-1", pe: at, want: revocation.OK},
		{name: "grant, token read after the entry", kind: storage.RevokeGrant, value: "gid-1", pe: after, want: revocation.OK},
		{name: "session", kind: storage.RevokeSID, value: "sid-1", pe: before, want: revocation.SessionEnded},
		{name: "session, token read after", kind: storage.RevokeSID, value: "sid-1", pe: at, want: revocation.OK},
		{name: "subject", kind: storage.RevokeSub, value: "sub-1", pe: before, want: revocation.Revoked},
		{name: "client", kind: storage.RevokeClient, value: "web", pe: before, want: revocation.Revoked},
		{name: "organization", kind: storage.RevokeOrg, value: "org-1", pe: before, want: revocation.Revoked},
		{name: "member", kind: storage.RevokeMember, value: "org-1/sub-1", pe: before, want: revocation.Stale},
		{name: "member of another organization", kind: storage.RevokeMember, value: "org-2/sub-1", pe: before, want: revocation.OK},
		{name: "another member", kind: storage.RevokeMember, value: "org-1/sub-2", pe: before, want: revocation.OK},
		{name: "member, token read after", kind: storage.RevokeMember, value: "org-1/sub-1", pe: at, want: revocation.OK},
		{name: "system roles of a person", kind: storage.RevokeMember, value: "/sub-1", pe: before, want: revocation.Stale},
		{name: "system roles of a person, token read after", kind: storage.RevokeMember, value: "/sub-1", pe: at, want: revocation.OK},
		{name: "system roles of another person", kind: storage.RevokeMember, value: "/sub-2", pe: before, want: revocation.OK},
		{
			name: "system roles, token without organization", kind: storage.RevokeMember, value: "/sub-1", pe: before,
			edit: func(r *revocation.TokenRef) { r.OrgID = "" }, want: revocation.Stale,
		},
		{name: "organization role", kind: storage.RevokeRole, value: "org-1/owner", pe: before, want: revocation.Stale},
		{name: "role that the token lacks", kind: storage.RevokeRole, value: "org-1/billing", pe: before, want: revocation.OK},
		{name: "role of another organization", kind: storage.RevokeRole, value: "org-2/owner", pe: before, want: revocation.OK},
		{name: "system role", kind: storage.RevokeRole, value: "/admin", pe: before, want: revocation.Stale},
		// A role named admin in an organization is not the system's.
		{name: "organization role named like the system role", kind: storage.RevokeRole, value: "org-1/admin", pe: before, want: revocation.OK},
		{name: "system role named like the organization role", kind: storage.RevokeRole, value: "/owner", pe: before, want: revocation.OK},
		{
			name: "bare role without organization", kind: storage.RevokeRole, value: "/owner", pe: before,
			edit: func(r *revocation.TokenRef) { r.OrgID = "" }, want: revocation.OK,
		},
		{name: "all", kind: storage.RevokeAll, pe: before, want: revocation.Revoked},
		{name: "all, token read after", kind: storage.RevokeAll, pe: at, want: revocation.OK},
		{name: "a kind of a newer version kills everything before it", kind: "device", value: "x", pe: before, want: revocation.Revoked},
		{name: "a kind of a newer version, token read after", kind: "device", value: "x", pe: at, want: revocation.OK},
		{
			name: "empty value matches no empty claim", kind: storage.RevokeSID, value: "", pe: before,
			edit: func(r *revocation.TokenRef) { r.SID = "" }, want: revocation.OK,
		},
		{
			name: "member without parts", kind: storage.RevokeMember, value: "/", pe: before,
			edit: func(r *revocation.TokenRef) { r.OrgID, r.Sub = "", "" }, want: revocation.OK,
		},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			feed := newFeed()
			feed.head.Seq = 9
			feed.append(entry(tt.kind, tt.value))
			v := newView(t, feed, fakeclock.New(start()))
			sync_(t, v)
			ref := token()
			ref.PE = tt.pe
			if tt.edit != nil {
				tt.edit(&ref)
			}
			if got := v.Check(ref); got != tt.want {
				t.Errorf("Check = %v, want %v", got, tt.want)
			}
		})
	}
}

func TestGravestVerdictWins(t *testing.T) {
	t.Parallel()
	feed := newFeed()
	v := newView(t, feed, fakeclock.New(start()))
	ref := token()
	ref.PE = 0
	for _, step := range []struct {
		add  storage.Revocation
		want revocation.Verdict
	}{
		{entry(storage.RevokeRole, "org-1/owner"), revocation.Stale},
		{entry(storage.RevokeSID, "sid-1"), revocation.SessionEnded},
		{entry(storage.RevokeMember, "org-1/sub-1"), revocation.SessionEnded},
		{entry(storage.RevokeGrant, "gid-1"), revocation.Revoked},
	} {
		feed.append(step.add)
		sync_(t, v)
		if got := v.Check(ref); got != step.want {
			t.Errorf("after %s: Check = %v, want %v", step.add.Kind, got, step.want)
		}
	}
}

func TestReasonsAreTheLegacyOnes(t *testing.T) {
	t.Parallel()
	for v, want := range map[revocation.Verdict]string{
		revocation.OK: "", revocation.Stale: "stale_permissions",
		revocation.SessionEnded: "session_ended", revocation.Revoked: "revoked",
	} {
		if got := v.Reason(); got != want {
			t.Errorf("%d.Reason() = %q, want %q", v, got, want)
		}
	}
}

// An entry has to be there for as long as a token minted from what was read
// just before it may be accepted anywhere.
func TestExpiryOutlivesEveryToken(t *testing.T) {
	t.Parallel()
	const longest, leeway, skew, request = 10 * time.Minute, 30 * time.Second, 30 * time.Second, time.Minute
	lastAccepted := start().Add(request).Add(longest).Add(leeway).Add(skew)
	if got := revocation.Expiry(start(), longest); got.Before(lastAccepted) {
		t.Errorf("Expiry = %v, but a token may be accepted until %v", got, lastAccepted)
	}
}
