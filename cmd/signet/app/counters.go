package app

import (
	"context"
	"encoding/base64"
	"time"

	"github.com/signet-idp/signet/storage/volatile"
)

// blindCounters counts under keyed hashes: what people typed where a name
// belongs, now and then a password, stays out of Redis and its dumps.
type blindCounters struct {
	volatile.Counters
	key interface{ Hash(secret []byte) []byte }
}

func (b blindCounters) blind(key string) string {
	return base64.RawURLEncoding.EncodeToString(b.key.Hash([]byte("counter " + key)))
}

// Add implements volatile.Counters.
func (b blindCounters) Add(ctx context.Context, key string, n int64, window time.Duration) (int64, time.Duration, error) {
	return b.Counters.Add(ctx, b.blind(key), n, window)
}

// Reset implements volatile.Counters.
func (b blindCounters) Reset(ctx context.Context, key string) error {
	return b.Counters.Reset(ctx, b.blind(key))
}
