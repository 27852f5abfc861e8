package ledger

import (
	"context"
	"fmt"
	"time"

	"github.com/redis/go-redis/v9"
)

// A replica that lags takes back the last writes when it becomes the master. Most of them may be lost:
// what KSeF answered is asked for again. Three may not. Taken in, and so out of its sender's hands;
// closing and sending, which say that a call is about to be made. Those wait until replicas have them.

// ReplicaError says that a write was made and that too few replicas had it in time. It is not lost and
// not safe: whoever gets this MUST NOT make the call that the write was to go before.
type ReplicaError struct {
	Got, Want int
	Within    time.Duration
	Err       error // why they could not be waited for at all, may be nil
}

func (e *ReplicaError) Error() string {
	s := fmt.Sprintf("%d of %d replicas of redis had a write within %v (redis.wait_replicas, redis.wait_timeout)", e.Got, e.Want, e.Within)
	if e.Err != nil {
		s += ": " + e.Err.Error()
	}
	return s
}

// Unwrap returns the cause.
func (e *ReplicaError) Unwrap() error { return e.Err }

// fenced runs a script and waits until replicas have what it wrote. Both go over one connection, in
// one round trip: WAIT is about its own connection's writes, and on another one it could ask the new
// master of a failover, which never had them. With a [*ReplicaError] the answer is valid.
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

// enough judges the answer to WAIT.
func (l *Ledger) enough(waited *redis.Cmd) error {
	got, err := waited.Int()
	if err != nil || got < l.replicas {
		return &ReplicaError{Got: got, Want: l.replicas, Within: l.replicaTimeout, Err: err}
	}
	return nil
}

// waitFor waits, on the connection of a transaction, until replicas have everything that was written
// before the last command on it, by whomever.
func (l *Ledger) waitFor(ctx context.Context, tx *redis.Tx) error {
	if l.replicas == 0 {
		return nil
	}
	cmd := l.waitCommand(ctx)
	_ = tx.Process(ctx, cmd) // the same error
	return l.enough(cmd)
}

// Secure waits until replicas have what the ledger says of a package: before a call that its state
// goes before is made once more. It returns a [*ConflictError] when p is not as it was read.
func (l *Ledger) Secure(ctx context.Context, p *Package) error {
	if l.replicas == 0 {
		return nil
	}
	return l.MovePackage(ctx, p, PackageMove{fence: true})
}

// Replicated writes something and waits for the replicas; a [*ReplicaError] when they lag. Without
// replicas to wait for it only writes.
func (l *Ledger) Replicated(ctx context.Context) error {
	_, err := l.fenced(ctx, fenceScript, l.args())
	return err
}

// Replicas tells how many replicas Redis says are connected.
func (l *Ledger) Replicas(ctx context.Context) (connected, wanted int, err error) {
	info, err := l.rdb.Info(ctx, "replication").Result()
	if err != nil {
		return 0, l.replicas, fmt.Errorf("ask redis for its replicas: %w", err)
	}
	return int(infoNumber(info, "connected_slaves")), l.replicas, nil
}
