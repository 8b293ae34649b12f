package passkey_test

import (
	"context"
	"encoding/json"
	"errors"
	"slices"
	"testing"

	"github.com/descope/virtualwebauthn"

	"github.com/signet-idp/signet/provider/mfa/passkey"
)

func TestLogin(t *testing.T) {
	for name, hold := range map[string]func(*testing.T, passkey.Person) authenticator{
		"ES256": func(t *testing.T, p passkey.Person) authenticator {
			return newDevice(t, virtualwebauthn.KeyTypeEC2, p)
		},
		"RS256": func(t *testing.T, p passkey.Person) authenticator {
			return newDevice(t, virtualwebauthn.KeyTypeRSA, p)
		},
		"EdDSA": func(t *testing.T, p passkey.Person) authenticator { return newToken(t, p) },
	} {
		t.Run(name, func(t *testing.T) {
			f := newFixture(t)
			f.enrol(t, newToken(t, f.alice)) // another one of hers
			d := hold(t, f.alice)
			c := f.enrol(t, d)
			for kind, login := range f.logins(t) {
				got, err := login(d.get)
				if err != nil {
					t.Fatalf("%s: %v", kind, err)
				}
				if !got.UserVerified || got.CounterWentBack || string(got.Credential.ID) != string(c.ID) || got.Person.Name != f.alice.Name {
					t.Errorf("%s: %+v", kind, got)
				}
			}
		})
	}
}

// logins are the two ways in, as far as they are the same.
func (f *fixture) logins(t *testing.T) map[string]func(get func(testing.TB, json.RawMessage) json.RawMessage) (passkey.Assertion, error) {
	return map[string]func(get func(testing.TB, json.RawMessage) json.RawMessage) (passkey.Assertion, error){
		"assert": func(get func(testing.TB, json.RawMessage) json.RawMessage) (passkey.Assertion, error) {
			options, state, err := f.Assert(t.Context(), f.alice)
			if err != nil {
				t.Fatal(err)
			}
			return f.FinishAssert(t.Context(), f.alice, state, get(t, options))
		},
		"discover": func(get func(testing.TB, json.RawMessage) json.RawMessage) (passkey.Assertion, error) {
			options, state, err := f.Discover(t.Context())
			if err != nil {
				t.Fatal(err)
			}
			return f.FinishDiscover(t.Context(), state, get(t, options), f.find)
		},
	}
}

func TestLoginRefuses(t *testing.T) {
	mallory := person("mallory")
	for name, c := range map[string]struct {
		with   func(*token)
		answer func(*testing.T, json.RawMessage) json.RawMessage
		reason string
	}{
		"wrong challenge":         {with: func(k *token) { k.client["challenge"] = b64(make([]byte, 32)) }, reason: passkey.ReasonChallenge},
		"other origin":            {with: func(k *token) { k.client["origin"] = "https://acme.test.evil.example" }, reason: passkey.ReasonOrigin},
		"other port":              {with: func(k *token) { k.client["origin"] = origin + ":8443" }, reason: passkey.ReasonOrigin},
		"an app":                  {with: func(k *token) { k.client["origin"] = "android:apk-key-hash:AAAA" }, reason: passkey.ReasonOrigin},
		"in a frame":              {with: func(k *token) { k.client["crossOrigin"] = true }, reason: passkey.ReasonOrigin},
		"a registration":          {with: func(k *token) { k.client["type"] = "webauthn.create" }, reason: passkey.ReasonCeremony},
		"nobody present":          {with: func(k *token) { k.flags = flagVerified }, reason: passkey.ReasonNotPresent},
		"now eligible for backup": {with: func(k *token) { k.flags |= flagEligible }, reason: passkey.ReasonBackup},
		"backed up, not eligible": {with: func(k *token) { k.flags |= flagBackedUp }, reason: passkey.ReasonBackup},
		"other key":               {with: func(k *token) { k.key = newToken(t, mallory).key }, reason: passkey.ReasonSignature},
		"unknown credential":      {with: func(k *token) { k.id = []byte("another credential") }, reason: passkey.ReasonUnknownCredential},
		"type":                    {with: func(k *token) { k.outer["type"] = "password" }, reason: passkey.ReasonMalformed},
		"two ids":                 {with: func(k *token) { k.outer["rawId"] = "AAAA" }, reason: passkey.ReasonMalformed},
		"U2F":                     {with: func(k *token) { k.outer["clientExtensionResults"] = map[string]any{"appid": "yes"} }, reason: passkey.ReasonMalformed},
		"nothing":                 {answer: func(*testing.T, json.RawMessage) json.RawMessage { return nil }, reason: passkey.ReasonMalformed},
		"list":                    {answer: func(*testing.T, json.RawMessage) json.RawMessage { return json.RawMessage("[]") }, reason: passkey.ReasonMalformed},
		"too large":               {answer: func(_ *testing.T, a json.RawMessage) json.RawMessage { return append(a, make([]byte, 64<<10)...) }, reason: passkey.ReasonTooLarge},
		"no signature":            {answer: func(t *testing.T, a json.RawMessage) json.RawMessage { return change(t, a, "signature", cut(0)) }, reason: passkey.ReasonSignature},
		"signature cut":           {answer: func(t *testing.T, a json.RawMessage) json.RawMessage { return change(t, a, "signature", cut(63)) }, reason: passkey.ReasonSignature},
		"data cut": {answer: func(t *testing.T, a json.RawMessage) json.RawMessage {
			return change(t, a, "authenticatorData", cut(36))
		}, reason: passkey.ReasonMalformed},
		"wrong RP id": {answer: func(t *testing.T, a json.RawMessage) json.RawMessage {
			return change(t, a, "authenticatorData", flip(0))
		}, reason: passkey.ReasonRPID},
		"counter changed": {answer: func(t *testing.T, a json.RawMessage) json.RawMessage {
			return change(t, a, "authenticatorData", flip(8*36))
		}, reason: passkey.ReasonSignature},
	} {
		t.Run(name, func(t *testing.T) {
			f := newFixture(t)
			k := newToken(t, f.alice)
			f.enrol(t, k)
			if c.with != nil {
				c.with(k)
			}
			for kind, login := range f.logins(t) {
				_, err := login(func(t testing.TB, options json.RawMessage) json.RawMessage {
					if c.answer == nil {
						return k.get(t, options)
					}
					return c.answer(t.(*testing.T), k.get(t, options))
				})
				t.Log(kind)
				refused(t, err, c.reason)
			}
		})
	}
}

