package simulator

import (
	"bytes"
	"cmp"
	"crypto/sha256"
	"fmt"
	"net/http"

	"ksefworker/internal/simulator/fa"
	"ksefworker/internal/simulator/strictjson"
)

type encryptionInfo struct {
	InitVector   strictjson.Octets `json:"initVector"`
	EncryptedKey strictjson.Octets `json:"encryptedKey"`
}

func (e encryptionInfo) check() *refusal {
	if len(e.InitVector) != 16 {
		return badInput("initVector has %d bytes instead of 16", len(e.InitVector))
	}
	if len(e.EncryptedKey) == 0 {
		return badInput("encryptedKey is empty")
	}
	return nil
}

type opened struct {
	ID      string `json:"id"`
	Created string `json:"created"`
}

func (so *sessionOperations) publicKey(*call) (reply, *refusal) {
	so.mu.Lock()
	defer so.mu.Unlock()
	return jsonReply(struct {
		Algorithm string `json:"algorithm"`
		PublicKey []byte `json:"publicKey"`
	}{"RSA", so.keys.public}), nil
}

// begin makes a session of either lane. The key of the session is decrypted at once. If that fails,
// the client learns of it only later, as with KSeF. The caller holds mu.
func (c *core) begin(account Account, lane string, f *fa.Form, e encryptionInfo) *session {
	kind := "SO"
	if lane == laneBatch {
		kind = "SB"
	}
	now := c.now()
	sess := &session{
		id: c.reference(kind), lane: lane, account: account.ID, context: account.NIP, form: f,
		opened: now, expires: now.Add(sessionLife), key: c.keys.unwrap(e.EncryptedKey), iv: e.InitVector,
	}
	c.addSession(sess)
	return sess
}

// startOnline makes an online session. The caller holds mu.
func (ol *onlineSessions) startOnline(account Account, f *fa.Form, e encryptionInfo) *session {
	sess := ol.begin(account, laneOnline, f, e)
	if fault, hit := ol.faults.take(sess.event(""), SessionRefused); hit {
		sess.refusedCode = cmp.Or(fault.Code, 500)
	}
	ol.batches.spoiledByFault(sess)
	return sess
}

// opens checks the parameters with which a client opens a session of either lane. It returns the
// form of the session's invoices.
func (sb *sessionBook) opens(version string, e encryptionInfo) (*fa.Form, *refusal) {
	f := sb.forms[version]
	if f == nil {
		return nil, badInput("invoiceVersion %q is neither v2 nor v3", version)
	}
	return f, e.check()
}

func (so *sessionOperations) openOnline(c *call) (reply, *refusal) {
	var body struct {
		Version    string         `json:"invoiceVersion"`
		Encryption encryptionInfo `json:"encryptionInfo"`
	}
	if refused := c.decode(&body); refused != nil {
		return reply{}, refused
	}
	f, refused := so.book.opens(body.Version, body.Encryption)
	if refused != nil {
		return reply{}, refused
	}
	so.mu.Lock()
	defer so.mu.Unlock()
	sess := so.online.startOnline(c.account, f, body.Encryption)
	c.session = sess.id
	return jsonReply(opened{sess.id, rfc3339(sess.opened)}), nil
}

// sentInvoice is an invoice of an online session, for the lookup by its reference.
type sentInvoice struct {
	session *session
	outcome *outcome
}

// sendInvoice takes one invoice into an open online session. Errors in the invoice are reported by
// its status, not by this answer.
func (so *sessionOperations) sendInvoice(c *call) (reply, *refusal) {
	var body struct {
		SessionID string `json:"sessionId"`
		Encrypted struct {
			Size    int32             `json:"invoiceSize"`
			Hash    strictjson.Octets `json:"invoiceHash"`
			Content strictjson.Octets `json:"encryptedInvoice"`
		} `json:"encrypted"`
	}
	if refused := c.decode(&body); refused != nil {
		return reply{}, refused
	}
	if body.Encrypted.Size < 1 || len(body.Encrypted.Hash) != sha256.Size || len(body.Encrypted.Content) == 0 {
		return reply{}, badInput("encrypted needs a positive invoiceSize, an invoiceHash of 32 bytes and an encryptedInvoice")
	}
	c.session = body.SessionID
	o, refused := so.online.deliver(c.account, body.SessionID, delivery{
		size: int64(body.Encrypted.Size), hash: body.Encrypted.Hash, content: body.Encrypted.Content,
	})
	if refused != nil {
		return reply{}, refused
	}
	return jsonReply(opened{o.id, rfc3339(o.sent)}), nil
}

