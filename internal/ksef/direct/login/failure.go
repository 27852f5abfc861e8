package login

import (
	"errors"
	"time"

	"ksefworker/internal/ksef"
)

// The pauses after a login that failed. The first is short, because most failures are lost answers.
// After a refusal of the credentials the pool pauses the tenant (retry.CredentialsPause).
// refusedPause is as long, so no login is tried before the pool continues.
const (
	firstPause   = time.Second
	maxPause     = time.Minute
	refusedPause = 30 * time.Second
)

// failure is why the last login failed. The zero value means that it did not fail.
type failure struct {
	err   error
	until time.Time
	count int
}

// note keeps an error. It drops an error that came from a caller or from the gate, because such an
// error says nothing about the next login and costs KSeF nothing.
func (f *failure) note(err error, now time.Time) {
	e, ok := errors.AsType[*ksef.APIError](err)
	if ok && (e.Kind == ksef.KindCanceled || e.Kind == ksef.KindGated) {
		return
	}
	f.err = err
	pause := min(firstPause<<min(f.count, 10), maxPause)
	f.count++
	if ok && e.Kind == ksef.KindLocal {
		pause = 0 // a file that was corrected is tried at once
	}
	if ok && e.Kind == ksef.KindUnauthorized {
		pause = refusedPause
	}
	// maxPause is enough, because after a 429 the gate keeps the whole pause for the pool.
	if ok && e.RetryAfter > pause {
		pause = min(e.RetryAfter, maxPause)
	}
	f.until = now.Add(pause)
}

// still returns the error while its pause lasts.
func (f *failure) still(now time.Time) error {
	if f.err == nil || !now.Before(f.until) {
		return nil
	}
	return f.err
}
