package direct

import (
	"context"
	"crypto/sha256"
	"encoding/base64"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"sync"
	"time"

	"ksefworker/internal/ksef"
	"ksefworker/internal/ksef/httponce"
)

// SessionUPO fetches the receipt of a processed session as XML. It uses the receipt's pre-signed
// address, because KSeF does not count such requests. If no address is kept, SessionUPO asks for
// the session's status, whose answer has it. If the address fails, it fetches the receipt from the
// API. If the session has no receipt yet, the error is a refusal with code [ksef.CodeUPONotThere].
func (c *Client) SessionUPO(ctx context.Context, id string) ([]byte, error) {
	pages := c.receipts.of(id)
	if len(pages) == 0 {
		if _, err := c.SessionStatus(ctx, id); err != nil {
			return nil, err
		}
		pages = c.receipts.kept(id) // expired ones too, because this machine's clock may be wrong
	}
	switch {
	case len(pages) == 0:
		return nil, &ksef.APIError{Op: "fetch session UPO", Group: ksef.GroupSessionUPO, Kind: ksef.KindRefused,
			Code: ksef.CodeUPONotThere, Description: "the session has no receipt yet"}
	case len(pages) > 1:
		// A page holds 10,000 invoices, which is KSeF's own limit of a session.
		return nil, &ksef.APIError{Op: "fetch session UPO", Group: ksef.GroupSessionUPO, Kind: ksef.KindUnreadable,
			Err: fmt.Errorf("the receipt has %d pages, want one", len(pages))}
	}
	raw, err := c.Presigned(ctx, pages[0].url)
	if err == nil {
		return raw, nil
	}
	c.receipts.forget(id)
	if ctx.Err() != nil {
		return nil, err
	}
	return c.SessionUPOPage(ctx, id, pages[0].reference)
}

// SessionUPOPage fetches a page of a session's receipt from the API.
func (c *Client) SessionUPOPage(ctx context.Context, session, page string) ([]byte, error) {
	return c.document(ctx, get("fetch session UPO", ksef.GroupSessionUPO, "/sessions/%s/upo/%s", session, page))
}

// InvoiceUPO fetches the receipt of one invoice by its KSeF number.
func (c *Client) InvoiceUPO(ctx context.Context, session, ksefNumber string) ([]byte, error) {
	return c.document(ctx, get("fetch invoice UPO", ksef.GroupSessionUPO, "/sessions/%s/invoices/ksef/%s/upo", session, ksefNumber))
}

// SentInvoiceUPO fetches the receipt of one invoice by the ID that SendInvoice returned.
func (c *Client) SentInvoiceUPO(ctx context.Context, id string) ([]byte, error) {
	session, invoice, err := references(id)
	if err != nil {
		session, invoice = "-", "-" // the call is not sent
	}
	return c.document(ctx, get("fetch invoice UPO", ksef.GroupSessionUPO, "/sessions/%s/invoices/%s/upo", session, invoice).Bad(err))
}

// Invoice fetches an accepted invoice by its KSeF number, as the XML that KSeF holds.
func (c *Client) Invoice(ctx context.Context, ksefNumber string) ([]byte, error) {
	return c.document(ctx, get("fetch invoice", ksef.GroupInvoiceDownload, "/invoices/ksef/%s", ksefNumber).UpTo(httponce.DocumentAnswer))
}

// Presigned fetches a receipt by its pre-signed address. The request carries no credentials. It
// enters the gate as a request that KSeF does not count.
func (c *Client) Presigned(ctx context.Context, address Secret) ([]byte, error) {
	u, err := url.Parse(address.Reveal())
	switch {
	case err != nil, u.Host == "", u.Scheme != "http" && u.Scheme != "https":
		u, err = nil, errors.New("the address of the receipt is not an absolute http or https URL")
	case c.api.Base().Scheme == "https" && u.Scheme != "https":
		err = errors.New("the address of the receipt is not https although KSeF's is")
	}
	k := httponce.Call{Op: "fetch receipt", Group: ksef.GroupNone, Err: err, Method: http.MethodGet, Target: u, Part: true}
	var out []byte
	err = c.api.http.Do(ctx, k, func(a *httponce.Answer) (err error) {
		out, err = checkedXML(a)
		return err
	})
	if err != nil {
		return nil, err
	}
	return out, nil
}

// document fetches an XML document from the API.
func (c authorized) document(ctx context.Context, k httponce.Call) ([]byte, error) {
	if k.Limit == httponce.SmallAnswer {
		k = k.UpTo(httponce.AnyAnswer)
	}
	k = k.Accepting("application/xml, application/json")
	var out []byte
	err := c.do(ctx, k, func(a *httponce.Answer) (err error) {
		out, err = checkedXML(a)
		return err
	})
	if err != nil {
		return nil, err
	}
	return out, nil
}

// checkedXML reads a document and compares it with the hash that KSeF sends along.
func checkedXML(a *httponce.Answer) ([]byte, error) {
	raw, err := a.XML()
	if err != nil {
		return nil, err
	}
	sum := sha256.Sum256(raw)
	if want := a.Header.Get("x-ms-meta-hash"); want != "" && want != base64.StdEncoding.EncodeToString(sum[:]) {
		return nil, fmt.Errorf("the document was garbled on its way: its hash differs from the one that KSeF sent (%d bytes)", len(raw))
	}
	return raw, nil
}

// receipts keeps the addresses of the sessions' receipts. Each answer about a session's status has
// new ones. The addresses are secrets and stay in memory.
type receipts struct {
	now func() time.Time

	mu sync.Mutex
	by map[string]keptReceipt // session →
}

type keptReceipt struct {
	pages []receiptPage
	until time.Time
}

type receiptPage struct {
	reference string
	url       Secret
}

// Bounds of the addresses that are kept, each of about 500 bytes.
const (
	keptReceipts   = 1000
	addressLife    = time.Hour        // at most; KSeF has been seen to allow three days
	addressReserve = 10 * time.Second // an address is not used in this last part of its life
)

func (r *receipts) keep(session string, pages []upoPageWire) {
	if len(pages) == 0 {
		return
	}
	now := r.now()
	k := keptReceipt{until: now.Add(addressLife)}
	for _, p := range pages {
		if end := p.Expires.Add(-addressReserve); !p.Expires.IsZero() && end.Before(k.until) {
			k.until = end
		}
		k.pages = append(k.pages, receiptPage{p.ReferenceNumber, p.DownloadURL})
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	if len(r.by) >= keptReceipts || r.by == nil {
		r.by = map[string]keptReceipt{} // each costs one request to get again
	}
	r.by[session] = k
}

// of returns the pages of a session's receipt whose addresses can be used now. It returns nil if
// there are none.
func (r *receipts) of(session string) []receiptPage {
	r.mu.Lock()
	defer r.mu.Unlock()
	k := r.by[session]
	if !r.now().Before(k.until) {
		return nil
	}
	return k.pages
}

// kept returns the pages of a session's receipt even when their addresses have expired.
func (r *receipts) kept(session string) []receiptPage {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.by[session].pages
}

func (r *receipts) forget(session string) {
	r.mu.Lock()
	defer r.mu.Unlock()
	delete(r.by, session)
}
