package webhook

import (
	"encoding/binary"
	"io"
	"net/http"
	"strconv"
	"time"
)

// MaxAge is how long a delivery is tried, from its first attempt on.
const MaxAge = 3 * 24 * time.Hour

// Bounds of the schedule.
const (
	// pauseMin and pauseMax bound how long nothing is sent to a receiver that
	// does not answer at all.
	pauseMin = 5 * time.Second
	pauseMax = 5 * time.Minute
	// maxRetryAfter bounds what a receiver may ask for.
	maxRetryAfter = time.Hour
)

// wait is how long to wait after so many attempts: the first retry follows after
// five seconds, for what was only a restart; later ones are spread by a tenth
// either way, so that what failed together does not come back together.
func wait(attempts int64, random io.Reader) time.Duration {
	steps := []time.Duration{
		5 * time.Second, 30 * time.Second, 2 * time.Minute, 10 * time.Minute, 30 * time.Minute,
		time.Hour, 2 * time.Hour, 4 * time.Hour, 8 * time.Hour, 12 * time.Hour,
	}
	if attempts <= 1 {
		return steps[0]
	}
	step := steps[min(attempts, int64(len(steps)))-1]
	var b [8]byte
	if _, err := io.ReadFull(random, b[:]); err != nil {
		return step // as good as any
	}
	spread := step / 5
	return step - spread/2 + time.Duration(binary.BigEndian.Uint64(b[:])%uint64(spread))
}

// pause is how long a receiver that does not answer is left alone: as long as it
// has not answered so far, within bounds.
func pause(failing time.Duration) time.Duration { return min(max(failing, pauseMin), pauseMax) }

// retryAfter reads what the receiver asks for, a number of seconds or a date
// (RFC 9110 §10.2.3), within bounds.
func retryAfter(h http.Header, now time.Time) time.Duration {
	v := h.Get("Retry-After")
	var d time.Duration
	if seconds, err := strconv.ParseUint(v, 10, 31); err == nil {
		d = time.Duration(seconds) * time.Second
	} else if at, err := http.ParseTime(v); err == nil {
		d = at.Sub(now)
	}
	return min(max(d, 0), maxRetryAfter)
}
