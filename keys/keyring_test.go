package keys_test

import (
	"bytes"
	"context"
	"errors"
	"sync"
	"testing"
	"time"

	"github.com/signet-idp/signet/internal/testkit/fakeclock"
	"github.com/signet-idp/signet/keys"
	"github.com/signet-idp/signet/keys/keytest"
	"github.com/signet-idp/signet/storage"
)

func start() *fakeclock.Clock {
	return fakeclock.New(time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC))
}

func mustPurpose(t testing.TB, r *keys.DataKeyring, name string) *keys.Purpose {
	t.Helper()
	p, err := r.Purpose(t.Context(), name)
	if err != nil {
		t.Fatal(err)
	}
	return p
}

func TestFirstWriterOfADataKeyWins(t *testing.T) {
	store, master, c := keytest.NewStore(), keytest.Master(t), start()
	const replicas = 8
	macs := make([][]byte, replicas)
	var group sync.WaitGroup
	for i := range replicas {
		group.Go(func() {
			r := keys.NewDataKeyring(store, master, c, time.Minute)
			p, err := r.Purpose(context.Background(), "refresh")
			if err != nil {
				t.Error(err)
				return
			}
			macs[i] = p.MAC([]byte("data"))
		})
	}
	group.Wait()
	for _, mac := range macs {
		if !bytes.Equal(mac, macs[0]) {
			t.Fatal("replicas have different keys")
		}
	}
	if rows, _ := store.DataKeys(t.Context()); len(rows) != 1 {
		t.Fatalf("%d rows, want 1", len(rows))
	}
}

func TestKeyedHashes(t *testing.T) {
	ring := keytest.DataKeyring(t, start())
	p, other := mustPurpose(t, ring, "refresh"), mustPurpose(t, ring, "code")
	data := []byte("some data")
	mac, hash := p.MAC(data), p.Hash(data)
	if len(mac) != keys.HashSize || len(hash) != keys.HashSize {
		t.Fatalf("lengths %d, %d", len(mac), len(hash))
	}
	if bytes.Equal(mac, hash) || p.VerifyHash(mac, data) || p.VerifyMAC(hash, data) {
		t.Fatal("a MAC passes for a hash")
	}
	if !p.VerifyMAC(mac, data) || !p.VerifyHash(hash, data) {
		t.Fatal("own values refused")
	}
	if other.VerifyMAC(mac, data) || other.VerifyHash(hash, data) {
		t.Fatal("another purpose accepts")
	}
	if p.VerifyMAC(mac, []byte("some date")) || p.VerifyMAC(mac[:len(mac)-1], data) || p.VerifyMAC(nil, data) ||
		p.VerifyMAC(append(bytes.Clone(mac), 0), data) || p.VerifyMAC(mac[:4], data) {
		t.Fatal("wrong MAC accepted")
	}
	for i := range mac {
		bad := bytes.Clone(mac)
		bad[i] ^= 1
		if p.VerifyMAC(bad, data) {
			t.Fatalf("byte %d does not count", i)
		}
	}
	if got := p.AppendMAC([]byte("x"), data); !bytes.Equal(got[1:], mac) || got[0] != 'x' {
		t.Fatal("AppendMAC")
	}
}

func TestDataKeyRotation(t *testing.T) {
	ctx := t.Context()
	store, master, c := keytest.NewStore(), keytest.Master(t), start()
	a := keys.NewDataKeyring(store, master, c, time.Minute)
	b := keys.NewDataKeyring(store, master, c, time.Minute)
	pa, pb := mustPurpose(t, a, "code"), mustPurpose(t, b, "code")
	data := []byte("data")
	oldMAC, oldHash, oldSealed := pa.MAC(data), pa.Hash(data), pa.Seal(nil, data)

	key, err := a.Rotate(ctx, "code")
	if err != nil || key.Generation != 2 || !key.New || !key.At.Equal(c.Now().Add(time.Minute)) || !a.Settled().Equal(key.At) {
		t.Fatal(key, err)
	}
	if again, err := b.Rotate(ctx, "code"); err != nil || again.New || again.Generation != 2 || !again.At.Equal(key.At) {
		t.Fatal(again, err)
	}
	if !pa.Current(oldMAC) || !bytes.Equal(pa.MAC(data), oldMAC) {
		t.Fatal("the new key seals before every replica can have read it")
	}
	c.Advance(59 * time.Second)
	if err := b.Tick(ctx); err != nil {
		t.Fatal(err)
	}
	c.Advance(time.Second)
	if err := a.Tick(ctx); err != nil {
		t.Fatal(err)
	}
	newMAC, newSealed := pa.MAC(data), pa.Seal(nil, data)
	if bytes.Equal(newMAC, oldMAC) || pa.Current(oldMAC) || !pa.Current(newMAC) {
		t.Fatal("the new key is not in use")
	}
	// b has not noticed that the time has come, yet verifies and opens.
	if !pb.VerifyMAC(newMAC, data) || !pb.VerifyMAC(oldMAC, data) || !pa.VerifyHash(oldHash, data) {
		t.Fatal("MAC refused")
	}
	for _, sealed := range [][]byte{oldSealed, newSealed} {
		if got, err := pb.Open(nil, sealed); err != nil || !bytes.Equal(got, data) {
			t.Fatal(err)
		}
	}
	all := pa.HashAll(data)
	if len(all) != 2 || !bytes.Equal(all[0], pa.Hash(data)) || !bytes.Equal(all[1], oldHash) {
		t.Fatal("HashAll")
	}

	if err := a.Retire(ctx, "code", 2); !errors.Is(err, keys.ErrConflict) {
		t.Fatalf("retired the key in use: %v", err)
	}
	if err := a.Retire(ctx, "code", 1); err != nil {
		t.Fatal(err)
	}
	if pa.VerifyMAC(oldMAC, data) || len(pa.HashAll(data)) != 1 {
		t.Fatal("retired key still counts")
	}
	if _, err := pa.Open(nil, oldSealed); !errors.Is(err, keys.ErrUnknownDataKey) {
		t.Fatalf("error %v", err)
	}
	if err := a.Retire(ctx, "code", 7); !errors.Is(err, keys.ErrUnknownDataKey) {
		t.Fatalf("error %v", err)
	}
}

