package redis

import (
	"context"
	"fmt"
	"log/slog"

	"github.com/redis/go-redis/v9"
)

// LogTo makes the Redis library write to a logger what it would otherwise write
// to standard error, line by line and in no format of ours. It holds for the
// whole process. What matters is told by those who call: this is for debugging.
func LogTo(log *slog.Logger) { redis.SetLogger(bridge{log}) }

type bridge struct{ log *slog.Logger }

// Printf implements the library's logger.
func (b bridge) Printf(ctx context.Context, format string, v ...any) {
	if b.log.Enabled(ctx, slog.LevelDebug) {
		b.log.DebugContext(ctx, "redis", "message", fmt.Sprintf(format, v...))
	}
}
