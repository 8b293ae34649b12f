package passkey_test

import (
	"encoding/json"
	"errors"
	"testing"

	"github.com/descope/virtualwebauthn"

	"github.com/signet-idp/signet/provider/mfa/passkey"
)

// TestEveryBitCounts changes each bit of a good answer in turn.
func TestEveryBitCounts(t *testing.T) {
	f := newFixture(t)
	d := newDevice(t, virtualwebauthn.KeyTypeEC2, f.alice)
	f.enrol(t, d)
	options, state, err := f.Assert(t.Context(), f.alice)
	if err != nil {
		t.Fatal(err)
	}
	answer := d.get(t, options)
	if _, err := f.FinishAssert(t.Context(), f.alice, state, answer); err != nil {
		t.Fatal(err)
	}
	for _, member := range []string{"authenticatorData", "clientDataJSON", "signature", "userHandle"} {
		bits := 0
		change(t, answer, member, func(b []byte) []byte { bits = 8 * len(b); return b })
		for bit := range bits {
			_, err := f.FinishAssert(t.Context(), f.alice, state, change(t, answer, member, flip(bit)))
			if _, ok := errors.AsType[*passkey.Error](err); !ok {
				t.Fatalf("bit %d of %s: %v", bit, member, err)
			}
		}
	}
}

// question is how a ceremony begins.
type question struct {
	options json.RawMessage
	state   []byte
}

// FuzzAnswer gives strangers' bytes to all that reads them. None of them can be
// an answer, as nobody knows the challenges: those of the seeds are other ones.
func FuzzAnswer(f *testing.F) {
	x := newFixture(f)
	d, k := newDevice(f, virtualwebauthn.KeyTypeEC2, x.alice), newToken(f, x.alice)
	x.enrol(f, d)
	x.enrol(f, k)
	begin := func() (register, assert, discover question) {
		var errs [3]error
		register.options, register.state, errs[0] = x.Register(f.Context(), x.alice)
		assert.options, assert.state, errs[1] = x.Assert(f.Context(), x.alice)
		discover.options, discover.state, errs[2] = x.Discover(f.Context())
		if err := errors.Join(errs[:]...); err != nil {
			f.Fatal(err)
		}
		return register, assert, discover
	}
	register, assert, discover := begin()
	f.Add([]byte(newToken(f, x.alice).create(f, register.options)))
	f.Add([]byte(newDevice(f, virtualwebauthn.KeyTypeRSA, x.alice).create(f, register.options)))
	f.Add([]byte(d.get(f, assert.options)))
	f.Add([]byte(k.get(f, discover.options)))
	register, assert, discover = begin()
	f.Fuzz(func(t *testing.T, answer []byte) {
		_, err1 := x.FinishRegister(t.Context(), x.alice, register.state, answer)
		_, err2 := x.FinishAssert(t.Context(), x.alice, assert.state, answer)
		_, err3 := x.FinishDiscover(t.Context(), discover.state, answer, x.find)
		for _, err := range []error{err1, err2, err3} {
			if _, ok := errors.AsType[*passkey.Error](err); !ok {
				t.Errorf("%v", err)
			}
		}
	})
}

func BenchmarkFinishAssert(b *testing.B) {
	f := newFixture(b)
	d := newDevice(b, virtualwebauthn.KeyTypeEC2, f.alice)
	f.enrol(b, d)
	options, state, err := f.Assert(b.Context(), f.alice)
	if err != nil {
		b.Fatal(err)
	}
	answer := d.get(b, options)
	b.ReportAllocs()
	for b.Loop() {
		if _, err := f.FinishAssert(b.Context(), f.alice, state, answer); err != nil {
			b.Fatal(err)
		}
	}
}
