package connect

import (
	"context"
	"errors"

	"ksefworker/config"
	"ksefworker/internal/ledger"
)

// DeclareStorage records how this process seals documents. If this process lacks a storage key that
// the pool uses, DeclareStorage returns a [*config.FieldError] around a [*ledger.SealError].
func (p *Pool) DeclareStorage(ctx context.Context) error {
	return storageFault(p.Ledger.Declare(ctx, p.Bodies))
}

func storageFault(err error) error {
	if refused, ok := errors.AsType[*ledger.SealError](err); ok {
		return &config.FieldError{Field: "storage.key_file", Err: refused}
	}
	return err
}
