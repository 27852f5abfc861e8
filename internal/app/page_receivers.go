package app

import (
	"context"
	"errors"
	"time"

	"ksefworker/config"
	"ksefworker/internal/connect"
	"ksefworker/internal/ledger"
	"ksefworker/internal/page"
	"ksefworker/internal/results"
)

// receiverWait is how long a person at the page waits for the worker that serves a receiver.
const receiverWait = 8 * time.Second

// receiversOf lists the receivers of results for the page.
func receiversOf(cfg config.Config) []page.Receiver {
	r := cfg.Results
	var all []page.Receiver
	add := func(name, kind string, tenants []string) {
		all = append(all, page.Receiver{Name: name, Kind: kind, Tenants: cfg.Titles(tenants)})
	}
	for _, w := range r.Webhooks {
		add(w.Name, "webhook", w.Tenants)
	}
	for _, s := range r.AllStreams() {
		add(s.Name, config.StreamSink, s.Tenants)
	}
	for _, f := range r.AllFolders() {
		add(f.Name, config.FolderSink, f.Tenants)
	}
	for _, d := range r.AllDatabases() {
		add(d.Name, config.PostgresSink, d.Tenants)
	}
	return all
}

// pdfOf lets the gateway make the PDF of an invoice.
func pdfOf(d *connect.Documents) page.PDF {
	return func(ctx context.Context, of *results.Result, offline bool, document []byte, language page.Language) ([]byte, error) {
		number := of.KsefNumber
		if !ledger.State(of.State).InKSeF() {
			number = ""
		}
		pdf, err := d.PDF(ctx, of.Tenant, number, offline, document, string(language))
		if errors.Is(err, connect.ErrNoPDF) {
			return nil, &page.NoPDFError{}
		}
		if refused, ok := errors.AsType[*connect.RefusedPDFError](err); ok {
			return nil, &page.NoPDFError{Why: refused.Why}
		}
		return pdf, err
	}
}
