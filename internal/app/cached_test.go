package app

import (
	"context"
	"errors"
	"testing"
	"testing/synctest"
	"time"
)

func TestCached_AskedOften_ReadsOncePerMaxAge(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		reads := 0
		c := newCached(10*time.Second, time.Now, func(context.Context) (int, error) { reads++; return reads, nil })
		for range 25 {
			if _, err := c.get(t.Context()); err != nil {
				t.Fatal(err)
			}
			<-time.After(time.Second)
		}
		if reads != 3 {
			t.Errorf("%d reads in 25 seconds, want 3", reads)
		}
	})
}

func TestCached_ReadFails_TheNextCallerReadsAgain(t *testing.T) {
	failed := errors.New("refused")
	answers := []error{failed, nil}
	c := newCached(time.Hour, time.Now, func(context.Context) (string, error) {
		err := answers[0]
		answers = answers[1:]
		return "value", err
	})
	if _, err := c.get(t.Context()); !errors.Is(err, failed) {
		t.Errorf("the first read returned the error %v, want that of the source", err)
	}
	if got, err := c.get(t.Context()); got != "value" || err != nil {
		t.Errorf("the second read returned %q and the error %v, want the value", got, err)
	}
}

func TestCached_AnotherReadHangs_TheCallersContextEndsItsWait(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		release := make(chan struct{})
		c := newCached(time.Hour, time.Now, func(context.Context) (int, error) { <-release; return 1, nil })
		go func() { _, _ = c.get(context.Background()) }()
		synctest.Wait()
		ctx, cancel := context.WithTimeout(t.Context(), 5*time.Second)
		defer cancel()
		if _, err := c.get(ctx); !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("the call that waits for a hanging read returned %v, want the error of its own context", err)
		}
		close(release)
	})
}
