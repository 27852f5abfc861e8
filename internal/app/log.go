package app

import (
	"context"
	"fmt"
	"io"
	stdlog "log"
	"strconv"
	"strings"
	"time"
	"unicode"

	"github.com/redis/go-redis/v9"
	"github.com/rs/zerolog"

	"ksefworker/config"
)

// NewLog makes the process's log: one JSON object a line, or lines for people. The level was checked by the configuration; an unknown one is info.
func NewLog(c config.Log, w io.Writer) zerolog.Logger {
	if c.Format == "console" {
		w = zerolog.ConsoleWriter{Out: w, TimeFormat: time.TimeOnly, NoColor: true, FormatMessage: func(m any) string { return oneLine(m) }}
	}
	level, err := zerolog.ParseLevel(c.Level)
	if err != nil {
		level = zerolog.InfoLevel
	}
	return zerolog.New(w).Level(level).With().Timestamp().Logger()
}

// oneLine makes a message fit for a terminal: the console writer quotes the values of fields but writes
// messages as they are, and some end in words of KSeF's. What is not printable is escaped, so that a
// line stays a line and no escape sequence reaches the terminal.
func oneLine(message any) string {
	text, _ := message.(string)
	var b strings.Builder
	for _, r := range text {
		if unicode.IsPrint(r) {
			b.WriteRune(r)
			continue
		}
		quoted := strconv.QuoteRuneToASCII(r)
		b.WriteString(quoted[1 : len(quoted)-1])
	}
	return b.String()
}

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
