package webhook

import (
	"bytes"
	"crypto/rand"
	"net/http"
	"testing"
	"testing/iotest"
	"time"

	"pgregory.net/rapid"
)

// The waits, whatever the dice say: the first is five seconds, each is near its
// step, and a dice that fails stops nothing.
func TestWait(t *testing.T) {
	t.Parallel()
	for _, attempts := range []int64{-1, 0, 1} {
		if d := wait(attempts, rand.Reader); d != 5*time.Second {
			t.Errorf("after %d attempts: %s", attempts, d)
		}
	}
	rapid.Check(t, func(t *rapid.T) {
		attempts := rapid.Int64Range(2, 1<<62).Draw(t, "attempts")
		dice := bytes.NewReader(rapid.SliceOfN(rapid.Byte(), 8, 8).Draw(t, "dice"))
		step := wait(attempts, iotest.ErrReader(http.ErrBodyNotAllowed))
		if d := wait(attempts, dice); d < step-step/10 || d > step+step/10 {
			t.Fatalf("after %d attempts: %s, near %s", attempts, d, step)
		}
		if next := wait(attempts+1, iotest.ErrReader(http.ErrBodyNotAllowed)); next < step || next > 12*time.Hour {
			t.Fatalf("after one more: %s, before %s", next, step)
		}
	})
}

func TestPause(t *testing.T) {
	t.Parallel()
	for failing, want := range map[time.Duration]time.Duration{
		-time.Hour: 5 * time.Second, 0: 5 * time.Second, 20 * time.Second: 20 * time.Second, 72 * time.Hour: 5 * time.Minute,
	} {
		if got := pause(failing); got != want {
			t.Errorf("failing for %s: %s, want %s", failing, got, want)
		}
	}
}

func FuzzRetryAfter(f *testing.F) {
	now := time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)
	for _, v := range []string{"", "0", "120", "99999999999999999999", "-5", "1.5", "Sun, 01 Mar 2026 12:10:00 GMT", "Sun, 01 Mar 1926 12:10:00 GMT", "soon"} {
		f.Add(v)
	}
	f.Fuzz(func(t *testing.T, v string) {
		d := retryAfter(http.Header{"Retry-After": {v}}, now)
		if d < 0 || d > time.Hour {
			t.Errorf("%q: %s", v, d)
		}
	})
}

func TestRetryAfter(t *testing.T) {
	t.Parallel()
	now := time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)
	for v, want := range map[string]time.Duration{
		"": 0, "0": 0, "120": 2 * time.Minute, "2147483647": time.Hour, "99999999999": 0, "-5": 0, "soon": 0,
		"Sun, 01 Mar 2026 12:10:00 GMT": 10 * time.Minute, "Sun, 01 Mar 2026 11:00:00 GMT": 0, "Sun, 01 Mar 2099 12:00:00 GMT": time.Hour,
	} {
		if got := retryAfter(http.Header{"Retry-After": {v}}, now); got != want {
			t.Errorf("%q: %s, want %s", v, got, want)
		}
	}
}

// What is signed is fixed: this value was made once, by another program (openssl).
func TestSignature(t *testing.T) {
	t.Parallel()
	h := header([][]byte{[]byte("0123456789abcdef0123456789abcdef"), []byte("old")}, "msg_1", time.Unix(1772366400, 0), []byte(`{"a":1}`))
	want := "v1,2a7hgn1JG3V73OacQXgE053YIFnBNbnoG3eqjqh0J9M= v1,sFc6z0us4hq6bdFyb1UfSm9liHIHFnRHFuEm/krmzcw="
	if got := h.Get("Webhook-Signature"); got != want || h.Get("Webhook-Id") != "msg_1" || h.Get("Webhook-Timestamp") != "1772366400" {
		t.Errorf("%v", h)
	}
}
