package account_test

import (
	"errors"
	"slices"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/signet-idp/signet/provider/account"
	"github.com/signet-idp/signet/provider/change/changetest"
	"github.com/signet-idp/signet/provider/fault"
	"github.com/signet-idp/signet/provider/notify"
	"github.com/signet-idp/signet/storage"
)

func TestRegister(t *testing.T) {
	changetest.Engines(t, func(t *testing.T, fs []*changetest.Fixture) {
		d := newDesk(t, fs[0], settings)
		before := d.Mark(t)
		made, err := d.Register(t.Context(), account.Registration{
			Email: " Alice@Acme.Test ", Password: good, Profile: map[string]any{"given_name": "Alice"}, TermsAccepted: true, Locale: "de",
		})
		ok(t, err)
		if !made.VerificationRequired || made.User.EmailVerified || made.User.Email != "Alice@Acme.Test" || made.VerificationToken != "" {
			t.Errorf("made %+v", made)
		}
		if events := d.Events(t, before); !slices.Equal(events, []string{"user.created"}) {
			t.Errorf("events %v", events)
		}
		m := d.post.one(t, notify.VerifyEmail)
		if m.To != "Alice@Acme.Test" || m.Locale != "de" || m.UserID != made.User.ID || len(m.Values.Token) != 43 {
			t.Errorf("mail %+v", m)
		}
		_, err = d.Register(t.Context(), account.Registration{Email: "alice@acme.test", Password: good})
		want(t, err, fault.EmailTaken)

		v, err := d.VerifyEmail(t.Context(), m.Values.Token)
		ok(t, err)
		if !v.User.EmailVerified || !v.At.Equal(d.Clock.Now()) {
			t.Errorf("verified %+v", v)
		}
		d.Clock.Advance(time.Minute)
		again, err := d.VerifyEmail(t.Context(), m.Values.Token)
		ok(t, err)
		if !again.At.Equal(v.At) {
			t.Errorf("verified again at %v, first at %v", again.At, v.At)
		}
		d.Clock.Advance(24 * time.Hour)
		_, err = d.VerifyEmail(t.Context(), m.Values.Token)
		want(t, err, fault.LinkInvalid)
	})
}

func TestRegisterRefusals(t *testing.T) {
	f := changetest.New(t)
	for _, c := range []struct {
		name string
		edit func(*account.Settings, *account.Registration, *post)
		want fault.Code
	}{
		{"no address", func(_ *account.Settings, r *account.Registration, _ *post) { r.Email = "alice" }, fault.Invalid},
		{"short", func(_ *account.Settings, r *account.Registration, _ *post) { r.Password = "a1b2c3" }, fault.WeakPassword},
		{"common", func(_ *account.Settings, r *account.Registration, _ *post) { r.Password = "password123" }, fault.BreachedPassword},
		{"strange profile", func(_ *account.Settings, r *account.Registration, _ *post) {
			r.Profile = map[string]any{"phone_number": "12"}
		}, fault.Invalid},
		{"closed", func(s *account.Settings, _ *account.Registration, _ *post) {
			s.Registration = account.RegistrationClosed
		}, fault.Forbidden},
		{"closed to the invited too", func(s *account.Settings, r *account.Registration, _ *post) {
			s.Registration, r.InviteToken = account.RegistrationClosed, "invitation"
		}, fault.Forbidden},
		{"not invited", func(s *account.Settings, _ *account.Registration, _ *post) {
			s.Registration = account.RegistrationInvite
		}, fault.Forbidden},
		{"invited, says somebody", func(s *account.Settings, r *account.Registration, _ *post) {
			s.Registration, r.InviteToken = account.RegistrationInvite, "guess"
		}, fault.LinkInvalid},
		{"somebody else is invited", func(_ *account.Settings, r *account.Registration, _ *post) { r.InviteToken = "invitation" }, fault.Invalid},
		{"no mail", func(_ *account.Settings, _ *account.Registration, p *post) { p.dead[notify.Email] = true }, fault.Unavailable},
	} {
		t.Run(c.name, func(t *testing.T) {
			s, r := settings, account.Registration{Email: "alice@acme.test", Password: good}
			p := &post{dead: map[notify.Channel]bool{}}
			c.edit(&s, &r, p)
			d := newDesk(t, f, s)
			d.post.dead = p.dead
			_, err := d.Register(t.Context(), r)
			want(t, err, c.want)
			d.post.none(t)
			if _, err := d.users.ByEmail(t.Context(), "alice@acme.test"); !fault.Is(err, fault.UserNotFound) {
				t.Errorf("there is an account: %v", err)
			}
		})
	}
}

