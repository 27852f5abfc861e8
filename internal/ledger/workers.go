package ledger

import (
	"context"
	"time"
)

// Beat records that a worker is alive for the next ttl. When a worker is not alive, others close
// its online sessions.
func (l *Ledger) Beat(ctx context.Context, worker string, ttl time.Duration) error {
	_, err := l.run(ctx, beatScript, l.args(worker, ttl.Milliseconds()))
	return err
}

// Alive reports whether a worker's last heartbeat still counts. "" is never alive: a session that
// its owner has left to others has the owner "".
func (l *Ledger) Alive(ctx context.Context, worker string) (bool, error) {
	if worker == "" {
		return false, ctx.Err()
	}
	n, err := l.rdb.Exists(ctx, l.key(keyWorker, worker)).Result()
	return n == 1, err
}

// Leave records that a worker has stopped, so that others may close its sessions at once.
func (l *Ledger) Leave(ctx context.Context, worker string) error {
	return l.rdb.Del(ctx, l.key(keyWorker, worker)).Err()
}
