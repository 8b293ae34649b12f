package login_test

import (
	"context"
	"errors"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/pquerna/otp/totp"
	"pgregory.net/rapid"

	"github.com/signet-idp/signet/internal/testkit/fakeclock"
	"github.com/signet-idp/signet/provider/fault"
	"github.com/signet-idp/signet/provider/guard"
	"github.com/signet-idp/signet/provider/login"
	"github.com/signet-idp/signet/provider/mfa"
	"github.com/signet-idp/signet/provider/session"
	"github.com/signet-idp/signet/storage"
	"github.com/signet-idp/signet/test/harness"
)

// plain takes one password, without the cost of a hash.
type plain string

func (p plain) Verify(_ context.Context, _, pw string) (ok, upgrade bool, err error) {
	return pw == string(p), false, nil
}
func (plain) VerifyDummy(context.Context, string) error    { return nil }
func (plain) Hash(context.Context, string) (string, error) { return "", nil }

const ownerPassword = "correct horse battery"

// play is one person's account as the test believes it to be.
type play struct {
	*harness.Instance
	clock *fakeclock.Clock
	user  storage.User

	device string // the owner's token
	known  bool   // the owner has signed in with it

	secret   string // of the confirmed authenticator app, or empty
	method   string
	used     []string // codes that were accepted
	backup   []string // codes that are left
	spent    []string // backup codes that are not
	required bool
	trusted  time.Time
}

func newPlay(t *testing.T) *play {
	clk := harness.FakeClock()
	in := harness.Start(t, harness.Options{Clock: clk, Dev: true})
	if err := in.Applier().EnsureBuiltin(t.Context()); err != nil {
		t.Fatal(err)
	}
	in.Sync(t)
	in.Login.Passwords = plain(ownerPassword)
	p := &play{Instance: in, clock: clk}
	var err error
	if p.device, err = in.Factors.NewDeviceToken(); err != nil {
		t.Fatal(err)
	}
	return p
}

// begin forgets everything but the server, with a new person.
func (p *play) begin(tb testing.TB, name string) *play {
	q := &play{Instance: p.Instance, clock: p.clock}
	q.user = p.User(tb, name, ownerPassword)
	q.device, _ = p.Factors.NewDeviceToken()
	return q
}

func (p *play) json(device, address, pw string) (login.Tokens, error) {
	return p.Login.JSON(context.Background(), login.JSON{
		ClientID: "legacy", Username: p.user.Email, Password: pw, DeviceToken: device,
		Device: session.Device{IPAddress: address, UserAgent: "test"},
	})
}

// pass reads the key ring, as a server does while time passes.
func (p *play) pass() {
	if err := p.Keys.Tick(context.Background()); err != nil {
		panic(err)
	}
}

// code is the app's for a step that was not used yet.
func (p *play) code(t *rapid.T) string {
	for range 5 {
		code, err := totp.GenerateCode(p.secret, p.clock.Now())
		if err != nil {
			t.Fatal(err)
		}
		if !slices.Contains(p.used, code) {
			return code
		}
		p.clock.Advance(30 * time.Second)
		p.pass()
	}
	t.Fatal("no fresh code")
	return ""
}

