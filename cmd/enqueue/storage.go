package main

import (
	"context"
	"errors"

	"ksefworker/config"
)

// declareStorage makes sure that what this process is about to write is sealed as everybody's in
// the pool is. A key that is missing here is a mistake of the configuration.
func (p *program) declareStorage(ctx context.Context) error {
	err := p.base.DeclareStorage(ctx)
	if fault, ok := errors.AsType[*config.FieldError](err); ok {
		return &usageError{what: fault.Error()}
	}
	return err
}