func TestDataKeysSurviveARestartAndAMovedRowDoesNotOpen(t *testing.T) {
	ctx := t.Context()
	store, master, c := keytest.NewStore(), keytest.Master(t), start()
	first := keys.NewDataKeyring(store, master, c, time.Minute)
	mac := mustPurpose(t, first, "code").MAC([]byte("x"))
	again := keys.NewDataKeyring(store, master, c, time.Minute)
	if err := again.Load(ctx); err != nil {
		t.Fatal(err)
	}
	if !mustPurpose(t, again, "code").VerifyMAC(mac, []byte("x")) {
		t.Fatal("another key after a restart")
	}

	rows, _ := store.DataKeys(ctx)
	moved := keytest.NewStore()
	moved.InsertDataKey(ctx, storage.DataKey{Purpose: "refresh", Generation: 1, Sealed: rows[0].Sealed})
	if err := keys.NewDataKeyring(moved, master, c, time.Minute).Load(ctx); !errors.Is(err, keys.ErrSealed) {
		t.Fatalf("a key moved to another purpose opens: %v", err)
	}
	if err := keys.NewDataKeyring(store, keytest.Master(t), c, time.Minute).Load(ctx); !errors.Is(err, keys.ErrUnknownMaster) {
		t.Fatalf("another master key opens it: %v", err)
	}
}

func TestAFailingStoreLeavesDataKeysInUse(t *testing.T) {
	ctx := t.Context()
	store := keytest.NewStore()
	ring := keys.NewDataKeyring(store, keytest.Master(t), start(), time.Minute)
	p := mustPurpose(t, ring, "code")
	mac := p.MAC(nil)
	down := errors.New("down")
	store.Fail(down)
	if err := ring.Tick(ctx); !errors.Is(err, down) {
		t.Fatalf("error %v", err)
	}
	if _, err := ring.Purpose(ctx, "other"); !errors.Is(err, down) {
		t.Fatalf("error %v", err)
	}
	if !p.VerifyMAC(mac, nil) {
		t.Fatal("key lost")
	}
	if _, err := ring.Purpose(ctx, "no such name!"); !errors.Is(err, keys.ErrPurpose) {
		t.Fatalf("error %v", err)
	}
}

func TestRewrapDataKeys(t *testing.T) {
	ctx := t.Context()
	store, c := keytest.NewStore(), start()
	before, both, after := masters(t)
	mac := mustPurpose(t, keys.NewDataKeyring(store, before, c, 0), "code").MAC(nil)
	ring := keys.NewDataKeyring(store, both, c, 0)
	if n, err := ring.Rewrap(ctx); n != 1 || err != nil {
		t.Fatal(n, err)
	}
	if n, err := ring.Rewrap(ctx); n != 0 || err != nil {
		t.Fatal(n, err)
	}
	ring = keys.NewDataKeyring(store, after, c, 0)
	if err := ring.Load(ctx); err != nil {
		t.Fatal(err)
	}
	if !mustPurpose(t, ring, "code").VerifyMAC(mac, nil) {
		t.Fatal("key changed")
	}
}

func BenchmarkMAC(b *testing.B) {
	p := mustPurpose(b, keytest.DataKeyring(b, start()), "refresh")
	data, buf := make([]byte, 40), make([]byte, 0, keys.HashSize)
	b.ReportAllocs()
	for b.Loop() {
		buf = p.AppendMAC(buf[:0], data)
	}
}

func BenchmarkVerifyMAC(b *testing.B) {
	p := mustPurpose(b, keytest.DataKeyring(b, start()), "refresh")
	data := make([]byte, 40)
	mac := p.MAC(data)
	b.ReportAllocs()
	for b.Loop() {
		if !p.VerifyMAC(mac, data) {
			b.Fatal("refused")
		}
	}
}

func BenchmarkSeal(b *testing.B) {
	p := mustPurpose(b, keytest.DataKeyring(b, start()), "login_transaction")
	aad, text := keys.Binding("login", "transaction"), make([]byte, 1024)
	b.ReportAllocs()
	for b.Loop() {
		p.Seal(aad, text)
	}
}

func BenchmarkOpen(b *testing.B) {
	p := mustPurpose(b, keytest.DataKeyring(b, start()), "login_transaction")
	aad := keys.Binding("login", "transaction")
	sealed := p.Seal(aad, make([]byte, 1024))
	b.ReportAllocs()
	for b.Loop() {
		if _, err := p.Open(aad, sealed); err != nil {
			b.Fatal(err)
		}
	}
}
