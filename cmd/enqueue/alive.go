package main

import (
	"context"
	"os"
	"time"

	"github.com/rs/xid"
)

const (
	// aliveEvery is how often a process that takes documents in says that it is alive.
	aliveEvery = 5 * time.Second
	// aliveFor is how long a process counts as alive after its last message. The pool waits that
	// long for a process that was killed.
	aliveFor = 6 * aliveEvery
	// leaveWithin bounds how long a process that ends waits for Redis.
	leaveWithin = time.Second
)

// announce tells the pool that this process takes documents in and which format of the ledger it
// reads, until the program closes. While the process is alive, the pool writes only formats that
// this process can read. announce ignores an error and tries again later, because without Redis
// nothing is taken in.
func (p *program) announce(ctx context.Context) {
	host, _ := os.Hostname()
	name := "enqueue-" + host + "-" + xid.New().String()
	beat := func() {
		bounded, cancel := context.WithTimeout(ctx, aliveEvery)
		defer cancel()
		_ = p.base.Ledger.Beat(bounded, name, aliveFor)
	}
	beat()
	ctx, stop := context.WithCancel(ctx)
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		tick := time.NewTicker(aliveEvery)
		defer tick.Stop()
		for {
			select {
			case <-ctx.Done():
				return
			case <-tick.C:
				beat()
			}
		}
	}()
	p.leave = func() {
		stop()
		<-ended
		bounded, cancel := context.WithTimeout(context.WithoutCancel(ctx), leaveWithin)
		defer cancel()
		_ = p.base.Ledger.Leave(bounded, name)
	}
}
