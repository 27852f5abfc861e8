package tasks

import (
	"context"
	"crypto/rsa"
	"io"
	"time"

	"ksefworker/internal/ksef"
	"ksefworker/internal/ratelimit"
)

// The doors to KSeF that this package needs, for one taxpayer. They speak in ksef's facts but know nothing of HTTP; *gateway.Client is the
// first behind them. Every error is judged by package retry.

// Keys hands out KSeF's public key. Invalidate forgets a cached one: after a session whose key could not be decrypted.
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

// SessionAPI tells how a session stands, what became of its invoices, and closes it.
type SessionAPI interface {
	SessionStatus(ctx context.Context, session string) (ksef.SessionInfo, error)
	SessionInvoices(ctx context.Context, session string) ([]ksef.InvoiceInfo, error)
	CloseSession(ctx context.Context, session string, batch bool) error
}

// DocumentAPI gives documents: the receipt of a session, an invoice by its KSeF number, and what KSeF's register lists.
type DocumentAPI interface {
	SessionUPO(ctx context.Context, session string) ([]byte, error)
	Invoice(ctx context.Context, ksefNumber string) ([]byte, error)
	Metadata(ctx context.Context, r ksef.MetadataRequest) (ksef.MetadataPage, error)
}

// Transport is the way to KSeF for one taxpayer.
type Transport interface {
	Keys
	BatchAPI
	OnlineAPI
	SessionAPI
	DocumentAPI
}

// Budget is what this package knows of the tenant's limits. Who asks, and how urgently, is said by [ratelimit.With] in the context. Nothing here books: that is the transport's.
type Budget interface {
	// Peek tells how long a request of a group would have to wait now. Zero: it would go at once.
	Peek(ctx context.Context, tenant, group string) (time.Duration, error)
	// Join returns nil when a request may go within what is slept, or keeps it a place in line and returns *[ratelimit.NotNow] with the delay of its turn.
	Join(ctx context.Context, tenant, group string) error
	// Leave gives that place up.
	Leave(ctx context.Context, tenant, group string) error
	// Usage tells what is used of a group's windows.
	Usage(ctx context.Context, tenant, group string) (ratelimit.Usage, error)
	// Pause lets nothing new of a tenant be sent for d, by any worker; what is out is still asked for.
	Pause(ctx context.Context, tenant string, d time.Duration) error
	// Down tells whether one of these groups of the tenant is out of service, as far as is known,
	// by itself or with the whole gateway: what is made ready for it now could not leave. Without
	// groups it is the gateway that is asked about.
	Down(ctx context.Context, tenant string, groups ...string) (bool, error)
}

// PartStore is what this package knows of the store that takes the parts of packages. It is another
// host than the gateway's, and known only by what the opening of a session says, so the store of a
// tenant's last session is meant before there is one. What has to wait for it gets
// *[ratelimit.NotNow] of [ratelimit.ReasonStore].
type PartStore interface {
	// Ready returns nil when a session may be opened for the tenant now. It takes nothing.
	Ready(ctx context.Context, tenant string) error
	// Begin asks for leave to open one. While the store takes no parts of the tenant that is one at
	// a time for the tenant, ever more rarely; who has leave and opens none MUST call withdraw.
	Begin(ctx context.Context, tenant string) (withdraw func(context.Context), err error)
	// Send asks for leave to send a part of a package. Who has it MUST say what came of it.
	Send(ctx context.Context, tenant, pkg, host string) (sent func(context.Context, error), err error)
}

// alwaysThere is a part store that is never out of service.
type alwaysThere struct{}

func (alwaysThere) Ready(context.Context, string) error { return nil }
func (alwaysThere) Begin(context.Context, string) (func(context.Context), error) {
	return func(context.Context) {}, nil
}

func (alwaysThere) Send(context.Context, string, string, string) (func(context.Context, error), error) {
	return func(context.Context, error) {}, nil
}
