package tasks

import (
	"sync"
	"time"

	"ksefworker/internal/queue"
	"ksefworker/internal/retry"
)

// exactWithin is the longest pause that ends exactly on time. For a longer pause, a second more or
// less does not matter.
const exactWithin = 10 * time.Second

// alarms end pauses exactly on time. asynq alone cannot do that, because it counts in whole
// seconds: a task that should come back after one second comes back only after two or three. If
// this process dies before the alarm, asynq still brings the task back, about a second later than
// the alarm would have.
type alarms struct {
	queue *queue.Queue
	mu    sync.Mutex
	after func(time.Duration, func()) (stop func() bool)
	set   map[string]*alarm // by task id; nil after stop
	runs  sync.WaitGroup
}

type alarm struct{ stop func() bool }

func newAlarms(q *queue.Queue, after func(time.Duration, func()) (stop func() bool)) *alarms {
	return &alarms{queue: q, after: after, set: map[string]*alarm{}}
}

func afterFunc(d time.Duration, f func()) (stop func() bool) { return time.AfterFunc(d, f).Stop }

// wake runs a waiting task after a pause. It replaces any alarm that was set for the same task. If
// the alarm fails, asynq runs the task at its own time.
func (a *alarms) wake(kind queue.Kind, id string, in time.Duration) {
	name := queue.TaskID(kind, id, 0)
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.set == nil {
		return
	}
	if earlier := a.set[name]; earlier != nil {
		earlier.stop()
	}
	this := &alarm{}
	this.stop = a.after(in, func() {
		a.mu.Lock()
		if a.set[name] != this { // replaced, or stopped
			a.mu.Unlock()
			return
		}
		delete(a.set, name)
		a.runs.Add(1)
		a.mu.Unlock()
		defer a.runs.Done()
		_ = a.queue.Run(kind, id)
	})
	a.set[name] = this
}

// onReturn sets an alarm for a task that comes back, if its pause is to end exactly on time.
// Otherwise it drops the alarm that was set before.
func (a *alarms) onReturn(kind queue.Kind, id string, why *retry.LaterError) {
	if why.Exact && why.Delay > 0 && why.Delay <= exactWithin {
		a.wake(kind, id, why.Delay)
		return
	}
	name := queue.TaskID(kind, id, 0)
	a.mu.Lock()
	defer a.mu.Unlock()
	if earlier := a.set[name]; earlier != nil { // it would end the new pause too early
		earlier.stop()
		delete(a.set, name)
	}
}

// stop forgets all alarms, and returns when the alarms that went off have done their work.
func (a *alarms) stop() {
	a.mu.Lock()
	for _, set := range a.set {
		set.stop()
	}
	a.set = nil
	a.mu.Unlock()
	a.runs.Wait()
}
