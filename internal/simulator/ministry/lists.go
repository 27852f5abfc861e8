package ministry

import (
	"encoding/json"
	"net/http"
	"strings"
	"time"

	"ksefworker/internal/simulator"
)

type invoiceStatus struct {
	Code        int               `json:"code"`
	Description string            `json:"description"`
	Details     []string          `json:"details,omitempty"`
	Extensions  map[string]string `json:"extensions,omitempty"`
}

type invoiceEntry struct {
	Ordinal      int           `json:"ordinalNumber"`
	Number       string        `json:"invoiceNumber,omitempty"`
	KsefNumber   string        `json:"ksefNumber,omitempty"`
	Reference    string        `json:"referenceNumber"`
	Hash         string        `json:"invoiceHash"`
	File         string        `json:"invoiceFileName,omitempty"`
	Acquired     string        `json:"acquisitionDate,omitempty"`
	Sent         string        `json:"invoicingDate"`
	Stored       string        `json:"permanentStorageDate,omitempty"`
	Receipt      string        `json:"upoDownloadUrl,omitempty"`
	ReceiptUntil string        `json:"upoDownloadUrlExpirationDate,omitempty"`
	Mode         string        `json:"invoicingMode,omitempty"`
	Status       invoiceStatus `json:"status"`
}

// entry writes one invoice, in forms outside the contract when a fault orders them.
func (m listOps) entry(r *http.Request, session string, v simulator.Invoice) any {
	e := invoiceEntry{
		Ordinal: v.Ordinal, Number: v.Number, KsefNumber: v.KsefNumber, Reference: v.Reference, Hash: base64Of(v.Hash[:]), File: v.File,
		Acquired: optional(v.Acquired), Sent: timestamp(v.Sent), Stored: optional(v.Stored),
		Status: invoiceStatus{Code: v.Code, Description: v.Description},
	}
	if v.Details != "" {
		e.Status.Details = []string{v.Details}
	}
	if v.Original != "" {
		e.Status.Extensions = map[string]string{"originalSessionReferenceNumber": v.OriginalSession, "originalKsefNumber": v.Original}
	}
	if v.Code == http.StatusOK {
		e.Mode = "Online"
		if v.Offline {
			e.Mode = "Offline"
		}
		e.Mode = m.oneOf(e.Mode, "Deferred")
		url, until := m.address(r, invoiceReceiptPath(session, v.Reference))
		e.Receipt, e.ReceiptUntil = url, timestamp(until)
	}
	if len(v.Odd) == 0 {
		return e
	}
	return odd(e, v.Odd)
}

// odd writes some fields in forms that the contract does not allow.
func odd(e invoiceEntry, forms []string) any {
	raw, err := json.Marshal(e)
	entry := map[string]any{}
	if err != nil || json.Unmarshal(raw, &entry) != nil {
		return e // impossible: it holds only strings, numbers and lists of them
	}
	status, _ := entry["status"].(map[string]any)
	for _, form := range forms {
		switch form {
		case simulator.OddDate:
			for _, field := range []string{"acquisitionDate", "permanentStorageDate"} {
				if text, is := entry[field].(string); is {
					at, _ := time.Parse(time.RFC3339, text)
					entry[field] = at.In(time.FixedZone("", 3600)).Format("2006-01-02T15:04:05.000-0700")
				}
			}
		case simulator.NumericNumber:
			entry["invoiceNumber"] = json.Number(e.Number)
		case simulator.TextOrdinal:
			entry["ordinalNumber"] = string(mustJSON(e.Ordinal))
		case simulator.TextCode:
			status["code"] = string(mustJSON(e.Status.Code))
		case simulator.SingleExtension, simulator.MappedExtension:
			// In this face extensions are a map already, so the odd form is the list that the
			// gateway sends.
			list := []map[string]string{}
			for key, value := range e.Status.Extensions {
				list = append(list, map[string]string{"key": key, "value": value})
			}
			status["extensions"] = list
		}
	}
	return entry
}

func mustJSON(v any) []byte {
	raw, _ := json.Marshal(v) // only numbers
	return raw
}

func (m listOps) invoices(c *call) (simulator.Reply, *problem) { return m.list(c, nil) }

// failed lists the invoices that were refused.
func (m listOps) failed(c *call) (simulator.Reply, *problem) {
	return m.list(c, func(v simulator.Invoice) bool { return v.Code > 200 })
}

// list answers with one page of a session's invoices.
func (m listOps) list(c *call, match func(simulator.Invoice) bool) (simulator.Reply, *problem) {
	session, p := c.reference(0)
	if p != nil {
		return simulator.Reply{}, p
	}
	if p := c.checkQuery("pageSize"); p != nil {
		return simulator.Reply{}, p
	}
	size, p := c.queryInt("pageSize", 10, 10, 1000)
	if p != nil {
		return simulator.Reply{}, p
	}
	from, p := m.position(c, session)
	if p != nil {
		return simulator.Reply{}, p
	}
	found, next, refused := m.face.Invoices().Page(c.account, session, from, size, match)
	if refused != nil {
		return simulator.Reply{}, problemOf(refused)
	}
	answer := struct {
		Next     string `json:"continuationToken,omitempty"`
		Invoices []any  `json:"invoices"`
	}{Invoices: []any{}}
	for _, v := range found {
		answer.Invoices = append(answer.Invoices, m.entry(c.r, session, v))
	}
	if next > 0 {
		answer.Next = m.pageToken(c, session, next)
	}
	return m.json(http.StatusOK, answer), nil
}

func (m listOps) invoice(c *call) (simulator.Reply, *problem) {
	session, reference, p := c.references()
	if p != nil {
		return simulator.Reply{}, p
	}
	v, refused := m.face.Invoices().One(c.account, session, reference)
	if refused != nil {
		p := problemOf(refused)
		// By the contract, codeInput is the only code of this operation.
		p.errors[0].Code, p.errors[0].Description = codeInput, "Błąd walidacji danych wejściowych."
		return simulator.Reply{}, p
	}
	return m.json(http.StatusOK, m.entry(c.r, session, v)), nil
}

func sessionReceiptPath(session string) string {
	return "/storage/01/" + strings.ToLower(session) + "/session-upo/upo_00.xml"
}

func invoiceReceiptPath(session, invoice string) string {
	return "/storage/01/" + strings.ToLower(session) + "/invoice-upo/" + strings.ToLower(invoice) + ".xml"
}
