package watch

import (
	"context"
	"errors"
	"path"

	"ksefworker/internal/intake"
	"ksefworker/internal/ledger"
)

// refuseAll refuses an archive as a whole.
func (up *unpacker) refuseAll(ctx context.Context, name string, why error) error {
	into := unpackedName(name)
	if err := errors.Join(up.disk.removeAll(into+partEnd), up.disk.remove(into+resultEnd)); err != nil {
		return err
	}
	adms := []intake.Admission{{File: up.path(up.original(name)), Taken: ledger.Refused, Err: why, Asked: up.asked(name)}}
	if err := up.submitter.record(ctx, adms); err != nil {
		return err
	}
	up.submitter.refuse(&file{name: name, place: taken}, &adms[0])
	return nil
}

// asked returns the tenant that the settings name for an archive. It returns "" when they name
// none, or when they have an error.
func (up *unpacker) asked(name string) string {
	if s := up.submitter.settings.ofTaken(path.Dir(name)); s.err == nil {
		return s.wanted.Tenant
	}
	return ""
}

// endRefusal ends the refusal of an earlier archive of this name, which was refused as a whole.
func (up *unpacker) endRefusal(ctx context.Context, name string) {
	if up.o.Record == nil {
		return
	}
	refusals := &intake.Refusals{Record: up.o.Record, Tenant: up.o.Owner, Accounts: up.o.Tenants}
	if refusals.EndFile(ctx, up.path(up.original(name)), up.asked(name), "by a later archive of this name"); refusals.Err != nil {
		up.o.Log.Warn().Err(refusals.Err).Str("file", name).Msg("the refusal of an earlier archive of this name is still open")
	}
}
