package ledger

import (
	"context"
	"time"
)

// Beat says that a worker is alive for the next ttl. Online sessions of a worker that is not are closed by others.
func (l *Ledger) Beat(ctx context.Context, worker string, ttl time.Duration) error {
	_, err := l.run(ctx, beatScript, l.args(worker, ttl.Milliseconds()))
	return err
}

// Alive reports whether a worker has said so lately. "" is no worker: a session that its owner has left
// to others has none.
func (l *Ledger) Alive(ctx context.Context, worker string) (bool, error) {
	if worker == "" {
		return false, ctx.Err()
	}
	n, err := l.rdb.Exists(ctx, l.key(keyWorker, worker)).Result()
	return n == 1, err
}

// Leave says that a worker has stopped: its sessions are for others to close, at once.
func (l *Ledger) Leave(ctx context.Context, worker string) error {
	return l.rdb.Del(ctx, l.key(keyWorker, worker)).Err()
}
