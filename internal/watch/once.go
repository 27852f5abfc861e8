package watch

import (
	"context"
	"strings"
)

// RunOnce works until every file that is in the folder is decided, or waits for something that only
// a person, or time, can bring. It reports how many files wait. Receipts that come later are
// written by the next watch.
func (w *Watcher) RunOnce(ctx context.Context) (waiting int, err error) {
	n := &notices{c: w.core}
	for {
		next, err := w.pass(ctx)
		if err != nil {
			return 0, err
		}
		if w.idle() {
			return len(w.problems), ctx.Err()
		}
		if !n.wait(ctx, min(next, pollUntold)) {
			return len(w.problems), ctx.Err()
		}
	}
}

// idle reports whether nothing is left to do now.
func (w *Watcher) idle() bool {
	if w.submitter.documents.maker.busy() {
		return false
	}
	names, _ := w.submitter.toHandIn(w.o.Now())
	for _, name := range names {
		if w.problems[taken+"/"+name] == "" {
			return false
		}
	}
	for name := range w.finder.seen {
		if w.problems[name] == "" {
			return false
		}
	}
	for path := range w.problems {
		if strings.HasPrefix(path, taken+"/") && w.files[strings.TrimPrefix(path, taken+"/")] != nil {
			return false
		}
	}
	for _, f := range w.files {
		if f.place == taken {
			return false
		}
	}
	return true
}
