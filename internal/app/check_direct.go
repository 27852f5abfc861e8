package app

import (
	"context"
	"errors"
	"fmt"
	"io"
	"strings"
	"time"

	"ksefworker/config"
	"ksefworker/internal/connect"
	"ksefworker/internal/ksef"
)

// directTimeout bounds the check of a tenant at KSeF itself. For a qualified certificate, KSeF asks
// the issuer whether the certificate was revoked, which takes a while.
const directTimeout = time.Minute

// checkDirect logs a tenant in, asks what it may do and what its limits are, and ends the login. It
// sends no invoice and opens no session.
func checkDirect(ctx context.Context, cfg config.Config, t config.Tenant, gate ksef.Gate, say func(string, error), out io.Writer) {
	ctx, cancel := context.WithTimeout(ctx, directTimeout)
	defer cancel()
	what := fmt.Sprintf("tenant %s at %s", t.Title(), cfg.DirectURL())
	credentials := connect.NewCredentials(t, nil)
	way, err := connect.OpenDirect(cfg, t, credentials, connect.ClientOptions{Gate: gate,
		Warn: func(_ context.Context, op, warning string) {
			fmt.Fprintf(out, "note   tenant %s: KSeF warns (%s): %s\n", t.Title(), op, warning)
		}})
	if err != nil {
		say(what, err)
		return
	}
	defer way.CloseIdleConnections()
	if _, err := way.Session.Access(ctx); err != nil {
		say(what, explainAddress(t, cfg.DirectURL(), err))
		return
	}
	defer func() { _ = way.Close(ctx) }() // if this fails, the login expires by itself
	say(what+": logged in by "+loginOf(t), nil)
	client := way.Sender(way.Session, nil)
	say(what+": may send invoices (InvoiceWrite)", granted(client.CloseSession(ctx, noSession, false), "InvoiceWrite"))
	_, err = client.Invoice(ctx, t.NIP+noInvoice)
	say(what+": may read invoices (InvoiceRead)", granted(err, "InvoiceRead"))
	limits, err := client.Account().RateLimits(ctx)
	say(what+": limits", err)
	if err == nil {
		send, batch := limits[string(ksef.GroupInvoiceSend)], limits[string(ksef.GroupBatchSession)]
		fmt.Fprintf(out, "note   tenant %s: KSeF allows invoiceSend %s, batchSession %s\n", t.Title(),
			config.Rates(send), config.Rates(batch))
	}
	if at, ok := credentials.Expires(); ok {
		fmt.Fprintf(out, "note   tenant %s: its certificate ends on %s, %s from now\n", t.Title(),
			at.UTC().Format(time.DateOnly), days(time.Until(at)))
	}
}

// A session and an invoice that do not exist. KSeF checks the permission before it looks for them.
// So a request that names them shows whether the permission is there, and changes nothing.
const (
	noSession = "00000000-SO-0000000000-0000000000-00"
	noInvoice = "-20260101-000000000000-00"
)

// granted takes the error of a request that names noSession or noInvoice. It returns nil when KSeF
// refused the request for a reason other than a missing permission, because then the permission is
// there. Otherwise it returns the error. When the permission is missing, the error says what to
// grant.
func granted(err error, permission string) error {
	e, ok := errors.AsType[*ksef.APIError](err)
	switch {
	case ok && e.Kind == ksef.KindRefused:
		return nil
	case ok && e.MissingPermission():
		return fmt.Errorf("%w; grant %s to the subject of the credentials, in the context of this NIP", err, permission)
	}
	return err
}

func loginOf(t config.Tenant) string {
	if t.LogsInByCertificate() {
		return "certificate"
	}
	return "token"
}

// days formats a span in days, or in hours and minutes when it is less than two days.
func days(d time.Duration) string {
	if d < 48*time.Hour {
		return strings.TrimSuffix(d.Round(time.Minute).String(), "0s")
	}
	return fmt.Sprintf("%d days", int(d.Hours()/24))
}
