package ledger

import (
	"context"
	"time"
)

// WorkerStore knows which workers and which intake processes are alive.
type WorkerStore struct{ *store }

// Beat records that a process is alive for the time ttl, and which [Format] it reads. When a worker
// is not alive, others close its online sessions.
func (ws *WorkerStore) Beat(ctx context.Context, worker string, ttl time.Duration) error {
	_, err := ws.run(ctx, beatScript, ws.args(worker, ttl.Milliseconds(), Format))
	return err
}

// Alive reports whether a worker's last heartbeat still counts. It returns false for "", which is
// the owner of a session that was left to others.
func (ws *WorkerStore) Alive(ctx context.Context, worker string) (bool, error) {
	if worker == "" {
		return false, ctx.Err()
	}
	n, err := ws.rdb.Exists(ctx, ws.key(keyWorker, worker)).Result()
	return n == 1, err
}

// Leave records that a worker has stopped, so that others may close its sessions at once.
func (ws *WorkerStore) Leave(ctx context.Context, worker string) error {
	return ws.rdb.Del(ctx, ws.key(keyWorker, worker)).Err()
}