// owner signs in as the owner does who has everything that is theirs.
func (p *play) owner(t *rapid.T, device string, trust, byBackup bool) {
	ctx := context.Background()
	stranger := device == ""
	from := session.Device{IPAddress: "192.0.2.1", UserAgent: "test"}
	out, err := p.json(device, from.IPAddress, ownerPassword)
	var locked *guard.LockedError
	if errors.As(err, &locked) && (stranger || !p.known) {
		return // nobody knows them there
	}
	var more *login.FactorError
	switch {
	case err == nil:
		trusted := device != "" && p.clock.Now().Before(p.trusted)
		if p.secret != "" && !trusted {
			t.Fatal("in without the second factor")
		}
		if p.secret == "" && p.required {
			t.Fatal("in without the factor that is required")
		}
	case errors.As(err, &more) && more.Factor:
		if p.secret == "" {
			t.Fatal("asked for a factor that is not there")
		}
		pending, err := p.Login.ResumeJSON(ctx, more.Token)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := p.Login.EnrolJSON(ctx, pending, from, "", mfa.Request{Type: storage.FactorTOTP}); !fault.Is(err, fault.Forbidden) {
			t.Fatalf("a password alone sets another factor up: %v", err)
		}
		a := mfa.Answer{MethodID: p.method}
		if byBackup && len(p.backup) > 0 {
			a.MethodID, a.Code = mfa.TypeBackupCodes, strings.ToUpper(p.backup[0])
			p.spent, p.backup = append(p.spent, p.backup[0]), p.backup[1:]
		} else {
			a.Code = p.code(t)
			p.used = append(p.used, a.Code)
			if pending, err = p.Login.ResumeJSON(ctx, more.Token); err != nil {
				t.Fatal(err)
			}
		}
		if out, err = p.Login.FactorJSON(ctx, pending, from, "", a, trust); err != nil {
			if errors.As(err, &locked) && (stranger || !p.known) {
				return
			}
			t.Fatalf("the owner's own factor: %v", err)
		}
		if trust && device != "" {
			p.trusted = p.clock.Now().Add(30 * 24 * time.Hour)
		}
		if _, err := p.Login.ResumeJSON(ctx, more.Token); !fault.Is(err, fault.ChallengeExpired) {
			t.Fatalf("an mfa_token after its login: %v", err)
		}
	case errors.As(err, &more) && more.Enrol:
		if !p.required || p.secret != "" {
			t.Fatal("made to set a factor up for nothing")
		}
		p.enrol(t, more.Token, from)
	default:
		t.Fatalf("the owner is locked out: %v", err)
	}
	p.known = p.known || device != ""
	want := login.ACRPassword
	if more != nil {
		want = login.ACRFactor
	}
	if out.AccessToken != "" {
		if v, err := p.Verifier.Verify(out.AccessToken); err == nil && v.ACR != want {
			t.Fatalf("acr %s, want %s", v.ACR, want)
		}
	}
}

func (p *play) enrol(t *rapid.T, token string, from session.Device) {
	ctx := context.Background()
	pending, err := p.Login.ResumeJSON(ctx, token)
	if err != nil {
		t.Fatal(err)
	}
	e, err := p.Login.EnrolJSON(ctx, pending, from, "", mfa.Request{Type: storage.FactorTOTP})
	if err != nil {
		t.Fatal(err)
	}
	p.secret, p.method, p.used = e.Secret, e.Method.ID, nil
	a := mfa.Answer{ChallengeID: e.Challenge.ID, Code: p.code(t)}
	out, err := p.Login.FactorJSON(ctx, pending, from, "", a, false)
	var locked *guard.LockedError
	if errors.As(err, &locked) && !p.known {
		p.secret = ""
		return
	}
	if err != nil {
		t.Fatal(err)
	}
	if len(out.BackupCodes) != 10 {
		t.Fatalf("%d backup codes", len(out.BackupCodes))
	}
	p.used, p.spent, p.backup = []string{a.Code}, append(p.spent, p.backup...), out.BackupCodes
}

// thief has the password, what was used before, and guesses.
func (p *play) thief(t *rapid.T, guess string) {
	ctx := context.Background()
	from := session.Device{IPAddress: "203.0.113.7", UserAgent: "thief"}
	_, err := p.json("", from.IPAddress, ownerPassword)
	var more *login.FactorError
	if err == nil {
		t.Fatal("the password alone is enough for a thief")
	}
	if !errors.As(err, &more) {
		return // locked, limited
	}
	pending, err := p.Login.ResumeJSON(ctx, more.Token)
	if err != nil {
		t.Fatal(err)
	}
	for _, a := range []mfa.Answer{{MethodID: p.method, Code: guess}, {MethodID: mfa.TypeBackupCodes, Code: guess}} {
		if _, err := p.Login.FactorJSON(ctx, pending, from, "", a, true); err == nil {
			t.Fatalf("a thief is in with %+v", a)
		}
	}
}

