package keys_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/signet-idp/signet/keys"
	"github.com/signet-idp/signet/keys/keytest"
	"github.com/signet-idp/signet/storage"
)

// column is storage.SealedValues for one column.
type column struct {
	rows []storage.SealedValue
	// meanwhile runs before each replacement.
	meanwhile func(i int)
}

func (c *column) SealedValues(_ context.Context, _ storage.SealedColumn, after string, limit int) ([]storage.SealedValue, error) {
	i, _ := slices.BinarySearchFunc(c.rows, after+"\x00", func(v storage.SealedValue, id string) int { return strings.Compare(v.ID, id) })
	return slices.Clone(c.rows[i:min(i+limit, len(c.rows))]), nil
}

func (c *column) CountSealedValues(context.Context, storage.SealedColumn) (int64, error) {
	return int64(len(c.rows)), nil
}

func (c *column) ReplaceSealedValue(_ context.Context, _ storage.SealedColumn, v storage.SealedValue, was []byte) (bool, error) {
	i := slices.IndexFunc(c.rows, func(r storage.SealedValue) bool { return r.ID == v.ID })
	if c.meanwhile != nil {
		c.meanwhile(i)
	}
	if !bytes.Equal(c.rows[i].Sealed, was) {
		return false, nil
	}
	c.rows[i] = v
	return true, nil
}

func TestReseal(t *testing.T) {
	ctx, clock := t.Context(), start()
	ring := keys.NewDataKeyring(keytest.NewStore(), keytest.Master(t), clock, time.Minute)
	c := keys.Column{Name: "test", Purpose: mustPurpose(t, ring, "test"), Binding: func(id string) []byte { return []byte("row " + id) }}
	store := &column{}
	for i := range 25 {
		id := fmt.Sprintf("%02d", i)
		store.rows = append(store.rows, storage.SealedValue{ID: id, Sealed: c.Purpose.Seal(c.Binding(id), []byte("value of "+id))})
	}
	pass := func() (sealed int) {
		t.Helper()
		for last := ""; ; {
			r, err := c.Reseal(ctx, store, last, 10)
			if err != nil {
				t.Fatal(err)
			}
			sealed, last = sealed+r.Sealed, r.Last
			if r.Seen < 10 {
				return sealed
			}
		}
	}
	if n := pass(); n != 0 {
		t.Fatalf("%d sealed anew under the same key", n)
	}
	if _, err := ring.Rotate(ctx, "test"); err != nil {
		t.Fatal(err)
	}
	clock.Advance(time.Minute)
	if err := ring.Tick(ctx); err != nil {
		t.Fatal(err)
	}
	// Interrupted after the first ten, and somebody is faster with the twentieth.
	if r, err := c.Reseal(ctx, store, "", 10); err != nil || r.Sealed != 10 {
		t.Fatal(r, err)
	}
	theirs := c.Purpose.Seal(c.Binding("20"), []byte("another"))
	store.meanwhile = func(i int) {
		if i == 20 {
			store.rows[i].Sealed = theirs
		}
	}
	if n := pass(); n != 14 {
		t.Errorf("%d were left", n)
	}
	if n := pass(); n != 0 {
		t.Errorf("%d sealed anew twice", n)
	}
	for _, v := range store.rows {
		want := "value of " + v.ID
		if v.ID == "20" {
			want = "another"
		}
		if plain, err := c.Purpose.Open(c.Binding(v.ID), v.Sealed); err != nil || string(plain) != want || !c.Purpose.Current(v.Sealed) {
			t.Errorf("%s: %q, %v", v.ID, plain, err)
		}
	}
	store.rows[3].Sealed = append([]byte{0, 0, 0, 1}, store.rows[3].Sealed[4:]...)
	if _, err := c.Reseal(ctx, store, "", 10); !errors.Is(err, keys.ErrSealed) {
		t.Errorf("what does not open: %v", err)
	}
}
