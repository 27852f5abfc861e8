package direct

import (
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"strings"

	"ksefworker/internal/ksef"
	"ksefworker/internal/ksef/httponce"
)

type formCodeWire struct {
	SystemCode    string `json:"systemCode"`
	SchemaVersion string `json:"schemaVersion"`
	Value         string `json:"value"`
}

// formCodes are KSeF's names of the forms. There is a blank before the bracket.
var formCodes = map[ksef.InvoiceVersion]formCodeWire{
	ksef.FA2: {"FA (2)", "1-0E", "FA"},
	ksef.FA3: {"FA (3)", "1-0E", "FA"},
}

type encryptionWire struct {
	EncryptedSymmetricKey []byte `json:"encryptedSymmetricKey"`
	InitializationVector  []byte `json:"initializationVector"`
	PublicKeyID           []byte `json:"publicKeyId,omitempty"`
}

func encryptionOf(e ksef.EncryptionInfo) encryptionWire {
	return encryptionWire{e.EncryptedKey, e.InitVector, e.PublicKeyID}
}

type openOnlineWire struct {
	FormCode   formCodeWire   `json:"formCode"`
	Encryption encryptionWire `json:"encryption"`
}

// madeWire is the answer to a request that makes something.
type madeWire struct {
	ReferenceNumber string `json:"referenceNumber"`
}

// OpenOnline opens an online session. After an error with MaybeDone, at worst an empty session is
// left behind, which KSeF cancels by itself.
func (c *Client) OpenOnline(ctx context.Context, r ksef.OpenOnlineRequest) (ksef.OpenedSession, error) {
	k := post("open online session", ksef.GroupOnlineSession, "/sessions/online",
		openOnlineWire{formCodes[r.InvoiceVersion], encryptionOf(r.EncryptionInfo)}).
		Bad(r.InvoiceVersion.Check()).Bad(r.EncryptionInfo.Check())
	reference, err := c.make(ctx, k)
	if err := c.opened(err, r.EncryptionInfo.PublicKeyID); err != nil {
		return ksef.OpenedSession{}, err
	}
	return ksef.OpenedSession{ID: reference, Created: ksef.Time{Time: c.api.now()}}, nil
}

// make sends a request whose answer names the new thing by its reference.
func (c authorized) make(ctx context.Context, k httponce.Call) (string, error) {
	var wire madeWire
	err := c.do(ctx, k, func(a *httponce.Answer) error {
		return a.Checked(&wire, func() error { return missing("referenceNumber", wire.ReferenceNumber) })
	})
	if err != nil {
		return "", err
	}
	return wire.ReferenceNumber, nil
}

type sendWire struct {
	InvoiceHash             []byte `json:"invoiceHash"`
	InvoiceSize             int64  `json:"invoiceSize"`
	EncryptedInvoiceHash    []byte `json:"encryptedInvoiceHash"`
	EncryptedInvoiceSize    int64  `json:"encryptedInvoiceSize"`
	EncryptedInvoiceContent []byte `json:"encryptedInvoiceContent"`
	OfflineMode             bool   `json:"offlineMode,omitempty"`
	HashOfCorrectedInvoice  []byte `json:"hashOfCorrectedInvoice,omitempty"`
}

// SendInvoice sends an invoice in an open online session. After an error with MaybeDone the invoice
// may be in the session. If it is, the session's list has its hash. After a refusal with
// [ksef.APIError].OfSession the invoice was not taken, and another session may take it.
//
// The ID that it returns is KSeF's reference of the session and that of the invoice, joined by "/".
// Both are needed, because KSeF tells about an invoice only within its session.
func (c *Client) SendInvoice(ctx context.Context, r ksef.SendRequest) (ksef.SentInvoice, error) {
	sum := sha256.Sum256(r.Encrypted.EncryptedInvoice)
	k := postTo("send invoice", ksef.GroupInvoiceSend, sendWire{
		InvoiceHash: r.Encrypted.InvoiceHash, InvoiceSize: int64(r.Encrypted.InvoiceSize),
		EncryptedInvoiceHash: sum[:], EncryptedInvoiceSize: int64(len(r.Encrypted.EncryptedInvoice)),
		EncryptedInvoiceContent: r.Encrypted.EncryptedInvoice,
		OfflineMode:             r.Offline, HashOfCorrectedInvoice: r.Corrects,
	}, "/sessions/online/%s/invoices", r.SessionID).Bad(r.Check())
	reference, err := c.make(ctx, k)
	if err != nil {
		return ksef.SentInvoice{}, err
	}
	return ksef.SentInvoice{ID: r.SessionID + "/" + reference, Created: ksef.Time{Time: c.api.now()}}, nil
}

// references takes the ID of a sent invoice apart.
func references(id string) (session, invoice string, err error) {
	session, invoice, ok := strings.Cut(id, "/")
	if !ok || session == "" || invoice == "" {
		return "", "", fmt.Errorf("%q is not the reference of a session and of an invoice", ksef.Clip(id, 80))
	}
	return session, invoice, nil
}

// InvoiceStatus returns the state of one sent invoice, by the ID that SendInvoice returned.
func (c *Client) InvoiceStatus(ctx context.Context, id string) (ksef.InvoiceInfo, error) {
	session, invoice, err := references(id)
	if err != nil {
		session, invoice = "-", "-" // the call is not sent
	}
	k := get("ask invoice status", ksef.GroupInvoiceStatus, "/sessions/%s/invoices/%s", session, invoice).Bad(err)
	var wire invoiceWire
	err = c.do(ctx, k, func(a *httponce.Answer) error {
		return a.Checked(&wire, func() error {
			if wire.Unreadable != "" {
				return errors.New(wire.Unreadable)
			}
			return nil
		})
	})
	if err != nil {
		return ksef.InvoiceInfo{}, err
	}
	return wire.InvoiceInfo, nil
}
