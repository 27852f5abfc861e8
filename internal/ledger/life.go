package ledger

import (
	"context"
	"fmt"
	"strings"

	"github.com/redis/go-redis/v9"
)

// Life names one uninterrupted life of Redis's memory: the process, and its time as the master. While it
// is the same, nothing that was written is forgotten, so what the ledger does not say was not written.
// A restart may lose the last second, and a failover what had not been replicated: both begin another
// life. "" is not known.
func (l *Ledger) Life(ctx context.Context) (string, error) {
	var server, replication *redis.StringCmd
	_, _ = l.rdb.Pipelined(ctx, func(p redis.Pipeliner) error { // each answer has its own error
		server, replication = p.Info(ctx, "server"), p.Info(ctx, "replication")
		return nil
	})
	for _, info := range []*redis.StringCmd{server, replication} {
		if _, answered := info.Err().(redis.Error); info.Err() != nil && !answered {
			return "", fmt.Errorf("ask redis since when it remembers: %w", info.Err())
		}
	}
	process, master := infoText(server.Val(), "run_id"), infoText(replication.Val(), "master_replid")
	if process == "" || master == "" {
		return "", nil
	}
	return process + "/" + master, nil
}

// infoText finds one line in what INFO answers.
func infoText(info, name string) string {
	_, rest, _ := strings.Cut(info, "\n"+name+":")
	line, _, _ := strings.Cut(rest, "\n")
	return strings.TrimRight(line, "\r")
}
