// Package together carries out calls as one that come at the same time.
//
// A round trip to Redis costs the two processes far more than the few commands in it. When many
// callers have little to ask each, most of the time would go into round trips.
package together

import (
	"context"
	"fmt"
	"runtime/debug"
	"slices"
	"sync"
)

// atOnce is how many joined calls are carried out at the same time. While one waits for Redis,
// another is prepared.
const atOnce = 2

// Calls joins calls that come at the same time. A call never waits for others to come: it is joined
// with those that came while earlier calls were carried out. The zero value joins nothing; set
// Most. It is safe for concurrent use.
type Calls[Q, R any] struct {
	Most int // the largest number of questions in a joined call

	mu      sync.Mutex
	running int
	waiting []*call[Q, R]
}

// call is one call while it is joined with others.
type call[Q, R any] struct {
	questions []Q
	answers   []R
	err       error
	shared    bool // it was carried out with others
	panicked  any  // with the stack; nil: carryOut did not panic
	done      chan struct{}
}

// Do returns what carryOut answers to these questions: one answer for each question, in order.
// carryOut gets them together with the questions of other calls, and must treat each by itself.
// When it fails for questions of several calls, it is run again for those of each call alone, so
// that must be safe. Every call of Do must pass the same function. carryOut must end by itself in a
// bounded time, because its context has no deadline while it serves several callers.
//
// If ctx ends before the call is carried out, Do returns the cause, and nothing was done. If ctx
// ends later, Do still waits for the end, because carryOut may read the questions until then.
func (cs *Calls[Q, R]) Do(ctx context.Context, questions []Q, carryOut func(context.Context, []Q) ([]R, error)) ([]R, error) {
	if len(questions) > cs.Most/4 { // it is large enough by itself
		return carryOut(ctx, questions)
	}
	own := &call[Q, R]{questions: questions, done: make(chan struct{})}
	cs.mu.Lock()
	cs.waiting = append(cs.waiting, own)
	begin := cs.running < atOnce
	if begin {
		cs.running++
	}
	cs.mu.Unlock()
	if begin {
		go cs.run(carryOut)
	}
	select {
	case <-own.done:
	case <-ctx.Done():
		if cs.leave(own) {
			return nil, context.Cause(ctx)
		}
		<-own.done
	}
	if own.shared && (own.err != nil || own.panicked != nil) {
		return carryOut(ctx, questions) // the fault may lie with a question of another call
	}
	if own.panicked != nil {
		panic(own.panicked)
	}
	return own.answers, own.err
}

// leave takes a call out of those that wait. It returns false if the call waits no more.
func (cs *Calls[Q, R]) leave(c *call[Q, R]) bool {
	cs.mu.Lock()
	defer cs.mu.Unlock()
	at := slices.Index(cs.waiting, c)
	if at >= 0 {
		cs.waiting = slices.Delete(cs.waiting, at, at+1)
	}
	return at >= 0
}

// run carries out what waits, until nothing is left. Its context is nobody's: a run may go on long
// after the caller that began it has its answer.
func (cs *Calls[Q, R]) run(carryOut func(context.Context, []Q) ([]R, error)) {
	for calls := cs.next(); len(calls) > 0; calls = cs.next() {
		answer(context.Background(), calls, carryOut)
	}
}

// next returns the calls to carry out now. If there are none, the caller must stop.
func (cs *Calls[Q, R]) next() []*call[Q, R] {
	cs.mu.Lock()
	defer cs.mu.Unlock()
	n, questions := 0, 0
	for n < len(cs.waiting) && questions+len(cs.waiting[n].questions) <= cs.Most {
		questions += len(cs.waiting[n].questions)
		n++
	}
	calls := cs.waiting[:n:n]
	if cs.waiting = cs.waiting[n:]; n == 0 {
		cs.waiting = nil
		cs.running--
	}
	return calls
}

// answer carries calls out and ends them. It hands a panic to the callers, because nobody would
// catch it here.
func answer[Q, R any](ctx context.Context, calls []*call[Q, R], carryOut func(context.Context, []Q) ([]R, error)) {
	defer func() {
		panicked := recover()
		if panicked != nil {
			panicked = fmt.Sprintf("%v\n\n%s", panicked, debug.Stack())
		}
		for _, c := range calls {
			c.panicked, c.shared = panicked, len(calls) > 1
			close(c.done)
		}
	}()
	questions := calls[0].questions
	if len(calls) > 1 {
		questions = nil
		for _, c := range calls {
			questions = append(questions, c.questions...)
		}
	}
	answers, err := carryOut(ctx, questions)
	for _, c := range calls {
		if c.err = err; err == nil {
			c.answers, answers = answers[:len(c.questions):len(c.questions)], answers[len(c.questions):]
		}
	}
}
