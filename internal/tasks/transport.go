package tasks

import (
	"context"
	"crypto/rsa"
	"io"
	"time"

	"ksefworker/internal/ksef"
	"ksefworker/internal/ratelimit"
)

// The doors to KSeF that this package needs, for one taxpayer. They speak in ksef's facts but know nothing of HTTP; *ksef.Client is the
// first behind them. Every error is judged by package retry.

// Keys hands out KSeF's public key. Invalidate forgets a cached one: after a session whose key could not be decrypted.
type Keys interface {
	PublicKey(ctx context.Context) (*rsa.PublicKey, error)
	Invalidate()
}

// BatchDoor opens batch sessions and takes their parts.
type BatchDoor interface {
	OpenBatch(ctx context.Context, r ksef.OpenBatchRequest) (ksef.OpenedBatch, error)
	UploadPart(ctx context.Context, p ksef.PartUpload, open func() (io.ReadCloser, error), size int64) error
}

// OnlineDoor opens online sessions and takes single invoices.
type OnlineDoor interface {
	OpenOnline(ctx context.Context, r ksef.OpenOnlineRequest) (ksef.OpenedSession, error)
	SendInvoice(ctx context.Context, r ksef.SendRequest) (ksef.SentInvoice, error)
	InvoiceStatus(ctx context.Context, reference string) (ksef.InvoiceInfo, error)
}

// SessionDesk tells how a session stands, what became of its invoices, and closes it.
type SessionDesk interface {
	SessionStatus(ctx context.Context, session string) (ksef.SessionInfo, error)
	SessionInvoices(ctx context.Context, session string) ([]ksef.InvoiceInfo, error)
	CloseSession(ctx context.Context, session string, batch bool) error
}

// Papers gives documents: the receipt of a session, an invoice by its KSeF number, and what KSeF's register lists.
type Papers interface {
	SessionUPO(ctx context.Context, session string) ([]byte, error)
	Invoice(ctx context.Context, ksefNumber string) ([]byte, error)
	Metadata(ctx context.Context, r ksef.MetadataRequest) (ksef.MetadataPage, error)
}

// Transport is the way to KSeF for one taxpayer.
type Transport interface {
	Keys
	BatchDoor
	OnlineDoor
	SessionDesk
	Papers
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
	// Down tells whether the gateway is out of service, as far as is known: what is made ready now could not leave.
	Down(ctx context.Context) (bool, error)
}
