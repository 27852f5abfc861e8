package connect

import (
	"context"
	"fmt"
	stdlog "log"
	"strings"

	"github.com/redis/go-redis/v9"
	"github.com/rs/zerolog"
)

// RedisLog brings the Redis client's own lines into ours, as debug: an outage of Redis shows in the
// errors of those who needed it, and once for each of hundreds of reconnections it would drown the
// log. So does what any library writes by the standard library's logger. Both keep their logger for
// the whole process, so only a program's main sets it.
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

// QuietRedis drops the client's own lines: a command says in its own words what does not answer.
func QuietRedis() { RedisLog(zerolog.Nop()) }

type redisLog struct{ log zerolog.Logger }

// Printf implements the client's logger.
func (l redisLog) Printf(_ context.Context, format string, args ...any) {
	l.log.Debug().Str("from", "redis client").Msg(fmt.Sprintf(format, args...))
}
