package main

import (
	"context"
	"time"

	"github.com/rogpeppe/go-internal/testscript"

	"ksefworker/internal/ratelimit"
)

// throttle TENANT GROUP LENGTH freezes a group of operations, as a 429 does.
func scriptThrottle(ts *testscript.TestScript, _ bool, args []string) {
	rdb := client(ts)
	defer rdb.Close()
	length, err := time.ParseDuration(args[2])
	ts.Check(err)
	_, _, err = ratelimit.NewRedis(rdb, "ksef:").Throttle(context.Background(), ratelimit.Key{Tenant: args[0], Group: args[1]}, length)
	ts.Check(err)
}
