package tasks

import (
	"errors"
	"fmt"
	"runtime/debug"
)

// faults collects the errors of single entries, so that work on the other entries goes on.
type faults struct {
	errs  []error // the first few
	more  int     // how many came after those
	inRow int     // how many came directly one after the other
}

const (
	faultsKept = 5
	// faultsInRow is how many errors, directly one after the other, mean that Redis is away and not
	// that single entries are at fault. Each further attempt would last until it times out.
	faultsInRow = 20
)

// add takes the outcome of one entry. It reports whether to give up on the rest.
func (f *faults) add(err error) bool {
	if err == nil {
		f.inRow = 0
		return false
	}
	if f.inRow++; len(f.errs) < faultsKept {
		f.errs = append(f.errs, err)
	} else {
		f.more++
	}
	return f.inRow >= faultsInRow
}

func (f *faults) err() error {
	if f.more > 0 {
		return errors.Join(append(f.errs, fmt.Errorf("and %d more", f.more))...)
	}
	return errors.Join(f.errs...)
}

// guard runs part and turns a panic in it into an error.
func guard(part func() error) (err error) {
	defer func() {
		if p := recover(); p != nil {
			err = fmt.Errorf("panic: %v\n%s", p, debug.Stack())
		}
	}()
	return part()
}
