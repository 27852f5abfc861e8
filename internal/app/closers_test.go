package app

import (
	"context"
	"errors"
	"slices"
	"strings"
	"testing"
)

func TestClosers_ClosedTwice_CloseOnceInReverseOrderAndNameEachError(t *testing.T) {
	var c closers
	var order []string
	for _, name := range []string{"redis", "archive", "pages"} {
		c.add(name, func(context.Context) error {
			order = append(order, name)
			if name == "archive" {
				return nil
			}
			return errors.New("refused")
		})
	}
	for range 2 {
		err := c.close(t.Context())
		if err == nil || !strings.Contains(err.Error(), "close pages: refused\nclose redis: refused") {
			t.Errorf("close returned %v, want the errors of pages and redis, each with its name", err)
		}
	}
	if !slices.Equal(order, []string{"pages", "archive", "redis"}) {
		t.Errorf("closed in the order %v, want pages, archive and redis, each once", order)
	}
}