func TestRegisterInvited(t *testing.T) {
	s := settings
	s.Registration = account.RegistrationInvite
	d := newDesk(t, changetest.New(t), s)
	d.post.dead[notify.Email] = true // none is needed
	made, err := d.Register(t.Context(), account.Registration{Email: "invited@acme.test", Password: good, InviteToken: "invitation"})
	ok(t, err)
	if made.VerificationRequired || !made.User.EmailVerified || !slices.Equal(d.invited.accepted, []string{made.User.ID}) {
		t.Errorf("made %+v, accepted %v", made, d.invited.accepted)
	}
}

func TestPersonalOrganization(t *testing.T) {
	s := settings
	s.PersonalOrganization = true
	d := newDesk(t, changetest.New(t), s)
	u := d.member(t, "alice@acme.test")
	list, err := d.orgs.MembershipsOf(t.Context(), u.ID, "", 10)
	ok(t, err)
	if len(list) != 1 || !slices.Equal(list[0].Roles, []string{"owner"}) {
		t.Fatalf("memberships %+v", list)
	}
	// It does not stand in the way of leaving, and comes back with the account.
	_, err = d.Delete(t.Context(), d.caller(t, u), "")
	ok(t, err)
	gone, err := d.Store.OrganizationByID(t.Context(), list[0].OrganizationID)
	ok(t, err)
	if gone.Status != storage.OrganizationDeleted {
		t.Errorf("left behind: %+v", gone)
	}
	_, err = d.Restore(t.Context(), d.post.one(t, notify.AccountDeleted).Values.Token)
	ok(t, err)
	if list, err = d.orgs.MembershipsOf(t.Context(), u.ID, "", 10); err != nil || len(list) != 1 {
		t.Errorf("restored with %+v %v", list, err)
	}
}

// Where registration must not tell, known and unknown addresses get one answer,
// and the owner a mail.
func TestRegisterTellsNothing(t *testing.T) {
	s := settings
	s.EnumerationSafe = true
	d := newDesk(t, changetest.New(t), s)
	first, err := d.Register(t.Context(), account.Registration{Email: "alice@acme.test", Password: good})
	ok(t, err)
	d.Work()
	d.post.one(t, notify.VerifyEmail)
	second, err := d.Register(t.Context(), account.Registration{Email: "alice@acme.test", Password: better})
	ok(t, err)
	d.Work()
	m := d.post.one(t, notify.AlreadyRegistered)
	if !first.Neutral || !second.Neutral || first.User.ID != second.User.ID || m.To != "alice@acme.test" {
		t.Errorf("answers %+v and %+v, mail %+v", first, second, m)
	}
	u, err := d.users.ByEmail(t.Context(), "alice@acme.test")
	ok(t, err)
	if !d.isPassword(t, u.ID, good) {
		t.Error("the second registration changed the password")
	}
	_, err = d.Register(t.Context(), account.Registration{Email: "alice@acme.test", Password: good})
	ok(t, err)
	for _, email := range []string{"alice@acme.test", "nobody@acme.test"} {
		for range 4 {
			_, err = d.Register(t.Context(), account.Registration{Email: email, Password: good})
		}
		want(t, err, fault.RateLimited) // after as many for both
	}
}