// TestNobodyElse plays random lives of accounts. Whatever strangers and thieves
// do, the owner gets in from a device they are known by, and nobody gets in
// without what the policy asks.
func TestNobodyElse(t *testing.T) {
	t.Parallel()
	world, tb := newPlay(t), t
	rapid.Check(t, func(t *rapid.T) {
		p := world.begin(tb, "owner-"+storage.NewID()+"@example.test")
		ctx := context.Background()
		policy := func(requirement string) {
			_, err := p.Factors.SetPolicy(ctx, storage.MFAPolicy{
				Scope: storage.PolicyUser, Subject: p.user.ID, Requirement: requirement, Enforcement: mfa.Enforcements(), UpdatedBy: "test",
			})
			if err != nil {
				t.Fatal(err)
			}
			p.required = requirement == mfa.Required
		}
		p.owner(t, p.device, false, false) // known from the first day
		t.Repeat(map[string]func(*rapid.T){
			"owner":         func(t *rapid.T) { p.owner(t, p.device, false, false) },
			"owner trusts":  func(t *rapid.T) { p.owner(t, p.device, true, false) },
			"owner, backup": func(t *rapid.T) { p.owner(t, p.device, false, true) },
			"owner, abroad": func(t *rapid.T) { p.owner(t, "", false, false) },
			"required":      func(*rapid.T) { policy(mfa.Required) },
			"optional":      func(*rapid.T) { policy(mfa.Optional) },
			"time": func(t *rapid.T) {
				p.clock.Advance(rapid.SampledFrom([]time.Duration{31 * time.Second, 16 * time.Minute, 25 * time.Hour}).Draw(t, "d"))
				p.pass()
			},
			"unlock":         func(t *rapid.T) { p.unlock(t) },
			"stranger":       func(t *rapid.T) { p.stranger(t, rapid.IntRange(1, 15).Draw(t, "times")) },
			"thief guesses":  func(t *rapid.T) { p.steal(t, "000000x") },
			"thief replays":  func(t *rapid.T) { p.replay(t) },
			"owner removes":  func(t *rapid.T) { p.remove(t) },
			"operator reset": func(t *rapid.T) { p.reset(t) },
		})
	})
}

func (p *play) unlock(t *rapid.T) {
	if _, err := p.Login.Guard.Unlock(context.Background(), p.user.EmailCanonical); err != nil {
		t.Fatal(err)
	}
}

func (p *play) stranger(t *rapid.T, times int) {
	for range times {
		if _, err := p.json("", "198.51.100.9", "wrong"); err == nil {
			t.Fatal("in with a wrong password")
		}
	}
}

func (p *play) steal(t *rapid.T, guess string) {
	if p.secret != "" {
		p.thief(t, guess)
	}
}

func (p *play) replay(t *rapid.T) {
	for _, list := range [][]string{p.used, p.spent} {
		if p.secret != "" && len(list) > 0 {
			p.thief(t, list[len(list)-1])
		}
	}
}

func (p *play) remove(t *rapid.T) {
	if p.secret == "" {
		return
	}
	err := p.Factors.Remove(context.Background(), p.user.ID, p.method, mfa.ReasonPerson, "")
	switch {
	case p.required && !fault.Is(err, fault.LastFactor):
		t.Fatalf("the last factor that is required: %v", err)
	case !p.required && err != nil:
		t.Fatal(err)
	case !p.required:
		p.gone()
	}
}

func (p *play) reset(t *rapid.T) {
	n, err := p.Factors.Reset(context.Background(), p.user.ID, "")
	if err != nil || (n == 1) != (p.secret != "") {
		t.Fatalf("%d reset: %v", n, err)
	}
	p.gone()
}

func (p *play) gone() {
	p.spent = append(p.spent, p.backup...)
	p.secret, p.method, p.backup, p.trusted = "", "", nil, time.Time{}
}
