package ratelimit

import (
	"context"
	"fmt"
	"time"

	"github.com/redis/go-redis/v9"
)

// A 429 may come while Redis is away. Only the worker that received it knows of the freeze then
// ([PendingFreezes]), and it writes the freeze when its connections work again. Other workers may
// be connected sooner, and would send in between. So the first call after a restart holds all
// bookings of the pool for holdTime. The first call to a replica that took over does the same,
// because scripts are not replicated. When only one worker loses its connection to Redis, nothing
// is held. Redis still knows the scripts then, so no call looks like the first one after a restart.

// holdTime is how long nothing is booked after a restart of Redis. In this time every worker has to
// notice that Redis is back, and write the freezes that it knows of. While Redis is away, go-redis
// tries to connect once a second. So a worker notices the end of an outage about a second late, and
// later on a busy machine.
const holdTime = 3 * time.Second

// call runs a script, and loads it first if Redis does not know it. If Redis does not know hold.lua
// either, Redis was restarted or a replica took over, and call holds all bookings (see hold.lua).
func (s *Redis) call(ctx context.Context, script *redis.Script, keys []string, args ...any) *redis.Cmd {
	cmd := script.EvalSha(ctx, s.client, keys, args...)
	if !unknownScript(cmd.Err()) {
		return cmd
	}
	// Nothing is held on the clock of a test. The hold's key expires in real time, so a test that
	// moves its clock could not end the hold.
	if s.clock == nil {
		if err := holdIfNew(ctx, s.client, s.hold, s.now()); err != nil {
			cmd.SetErr(fmt.Errorf("hold bookings after a restart of Redis: %w", err))
			return cmd
		}
	}
	return script.Eval(ctx, s.client, keys, args...)
}

// holdIfNew holds all bookings if Redis does not know hold.lua. The script's last argument is 1 if
// Redis did not know the script. With 0 the script changes nothing.
func holdIfNew(ctx context.Context, client redis.UniversalClient, hold *redis.Script, clock string) error {
	err := hold.EvalSha(ctx, client, []string{clock}, holdTime.Milliseconds(), 0).Err()
	if unknownScript(err) {
		err = hold.Eval(ctx, client, []string{clock}, holdTime.Milliseconds(), 1).Err()
	}
	return err
}

func unknownScript(err error) bool { return redis.HasErrorPrefix(err, "NOSCRIPT") }
