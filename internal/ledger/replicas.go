package ledger

import (
	"context"
	"fmt"
	"time"

	"github.com/redis/go-redis/v9"
)

// When a replica that lags becomes the master, the last writes are lost. Most of them may be lost,
// because the worker asks KSeF again. Three may not: the entry of an invoice that is taken in,
// because its sender will not hand it in again, and the states closing and sending, because the
// worker makes a call after them. These writes wait until the replicas have them.

// ReplicaError says that a write was made but too few replicas had it in time. The write is not
// lost, but it is not safe: the caller MUST NOT make the call that the write announces.
type ReplicaError struct {
	Got, Want int
	Within    time.Duration
	Err       error // why waiting failed altogether; may be nil
}

func (e *ReplicaError) Error() string {
	s := fmt.Sprintf("%d of %d replicas of redis had a write within %v (redis.wait_replicas, redis.wait_timeout)",
		e.Got, e.Want, e.Within)
	if e.Err != nil {
		s += ": " + e.Err.Error()
	}
	return s
}

// Unwrap returns the cause.
func (e *ReplicaError) Unwrap() error { return e.Err }

// fenced runs a script and waits until the replicas have what it wrote. Both use one connection and
// one round trip: WAIT concerns the writes of its own connection. On another connection it could
// ask the new master after a failover, which never had them. With a [*ReplicaError] the answer is
// valid.
func (l *Ledger) fenced(ctx context.Context, s *redis.Script, args []any) ([]any, error) {
	if l.replicas == 0 {
		return l.run(ctx, s, args)
	}
	answer, waited := l.pipeWait(ctx, func(p redis.Pipeliner) *redis.Cmd { return s.EvalSha(ctx, p, nil, args...) })
	if redis.HasErrorPrefix(answer.Err(), "NOSCRIPT") {
		answer, waited = l.pipeWait(ctx, func(p redis.Pipeliner) *redis.Cmd { return s.Eval(ctx, p, nil, args...) })
	}
	rows, err := answer.Slice()
	if err != nil {
		return nil, err
	}
	return rows, l.enough(waited)
}

func (l *Ledger) pipeWait(ctx context.Context, write func(redis.Pipeliner) *redis.Cmd) (answer, waited *redis.Cmd) {
	_, _ = l.rdb.Pipelined(ctx, func(p redis.Pipeliner) error { // each answer has its own error
		answer = write(p)
		waited = l.waitCommand(ctx)
		return p.Process(ctx, waited)
	})
	return answer, waited
}

func (l *Ledger) waitCommand(ctx context.Context) *redis.Cmd {
	return redis.NewCmd(ctx, "wait", l.replicas, l.replicaTimeout.Milliseconds())
}

// enough checks the answer to WAIT.
func (l *Ledger) enough(waited *redis.Cmd) error {
	got, err := waited.Int()
	if err != nil || got < l.replicas {
		return &ReplicaError{Got: got, Want: l.replicas, Within: l.replicaTimeout, Err: err}
	}
	return nil
}

// waitFor waits, on the connection of a transaction, until the replicas have everything that any
// client wrote before the last command on this connection.
func (l *Ledger) waitFor(ctx context.Context, tx *redis.Tx) error {
	if l.replicas == 0 {
		return nil
	}
	cmd := l.waitCommand(ctx)
	_ = tx.Process(ctx, cmd) // cmd has the same error
	return l.enough(cmd)
}

// Secure waits until the replicas have what the ledger says of a package. A worker calls it before
// it makes again the call that the package's state announces. It returns a [*ConflictError] if p is
// not as it was read.
func (l *Ledger) Secure(ctx context.Context, p *Package) error {
	if l.replicas == 0 {
		return nil
	}
	return l.MovePackage(ctx, p, PackageMove{fence: true})
}

// Replicated makes a write and waits until the replicas have it; a [*ReplicaError] if they lag.
// Without replicas to wait for, it only writes.
func (l *Ledger) Replicated(ctx context.Context) error {
	_, err := l.fenced(ctx, fenceScript, l.args())
	return err
}

// Replicas returns how many replicas are connected according to Redis, and how many the ledger
// waits for.
func (l *Ledger) Replicas(ctx context.Context) (connected, wanted int, err error) {
	info, err := l.rdb.Info(ctx, "replication").Result()
	if err != nil {
		return 0, l.replicas, fmt.Errorf("ask redis for its replicas: %w", err)
	}
	return int(infoNumber(info, "connected_slaves")), l.replicas, nil
}
