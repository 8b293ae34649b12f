package passkey_test

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"encoding/json"
	"maps"
	"slices"
	"strings"
	"testing"

	"github.com/descope/virtualwebauthn"
	"github.com/google/go-cmp/cmp"

	"github.com/signet-idp/signet/provider/mfa/passkey"
)

func TestRegisterKeeps(t *testing.T) {
	f := newFixture(t)
	k := newToken(t, f.alice)
	k.flags |= flagEligible | flagBackedUp
	k.transports = []string{"internal", "hybrid", "internal", "", "carrier-pigeon", strings.Repeat("x", 33)}
	k.outer["clientExtensionResults"] = map[string]any{"credProps": map[string]any{"rk": true}, "unasked": 1}
	got := f.enrol(t, k)
	want := passkey.Credential{
		ID: k.id, PublicKey: k.cose, AAGUID: make([]byte, 16), Transports: []string{"internal", "hybrid", "carrier-pigeon"},
		Discoverable: true, UserVerified: true, BackupEligible: true, BackupState: true,
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
	// What was encoded in a row works as before.
	var back passkey.Credential
	if err := json.Unmarshal(encode(t, got), &back); err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(got, back); diff != "" {
		t.Error(diff)
	}
}

// TestRegisterAtOddAuthenticators: what is unusual and yet in order.
func TestRegisterAtOddAuthenticators(t *testing.T) {
	for name, with := range map[string]func(*token){
		"user not verified":    func(k *token) { k.flags = flagPresent },
		"new member of client": func(k *token) { k.client["new_keys_may_be_added_here"] = "do not compare" },
		"longest id":           func(k *token) { k.id = make([]byte, 1023) },
	} {
		t.Run(name, func(t *testing.T) {
			f := newFixture(t)
			k := newToken(t, f.alice)
			with(k)
			if c := f.enrol(t, k); c.UserVerified != (k.flags&flagVerified != 0) {
				t.Errorf("verified: %v", c.UserVerified)
			}
		})
	}
}

// TestRegisterIgnoresAttestation: a statement that nobody asked for is not
// judged, wrong as it may be.
func TestRegisterIgnoresAttestation(t *testing.T) {
	f := newFixture(t)
	d := newDevice(t, virtualwebauthn.KeyTypeEC2, f.alice)
	options, state, err := f.Register(t.Context(), f.alice)
	if err != nil {
		t.Fatal(err)
	}
	answer := change(t, d.create(t, options), "attestationObject", func(b []byte) []byte {
		return []byte(strings.Replace(string(b), "packed", "tpmtpm", 1))
	})
	if _, err := f.FinishRegister(t.Context(), f.alice, state, answer); err != nil {
		t.Error(err)
	}
}

func TestRegisterRefuses(t *testing.T) {
	// {1: 3 (RSA), 3: -257 (RS256), -1: modulus, -2: exponent}
	smallRSA := append([]byte("\xa4\x01\x03\x03\x39\x01\x00\x20\x58\x80"), append(make([]byte, 127, 132), 1, 0x21, 0x43, 1, 0, 1)...)
	smallRSA[10] = 0x80
	hugeRSA := append([]byte("\xa4\x01\x03\x03\x39\x01\x00\x20\x59\x20\x00"), append(make([]byte, 8191, 8196), 1, 0x21, 0x43, 1, 0, 1)...)
	hugeRSA[11] = 0x80
	p384, err := ecdsa.GenerateKey(elliptic.P384(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	point, err := p384.PublicKey.Bytes()
	if err != nil {
		t.Fatal(err)
	}
	es384 := slices.Concat([]byte("\xa5\x01\x02\x03\x38\x22\x20\x02\x21\x58\x30"), point[1:49], []byte("\x22\x58\x30"), point[49:])
	for name, c := range map[string]struct {
		with   func(*token)
		answer func(*testing.T, json.RawMessage) json.RawMessage
		reason string
	}{
		"wrong challenge":         {with: func(k *token) { k.client["challenge"] = b64(make([]byte, 32)) }, reason: passkey.ReasonChallenge},
		"no challenge":            {with: func(k *token) { k.client["challenge"] = "" }, reason: passkey.ReasonChallenge},
		"other origin":            {with: func(k *token) { k.client["origin"] = "https://id.acme.test.evil.example" }, reason: passkey.ReasonOrigin},
		"origin without TLS":      {with: func(k *token) { k.client["origin"] = "http://id.acme.test" }, reason: passkey.ReasonOrigin},
		"origin of a sister":      {with: func(k *token) { k.client["origin"] = "https://blog.acme.test" }, reason: passkey.ReasonOrigin},
		"in a frame":              {with: func(k *token) { k.client["crossOrigin"] = true }, reason: passkey.ReasonOrigin},
		"in a frame of ours":      {with: func(k *token) { k.client["crossOrigin"], k.client["topOrigin"] = true, origin }, reason: passkey.ReasonOrigin},
		"an assertion":            {with: func(k *token) { k.client["type"] = "webauthn.get" }, reason: passkey.ReasonCeremony},
		"nobody present":          {with: func(k *token) { k.flags = flagVerified }, reason: passkey.ReasonNotPresent},
		"backed up, not eligible": {with: func(k *token) { k.flags |= flagBackedUp }, reason: passkey.ReasonBackup},
		"no id":                   {with: func(k *token) { k.id = nil }, reason: passkey.ReasonMalformed},
		"id too long":             {with: func(k *token) { k.id = make([]byte, 1024) }, reason: passkey.ReasonMalformed},
		"id not the attested":     {with: func(k *token) { k.outer["id"], k.outer["rawId"] = "AAAA", "AAAA" }, reason: passkey.ReasonMalformed},
		"two ids":                 {with: func(k *token) { k.outer["id"] = "AAAA" }, reason: passkey.ReasonMalformed},
		"type":                    {with: func(k *token) { k.outer["type"] = "password" }, reason: passkey.ReasonMalformed},
		"algorithm not asked for": {with: func(k *token) { k.cose = es384 }, reason: passkey.ReasonKey},
		"Ed25519 as ES256":        {with: func(k *token) { k.cose[4] = 0x26 }, reason: passkey.ReasonKey},
		"no key":                  {with: func(k *token) { k.cose = []byte{0xa0} }, reason: passkey.ReasonKey},
		"RSA of 1024 bits":        {with: func(k *token) { k.cose = smallRSA }, reason: passkey.ReasonKey},
		"RSA of 65536 bits":       {with: func(k *token) { k.cose = hugeRSA }, reason: passkey.ReasonKey},
		"bytes after the key":     {with: func(k *token) { k.cose = append(k.cose, 0) }, reason: passkey.ReasonMalformed},
		"nothing":                 {answer: func(*testing.T, json.RawMessage) json.RawMessage { return nil }, reason: passkey.ReasonMalformed},
		"null":                    {answer: func(*testing.T, json.RawMessage) json.RawMessage { return json.RawMessage("null") }, reason: passkey.ReasonMalformed},
		"no JSON":                 {answer: func(*testing.T, json.RawMessage) json.RawMessage { return json.RawMessage("passkey") }, reason: passkey.ReasonMalformed},
		"a second value":          {answer: func(_ *testing.T, a json.RawMessage) json.RawMessage { return append(a, "{}"...) }, reason: passkey.ReasonMalformed},
		"too large":               {answer: func(_ *testing.T, a json.RawMessage) json.RawMessage { return append(a, make([]byte, 64<<10)...) }, reason: passkey.ReasonTooLarge},
		"wrong RP id":             {answer: otherRP, reason: passkey.ReasonRPID},
		"empty attestation object": {answer: func(t *testing.T, a json.RawMessage) json.RawMessage {
			return change(t, a, "attestationObject", cut(0))
		}, reason: passkey.ReasonMalformed},
		"half an object": {answer: func(t *testing.T, a json.RawMessage) json.RawMessage {
			return change(t, a, "attestationObject", cut(60))
		}, reason: passkey.ReasonMalformed},
		"half of the client data": {answer: func(t *testing.T, a json.RawMessage) json.RawMessage { return change(t, a, "clientDataJSON", cut(60)) }, reason: passkey.ReasonMalformed},
	} {
		t.Run(name, func(t *testing.T) {
			f := newFixture(t)
			k := newToken(t, f.alice)
			if c.with != nil {
				c.with(k)
			}
			options, state, err := f.Register(t.Context(), f.alice)
			if err != nil {
				t.Fatal(err)
			}
			answer := k.create(t, options)
			if c.answer != nil {
				answer = c.answer(t, answer)
			}
			_, err = f.FinishRegister(t.Context(), f.alice, state, answer)
			refused(t, err, c.reason)
		})
	}
}

// otherRP makes an attestation one for another RP id.
func otherRP(t *testing.T, answer json.RawMessage) json.RawMessage {
	return change(t, answer, "attestationObject", func(b []byte) []byte {
		b[strings.Index(string(b), "authData")+12] ^= 1
		return b
	})
}

func cut(n int) func([]byte) []byte { return func(b []byte) []byte { return b[:n] } }

func TestRegisterTwice(t *testing.T) {
	f := newFixture(t)
	k := newToken(t, f.alice)
	f.enrol(t, k)
	options, state, err := f.Register(t.Context(), f.alice)
	if err != nil {
		t.Fatal(err)
	}
	_, err = f.FinishRegister(t.Context(), f.alice, state, k.create(t, options))
	refused(t, err, passkey.ReasonRegistered)
}

// TestStatesAreForOne: a state serves the ceremony, the person and the five
// minutes that it was made for.
func TestStatesAreForOne(t *testing.T) {
	f := newFixture(t)
	k := newToken(t, f.alice)
	f.enrol(t, k)
	bob := person("bob")
	bob.Credentials = f.alice.Credentials

	begin := map[string]func() (json.RawMessage, []byte, error){
		"register": func() (json.RawMessage, []byte, error) { return f.Register(t.Context(), f.alice) },
		"assert":   func() (json.RawMessage, []byte, error) { return f.Assert(t.Context(), f.alice) },
		"discover": func() (json.RawMessage, []byte, error) { return f.Discover(t.Context()) },
	}
	finish := map[string]func(passkey.Person, []byte, json.RawMessage) error{
		"register": func(p passkey.Person, state []byte, options json.RawMessage) error {
			_, err := f.FinishRegister(t.Context(), p, state, newToken(t, f.alice).create(t, options))
			return err
		},
		"assert": func(p passkey.Person, state []byte, options json.RawMessage) error {
			_, err := f.FinishAssert(t.Context(), p, state, k.get(t, options))
			return err
		},
		"discover": func(_ passkey.Person, state []byte, options json.RawMessage) error {
			_, err := f.FinishDiscover(t.Context(), state, k.get(t, options), f.find)
			return err
		},
	}
	for _, begun := range slices.Sorted(maps.Keys(begin)) {
		for _, finished := range slices.Sorted(maps.Keys(finish)) {
			options, state, err := begin[begun]()
			if err != nil {
				t.Fatal(err)
			}
			err = finish[finished](f.alice, state, options)
			if begun != finished {
				refused(t, err, passkey.ReasonCeremony)
				continue
			}
			if err != nil {
				t.Errorf("%s: %v", begun, err)
			}
			if begun != "discover" {
				refused(t, finish[finished](bob, state, options), passkey.ReasonPerson)
			}
			if err := finish[finished](f.alice, []byte(`{"ceremony":`), options); err == nil {
				t.Errorf("%s: a damaged state works", begun)
			}
			now := f.clock.Now()
			f.clock.Set(now.Add(passkey.Timeout - 1000))
			if err := finish[finished](f.alice, state, options); err != nil {
				t.Errorf("%s: in the last moment: %v", begun, err)
			}
			f.clock.Set(now.Add(passkey.Timeout))
			refused(t, finish[finished](f.alice, state, options), passkey.ReasonExpired)
			f.clock.Set(now)
		}
	}
}
