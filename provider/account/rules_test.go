package account_test

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"testing"

	"github.com/signet-idp/signet/internal/safehttp"
	"github.com/signet-idp/signet/provider/account"
	"github.com/signet-idp/signet/provider/change/changetest"
	"github.com/signet-idp/signet/provider/fault"
	"github.com/signet-idp/signet/provider/notify"
	"github.com/signet-idp/signet/provider/org"
	"github.com/signet-idp/signet/provider/user/password"
)

// TestPersonalPasswords: wherever a password is set, it is none of the words
// around its person.
func TestPersonalPasswords(t *testing.T) {
	d := newDesk(t, changetest.New(t), settings)
	d.Policy.Words = []string{"login.wonderland.example"}
	profile := map[string]any{"given_name": "Charles", "family_name": "Dodgson"}
	for _, pw := range []string{"carroll1865", "Charles1865", "dodgson@1865", "wonderland1", "carroll@oxford.example"} {
		_, err := d.Register(t.Context(), account.Registration{Email: "carroll@oxford.example", Password: pw, Profile: profile})
		want(t, err, fault.WeakPassword)
	}
	_, err := d.Register(t.Context(), account.Registration{
		Email: "invited@acme.test", Password: "1865 Acme 1871", InviteToken: "invitation",
	})
	want(t, err, fault.WeakPassword)

	u := d.member(t, "carroll@oxford.example")
	_, err = d.users.UpdateProfile(t.Context(), u.ID, profile, "self")
	ok(t, err)
	_, err = d.orgs.Create(t.Context(), org.Organization{Name: "Looking-Glass House", Slug: "chess-board", OwnerID: u.ID, Source: "self"})
	ok(t, err)
	refused := []string{"carroll1865", "Dodgson1865", "lookingglasshouse", "chessboard7"}
	c := d.caller(t, u)
	for _, pw := range refused {
		want(t, d.ChangePassword(t.Context(), c, good, "new_password", pw), fault.WeakPassword)
	}
	token, _, err := d.Recover(t.Context(), u.ID, false)
	ok(t, err)
	for _, pw := range refused {
		_, err := d.Reset(t.Context(), token, "password", pw, "")
		want(t, err, fault.WeakPassword)
	}
	_, err = d.Reset(t.Context(), token, "password", better, "")
	ok(t, err)
	d.post.one(t, notify.PasswordChanged)
}

// TestBreachedPasswords: the range service is asked by everything that sets a
// password, outside transactions, and not by who has not proven who they are.
func TestBreachedPasswords(t *testing.T) {
	const breached = "down the rabbit-hole"
	asked := 0
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		asked++
		if r.URL.Path == "/76114" {
			fmt.Fprintln(w, "0787F219C71D18A090583FB4F9C2F836563:7")
			return
		}
		fmt.Fprintln(w, "0018A45C4D1DEF81644B54AB7F969B88D65:1")
	}))
	t.Cleanup(server.Close)
	client, err := safehttp.New(safehttp.Options{AllowPrivate: true, PlainPrivate: true})
	ok(t, err)
	d := newDesk(t, changetest.New(t), settings)
	d.Policy.Range = password.NewRange(server.URL, client, nil)

	_, err = d.Register(t.Context(), account.Registration{Email: "ada@example.com", Password: breached})
	want(t, err, fault.BreachedPassword)
	u := d.member(t, "ada@example.com")
	c, before := d.caller(t, u), asked
	want(t, d.ChangePassword(t.Context(), c, "wrong horse battery", "new_password", breached), fault.BadCredentials)
	if asked != before {
		t.Error("asked for somebody who does not know the password")
	}
	want(t, d.ChangePassword(t.Context(), c, good, "new_password", breached), fault.BreachedPassword)
	token, _, err := d.Recover(t.Context(), u.ID, false)
	ok(t, err)
	_, err = d.Reset(t.Context(), token, "password", breached, "")
	want(t, err, fault.BreachedPassword)
	_, err = d.Reset(t.Context(), token, "password", better, "")
	ok(t, err)
	if d.Policy.Range.Silent() != 0 || asked != 5 {
		t.Errorf("asked %d times, %d without an answer", asked, d.Policy.Range.Silent())
	}
}
