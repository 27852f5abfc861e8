// Package together carries out calls as one that come at the same time.
//
// A round trip to Redis costs the two processes far more than the few commands in it. When many
// callers have little to ask each, most of the time would go into round trips.
package together

import (
	"context"
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
	panicked  any
	done      chan struct{}
}

// Do returns what carryOut answers to these questions: one answer for each question, in order.
// carryOut gets them together with the questions of other calls, and must treat each by itself. Its
// context has the values of one of the callers, and no deadline. When it fails for questions of
// several calls, it is run again for those of each call alone, so that must be safe. Every call of
// Do must pass the same function. If ctx ends first, Do returns the cause, and nobody knows whether
// the questions were carried out.
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
		go cs.run(context.WithoutCancel(ctx), carryOut) // the other calls go on when this caller goes away
	}
	select {
	case <-own.done:
	case <-ctx.Done():
		return nil, context.Cause(ctx)
	}
	if own.shared && (own.err != nil || own.panicked != nil) {
		return carryOut(ctx, questions) // the fault may lie with a question of another call
	}
	if own.panicked != nil {
		panic(own.panicked)
	}
	return own.answers, own.err
}

// run carries out what waits, until nothing is left.
func (cs *Calls[Q, R]) run(ctx context.Context, carryOut func(context.Context, []Q) ([]R, error)) {
	for calls := cs.next(); len(calls) > 0; calls = cs.next() {
		answer(ctx, calls, carryOut)
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
		for _, c := range calls {
			c.panicked, c.shared = panicked, len(calls) > 1
			close(c.done)
		}
	}()
	questions := calls[0].questions
	for _, c := range calls[1:] {
		questions = append(questions[:len(questions):len(questions)], c.questions...)
	}
	answers, err := carryOut(ctx, questions)
	for _, c := range calls {
		if c.err = err; err == nil {
			c.answers, answers = answers[:len(c.questions):len(c.questions)], answers[len(c.questions):]
		}
	}
}
