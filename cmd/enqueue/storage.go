package main

import (
	"context"
	"errors"

	"ksefworker/config"
)

// declareStorage checks that this process seals what it writes with the same key as the rest of the
// pool. A missing key is a mistake in the configuration, so it is returned as a usage error.
func (p *program) declareStorage(ctx context.Context) error {
	err := p.base.DeclareStorage(ctx)
	if fault, ok := errors.AsType[*config.FieldError](err); ok {
		return &usageError{what: fault.Error()}
	}
	return err
}
