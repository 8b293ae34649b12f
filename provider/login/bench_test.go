package login_test

import (
	"context"
	"testing"
	"time"

	"github.com/pquerna/otp/totp"

	"github.com/signet-idp/signet/provider/change"
	"github.com/signet-idp/signet/provider/guard"
	"github.com/signet-idp/signet/provider/login"
	"github.com/signet-idp/signet/provider/mfa"
	"github.com/signet-idp/signet/provider/oauth/params"
	"github.com/signet-idp/signet/storage"
	"github.com/signet-idp/signet/test/harness"
)

// Of a login by password only what is not argon2id is measured here.

func begin(b *testing.B) (in *harness.Instance, form params.Form) {
	b.Helper()
	in = harness.Start(b, harness.Options{})
	in.Client(b, "web", storage.ClientMetadata{TokenEndpointAuthMethod: "none", FirstParty: true})
	form, err := params.Parse(harness.NewAuthorization("web", "openid profile", nil).Params.Encode())
	if err != nil {
		b.Fatal(err)
	}
	return in, form
}

const benchBrowser = "0123456789abcdefghijkl"

// BenchmarkStart is an authorization request of a browser that nobody is signed
// in with: it ends with the sealed transaction, and writes nothing.
func BenchmarkStart(b *testing.B) {
	in, form := begin(b)
	b.ReportAllocs()
	for b.Loop() {
		start(b, in, form)
	}
}

func start(b *testing.B, in *harness.Instance, form params.Form) string {
	b.Helper()
	r, err := in.OAuth.ParseAuthorize(b.Context(), form)
	if err != nil {
		b.Fatal(err)
	}
	out, err := in.Login.Start(b.Context(), r, login.Browser{ID: benchBrowser})
	if err != nil || out.Step != login.StepLogin {
		b.Fatal(out.Step, err)
	}
	return out.Param
}

// BenchmarkResume is the page that opens it again.
func BenchmarkResume(b *testing.B) {
	in, form := begin(b)
	param := start(b, in, form)
	b.ReportAllocs()
	for b.Loop() {
		if _, err := in.Login.Resume(b.Context(), param, benchBrowser); err != nil {
			b.Fatal(err)
		}
	}
}

// instant stands in for argon2id.
type instant struct{}

func (instant) Verify(context.Context, string, string) (ok, upgrade bool, err error) {
	return true, false, nil
}
func (instant) VerifyDummy(context.Context, string) error    { return nil }
func (instant) Hash(context.Context, string) (string, error) { return "", nil }

// BenchmarkJSONLogin is POST /auth/login without HTTP and without the hash: what
// is read, one RS256 signature, and one transaction with a session, a grant and
// three events.
func BenchmarkJSONLogin(b *testing.B) {
	in := harness.Start(b, harness.Options{})
	if err := in.Applier().EnsureBuiltin(b.Context()); err != nil {
		b.Fatal(err)
	}
	in.User(b, "alice@example.test", "correct horse battery")
	in.Login.Passwords = instant{}
	in.Login.Guard = guard.New(in.Counters, guard.Limits{Failures: 1 << 40, Attempts: 1 << 40, Window: time.Minute, Lock: time.Minute})
	b.ReportAllocs()
	for b.Loop() {
		_, err := in.Login.JSON(b.Context(), login.JSON{ClientID: "legacy", Username: "alice@example.test", Password: "x"})
		if err != nil {
			b.Fatal(err)
		}
	}
}

// BenchmarkTOTPLogin is BenchmarkJSONLogin with a code of an authenticator app
// as the second step.
func BenchmarkTOTPLogin(b *testing.B) {
	clk := harness.FakeClock()
	in := harness.Start(b, harness.Options{Clock: clk})
	if err := in.Applier().EnsureBuiltin(b.Context()); err != nil {
		b.Fatal(err)
	}
	u := in.User(b, "alice@example.test", "correct horse battery")
	in.Login.Passwords = instant{}
	in.Login.Guard = guard.New(in.Counters, guard.Limits{Failures: 1 << 40, Attempts: 1 << 40, Window: time.Minute, Lock: time.Minute})
	in.Factors.Guard = in.Login.Guard
	h := login.SignedIn{UserID: u.ID, SessionID: "bench"}.Holder()
	e, err := in.Factors.Setup(b.Context(), h, mfa.Request{Type: storage.FactorTOTP})
	if err != nil {
		b.Fatal(err)
	}
	code := func() string {
		clk.Advance(30 * time.Second)
		if err := in.Keys.Tick(b.Context()); err != nil {
			b.Fatal(err)
		}
		code, err := totp.GenerateCode(e.Secret, clk.Now())
		if err != nil {
			b.Fatal(err)
		}
		return code
	}
	j, err := in.Factors.Judge(b.Context(), h, mfa.Answer{ChallengeID: e.Challenge.ID, Code: code()})
	if err != nil {
		b.Fatal(err)
	}
	err = in.Change.Do(b.Context(), "bench", func(ctx context.Context, c *change.Change) error { return j.Consume(ctx, c, "") })
	if err != nil {
		b.Fatal(err)
	}
	b.ReportAllocs()
	for b.Loop() {
		b.StopTimer()
		q := login.JSON{ClientID: "legacy", Username: "alice@example.test", Password: "x", Code: code()}
		b.StartTimer()
		if _, err := in.Login.JSON(b.Context(), q); err != nil {
			b.Fatal(err)
		}
	}
}
