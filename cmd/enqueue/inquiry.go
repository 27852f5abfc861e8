package main

import (
	"context"

	"ksefworker/internal/connect"
	"ksefworker/internal/inquiry"
	"ksefworker/internal/ledger"
	"ksefworker/internal/waiting"
)

// inquiry returns the reader that answers questions about invoices. It reports on standard error
// what cannot be read or explained.
func (p *program) inquiry() *inquiry.Reader {
	return &inquiry.Reader{
		Ledger: p.base.Ledger, Environment: string(p.cfg.Environment), Waits: p,
		Unexplained: p.sayUnexplained, Unread: p.sayUnread,
	}
}

// findRef returns the invoices that have this ref, at most one of each tenant.
func (p *program) findRef(ctx context.Context, ref string) ([]ledger.Invoice, error) {
	names := make([]string, len(p.cfg.Tenants))
	for i, t := range p.cfg.Tenants {
		names[i] = t.Title()
	}
	return p.inquiry().FindRef(ctx, ref, names...)
}

// Explain implements [inquiry.Explainer].
func (p *program) Explain(ctx context.Context, invs []ledger.Invoice) (map[string]waiting.Wait, error) {
	r, err := p.waitingReader()
	if err != nil {
		return nil, err
	}
	return r.Explain(ctx, invs)
}

// waitingReader makes the reader at its first use, because most commands do not need it.
func (p *program) waitingReader() (*waiting.Reader, error) {
	if p.waits == nil {
		r, err := p.base.Waiting()
		if err != nil {
			return nil, &usageError{what: err.Error()}
		}
		p.waits = r
	}
	return p.waits, nil
}

// sayUnexplained says once that the reasons of waits cannot be found out. All else is shown.
func (p *program) sayUnexplained(err error) {
	if !p.warned {
		p.warned = true
		p.say("what invoices wait for is not known: %s", connect.Explain(err))
	}
}

// ignoreUnexplained reports the error and returns nil. When ctx is done, it returns the error.
func (p *program) ignoreUnexplained(ctx context.Context, err error) error {
	if err == nil || ctx.Err() != nil {
		return err
	}
	p.sayUnexplained(err)
	return nil
}

// sayUnread says which entry could not be read. The others are shown, and the exit code is theirs.
func (p *program) sayUnread(u ledger.Unreadable) {
	p.say("%s: left out because it cannot be read: %v", u.ID, u.Err)
}

// skip reports the entries in an error that could not be read, and returns the rest of the error.
func (p *program) skip(err error) error {
	unread, err := ledger.Skip(err)
	for _, u := range unread {
		p.sayUnread(u)
	}
	return err
}
