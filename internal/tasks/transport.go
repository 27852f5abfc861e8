package tasks

import (
	"context"
	"crypto/rsa"
	"io"
	"time"

	"ksefworker/internal/ksef"
	"ksefworker/internal/ratelimit"
)

// These interfaces are the clients of KSeF that package tasks needs, for one taxpayer. They use the
// types of package ksef and know nothing of HTTP. *gateway.Client and *direct.Client implement
// them. Package retry judges every error.

// Keys returns KSeF's public key. Invalidate forgets a cached key. Invalidate is called when KSeF
// refused a session or a send, and an outdated key is one possible cause.
type Keys interface {
	PublicKey(ctx context.Context) (*rsa.PublicKey, error)
	Invalidate()
}

// BatchAPI opens batch sessions and takes their parts.
type BatchAPI interface {
	OpenBatch(ctx context.Context, r ksef.OpenBatchRequest) (ksef.OpenedBatch, error)
	UploadPart(ctx context.Context, p ksef.PartUpload, open func() (io.ReadCloser, error), size int64) error
}

// OnlineAPI opens online sessions and takes single invoices.
type OnlineAPI interface {
	OpenOnline(ctx context.Context, r ksef.OpenOnlineRequest) (ksef.OpenedSession, error)
	SendInvoice(ctx context.Context, r ksef.SendRequest) (ksef.SentInvoice, error)
	InvoiceStatus(ctx context.Context, reference string) (ksef.InvoiceInfo, error)
}

// SessionAPI returns the status of a session and of its invoices, and closes the session.
type SessionAPI interface {
	SessionStatus(ctx context.Context, session string) (ksef.SessionInfo, error)
	SessionInvoices(ctx context.Context, session string) ([]ksef.InvoiceInfo, error)
	CloseSession(ctx context.Context, session string, batch bool) error
}

// DocumentAPI returns documents: the receipt of a session, an invoice by its KSeF number, and what
// KSeF's register lists.
type DocumentAPI interface {
	SessionUPO(ctx context.Context, session string) ([]byte, error)
	Invoice(ctx context.Context, ksefNumber string) ([]byte, error)
	Metadata(ctx context.Context, r ksef.MetadataRequest) (ksef.MetadataPage, error)
	// FindsByNumber reports whether Metadata obeys InvoiceNumber and tells the hash of each
	// invoice.
	FindsByNumber() bool
}

// Transport is the way to KSeF for one taxpayer.
type Transport interface {
	Keys
	BatchAPI
	OnlineAPI
	SessionAPI
	DocumentAPI
}

// Budget is what package tasks uses of the tenant's limits. The caller sets who asks, and how
// urgently, by [ratelimit.With] in the context. Nothing here books a request, because the transport
// does that.
type Budget interface {
	// Peek returns how long a request of a group would have to wait now. Zero means that the
	// request would go at once.
	Peek(ctx context.Context, tenant, group string) (time.Duration, error)
	// Join returns nil when a request may go after a wait that is short enough to sleep through.
	// Otherwise it keeps the request a place in the waitlist and returns *[ratelimit.NotNow] with
	// the delay until its turn.
	Join(ctx context.Context, tenant, group string) error
	// Leave gives up the place that Join has kept.
	Leave(ctx context.Context, tenant, group string) error
	// Usage returns what is used of a group's windows.
	Usage(ctx context.Context, tenant, group string) (ratelimit.Usage, error)
	// Pause keeps every worker from sending anything new of a tenant for d. The sessions that are
	// under way are still polled.
	Pause(ctx context.Context, tenant string, d time.Duration) error
	// Down reports whether, as far as is known, one of these groups of the tenant is out of
	// service, by itself or with the tenant's whole host. Work that is prepared for such a group
	// now could not be sent. Without groups the question is about the whole host, that is, the
	// gateway or KSeF itself.
	Down(ctx context.Context, tenant string, groups ...string) (bool, error)
}

// PartStore is what package tasks uses of the store that takes the parts of packages. The store is
// another host than the gateway's. Its address is known only from the answer to the opening of a
// session. Before there is a session, Ready and Begin ask about the store of the tenant's last
// session. A task that has to wait for the store gets *[ratelimit.NotNow] of
// [ratelimit.ReasonStore].
type PartStore interface {
	// Ready returns nil when a session may be opened for the tenant now. It reserves nothing.
	Ready(ctx context.Context, tenant string) error
	// Begin asks for permission to open a session. While the store takes no parts of the tenant,
	// only one session of the tenant at a time gets permission, less and less often. A caller that
	// got permission and opens no session MUST call withdraw.
	Begin(ctx context.Context, tenant string) (withdraw func(context.Context), err error)
	// Send asks for permission to send a part of a package. A caller that got permission MUST
	// report the outcome by sent.
	Send(ctx context.Context, tenant, pkg, host string) (sent func(context.Context, error), err error)
}

// alwaysInService is a part store that is never out of service.
type alwaysInService struct{}

func (alwaysInService) Ready(context.Context, string) error { return nil }
func (alwaysInService) Begin(context.Context, string) (func(context.Context), error) {
	return func(context.Context) {}, nil
}

func (alwaysInService) Send(context.Context, string, string, string) (func(context.Context, error), error) {
	return func(context.Context, error) {}, nil
}