func TestResend(t *testing.T) {
	d := newDesk(t, changetest.New(t), settings)
	_, err := d.Register(t.Context(), account.Registration{Email: "alice@acme.test", Password: good})
	ok(t, err)
	old := d.post.one(t, notify.VerifyEmail).Values.Token
	ok(t, d.Resend(t.Context(), "ALICE@acme.test", ""))
	d.Work()
	fresh := d.post.one(t, notify.VerifyEmail).Values.Token
	_, err = d.VerifyEmail(t.Context(), old)
	want(t, err, fault.LinkInvalid) // a newer one was sent
	_, err = d.VerifyEmail(t.Context(), fresh)
	ok(t, err)
	ok(t, d.Resend(t.Context(), "alice@acme.test", "")) // proven: nothing to send
	d.Work()
	d.post.none(t)
	for _, email := range []string{"alice@acme.test", "nobody@acme.test"} {
		var err error
		for range 4 {
			err = d.Resend(t.Context(), email, "")
		}
		want(t, err, fault.RateLimited)
	}
	d.Work()
	d.post.none(t)
	d.Clock.Advance(time.Hour)
	ok(t, d.Resend(t.Context(), "nobody@acme.test", ""))
	d.post.dead[notify.Email] = true
	want(t, d.Resend(t.Context(), "nobody@acme.test", ""), fault.Unavailable)
}

func TestReset(t *testing.T) {
	changetest.Engines(t, func(t *testing.T, fs []*changetest.Fixture) {
		d := newDesk(t, fs[0], settings)
		// Registered and never verified: the mail proves the address as well.
		made, err := d.Register(t.Context(), account.Registration{Email: "alice@acme.test", Password: good})
		ok(t, err)
		d.post.take()
		d.caller(t, made.User)
		before := d.Mark(t)
		ok(t, d.RequestReset(t.Context(), "alice@acme.test", "fr"))
		ok(t, d.RequestReset(t.Context(), "nobody@acme.test", "fr"))
		d.post.none(t) // the answer waits for nobody
		d.Work()
		m := d.post.one(t, notify.ResetPassword)
		if m.To != "alice@acme.test" || m.Locale != "fr" || !m.Values.Until.Equal(d.Clock.Now().Add(time.Hour)) {
			t.Errorf("mail %+v", m)
		}
		email, err := d.ResetOf(t.Context(), m.Values.Token)
		ok(t, err)
		if email != "alice@acme.test" {
			t.Errorf("the link is of %q", email)
		}
		_, err = d.Reset(t.Context(), m.Values.Token, "new_password", "short", "")
		want(t, err, fault.WeakPassword)
		u, err := d.Reset(t.Context(), m.Values.Token, "new_password", better, "") // the link was not used up
		ok(t, err)
		d.post.one(t, notify.PasswordChanged)
		if !u.EmailVerified || d.live(t, u.ID) != 0 || !d.isPassword(t, u.ID, better) {
			t.Errorf("reset %+v, %d sessions", u, d.live(t, u.ID))
		}
		if events := d.Events(t, before); !slices.Equal(events, []string{"user.password_reset_requested", "user.password_changed", "user.email_verified"}) {
			t.Errorf("events %v", events)
		}
		for _, token := range []string{m.Values.Token, m.Values.Token + "\n", m.Values.Token[:42], m.Values.Token[:42] + "_", ""} {
			_, err = d.Reset(t.Context(), token, "new_password", good, "")
			want(t, err, fault.LinkInvalid)
		}
		ok(t, d.RequestReset(t.Context(), "alice@acme.test", ""))
		d.Work()
		late := d.post.one(t, notify.ResetPassword).Values.Token
		d.Clock.Advance(time.Hour)
		_, err = d.Reset(t.Context(), late, "new_password", good, "")
		want(t, err, fault.LinkInvalid)
	})
}

// A link is of its purpose only.
func TestLinksAreOfOnePurpose(t *testing.T) {
	d := newDesk(t, changetest.New(t), settings)
	_, err := d.Register(t.Context(), account.Registration{Email: "alice@acme.test", Password: good})
	ok(t, err)
	token := d.post.one(t, notify.VerifyEmail).Values.Token
	_, err = d.Reset(t.Context(), token, "new_password", better, "")
	want(t, err, fault.LinkInvalid)
	_, err = d.ConfirmEmail(t.Context(), token, "")
	want(t, err, fault.LinkInvalid)
	_, err = d.Restore(t.Context(), token)
	want(t, err, fault.LinkInvalid)
	_, err = d.VerifyEmail(t.Context(), token)
	ok(t, err)
}

