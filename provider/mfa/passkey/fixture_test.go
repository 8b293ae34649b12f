package passkey_test

import (
	"bytes"
	"context"
	"crypto/ed25519"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha256"
	"crypto/x509"
	"encoding/base64"
	"encoding/binary"
	"encoding/json"
	"errors"
	"sync"
	"testing"
	"time"

	"github.com/descope/virtualwebauthn"

	"github.com/signet-idp/signet/internal/testkit/fakeclock"
	"github.com/signet-idp/signet/internal/testkit/softkey"
	"github.com/signet-idp/signet/provider/mfa/passkey"
)

const (
	rpID   = "acme.test"
	origin = "https://id.acme.test"
)

var epoch = time.Date(2026, 11, 30, 12, 0, 0, 0, time.UTC)

// fixture is a party, its clock, and Alice, who has no passkey yet.
type fixture struct {
	*passkey.Party
	clock *fakeclock.Clock
	alice passkey.Person
}

func newFixture(t testing.TB) *fixture {
	t.Helper()
	clock := fakeclock.New(epoch)
	party, err := passkey.New(passkey.Config{RPID: rpID, RPDisplayName: "Acme", Origins: []string{origin}, Clock: clock, Rand: rand.Reader})
	if err != nil {
		t.Fatal(err)
	}
	return &fixture{Party: party, clock: clock, alice: person("alice")}
}

func person(name string) passkey.Person {
	handle := sha256.Sum256([]byte(name))
	return passkey.Person{Handle: handle[:16], Name: name + "@acme.test", DisplayName: name}
}

// enrol gives Alice a passkey on d.
func (f *fixture) enrol(t testing.TB, d authenticator) passkey.Credential {
	t.Helper()
	options, state, err := f.Register(t.Context(), f.alice)
	if err != nil {
		t.Fatal(err)
	}
	c, err := f.FinishRegister(t.Context(), f.alice, state, d.create(t, options))
	if err != nil {
		t.Fatal(err)
	}
	f.alice.Credentials = append(f.alice.Credentials, c)
	return c
}

// find is the store of a system where only Alice has an account.
func (f *fixture) find(_ context.Context, _, handle []byte) (passkey.Person, error) {
	if !bytes.Equal(handle, f.alice.Handle) {
		return passkey.Person{}, &passkey.Error{Reason: passkey.ReasonUnknownCredential}
	}
	return f.alice, nil
}

// authenticator is what a person holds in the hand, with its browser.
type authenticator interface {
	create(t testing.TB, options json.RawMessage) json.RawMessage
	get(t testing.TB, options json.RawMessage) json.RawMessage
}

// device is an authenticator of another author.
type device struct {
	site virtualwebauthn.RelyingParty
	auth virtualwebauthn.Authenticator
	key  virtualwebauthn.Credential
}

var rsaKey = sync.OnceValue(func() []byte {
	key, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		panic(err)
	}
	der, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		panic(err)
	}
	return der
})

func newDevice(t testing.TB, kind virtualwebauthn.KeyType, owner passkey.Person) *device {
	t.Helper()
	der := rsaKey
	if kind == virtualwebauthn.KeyTypeEC2 {
		key, err := softkey.P256Key()
		if err != nil {
			t.Fatal(err)
		}
		der = func() []byte { return key }
	}
	return &device{
		site: virtualwebauthn.RelyingParty{ID: rpID, Name: "Acme", Origin: origin},
		auth: virtualwebauthn.NewAuthenticatorWithOptions(virtualwebauthn.AuthenticatorOptions{UserHandle: owner.Handle}),
		key:  virtualwebauthn.NewCredentialWithImportedKey(kind, der()),
	}
}

func (d *device) create(t testing.TB, options json.RawMessage) json.RawMessage {
	t.Helper()
	o, err := virtualwebauthn.ParseAttestationOptions(string(options))
	if err != nil {
		t.Fatal(err)
	}
	return json.RawMessage(virtualwebauthn.CreateAttestationResponse(d.site, d.auth, d.key, *o))
}

func (d *device) get(t testing.TB, options json.RawMessage) json.RawMessage {
	t.Helper()
	o, err := virtualwebauthn.ParseAssertionOptions(string(options))
	if err != nil {
		t.Fatal(err)
	}
	return json.RawMessage(virtualwebauthn.CreateAssertionResponse(d.site, d.auth, d.key, *o))
}