// delivery is one encrypted invoice with what its sender says about it.
type delivery struct {
	size          int64 // of the document
	hash, content []byte
	offline       bool   // only the Ministry's API declares it for a single invoice
	corrects      []byte // hash of the refused invoice of which this is the technical correction; nil for none
}

// deliver takes an invoice into an open online session of the account and decides about it.
func (ol *onlineSessions) deliver(account Account, session string, d delivery) (*outcome, *refusal) {
	ol.mu.Lock()
	sess, refused := ol.openSession(account, session)
	if refused == nil {
		refused = ol.registry.mayCorrect(sess, d.corrects)
	}
	if refused != nil {
		ol.mu.Unlock()
		return nil, refused
	}
	o := &outcome{
		ordinal: len(sess.invoices) + 1, id: ol.reference("EE"), sent: ol.now(), code: 150, offline: d.offline, corrects: d.corrects,
	}
	copy(o.hash[:], d.hash)
	sess.pending++
	sess.invoices = append(sess.invoices, o) // gets its ordinal before the lock is released
	ol.sent[o.id] = sentInvoice{sess, o}
	ol.mu.Unlock()

	read := ol.decryptInvoice(sess, o, d)
	ol.mu.Lock()
	defer ol.mu.Unlock()
	ol.registry.decide(sess, o, read)
	if sess.pending--; !sess.closed.IsZero() {
		ol.book.finishOnline(sess)
	}
	return o, nil
}

// openSession returns the account's online session if it still accepts invoices. The caller holds
// mu.
func (ol *onlineSessions) openSession(account Account, id string) (*session, *refusal) {
	sess, refused := ol.book.ownSession(account, id)
	if refused != nil {
		return nil, refused
	}
	if sess.lane != laneOnline {
		return nil, &refusal{
			status: http.StatusBadRequest, code: codeSessionStatus, description: "Status sesji nie pozwala na wykonanie operacji.",
			details: "Sesja wsadowa nie przyjmuje pojedynczych faktur.",
		}
	}
	if status := ol.status(sess); status != 100 {
		return nil, wrongStatus(status, "wysyłkę faktur")
	}
	if limit := ol.opts.maxInvoicesOf(sess.context); len(sess.invoices) >= limit {
		return nil, &refusal{
			status: http.StatusBadRequest, code: codeTooMany, description: "Przekroczono dozwoloną liczbę faktur w sesji.",
			details: fmt.Sprintf("Sesja o numerze referencyjnym %s osiągnęła dozwolony limit liczby faktur %d.", id, limit),
		}
	}
	return sess, nil
}

// decryptInvoice decrypts and inspects an invoice. It needs no lock, because key, vector, form and
// lane of a session never change.
func (ol *onlineSessions) decryptInvoice(sess *session, o *outcome, d delivery) reading {
	if sess.key == nil {
		return reading{hash: o.hash, code: 405}
	}
	plain, err := decrypt(sess.key, sess.iv, d.content)
	if err != nil {
		return reading{hash: o.hash, code: 435, details: err.Error()}
	}
	got := sha256.Sum256(plain)
	switch {
	case int64(len(plain)) != d.size:
		return reading{hash: got, code: 430, details: fmt.Sprintf("invoiceSize is %d, but the document has %d bytes", d.size, len(plain))}
	case !bytes.Equal(got[:], d.hash):
		return reading{hash: got, code: 430, details: "invoiceHash is not the hash of the document"}
	}
	lane := laneOnline
	if d.corrects != nil {
		lane = laneBatch // a technical correction may have an attachment, as an invoice in a package
	}
	return ol.unpacker.read(plain, sess.form, lane, o.sent)
}

// invoiceStatus answers with the status of one invoice of an online session.
func (so *sessionOperations) invoiceStatus(c *call) (reply, *refusal) {
	so.mu.Lock()
	defer so.mu.Unlock()
	found, known := so.sent[c.value(0)]
	if !known || found.session.account != c.account.ID || found.session.lost {
		return reply{}, noInvoice(fmt.Sprintf("Faktura o numerze referencyjnym %s nie została znaleziona.", c.value(0)))
	}
	so.book.expire(found.session)
	info, _ := so.alterer.altered(opInvoiceStatus, found.session, found.outcome, so.book.info(found.session, found.outcome))
	return jsonReply(struct {
		Info any `json:"invoiceInfo"`
	}{info}), nil
}
