//go:build unix

package app_test

import (
	"syscall"
	"testing"
	"time"

	"ksefworker/internal/ledger"
	"ksefworker/internal/sample"
	"ksefworker/internal/tasks"
)

// Redis that does not answer, or answers that it may only be read, is waited for: nothing is given up, sent twice or lost.
func TestRecovery_RedisHangsOrIsReadOnlyInTheMiddle_BooksBalanced(t *testing.T) {
	t.Parallel()
	for how, away := range map[string]func(p *pool) (back func() error){
		"hangs": func(p *pool) func() error {
			pid := p.redis.Pid()
			if err := syscall.Kill(pid, syscall.SIGSTOP); err != nil {
				t.Fatal(err)
			}
			return func() error { return syscall.Kill(pid, syscall.SIGCONT) }
		},
		"read-only": func(p *pool) func() error {
			// A replica of nobody: what a master becomes for those who have not heard of a failover.
			if err := p.base.Redis.Do(t.Context(), "REPLICAOF", "127.0.0.1", "1").Err(); err != nil {
				t.Fatal(err)
			}
			return func() error { return p.base.Redis.Do(t.Context(), "REPLICAOF", "NO", "ONE").Err() }
		},
	} {
		t.Run(how, func(t *testing.T) {
			t.Parallel()
			p := newPool(t, 1, quickSim, hasty)
			p.work()
			p.work()
			taken := p.admit(tasks.Terms{Lane: ledger.Express}, good(sample.NIP(0), 5)...)
			taken = append(taken, p.admit(tasks.Terms{Lane: ledger.Bulk}, good(sample.NIP(0), 60)[5:]...)...)
			until(t, 30*time.Second, "something is on its way", func() bool { return p.state(taken[10]).State != ledger.Queued })
			back := away(p)
			<-time.After(8 * time.Second) // what is tested is an absence
			if err := back(); err != nil {
				t.Fatal(err)
			}
			p.wait(120*time.Second, taken, ledger.Receipted)
			p.balanced(60)
		})
	}
}
