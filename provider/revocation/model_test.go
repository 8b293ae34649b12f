package revocation_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/signet-idp/signet/internal/testkit/fakeclock"
	"github.com/signet-idp/signet/provider/revocation"
	"github.com/signet-idp/signet/storage"
)

// naive judges a token as design §4 words it, one entry after the other.
func naive(t revocation.TokenRef, entries []storage.Revocation) revocation.Verdict {
	worst := revocation.OK
	for _, e := range entries {
		newer := t.PE < e.Seq
		dead, verdict := false, revocation.Revoked
		switch e.Kind {
		case storage.RevokeJTI:
			dead = e.Value == t.JTI
		case storage.RevokeKID:
			dead = e.Value == t.KID
		case storage.RevokeGrant:
			dead = newer && e.Value == t.GID
		case storage.RevokeSID:
			dead, verdict = newer && e.Value == t.SID, revocation.SessionEnded
		case storage.RevokeSub:
			dead = newer && e.Value == t.Sub
		case storage.RevokeClient:
			dead = newer && e.Value == t.ClientID
		case storage.RevokeOrg:
			dead = newer && t.OrgID != "" && e.Value == t.OrgID
		case storage.RevokeMember:
			dead, verdict = newer && (e.Value == t.OrgID+"/"+t.Sub || e.Value == "/"+t.Sub), revocation.Stale
		case storage.RevokeRole:
			verdict = revocation.Stale
			for _, role := range t.Roles {
				value := t.OrgID + "/" + role
				if name, system := strings.CutPrefix(role, "system:"); system {
					value = "/" + name
				} else if t.OrgID == "" {
					continue
				}
				dead = dead || newer && e.Value == value
			}
		case storage.RevokeAll:
			dead = newer
		}
		if dead {
			worst = max(worst, verdict)
		}
	}
	return worst
}

func pick(t *rapid.T, label, prefix string, n int) string {
	return fmt.Sprint(prefix, rapid.IntRange(1, n).Draw(t, label))
}

func drawEntry(t *rapid.T, now time.Time) storage.Revocation {
	e := storage.Revocation{
		Kind: rapid.SampledFrom([]storage.RevocationKind{
			storage.RevokeJTI, storage.RevokeGrant, storage.RevokeSID, storage.RevokeSub, storage.RevokeClient,
			storage.RevokeOrg, storage.RevokeMember, storage.RevokeRole, storage.RevokeKID, storage.RevokeAll,
		}).Draw(t, "kind"),
		Expiry: now.Add(time.Duration(rapid.IntRange(1, 120).Draw(t, "minutes")) * time.Minute),
	}
	switch e.Kind {
	case storage.RevokeMember:
		e.Value = rapid.SampledFrom([]string{"", "org-1", "org-2", "org-3"}).Draw(t, "organization") + "/" + pick(t, "sub", "sub-", 4)
	case storage.RevokeRole:
		e.Value = rapid.SampledFrom([]string{"", "org-1", "org-2", "org-3"}).Draw(t, "organization") + "/" +
			rapid.SampledFrom([]string{"owner", "admin", "billing"}).Draw(t, "role")
	case storage.RevokeAll:
	default:
		e.Value = pick(t, "value", string(e.Kind)+"-", 4)
	}
	return e
}

func drawToken(t *rapid.T, head int64) revocation.TokenRef {
	return revocation.TokenRef{
		JTI: pick(t, "jti", "jti-", 4), GID: pick(t, "gid", "grant-", 4), SID: pick(t, "sid", "sid-", 4),
		Sub: pick(t, "sub", "sub-", 4), ClientID: pick(t, "client", "client-", 4),
		OrgID: rapid.SampledFrom([]string{"", "org-1", "org-2", "org-3"}).Draw(t, "org"),
		Roles: rapid.SliceOfN(rapid.SampledFrom([]string{"owner", "admin", "billing", "system:admin", "system:owner"}), 0, 4).Draw(t, "roles"),
		KID:   pick(t, "kid", "kid-", 4),
		PE:    rapid.Int64Range(0, head+1).Draw(t, "pe"),
	}
}

// TestViewAgreesWithTheModel appends, sweeps, moves the clock and restarts the
// feed in any order. After each reading the view kills all that the entries
// alive at that moment kill, and nothing that no entry of this feed ever killed
// (an expired entry may stay for a while: it can match only expired tokens).
func TestViewAgreesWithTheModel(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		feed, clk := newFeed(), fakeclock.New(start())
		v, err := revocation.New(revocation.Config{Feed: feed, Clock: clk})
		if err != nil {
			t.Fatal(err)
		}
		var ever []storage.Revocation
		live := func() (out []storage.Revocation) {
			for _, e := range ever {
				if e.Expiry.After(clk.Now()) {
					out = append(out, e)
				}
			}
			return out
		}
		check := func(t *rapid.T) {
			if err := v.Sync(t.Context()); err != nil {
				t.Fatal(err)
			}
			if v.Head() != feed.head.Seq {
				t.Fatalf("Head = %d, want %d", v.Head(), feed.head.Seq)
			}
			for range 5 {
				ref := drawToken(t, v.Head())
				got, least, most := v.Check(ref), naive(ref, live()), naive(ref, ever)
				if got < least || got > most {
					t.Fatalf("Check(%+v) = %v, want %v to %v", ref, got, least, most)
				}
			}
		}
		t.Repeat(map[string]func(*rapid.T){
			"append": func(t *rapid.T) {
				for range rapid.IntRange(1, 5).Draw(t, "n") {
					e := drawEntry(t, clk.Now())
					e.Seq = feed.append(e)
					ever = append(ever, e)
				}
			},
			"pass time": func(t *rapid.T) {
				clk.Advance(time.Duration(rapid.IntRange(1, 3600).Draw(t, "seconds")) * time.Second)
			},
			"sweep": func(*rapid.T) {
				feed.drop(func(e storage.Revocation) bool { return !e.Expiry.After(clk.Now()) })
			},
			"restart": func(t *rapid.T) {
				feed.change(func() {
					feed.head.FeedID += "'"
					feed.head.Seq = rapid.Int64Range(0, 20).Draw(t, "seq")
					feed.entries = nil
				})
				ever = nil
			},
			"check": check,
		})
		check(t)
	})
}
