package connect

import (
	"context"
	"os"
	"path/filepath"

	"github.com/redis/go-redis/v9"
)

// RedisFolder returns the folder in which Redis keeps its data. It returns "" when Redis does not
// name the folder, or when this machine has none of Redis's files there. In the second case Redis
// probably runs on another machine.
func RedisFolder(ctx context.Context, rdb redis.UniversalClient) string {
	folder := redisSetting(ctx, rdb, "dir")
	if !filepath.IsAbs(folder) {
		return ""
	}
	for _, data := range []string{"appenddirname", "dbfilename"} {
		name := redisSetting(ctx, rdb, data)
		if name == "" {
			continue
		}
		if _, err := os.Stat(filepath.Join(folder, name)); err == nil {
			return folder
		}
	}
	return ""
}

// redisSetting returns a setting of Redis; "" when Redis does not show it.
func redisSetting(ctx context.Context, rdb redis.UniversalClient, name string) string {
	answer, err := rdb.ConfigGet(ctx, name).Result()
	if err != nil {
		return ""
	}
	return answer[name]
}