// flip changes one bit.
func flip(bit int) func([]byte) []byte {
	return func(b []byte) []byte {
		b[bit/8] ^= 1 << (bit % 8)
		return b
	}
}

// TestUserVerification: beside another factor it may be missing, alone not.
func TestUserVerification(t *testing.T) {
	f := newFixture(t)
	k := newToken(t, f.alice)
	f.enrol(t, k)
	k.flags = flagPresent
	logins := f.logins(t)
	got, err := logins["assert"](k.get)
	if err != nil || got.UserVerified {
		t.Errorf("second factor: %+v, %v", got, err)
	}
	if !got.Credential.UserVerified {
		t.Error("what was seen at registration is lost")
	}
	_, err = logins["discover"](k.get)
	refused(t, err, passkey.ReasonNotVerified)
}

// TestUserHandle: an authenticator may leave it out only where the person is
// known (§7.2 step 6), and it is never another's.
func TestUserHandle(t *testing.T) {
	f := newFixture(t)
	k := newToken(t, f.alice)
	f.enrol(t, k)
	logins := f.logins(t)

	k.handle = nil
	if _, err := logins["assert"](k.get); err != nil {
		t.Error(err)
	}
	_, err := logins["discover"](k.get)
	refused(t, err, passkey.ReasonUserHandle)

	k.handle = person("bob").Handle
	_, err = logins["assert"](k.get)
	refused(t, err, passkey.ReasonUserHandle)
	// A store that looks only at the credential's id finds Alice all the same.
	options, state, err := f.Discover(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	_, err = f.FinishDiscover(t.Context(), state, k.get(t, options), func(context.Context, []byte, []byte) (passkey.Person, error) {
		return f.alice, nil
	})
	refused(t, err, passkey.ReasonUserHandle)
}

// TestOthersCredential: Bob's passkey, good as it is, opens nothing of Alice's.
func TestOthersCredential(t *testing.T) {
	f := newFixture(t)
	hers := newToken(t, f.alice)
	f.enrol(t, hers)
	bob := person("bob")
	his := newToken(t, bob)
	options, state, err := f.Register(t.Context(), bob)
	if err != nil {
		t.Fatal(err)
	}
	c, err := f.FinishRegister(t.Context(), bob, state, his.create(t, options))
	if err != nil {
		t.Fatal(err)
	}
	bob.Credentials = []passkey.Credential{c}

	for name, pretend := range map[string]func(){
		"as himself":            func() {},
		"with her handle":       func() { his.handle = f.alice.Handle },
		"without a handle":      func() { his.handle = nil },
		"with her credential":   func() { his.id, his.handle = hers.id, nil },
		"with all that is hers": func() { his.id, his.handle = hers.id, f.alice.Handle },
	} {
		t.Run(name, func(t *testing.T) {
			id, handle := his.id, his.handle
			t.Cleanup(func() { his.id, his.handle = id, handle })
			pretend()
			for kind, login := range f.logins(t) {
				if got, err := login(his.get); err == nil {
					t.Errorf("%s: %+v", kind, got)
				}
			}
		})
	}
}

// TestMeanwhile: neither a credential that was removed after the question, nor
// one that was added, answers it.
func TestMeanwhile(t *testing.T) {
	f := newFixture(t)
	old, fresh := newToken(t, f.alice), newToken(t, f.alice)
	f.enrol(t, old)
	options, state, err := f.Assert(t.Context(), f.alice)
	if err != nil {
		t.Fatal(err)
	}
	f.enrol(t, fresh)
	_, err = f.FinishAssert(t.Context(), f.alice, state, fresh.get(t, options))
	refused(t, err, passkey.ReasonUnknownCredential)
	f.alice.Credentials = f.alice.Credentials[1:]
	_, err = f.FinishAssert(t.Context(), f.alice, state, old.get(t, options))
	refused(t, err, passkey.ReasonUnknownCredential)
}

func TestNoPasskeys(t *testing.T) {
	f := newFixture(t)
	_, _, err := f.Assert(t.Context(), f.alice)
	refused(t, err, passkey.ReasonUnknownCredential)
}

// TestFindFails: an error of the store is no wrong answer.
func TestFindFails(t *testing.T) {
	f := newFixture(t)
	k := newToken(t, f.alice)
	f.enrol(t, k)
	options, state, err := f.Discover(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	gone := errors.New("connection lost")
	_, err = f.FinishDiscover(t.Context(), state, k.get(t, options), func(context.Context, []byte, []byte) (passkey.Person, error) {
		return passkey.Person{}, gone
	})
	if _, ok := errors.AsType[*passkey.Error](err); ok || !errors.Is(err, gone) {
		t.Errorf("%v", err)
	}
	_, err = f.FinishDiscover(t.Context(), state, k.get(t, options), func(context.Context, []byte, []byte) (passkey.Person, error) {
		return passkey.Person{}, nil
	})
	refused(t, err, passkey.ReasonUnknownCredential)
}

func TestCancelled(t *testing.T) {
	f := newFixture(t)
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, _, err := f.Discover(ctx); !errors.Is(err, context.Canceled) {
		t.Error(err)
	}
}

// TestCounter: one that does not grow is told, and the greatest is kept.
func TestCounter(t *testing.T) {
	f := newFixture(t)
	d := newDevice(t, virtualwebauthn.KeyTypeEC2, f.alice)
	d.key.Counter = 5
	if c := f.enrol(t, d); c.SignCount != 5 {
		t.Fatalf("registered with %d", c.SignCount)
	}
	for _, c := range []struct {
		counter, kept uint32
		back          bool
	}{
		{6, 6, false},
		{100, 100, false},
		{100, 100, true}, // the same again
		{7, 100, true},
		{0, 100, true}, // forgot to count
		{101, 101, false},
	} {
		d.key.Counter = c.counter
		got, err := f.logins(t)["assert"](d.get)
		if err != nil {
			t.Fatal(err)
		}
		if got.CounterWentBack != c.back || got.Credential.SignCount != c.kept {
			t.Errorf("%d: back %v, kept %d", c.counter, got.CounterWentBack, got.Credential.SignCount)
		}
		f.alice.Credentials[0] = got.Credential
	}
}

// TestBackupState follows a key that is synchronised, and no longer is.
func TestBackupState(t *testing.T) {
	f := newFixture(t)
	k := newToken(t, f.alice)
	k.flags |= flagEligible
	f.enrol(t, k)
	for _, flags := range []byte{flagBackedUp, 0, flagBackedUp} {
		k.flags = flagPresent | flagVerified | flagEligible | flags
		got, err := f.logins(t)["discover"](k.get)
		if err != nil || got.Credential.BackupState != (flags != 0) || !got.Credential.BackupEligible {
			t.Errorf("%+v, %v", got, err)
		}
		f.alice.Credentials[0] = got.Credential
	}
	k.flags = flagPresent | flagVerified
	_, err := f.logins(t)["discover"](k.get)
	refused(t, err, passkey.ReasonBackup)
}

func TestAMR(t *testing.T) {
	for _, c := range []struct {
		synced, verified bool
		want             []string
	}{
		{false, false, []string{"hwk", "user"}},
		{false, true, []string{"hwk", "user", "mfa"}},
		{true, false, []string{"swk", "user"}},
		{true, true, []string{"swk", "user", "mfa"}},
	} {
		a := passkey.Assertion{Credential: passkey.Credential{BackupEligible: c.synced}, UserVerified: c.verified}
		if got := a.AMR(); !slices.Equal(got, c.want) {
			t.Errorf("%+v: %q", c, got)
		}
	}
}
