package app

import (
	"context"
	"time"
)

// every calls f at once and then once per interval, until stop is closed. The context of each call
// ends after one interval. stop does not interrupt a call.
func every(ctx context.Context, interval time.Duration, stop <-chan struct{}, f func(context.Context)) {
	t := time.NewTicker(interval)
	defer t.Stop()
	for {
		call, cancel := context.WithTimeout(ctx, interval)
		f(call)
		cancel()
		select {
		case <-t.C:
		case <-stop:
			return
		}
	}
}
