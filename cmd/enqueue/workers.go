package main

import "time"

// How often the pool is asked whether any worker is alive, and how often a person is told that none is.
const (
	workersEvery = 10 * time.Second
	workersAgain = 5 * time.Minute
)

// watch tells whoever waits that nobody works: then nothing will ever be decided.
type watch struct {
	p           *program
	bar         *progress
	asked, told time.Time
}

func (w *watch) check(now time.Time) {
	if !w.asked.IsZero() && now.Sub(w.asked) < workersEvery {
		return
	}
	w.asked = now
	n, err := w.p.base.Queue.Workers()
	switch {
	case err != nil: // the wait itself tells of a Redis that does not answer
	case n == 0 && (w.told.IsZero() || now.Sub(w.told) >= workersAgain):
		w.told = now
		w.bar.end()
		w.p.say("no worker is alive: nothing is sent until one is started (worker --config FILE); what was handed in is kept")
	case n > 0 && !w.told.IsZero():
		w.told = time.Time{}
		w.bar.end()
		w.p.say("a worker is alive again")
	}
}