// Of 32 that use one link at once, on two replicas, one wins.
func TestOneOfManyUsesALink(t *testing.T) {
	changetest.Engines(t, func(t *testing.T, fs []*changetest.Fixture) {
		d := newDesk(t, fs[0], settings)
		other := newDesk(t, fs[len(fs)-1], settings)
		u := d.member(t, "alice@acme.test")
		token, _, err := d.Recover(t.Context(), u.ID, false)
		ok(t, err)
		var won, lost atomic.Int64
		var wg sync.WaitGroup
		for i := range 32 {
			desk := []*desk{d, other}[i%2]
			wg.Go(func() {
				_, err := desk.Reset(t.Context(), token, "new_password", better, "")
				switch {
				case err == nil:
					won.Add(1)
				case fault.Is(err, fault.LinkInvalid), fault.Is(err, fault.Unavailable), errors.Is(err, storage.ErrUnavailable):
					lost.Add(1)
				default:
					t.Error(err)
				}
			})
		}
		wg.Wait()
		if won.Load() != 1 || lost.Load() != 31 {
			t.Errorf("%d won, %d lost", won.Load(), lost.Load())
		}
	})
}

func TestRecover(t *testing.T) {
	d := newDesk(t, changetest.New(t), settings)
	made, err := d.Register(t.Context(), account.Registration{Email: "alice@acme.test", Password: good})
	ok(t, err)
	d.post.take()
	token, until, err := d.Recover(t.Context(), made.User.ID, true)
	ok(t, err)
	if m := d.post.one(t, notify.RecoveryLink); m.Values.Token != token || !m.Values.Until.Equal(until) {
		t.Errorf("mail %+v", m)
	}
	u, err := d.Reset(t.Context(), token, "new_password", better, "")
	ok(t, err)
	if u.EmailVerified {
		t.Error("an operator's link proves no mailbox")
	}
	_, _, err = d.Recover(t.Context(), storage.NewID(), false)
	want(t, err, fault.UserNotFound)
}

func TestChangePassword(t *testing.T) {
	changetest.Engines(t, func(t *testing.T, fs []*changetest.Fixture) {
		d := newDesk(t, fs[0], settings)
		u := d.member(t, "alice@acme.test")
		c := d.caller(t, u)
		d.caller(t, u)
		ok(t, d.RequestReset(t.Context(), "alice@acme.test", ""))
		d.Work()
		link := d.post.one(t, notify.ResetPassword).Values.Token
		want(t, d.ChangePassword(t.Context(), c, "wrong", "new_password", better), fault.BadCredentials)
		want(t, d.ChangePassword(t.Context(), c, good, "new_password", "short"), fault.WeakPassword)
		ok(t, d.ChangePassword(t.Context(), c, good, "new_password", better))
		d.post.one(t, notify.PasswordChanged)
		list, err := d.Store.SessionsOf(t.Context(), u.ID, 10)
		ok(t, err)
		if len(list) != 1 || list[0].ID != c.SessionID {
			t.Errorf("sessions %+v", list)
		}
		_, err = d.Reset(t.Context(), link, "new_password", good, "")
		want(t, err, fault.LinkInvalid) // asked for before the change
		for range 12 {
			err = d.ChangePassword(t.Context(), c, "wrong", "new_password", good)
		}
		want(t, err, fault.AccountLocked)
		want(t, d.ChangePassword(t.Context(), c, better, "new_password", good), fault.AccountLocked)
	})
}

