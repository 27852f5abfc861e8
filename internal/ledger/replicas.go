package ledger

import (
	"context"
	"fmt"
	"time"

	"github.com/redis/go-redis/v9"
)

// When a replica that lags becomes the master, the last writes are lost. For most writes their loss
// does no harm, because the worker asks KSeF again. Three kinds of writes must not be lost: the
// entry of an invoice that is taken in, the state closing and the state sending. The entry must not
// be lost, because the sender will not hand the invoice in again. The two states must not be lost,
// because the worker makes a call to KSeF right after them. The process that makes such a write
// waits until the replicas have it.

// ReplicaError says that a write was made but too few replicas had it in time. The write may still
// be lost, so the caller MUST NOT make the call that the write announces.
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

// Replication waits until enough replicas have a write.
type Replication struct {
	*store
	replicas       int
	replicaTimeout time.Duration
}

// fenced runs a script and waits until the replicas have what it wrote. The script and WAIT use the
// same connection, and one round trip, because WAIT waits only for what was written before the last
// command of its own connection. After a failover, another connection could reach a new master that
// never had these writes. With a [*ReplicaError] the answer of the script is valid all the same.
func (rp *Replication) fenced(ctx context.Context, s *redis.Script, args []any) ([]any, error) {
	if rp.replicas == 0 {
		return rp.run(ctx, s, args)
	}
	answer, waited := rp.pipeWait(ctx, func(p redis.Pipeliner) *redis.Cmd { return s.EvalSha(ctx, p, nil, args...) })
	if redis.HasErrorPrefix(answer.Err(), "NOSCRIPT") {
		answer, waited = rp.pipeWait(ctx, func(p redis.Pipeliner) *redis.Cmd { return s.Eval(ctx, p, nil, args...) })
	}
	rows, err := answer.Slice()
	if err != nil {
		return nil, err
	}
	return rows, rp.enough(waited)
}

func (rp *Replication) pipeWait(ctx context.Context, write func(redis.Pipeliner) *redis.Cmd) (answer, waited *redis.Cmd) {
	_, _ = rp.rdb.Pipelined(ctx, func(p redis.Pipeliner) error { // each answer has its own error
		answer = write(p)
		waited = rp.waitCommand(ctx)
		return p.Process(ctx, waited)
	})
	return answer, waited
}

func (rp *Replication) waitCommand(ctx context.Context) *redis.Cmd {
	return redis.NewCmd(ctx, "wait", rp.replicas, rp.replicaTimeout.Milliseconds())
}

// enough checks the answer to WAIT.
func (rp *Replication) enough(waited *redis.Cmd) error {
	got, err := waited.Int()
	if err != nil || got < rp.replicas {
		return &ReplicaError{Got: got, Want: rp.replicas, Within: rp.replicaTimeout, Err: err}
	}
	return nil
}

// waitFor waits, on the connection of a transaction, until the replicas have everything that any
// client wrote before the last command on this connection.
func (rp *Replication) waitFor(ctx context.Context, tx *redis.Tx) error {
	if rp.replicas == 0 {
		return nil
	}
	cmd := rp.waitCommand(ctx)
	_ = tx.Process(ctx, cmd) // cmd has the same error
	return rp.enough(cmd)
}

// Secure waits until the replicas have what the ledger says about a package. A worker calls it
// before it repeats the call that the package's state announces. Secure returns a [*ConflictError]
// if p is not as it was read, and a [*ReplicaError] if the replicas lag. If the ledger waits for no
// replica, Secure does nothing.
func (ps *PackageStore) Secure(ctx context.Context, p *Package) error {
	if ps.replication.replicas == 0 {
		return nil
	}
	return ps.MovePackage(ctx, p, PackageMove{fence: true})
}

// Replicated makes a write and waits until the replicas have it. It returns a [*ReplicaError] if
// they lag. If the ledger waits for no replica, Replicated only writes.
func (rp *Replication) Replicated(ctx context.Context) error {
	_, err := rp.fenced(ctx, fenceScript, rp.args())
	return err
}

// Followed is like Replicated, but does nothing if the ledger waits for no replica. Call it before
// work that a lagging replica would make useless.
func (rp *Replication) Followed(ctx context.Context) error {
	if rp.replicas == 0 {
		return nil
	}
	return rp.Replicated(ctx)
}

// Replicas returns how many replicas are connected according to Redis, and how many the ledger
// waits for.
func (rp *Replication) Replicas(ctx context.Context) (connected, wanted int, err error) {
	info, err := rp.rdb.Info(ctx, "replication").Result()
	if err != nil {
		return 0, rp.replicas, fmt.Errorf("ask redis for its replicas: %w", err)
	}
	return int(infoNumber(info, "connected_slaves")), rp.replicas, nil
}
