package connect

import (
	"context"
	"errors"
	"time"

	"ksefworker/config"
	"ksefworker/internal/archive"
	"ksefworker/internal/ledger"
)

// Home returns where this configuration sends invoices.
func (p *Pool) Home() ledger.Home {
	return ledger.Home{Environment: string(p.Config.Environment), Address: p.Config.BaseURL()}
}

// CheckHome returns an error for a ledger that belongs to another environment or gateway. The error
// is a [*config.FieldError] around a [*ledger.HomeError]. For a ledger of a format that this build
// does not know, the [*config.FieldError] is around a [*ledger.FormatError]. CheckHome writes
// nothing.
func (p *Pool) CheckHome(ctx context.Context) error {
	return homeFault(p.Ledger.CheckHome(ctx, p.Home()))
}

// Claim does what CheckHome does, and records this configuration's home as the ledger's when the
// ledger has none yet. A process that takes invoices in or sends them MUST claim first.
func (p *Pool) Claim(ctx context.Context) error {
	return homeFault(p.Ledger.Claim(ctx, p.Home()))
}

// CheckRights returns an error when the user of Redis may not use all commands that the ledger
// needs. The error is a [*config.FieldError] around a [*ledger.RightsError].
func (p *Pool) CheckRights(ctx context.Context) error {
	err := p.Ledger.CheckRights(ctx)
	if refused, ok := errors.AsType[*ledger.RightsError](err); ok {
		return &config.FieldError{Field: "redis.username", Err: refused}
	}
	return err
}

// Rehome records that ledger and archive now belong to the environment and gateway of this
// configuration. from is the home that they had so far, as the caller has read it. The archive
// comes first. If the ledger then cannot be changed, the caller repeats the call, which does both
// again.
func (p *Pool) Rehome(ctx context.Context, from ledger.Home) error {
	if err := ownerFault(p.owned.Move(ctx, ownerOf(from))); err != nil {
		return err
	}
	return homeFault(p.Ledger.Rehome(ctx, from, p.Home()))
}

// claimTimeout is the maximum time that an archive that hangs can delay a start.
const claimTimeout = 3 * time.Second

// ClaimArchive records the environment and gateway of this configuration as the owner of the
// archive, when no owner is recorded yet. The error refused says that the archive belongs to
// another environment or gateway. It is a [*config.FieldError] around an [*archive.OwnerError].
// Every other error is returned as away, and means that the archive cannot be used now, for example
// because it does not answer. A process may still start, because the next use of the archive checks
// the owner again.
func (p *Pool) ClaimArchive(ctx context.Context) (away, refused error) {
	ctx, cancel := context.WithTimeout(ctx, claimTimeout)
	defer cancel()
	return belongs(p.owned.Claim(ctx))
}

// VerifyArchive is ClaimArchive without writing, and without the error away. It accepts an archive
// without a recorded owner.
func (p *Pool) VerifyArchive(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, claimTimeout)
	defer cancel()
	_, refused := belongs(p.owned.Verify(ctx))
	return refused
}

// belongs returns the error of an archive as refused if the archive belongs to another environment
// or gateway, and otherwise as away.
func belongs(err error) (away, refused error) {
	err = ownerFault(err)
	if _, elsewhere := errors.AsType[*config.FieldError](err); elsewhere {
		return nil, err
	}
	return err, nil
}

func ownerOf(h ledger.Home) archive.Owner {
	return archive.Owner{Environment: h.Environment, Address: h.Address}
}

func homeOf(o archive.Owner) ledger.Home {
	return ledger.Home{Environment: o.Environment, Address: o.Address}
}

func sameOwner(a, b archive.Owner) bool {
	return homeOf(a).Same(homeOf(b))
}

func ownerFault(err error) error {
	if refused, ok := errors.AsType[*archive.OwnerError](err); ok {
		return &config.FieldError{Field: "archive.url", Err: refused}
	}
	return err
}

func homeFault(err error) error {
	if refused, ok := errors.AsType[*ledger.HomeError](err); ok {
		return &config.FieldError{Field: "environment", Err: refused}
	}
	if refused, ok := errors.AsType[*ledger.FormatError](err); ok {
		return &config.FieldError{Field: "redis.prefix", Err: refused}
	}
	return err
}
