package simulator

import (
	"cmp"
	"crypto/sha256"
	"fmt"
	"slices"
	"time"

	"ksefworker/internal/simulator/fa"
)

// reading is one invoice after every check that needs no knowledge of other invoices.
type reading struct {
	header   *fa.Header // nil when the document could not be read
	hash     [32]byte
	location location
	file     string // name in the package, "" for an online invoice
	code     int    // 200: nothing is wrong so far
	details  string
}

// accepted is an invoice that has a KSeF number. It never changes.
type accepted struct {
	fa.Header
	ksefNumber string
	account    string // the account that sent it
	session    *session
	hash       [32]byte
	location   location
	mode       string // online, offline
	sent       time.Time
	at         time.Time // acquisitionDate
	corrects   []byte    // hash of the refused invoice that this one corrects technically; nil for none
}

// read inspects an invoice and keeps its bytes when nothing is wrong so far. It needs no lock.
func (u *unpacker) read(content []byte, f *fa.Form, lane string, acceptance time.Time) reading {
	found := fa.Inspect(content, f, fa.Circumstances{
		Accepted: acceptance.In(u.warsaw), Online: lane == laneOnline, Sizes: u.opts.sizesOf,
	})
	r := reading{header: found.Header, hash: sha256.Sum256(content), code: found.Code, details: found.Details}
	if r.code != 200 {
		return r
	}
	var err error
	if r.location, err = u.documents.put(content); err != nil {
		u.log.Error().Err(err).Msg("document not kept")
		r.code, r.details = 500, ""
	}
	return r
}

// decide gives an invoice its outcome, which is a number or a refusal. The caller holds mu, so when
// two sessions bring the same invoice at the same time, one has the original and the other a
// duplicate.
func (rg *registry) decide(sess *session, o *outcome, r reading) {
	o.hash, o.code, o.details = r.hash, r.code, r.details
	if r.header != nil {
		o.nip, o.kind, o.number = r.header.NIP, r.header.Kind, r.header.Number
	}
	if sess.refusedCode != 0 {
		o.code, o.details = 405, "" // the session is going to fail, and none of its invoices counts
		return
	}
	if o.code == 200 {
		rg.register(sess, o, r)
	}
	if o.code == 200 || o.code == 405 {
		return
	}
	if _, hit := rg.faults.take(o.event(sess), OmitNumber); hit {
		o.hideNumber = true
	}
	rg.noteRefused(sess, o)
	rg.rejected = append(rg.rejected, Rejected{
		NIP: o.nip, Kind: o.kind, Number: o.number, Code: o.code, Description: describeInvoice(o.code), Details: o.details,
		Hash: hexHash(o.hash), Session: sess.id, At: rg.now().UTC(),
	})
}

// event describes the invoice to the faults.
func (o *outcome) event(sess *session) event {
	return event{account: sess.account, nip: o.nip, lane: sess.lane, number: o.number}
}

// register makes the checks that need more than the document. It checks whether the session may
// send the invoice, and whether the invoice is new. It gives a new invoice its number.
func (rg *registry) register(sess *session, o *outcome, r reading) {
	if sess.context == "" {
		sess.context = r.header.Issuer() // with a key for any seller, the first invoice decides
	}
	if !rg.opts.mayIssue(r.header, sess.context) {
		o.code, o.details = 410, fmt.Sprintf("Podmiot1: the session is that of seller %s", sess.context)
		if r.header.SelfBilled {
			o.details = fmt.Sprintf("P_17: %s may not issue invoices of seller %s", sess.context, r.header.NIP)
		}
		return
	}
	if f, hit := rg.faults.take(o.event(sess), InvoiceStatus); hit {
		o.code = cmp.Or(f.Code, 550)
		o.details = ""
		if o.code == 550 {
			o.details = "Przetwarzanie zostało przerwane z przyczyn wewnętrznych systemu. Spróbuj ponownie"
		}
		return
	}
	if first := rg.originals[r.header.Identity]; first != nil {
		rg.duplicate(sess, o, first)
		return
	}
	acceptance := o.sent
	if sess.lane == laneBatch {
		acceptance = sess.opened
	}
	a := &accepted{
		Header: *r.header, ksefNumber: rg.ksefNumber(o.nip, acceptance), account: sess.account, session: sess,
		hash: o.hash, location: r.location, mode: "online", sent: o.sent, at: rg.now(), corrects: o.corrects,
	}
	rg.noteAccepted(sess, a)
	if sess.offline || o.offline || a.Issued < acceptance.In(rg.warsaw).Format(time.DateOnly) {
		a.mode = "offline"
	}
	o.accepted = a
	rg.originals[a.Identity] = a
	rg.byNumber[a.ksefNumber] = a
	rg.accepted = append(rg.accepted, a)
}

// duplicate refuses an invoice whose identity is in the register, and names the original.
func (rg *registry) duplicate(sess *session, o *outcome, first *accepted) {
	o.code = 440
	if f, hit := rg.faults.take(o.event(sess), OmitOriginal, WrongOriginal); hit {
		other := slices.IndexFunc(rg.accepted, func(a *accepted) bool { return a != first && a.NIP == o.nip })
		if f.Kind == OmitOriginal || other < 0 {
			return
		}
		first = rg.accepted[other]
	}
	o.details = fmt.Sprintf("Duplikat faktury. Faktura o numerze KSeF: %s została już prawidłowo przesłana do systemu w sesji: %s",
		first.ksefNumber, first.session.id)
	o.extensions = []extension{
		{"originalSessionReferenceNumber", first.session.id}, {"originalKsefNumber", first.ksefNumber},
	}
}
