package app

import (
	"fmt"

	"github.com/rs/zerolog"

	"ksefworker/config"
	"ksefworker/internal/connect"
	"ksefworker/internal/queue"
)

// asynqConn makes a Redis client for the dashboard, with the same settings as the worker's. The
// client puts the pool's prefix before every key of asynq, so the dashboard shows the queues and
// servers of this pool only.
type asynqConn struct {
	conn   config.RedisConn
	prefix string
}

// MakeRedisClient implements asynq.RedisConnOpt.
func (c asynqConn) MakeRedisClient() any {
	rdb := connect.RedisClient(c.conn) // the only type that asynqmon supports
	queue.PrefixAsynq(rdb, c.prefix)
	return rdb
}

// asynqLog writes asynq's messages into the worker's log.
type asynqLog struct{ log zerolog.Logger }

func (l asynqLog) Debug(args ...any) { l.log.Debug().Str("from", "asynq").Msg(fmt.Sprint(args...)) }
func (l asynqLog) Info(args ...any)  { l.log.Info().Str("from", "asynq").Msg(fmt.Sprint(args...)) }
func (l asynqLog) Warn(args ...any)  { l.log.Warn().Str("from", "asynq").Msg(fmt.Sprint(args...)) }
func (l asynqLog) Error(args ...any) { l.log.Error().Str("from", "asynq").Msg(fmt.Sprint(args...)) }

// Fatal does not end the process, although asynq expects this of a logger. asynq v0.26 never calls
// Fatal: when its server cannot start, asynq returns an error.
func (l asynqLog) Fatal(args ...any) { l.log.Error().Str("from", "asynq").Msg(fmt.Sprint(args...)) }