func TestChangeEmail(t *testing.T) {
	changetest.Engines(t, func(t *testing.T, fs []*changetest.Fixture) {
		d := newDesk(t, fs[0], settings)
		u, other := d.member(t, "alice@acme.test"), d.member(t, "bob@acme.test")
		c := d.caller(t, u)
		old := c
		old.AuthTime = d.Clock.Now().Add(-11 * time.Minute)
		err := d.RequestEmail(t.Context(), old, "new_email", "new@acme.test")
		want(t, err, fault.StepUpRequired)
		want(t, d.RequestEmail(t.Context(), c, "new_email", "alice@acme.test"), fault.Invalid)
		want(t, d.RequestEmail(t.Context(), c, "new_email", "nonsense"), fault.Invalid)
		ok(t, d.RequestEmail(t.Context(), c, "new_email", other.Email)) // which the answer does not tell
		d.Work()
		if m := d.post.one(t, notify.AlreadyRegistered); m.To != other.Email {
			t.Errorf("mail %+v", m)
		}
		ok(t, d.RequestReset(t.Context(), "alice@acme.test", ""))
		d.Work()
		reset := d.post.one(t, notify.ResetPassword).Values.Token
		ok(t, d.RequestEmail(t.Context(), c, "new_email", " New@Acme.test"))
		d.Work()
		m := d.post.one(t, notify.ConfirmNewEmail)
		if m.To != "New@Acme.test" {
			t.Errorf("mail %+v", m)
		}
		// Somebody registers it meanwhile.
		taken := d.member(t, "new@acme.test")
		_, err = d.ConfirmEmail(t.Context(), m.Values.Token, "")
		want(t, err, fault.EmailTaken)
		_, err = d.users.SetEmail(t.Context(), taken.ID, "elsewhere@acme.test", true, "admin")
		ok(t, err)
		now, err := d.ConfirmEmail(t.Context(), m.Values.Token, "") // the link was not used up
		ok(t, err)
		if now.Email != "New@Acme.test" || !now.EmailVerified {
			t.Errorf("changed to %+v", now)
		}
		d.post.mu.Lock()
		notices := slices.Clone(d.post.sent)
		d.post.mu.Unlock()
		last := notices[len(notices)-1]
		if last.Kind != notify.EmailChanged || last.To != "alice@acme.test" || last.Values.Email != "New@Acme.test" {
			t.Errorf("notice %+v", last)
		}
		_, err = d.Reset(t.Context(), reset, "new_password", better, "")
		want(t, err, fault.LinkInvalid) // it went to the old address
		_, err = d.ConfirmEmail(t.Context(), m.Values.Token, "")
		want(t, err, fault.LinkInvalid)
		ok(t, d.RequestEmail(t.Context(), c, "new_email", "third@acme.test"))
		want(t, d.RequestEmail(t.Context(), c, "new_email", "fourth@acme.test"), fault.RateLimited)
	})
}

func TestChangePhone(t *testing.T) {
	changetest.Engines(t, func(t *testing.T, fs []*changetest.Fixture) {
		d := newDesk(t, fs[0], settings)
		u := d.member(t, "alice@acme.test")
		c := d.caller(t, u)
		want(t, d.RequestPhone(t.Context(), c, "new_phone", "12"), fault.Invalid)
		_, err := d.VerifyPhone(t.Context(), c, "123456")
		want(t, err, fault.LinkInvalid)
		ok(t, d.RequestPhone(t.Context(), c, "new_phone", "+49 151 2345 6767"))
		m := d.post.one(t, notify.ConfirmPhone)
		if m.To != "+4915123456767" || len(m.Values.Code) != 6 || m.Channel != notify.SMS {
			t.Errorf("message %+v", m)
		}
		wrong := "000000"
		if m.Values.Code == wrong {
			wrong = "000001"
		}
		for range 4 {
			_, err = d.VerifyPhone(t.Context(), c, wrong)
			want(t, err, fault.LinkInvalid)
		}
		before := d.Mark(t)
		got, err := d.VerifyPhone(t.Context(), c, m.Values.Code) // the fifth
		ok(t, err)
		if got.Profile["phone_number"] != "+4915123456767" || got.Profile["phone_number_verified"] != true {
			t.Errorf("profile %v", got.Profile)
		}
		if events := d.Events(t, before); !slices.Equal(events, []string{"user.phone_changed"}) {
			t.Errorf("events %v", events)
		}
		d.post.one(t, notify.PhoneChanged)
		_, err = d.VerifyPhone(t.Context(), c, m.Values.Code)
		want(t, err, fault.LinkInvalid)

		ok(t, d.RequestPhone(t.Context(), c, "new_phone", "+4915123456700"))
		m = d.post.one(t, notify.ConfirmPhone)
		stranger := d.caller(t, d.member(t, "bob@acme.test"))
		_, err = d.VerifyPhone(t.Context(), stranger, m.Values.Code)
		want(t, err, fault.LinkInvalid)
		// 32 guesses at once count as one after another.
		var judged atomic.Int64
		var wg sync.WaitGroup
		for range 32 {
			wg.Go(func() {
				if _, err := d.VerifyPhone(t.Context(), c, "x"); fault.Is(err, fault.LinkInvalid) {
					judged.Add(1)
				}
			})
		}
		wg.Wait()
		if judged.Load() != 5 {
			t.Errorf("%d guesses were judged", judged.Load())
		}
		_, err = d.VerifyPhone(t.Context(), c, m.Values.Code)
		want(t, err, fault.TooManyAttempts)
		d.post.dead[notify.SMS] = true
		want(t, d.RequestPhone(t.Context(), c, "new_phone", "+4915123456701"), fault.Unavailable)
	})
}

