package connect

import (
	"context"
	"os"
	"path/filepath"

	"github.com/redis/go-redis/v9"
)

// RedisFolder returns the folder in which Redis keeps its data. It returns "" when Redis does not
// say it, or when no data is there on this machine: then Redis is on another one.
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

// redisSetting returns "" for a setting that Redis does not show.
func redisSetting(ctx context.Context, rdb redis.UniversalClient, name string) string {
	answer, err := rdb.ConfigGet(ctx, name).Result()
	if err != nil {
		return ""
	}
	return answer[name]
}
