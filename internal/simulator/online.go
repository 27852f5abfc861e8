package simulator

import (
	"bytes"
	"cmp"
	"crypto/sha256"
	"fmt"
	"net/http"

	"ksefworker/internal/simulator/fa"
)

type encryptionInfo struct {
	InitVector   octets `json:"initVector"`
	EncryptedKey octets `json:"encryptedKey"`
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

func (s *Simulator) publicKey(*call) (reply, *refusal) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return jsonReply(struct {
		Algorithm string `json:"algorithm"`
		PublicKey []byte `json:"publicKey"`
	}{"RSA", s.keys.public}), nil
}

// begin makes a session of either lane. A key that cannot be decrypted is noticed at once and
// reported only later, as KSeF does. The caller holds mu.
func (s *Simulator) begin(c *call, lane string, f *fa.Form, e encryptionInfo) *session {
	kind := "SO"
	if lane == laneBatch {
		kind = "SB"
	}
	now := s.now()
	sess := &session{
		id: s.reference(kind), lane: lane, account: c.account.ID, context: c.account.NIP, form: f,
		opened: now, expires: now.Add(sessionLife), key: s.keys.unwrap(e.EncryptedKey), iv: e.InitVector,
	}
	s.addSession(sess)
	c.session = sess.id
	return sess
}

// opens checks what a session of either lane is opened with, and returns the form of its invoices.
func (s *Simulator) opens(version string, e encryptionInfo) (*fa.Form, *refusal) {
	f := s.forms[version]
	if f == nil {
		return nil, badInput("invoiceVersion %q is neither v2 nor v3", version)
	}
	return f, e.check()
}

func (s *Simulator) openOnline(c *call) (reply, *refusal) {
	var body struct {
		Version    string         `json:"invoiceVersion"`
		Encryption encryptionInfo `json:"encryptionInfo"`
	}
	if refused := c.decode(&body); refused != nil {
		return reply{}, refused
	}
	f, refused := s.opens(body.Version, body.Encryption)
	if refused != nil {
		return reply{}, refused
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	sess := s.begin(c, laneOnline, f, body.Encryption)
	if fault, hit := s.faults.take(sess.event(""), SessionRefused); hit {
		sess.refusedCode = cmp.Or(fault.Code, 500)
	}
	s.spoiledByFault(sess)
	return jsonReply(opened{sess.id, rfc3339(sess.opened)}), nil
}

// sentInvoice is an invoice of an online session, for the lookup by its reference.
type sentInvoice struct {
	session *session
	outcome *outcome
}

// sendInvoice takes one invoice into an open online session. Faults of the invoice are reported by
// its status, not by this answer.
func (s *Simulator) sendInvoice(c *call) (reply, *refusal) {
	var body struct {
		SessionID string `json:"sessionId"`
		Encrypted struct {
			Size    int32  `json:"invoiceSize"`
			Hash    octets `json:"invoiceHash"`
			Content octets `json:"encryptedInvoice"`
		} `json:"encrypted"`
	}
	if refused := c.decode(&body); refused != nil {
		return reply{}, refused
	}
	if body.Encrypted.Size < 1 || len(body.Encrypted.Hash) != sha256.Size || len(body.Encrypted.Content) == 0 {
		return reply{}, badInput("encrypted needs a positive invoiceSize, an invoiceHash of 32 bytes and an encryptedInvoice")
	}
	c.session = body.SessionID

	s.mu.Lock()
	sess, refused := s.openSession(c, body.SessionID)
	if refused != nil {
		s.mu.Unlock()
		return reply{}, refused
	}
	o := &outcome{ordinal: len(sess.invoices) + 1, id: s.reference("EE"), sent: s.now(), code: 150}
	sess.pending++
	sess.invoices = append(sess.invoices, o) // gets its ordinal before the lock is released
	s.sent[o.id] = sentInvoice{sess, o}
	s.mu.Unlock()

	read := s.decryptInvoice(sess, o, body.Encrypted.Size, body.Encrypted.Hash, body.Encrypted.Content)
	s.mu.Lock()
	defer s.mu.Unlock()
	s.decide(sess, o, read)
	if sess.pending--; !sess.closed.IsZero() {
		s.finishOnline(sess)
	}
	return jsonReply(opened{o.id, rfc3339(o.sent)}), nil
}

// openSession returns the account's online session if it still takes invoices. The caller holds mu.
func (s *Simulator) openSession(c *call, id string) (*session, *refusal) {
	sess, refused := s.ownSession(c.account, id)
	if refused != nil {
		return nil, refused
	}
	if sess.lane != laneOnline {
		return nil, &refusal{
			status: http.StatusBadRequest, code: codeSessionStatus, description: "Status sesji nie pozwala na wykonanie operacji.",
			details: "Sesja wsadowa nie przyjmuje pojedynczych faktur.",
		}
	}
	if status := s.status(sess); status != 100 {
		return nil, wrongStatus(status, "wysyłkę faktur")
	}
	if limit := s.opts.maxInvoicesOf(sess.context); len(sess.invoices) >= limit {
		return nil, &refusal{
			status: http.StatusBadRequest, code: codeTooMany, description: "Przekroczono dozwoloną liczbę faktur w sesji.",
			details: fmt.Sprintf("Sesja o numerze referencyjnym %s osiągnęła dozwolony limit liczby faktur %d.", id, limit),
		}
	}
	return sess, nil
}

// decryptInvoice decrypts and inspects an invoice. It needs no lock, because key, vector, form and
// lane of a session never change.
func (s *Simulator) decryptInvoice(sess *session, o *outcome, size int32, hash, content []byte) reading {
	if sess.key == nil {
		return reading{code: 405}
	}
	plain, err := decrypt(sess.key, sess.iv, content)
	if err != nil {
		return reading{code: 435, details: err.Error()}
	}
	got := sha256.Sum256(plain)
	switch {
	case len(plain) != int(size):
		return reading{hash: got, code: 430, details: fmt.Sprintf("invoiceSize %d, a document of %d bytes came", size, len(plain))}
	case !bytes.Equal(got[:], hash):
		return reading{hash: got, code: 430, details: "invoiceHash is not that of the document"}
	}
	return s.read(plain, sess.form, laneOnline, o.sent)
}

// invoiceStatus answers the status of one invoice of an online session.
func (s *Simulator) invoiceStatus(c *call) (reply, *refusal) {
	s.mu.Lock()
	defer s.mu.Unlock()
	found, known := s.sent[c.value(0)]
	if !known || found.session.account != c.account.ID || found.session.lost {
		return reply{}, noInvoice(fmt.Sprintf("Faktura o numerze referencyjnym %s nie została znaleziona.", c.value(0)))
	}
	s.expire(found.session)
	info, _ := s.altered(opInvoiceStatus, found.session, found.outcome, s.info(found.session, found.outcome))
	return jsonReply(struct {
		Info any `json:"invoiceInfo"`
	}{info}), nil
}