func TestDeleteAndRestore(t *testing.T) {
	changetest.Engines(t, func(t *testing.T, fs []*changetest.Fixture) {
		d := newDesk(t, fs[0], settings)
		u := d.member(t, "alice@acme.test")
		c := d.caller(t, u)
		old := c
		old.AuthTime = time.Time{}
		_, err := d.Delete(t.Context(), old, "")
		want(t, err, fault.StepUpRequired)
		_, err = d.Delete(t.Context(), old, "wrong")
		want(t, err, fault.BadCredentials)
		gone, err := d.Delete(t.Context(), old, good)
		ok(t, err)
		m := d.post.one(t, notify.AccountDeleted)
		if d.live(t, u.ID) != 0 || !m.Values.Until.Equal(gone.EraseAt) {
			t.Errorf("deleted %+v, mail %+v", gone, m)
		}
		ok(t, d.RequestReset(t.Context(), "alice@acme.test", ""))
		d.Work()
		d.post.none(t)
		back, err := d.Restore(t.Context(), m.Values.Token)
		ok(t, err)
		if back.Status != storage.UserActive || !d.isPassword(t, u.ID, good) {
			t.Errorf("restored %+v", back)
		}
		_, err = d.Restore(t.Context(), m.Values.Token)
		want(t, err, fault.LinkInvalid)
	})
}

func TestErasureJob(t *testing.T) {
	changetest.Engines(t, func(t *testing.T, fs []*changetest.Fixture) {
		d := newDesk(t, fs[0], settings)
		stays, goes := d.member(t, "alice@acme.test"), d.member(t, "bob@acme.test")
		_, err := d.Delete(t.Context(), d.caller(t, goes), "")
		ok(t, err)
		token := d.post.one(t, notify.AccountDeleted).Values.Token
		if n, err := d.EraseDue(t.Context()); n != 0 || err != nil {
			t.Fatalf("erased %d %v", n, err)
		}
		d.Clock.Advance(30 * 24 * time.Hour)
		if n, err := d.EraseDue(t.Context()); n != 1 || err != nil {
			t.Fatalf("erased %d %v", n, err)
		}
		if n, err := d.EraseDue(t.Context()); n != 0 || err != nil {
			t.Fatalf("erased %d %v once more", n, err)
		}
		if _, err := d.users.ByEmail(t.Context(), "bob@acme.test"); !fault.Is(err, fault.UserNotFound) {
			t.Errorf("still there: %v", err)
		}
		if u, err := d.users.Get(t.Context(), stays.ID); err != nil || u.Email != "alice@acme.test" {
			t.Errorf("%+v %v", u, err)
		}
		_, err = d.Restore(t.Context(), token)
		want(t, err, fault.LinkInvalid)
	})
}
