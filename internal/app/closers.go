package app

import (
	"context"
	"errors"
	"fmt"
	"sync"
)

// closers remembers, by name, what has been opened, and closes it once, in reverse order. The zero
// value is empty. Safe for concurrent use.
type closers struct {
	mu   sync.Mutex
	open []closer
	err  error
}

type closer struct {
	name  string
	close func(context.Context) error
}

// add remembers how to close what has just been opened.
func (c *closers) add(name string, closing func(context.Context) error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.open = append(c.open, closer{name, closing})
}

// close closes everything and joins the errors. A second call closes nothing and returns the same
// error.
func (c *closers) close(ctx context.Context) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	for len(c.open) > 0 {
		last := c.open[len(c.open)-1]
		c.open = c.open[:len(c.open)-1]
		if err := last.close(ctx); err != nil {
			c.err = errors.Join(c.err, fmt.Errorf("close %s: %w", last.name, err))
		}
	}
	return c.err
}