// token is an authenticator of ours: an Ed25519 key, no counter, verifies its
// user. Its fields are what a test may change about its answers.
type token struct {
	id, handle []byte
	key        ed25519.PrivateKey
	cose       []byte // the public key as it is told
	flags      byte
	client     map[string]any // members of the client data besides the usual ones
	outer      map[string]any // members of the answer besides the usual ones
	transports []string
}

const (
	flagPresent  = 0x01
	flagVerified = 0x04
	flagEligible = 0x08
	flagBackedUp = 0x10
	flagAttested = 0x40
)

func newToken(t testing.TB, owner passkey.Person) *token {
	t.Helper()
	public, private, err := ed25519.GenerateKey(rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	// {1: 1 (OKP), 3: -8 (EdDSA), -1: 6 (Ed25519), -2: x}
	cose := append([]byte{0xa4, 0x01, 0x01, 0x03, 0x27, 0x20, 0x06, 0x21, 0x58, 0x20}, public...)
	return &token{
		id: bytes.Clone(public[:20]), handle: owner.Handle, key: private, cose: cose,
		flags: flagPresent | flagVerified, client: map[string]any{}, outer: map[string]any{},
	}
}

func b64(b []byte) string { return base64.RawURLEncoding.EncodeToString(b) }

func (k *token) collected(t testing.TB, kind string, options json.RawMessage) []byte {
	t.Helper()
	var o struct{ Challenge string }
	if err := json.Unmarshal(options, &o); err != nil {
		t.Fatal(err)
	}
	members := map[string]any{"type": kind, "challenge": o.Challenge, "origin": origin, "crossOrigin": false}
	for name, value := range k.client {
		members[name] = value
	}
	return encode(t, members)
}

func (k *token) data(flags byte) []byte {
	hash := sha256.Sum256([]byte(rpID))
	return append(append(hash[:], flags), 0, 0, 0, 0)
}

func (k *token) answer(t testing.TB, response map[string]any) json.RawMessage {
	t.Helper()
	members := map[string]any{
		"type": "public-key", "id": b64(k.id), "rawId": b64(k.id), "response": response,
		"authenticatorAttachment": "platform", "clientExtensionResults": map[string]any{},
	}
	for name, value := range k.outer {
		members[name] = value
	}
	return encode(t, members)
}

func (k *token) create(t testing.TB, options json.RawMessage) json.RawMessage {
	t.Helper()
	data := append(k.data(k.flags|flagAttested), make([]byte, 16)...)
	data = binary.BigEndian.AppendUint16(data, uint16(len(k.id)))
	data = append(append(data, k.id...), k.cose...)
	// {"fmt": "none", "attStmt": {}, "authData": data}
	object := append([]byte("\xa3\x63fmt\x64none\x67attStmt\xa0\x68authData\x59"), byte(len(data)>>8), byte(len(data)))
	return k.answer(t, map[string]any{
		"clientDataJSON":    b64(k.collected(t, "webauthn.create", options)),
		"attestationObject": b64(append(object, data...)),
		"transports":        k.transports,
	})
}

func (k *token) get(t testing.TB, options json.RawMessage) json.RawMessage {
	t.Helper()
	client, data := k.collected(t, "webauthn.get", options), k.data(k.flags)
	hash := sha256.Sum256(client)
	response := map[string]any{
		"clientDataJSON":    b64(client),
		"authenticatorData": b64(data),
		"signature":         b64(ed25519.Sign(k.key, append(data, hash[:]...))),
	}
	if k.handle != nil {
		response["userHandle"] = b64(k.handle)
	}
	return k.answer(t, response)
}

func encode(t testing.TB, v any) []byte {
	t.Helper()
	b, err := json.Marshal(v)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

// change gives the answer with the bytes of one member of its response changed.
func change(t testing.TB, answer json.RawMessage, member string, by func([]byte) []byte) json.RawMessage {
	t.Helper()
	var whole map[string]any
	if err := json.Unmarshal(answer, &whole); err != nil {
		t.Fatal(err)
	}
	response := whole["response"].(map[string]any)
	raw, err := base64.RawURLEncoding.DecodeString(response[member].(string))
	if err != nil {
		t.Fatal(err)
	}
	response[member] = b64(by(raw))
	return encode(t, whole)
}

// refused fails the test unless err has this reason.
func refused(t testing.TB, err error, reason string) {
	t.Helper()
	e, ok := errors.AsType[*passkey.Error](err)
	if !ok {
		t.Fatalf("got %v, want %q", err, reason)
	}
	if e.Reason != reason {
		t.Fatalf("refused as %q, want %q", e.Reason, reason)
	}
}
