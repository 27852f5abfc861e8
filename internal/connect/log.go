package connect

import (
	"context"
	"fmt"
	stdlog "log"
	"strings"

	"github.com/redis/go-redis/v9"
	"github.com/rs/zerolog"
)

// RedisLog writes the messages of the Redis client into log, at level debug. An outage of Redis
// already shows in the errors of the calls that need Redis. A line for each of hundreds of
// reconnections would hide everything else. Messages that libraries write with the standard
// library's logger go the same way. Both loggers are set for the whole process, so only a program's
// main may call RedisLog.
func RedisLog(log zerolog.Logger) {
	redis.SetLogger(redisLog{log})
	stdlog.SetFlags(0)
	stdlog.SetOutput(libraryLog{log})
}

type libraryLog struct{ log zerolog.Logger }

// Write takes one line.
func (l libraryLog) Write(line []byte) (int, error) {
	l.log.Debug().Str("from", "library").Msg(strings.TrimSuffix(string(line), "\n"))
	return len(line), nil
}

// QuietRedis drops the messages that [RedisLog] would write. It is for commands, which report in
// their own words what does not answer.
func QuietRedis() { RedisLog(zerolog.Nop()) }

type redisLog struct{ log zerolog.Logger }

// Printf implements the client's logger.
func (l redisLog) Printf(_ context.Context, format string, args ...any) {
	l.log.Debug().Str("from", "redis client").Msg(fmt.Sprintf(format, args...))
}
