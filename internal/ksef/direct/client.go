package direct

import (
	"bytes"
	"context"
	"errors"
	"io"
	"sync"

	"ksefworker/internal/ksef"
)

// Client is the sender of one taxpayer's invoices. Safe for concurrent use. Its methods return
// *[ksef.APIError] and no other type of error.
type Client struct {
	authorized
	receipts receipts
	lists    lists

	staleKey func()
	mu       sync.Mutex
	refused  []byte // id of the public key that KSeF refused last; nil after a success
}

// Sender returns the client of the taxpayer to whom the tokens belong. staleKey is called when KSeF
// says that a public key is not KSeF's or was withdrawn. When that happens, a cache must forget the
// key. staleKey may be nil.
func (a *API) Sender(tokens Tokens, staleKey func()) *Client {
	if staleKey == nil {
		staleKey = func() {}
	}
	return &Client{
		authorized: authorized{a, tokens}, staleKey: staleKey,
		receipts: receipts{now: a.now}, lists: lists{now: a.now},
	}
}

// String names the client by its address.
func (c *Client) String() string { return "sender to " + c.api.String() }

// UploadPart sends the encrypted bytes of a part to its address; see [httponce.Client.UploadPart].
func (c *Client) UploadPart(ctx context.Context, p ksef.PartUpload, open func() (io.ReadCloser, error), size int64) error {
	return c.api.http.UploadPart(ctx, p, open, size)
}

// opened maps the error of a request that carried a public key's id. KSeF checks the key before
// anything else, so the error of a withdrawn key says nothing about what was to be sent. When KSeF
// refuses a key for the first time, opened returns an outage instead, and the request can be made
// again with a key that is fetched again. When KSeF refuses the same key once more, opened returns
// the refusal.
func (c *Client) opened(err error, keyID []byte) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	e, ok := errors.AsType[*ksef.APIError](err)
	switch {
	case err == nil:
		c.refused = nil
	case ok && e.Code == ksef.CodeStaleKey:
		again := bytes.Equal(c.refused, keyID) && keyID != nil
		c.refused = keyID
		c.staleKey()
		if !again {
			later := *e
			later.Kind, later.MaybeDone = ksef.KindOutage, false
			later.Advice = "the public key is fetched again"
			return &later
		}
	}
	return err
}
