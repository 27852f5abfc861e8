package ministry

import (
	"bytes"
	"crypto/sha256"
	"net/http"
	"slices"
	"time"

	"ksefworker/internal/simulator"
	"ksefworker/internal/simulator/strictjson"
)

type formCode struct {
	System string `json:"systemCode"`
	Schema string `json:"schemaVersion"`
	Value  string `json:"value"`
}

type encryption struct {
	Key   strictjson.Octets `json:"encryptedSymmetricKey"`
	IV    strictjson.Octets `json:"initializationVector"`
	KeyID strictjson.Octets `json:"publicKeyId,omitempty"`
}

func (m sessionOps) openOnline(c *call) (simulator.Reply, *problem) {
	var body struct {
		Form       formCode   `json:"formCode"`
		Encryption encryption `json:"encryption"`
	}
	if p := c.decode(&body); p != nil {
		return simulator.Reply{}, p
	}
	if p := m.checkKeyID(body.Encryption.KeyID); p != nil {
		return simulator.Reply{}, p
	}
	s, _, refused := m.face.Sessions().Open(simulator.Opening{
		Account: c.account, Author: author(c.access), System: body.Form.System, Schema: body.Form.Schema, Value: body.Form.Value,
		Key: body.Encryption.Key, IV: body.Encryption.IV,
	}, "")
	if refused != nil {
		return simulator.Reply{}, problemOf(refused)
	}
	c.opened = s.ID
	return m.json(http.StatusCreated, struct {
		Reference string `json:"referenceNumber"`
		Until     string `json:"validUntil"`
	}{s.ID, timestamp(s.Expires)}), nil
}

// send takes one invoice. An error in the encrypted bytes is reported at once. An error in the
// invoice is reported by its status.
func (m sessionOps) send(c *call) (simulator.Reply, *problem) {
	var body struct {
		Hash          strictjson.Octets `json:"invoiceHash"`
		Size          int64             `json:"invoiceSize"`
		EncryptedHash strictjson.Octets `json:"encryptedInvoiceHash"`
		EncryptedSize int64             `json:"encryptedInvoiceSize"`
		Content       strictjson.Octets `json:"encryptedInvoiceContent"`
		Offline       bool              `json:"offlineMode,omitempty"`
		Corrects      strictjson.Octets `json:"hashOfCorrectedInvoice,omitempty"`
	}
	reference, p := c.reference(0)
	if p != nil {
		return simulator.Reply{}, p
	}
	if p := c.decode(&body); p != nil {
		return simulator.Reply{}, p
	}
	sum := sha256.Sum256(body.Content)
	switch {
	case len(body.Hash) != sha256.Size || len(body.EncryptedHash) != sha256.Size:
		return simulator.Reply{}, badInput("invoiceHash and encryptedInvoiceHash need 32 bytes")
	case body.Size < 1 || body.EncryptedSize < 1:
		return simulator.Reply{}, badInput("invoiceSize and encryptedInvoiceSize are positive")
	case body.Corrects != nil && len(body.Corrects) != sha256.Size:
		return simulator.Reply{}, badInput("hashOfCorrectedInvoice needs 32 bytes")
	case body.Corrects != nil && !body.Offline:
		return simulator.Reply{}, badInput("hashOfCorrectedInvoice needs offlineMode")
	case int64(len(body.Content)) != body.EncryptedSize:
		return simulator.Reply{}, refuse(codeSize, "Nieprawidłowy rozmiar pliku.", "Długość treści nie zgadza się z rozmiarem pliku.")
	case !bytes.Equal(sum[:], body.EncryptedHash):
		return simulator.Reply{}, refuse(codeHash, "Nieprawidłowy skrót pliku.", "Skrót treści nie zgadza się ze skrótem pliku.")
	}
	sent, refused := m.face.Sessions().Send(c.account, reference, simulator.Delivery{
		Hash: body.Hash, Content: body.Content, Size: body.Size, Offline: body.Offline, Corrects: body.Corrects,
	})
	if refused != nil {
		return simulator.Reply{}, problemOf(refused)
	}
	return m.json(http.StatusAccepted, struct {
		Reference string `json:"referenceNumber"`
	}{sent}), nil
}

func (m sessionOps) closeOnline(c *call) (simulator.Reply, *problem) { return m.closeSession(c, true) }
func (m sessionOps) closeBatch(c *call) (simulator.Reply, *problem)  { return m.closeSession(c, false) }

func (m sessionOps) closeSession(c *call, online bool) (simulator.Reply, *problem) {
	reference, p := c.reference(0)
	if p != nil {
		return simulator.Reply{}, p
	}
	if refused := m.face.Sessions().Close(c.account, reference, online); refused != nil {
		return simulator.Reply{}, problemOf(refused)
	}
	return empty(), nil
}

