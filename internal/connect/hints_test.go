package connect

import (
	"errors"
	"strings"
	"testing"

	"ksefworker/config"
)

// With Sentinel the address in redis.url is not used, so the hint must not name redis.url.
func TestRedisHint_SentinelNamesTheAddress_RedisURLIsNotBlamed(t *testing.T) {
	refused := errors.New("dial tcp 127.0.0.1:6380: connect: connection refused")
	got := redisHint(refused, config.RedisConn{Master: "ledger", Sentinels: []string{"127.0.0.1:26379"}})
	if strings.Contains(got, "redis.url") || !strings.Contains(got, "ledger runs") {
		t.Errorf("with Sentinel the hint is %q, want it to name the master and not redis.url", got)
	}
	if got := redisHint(refused, config.RedisConn{Addr: "127.0.0.1:6380"}); !strings.Contains(got, "redis.url") {
		t.Errorf("without Sentinel the hint is %q, want it to name redis.url", got)
	}
}

// A Redis whose disk is full does run, so the hint names the disk.
func TestRedisHint_RedisCannotSave_ItsDiskIsNamed(t *testing.T) {
	full := errors.New("MISCONF Errors writing to the AOF file: No space left on device")
	got := redisHint(full, config.RedisConn{Addr: "127.0.0.1:6380"})
	if !strings.Contains(got, "disk is full") || strings.Contains(got, "that the server runs") {
		t.Errorf("the hint is %q, want it to say that the disk is full, and not to check that the server runs", got)
	}
}
