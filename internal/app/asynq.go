package app

import (
	"fmt"

	"github.com/rs/zerolog"

	"ksefworker/config"
	"ksefworker/internal/connect"
	"ksefworker/internal/tasks"
)

// asynqConn gives the dashboard a client of its own, with the same settings as the worker's. It shows queues and servers of this pool alone.
type asynqConn struct {
	conn   config.RedisConn
	prefix string
}

// MakeRedisClient implements asynq.RedisConnOpt.
func (c asynqConn) MakeRedisClient() any {
	rdb := connect.RedisClient(c.conn) // asynqmon knows this type alone
	tasks.PrefixAsynq(rdb, c.prefix)
	return rdb
}

// asynqLog brings asynq's lines into ours.
type asynqLog struct{ log zerolog.Logger }

func (l asynqLog) Debug(args ...any) { l.log.Debug().Str("from", "asynq").Msg(fmt.Sprint(args...)) }
func (l asynqLog) Info(args ...any)  { l.log.Info().Str("from", "asynq").Msg(fmt.Sprint(args...)) }
func (l asynqLog) Warn(args ...any)  { l.log.Warn().Str("from", "asynq").Msg(fmt.Sprint(args...)) }
func (l asynqLog) Error(args ...any) { l.log.Error().Str("from", "asynq").Msg(fmt.Sprint(args...)) }

// Fatal does not end the process: asynq says it when a start fails, which is returned as an error as well.
func (l asynqLog) Fatal(args ...any) { l.log.Error().Str("from", "asynq").Msg(fmt.Sprint(args...)) }