// sessionStatus answers with the state of a session and the addresses of its UPO.
func (m sessionOps) sessionStatus(c *call) (simulator.Reply, *problem) {
	reference, p := c.reference(0)
	if p != nil {
		return simulator.Reply{}, p
	}
	s, refused := m.face.Sessions().One(c.account, reference)
	if refused != nil {
		return simulator.Reply{}, problemOf(refused)
	}
	type page struct {
		Reference string `json:"referenceNumber"`
		URL       string `json:"downloadUrl"`
		Until     string `json:"downloadUrlExpirationDate"`
	}
	type receipt struct {
		Pages []page `json:"pages"`
	}
	answer := struct {
		Status  statusInfo `json:"status"`
		Created string     `json:"dateCreated"`
		Updated string     `json:"dateUpdated"`
		Until   string     `json:"validUntil,omitempty"`
		UPO     *receipt   `json:"upo,omitempty"`
		Count   *int       `json:"invoiceCount,omitempty"`
		Success *int       `json:"successfulInvoiceCount,omitempty"`
		Failed  *int       `json:"failedInvoiceCount,omitempty"`
	}{Status: status(s.Code, s.Description, s.Details), Created: timestamp(s.Opened), Updated: timestamp(s.Updated)}
	if s.Closed.IsZero() {
		answer.Until = timestamp(s.Expires)
	}
	if s.Counted {
		answer.Count, answer.Success, answer.Failed = &s.Count, &s.Success, &s.Failed
	}
	if s.Receipt != "" {
		url, until := m.address(c.r, sessionReceiptPath(s.ID))
		answer.UPO = &receipt{[]page{{s.Receipt, url, timestamp(until)}}}
	}
	return m.json(http.StatusOK, answer), nil
}

// kindOf returns the status by which the list of sessions is filtered.
func kindOf(s simulator.Session) string {
	switch {
	case s.Code < 200:
		return "InProgress"
	case s.Code == 200:
		return "Succeeded"
	case s.Code == 440:
		return "Cancelled"
	}
	return "Failed"
}

// sessionList lists sessions, newest first. It lists the sessions of the caller, or those of the
// whole context if seesAll allows it.
func (m sessionOps) sessionList(c *call) (simulator.Reply, *problem) {
	filter, size, p := c.sessionFilter()
	if p != nil {
		return simulator.Reply{}, p
	}
	from, p := m.position(c, c.r.URL.Query().Get("sessionType"))
	if p != nil {
		return simulator.Reply{}, p
	}
	type entry struct {
		Reference string     `json:"referenceNumber"`
		Status    statusInfo `json:"status"`
		Created   string     `json:"dateCreated"`
		Updated   string     `json:"dateUpdated"`
		Until     string     `json:"validUntil,omitempty"`
		Count     int        `json:"totalInvoiceCount"`
		Success   int        `json:"successfulInvoiceCount"`
		Failed    int        `json:"failedInvoiceCount"`
	}
	answer := struct {
		Next     string  `json:"continuationToken,omitempty"`
		Sessions []entry `json:"sessions"`
	}{Sessions: []entry{}}
	all := m.face.Sessions().List(c.account, c.r.URL.Query().Get("sessionType") == "Online")
	all = slices.DeleteFunc(all, func(s simulator.Session) bool {
		return !seesAll(c.access) && s.Author != author(c.access) || !filter(s)
	})
	// The position counts from the oldest, so that sessions opened meanwhile do not shift the
	// pages.
	end := len(all)
	if from > 0 {
		end = min(from, end)
	}
	next := max(end-size, 0)
	for i := end - 1; i >= next; i-- {
		s := all[len(all)-1-i]
		answer.Sessions = append(answer.Sessions, entry{
			s.ID, status(s.Code, s.Description, s.Details), timestamp(s.Opened), timestamp(s.Updated), timestamp(s.Expires),
			s.Count, s.Success, s.Failed,
		})
	}
	if next > 0 {
		answer.Next = m.pageToken(c, c.r.URL.Query().Get("sessionType"), next)
	}
	return m.json(http.StatusOK, answer), nil
}

// sessionFilter reads the query of the list of sessions.
func (c *call) sessionFilter() (keep func(simulator.Session) bool, size int, p *problem) {
	names := []string{"pageSize", "sessionType", "referenceNumber", "statuses", "dateCreatedFrom", "dateCreatedTo", "dateClosedFrom",
		"dateClosedTo", "dateModifiedFrom", "dateModifiedTo"}
	if p := c.checkQuery(names...); p != nil {
		return nil, 0, p
	}
	q := c.r.URL.Query()
	if kind := q.Get("sessionType"); kind != "Online" && kind != "Batch" {
		return nil, 0, badInput("sessionType: %q is neither Online nor Batch", kind)
	}
	if size, p = c.queryInt("pageSize", 10, 10, 1000); p != nil {
		return nil, 0, p
	}
	for _, s := range q["statuses"] {
		if !slices.Contains([]string{"InProgress", "Succeeded", "Failed", "Cancelled"}, s) {
			return nil, 0, badInput("statuses: %q is not one of InProgress, Succeeded, Failed, Cancelled", s)
		}
	}
	var limits [6]time.Time
	for i, name := range names[4:] {
		if limits[i], p = c.queryTime(name); p != nil {
			return nil, 0, p
		}
	}
	within := func(t, from, to time.Time) bool {
		return from.IsZero() && to.IsZero() || !t.IsZero() && !t.Before(from) && (to.IsZero() || !t.After(to))
	}
	return func(s simulator.Session) bool {
		reference := q.Get("referenceNumber")
		return (reference == "" || s.ID == reference) && (len(q["statuses"]) == 0 || slices.Contains(q["statuses"], kindOf(s))) &&
			within(s.Opened, limits[0], limits[1]) && within(s.Closed, limits[2], limits[3]) && within(s.Updated, limits[4], limits[5])
	}, size, nil
}
