package tasks

import (
	"errors"
	"fmt"
	"runtime/debug"
)

// faults gathers what goes wrong with some of many, so that the others go on.
type faults struct {
	errs  []error // the first few
	more  int
	inRow int
}

const (
	faultsKept = 5
	// faultsInRow is how many of them, one directly after the other, are no longer faults of single
	// entries: Redis is away, and each further try would take its time-outs.
	faultsInRow = 20
)

// add takes what came of one. It reports whether to give up on the rest.
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

// guard runs a part of something; a panic in it is that part's error.
func guard(part func() error) (err error) {
	defer func() {
		if p := recover(); p != nil {
			err = fmt.Errorf("panic: %v\n%s", p, debug.Stack())
		}
	}()
	return part()
}
