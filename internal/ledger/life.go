package ledger

import (
	"context"
	"fmt"
	"strings"

	"github.com/redis/go-redis/v9"
)

// Life identifies one uninterrupted life of Redis's memory. It consists of the run id of the
// process and the replication id of the master. While the life stays the same, Redis still has
// everything that was written. A restart may lose the last second, and a failover may lose what was
// not replicated, so each begins another life. "" means that the life is unknown.
func (st *store) Life(ctx context.Context) (string, error) {
	var server, replication *redis.StringCmd
	_, _ = st.rdb.Pipelined(ctx, func(p redis.Pipeliner) error { // each answer has its own error
		server, replication = p.Info(ctx, "server"), p.Info(ctx, "replication")
		return nil
	})
	for _, info := range []*redis.StringCmd{server, replication} {
		if _, answered := info.Err().(redis.Error); info.Err() != nil && !answered {
			return "", fmt.Errorf("ask redis for its run id: %w", info.Err())
		}
	}
	process, master := infoText(server.Val(), "run_id"), infoText(replication.Val(), "master_replid")
	if process == "" || master == "" {
		return "", nil
	}
	return process + "/" + master, nil
}

// infoText finds the value of one line in an answer to INFO.
func infoText(info, name string) string {
	_, rest, _ := strings.Cut(info, "\n"+name+":")
	line, _, _ := strings.Cut(rest, "\n")
	return strings.TrimRight(line, "\r")
}
