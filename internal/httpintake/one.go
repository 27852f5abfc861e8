package httpintake

import (
	"errors"
	"net/http"
	"strings"
	"time"

	"ksefworker/internal/ledger"
	"ksefworker/internal/records"
	"ksefworker/internal/results"
)

// invoiceAnswer is the result document of an invoice, with links to the rest of it.
type invoiceAnswer struct {
	results.Result
	Links *invoiceLinks `json:"links,omitempty"`
}

func answerOf(r results.Result) invoiceAnswer {
	if r.State != results.Refused { // [results.Explained] has explained a refusal by its rules, which r does not have
		r.Explain()
	}
	a := invoiceAnswer{Result: r}
	if strings.HasPrefix(r.ID, "inv-") { // a refused document is no invoice, also when its refusal has ended
		a.Links = linksOf(r.ID)
	}
	return a
}

// invoice returns the entry of an id. An invoice of another client gets the same answer as one that
// does not exist. An entry that cannot be read, and an invoice that only the archive has, give a
// problem with a [*lostError]. When nobody knows whose an entry is, it may be the client's, so the
// answer does not say that there is none.
func (co *core) invoice(c *call, id string) (ledger.Invoice, error) {
	missing := unknownID(id)
	inv, err := co.o.Ledger.Named(c.ctx(), id)
	if changed := c.settled(); changed != nil { // before anything is done about the invoice
		return inv, changed
	}
	if errors.Is(err, ledger.ErrNotFound) {
		l, unsure := co.forgotten(c, id)
		if changed := c.settled(); changed != nil {
			return inv, changed
		}
		if l != nil {
			return inv, &problem{kind: conflict, cause: &lostError{l}, detail: text{
				en: "this invoice is finished, and only the archive has it: nothing can be done about it here",
				pl: "ta faktura jest zakończona i jest tylko w archiwum: nic nie można z nią tutaj zrobić"}}
		}
		if unsure != nil {
			return inv, notForgotten(unsure)
		}
		return inv, missing
	}
	if unread, rest := ledger.Skip(err); rest != nil {
		return inv, notNow(rest)
	} else if len(unread) > 0 {
		l := newLost(&unread[0], nil)
		if ledger.Damaged(l.Err) {
			archived, _ := co.archived(c, id) // without it, the entry still counts as damaged
			l = newLost(&unread[0], archived)
		}
		if err := c.settled(); err != nil {
			return inv, err
		}
		switch {
		case c.maySee(l.Tenant):
			return inv, notReadable(&l)
		case l.Tenant == "":
			return inv, ownerUnknown(l.Err)
		}
		return inv, missing
	}
	if !c.owns(inv.Tenant) {
		return inv, missing
	}
	return inv, nil
}

// unknownID returns the problem of an id that no invoice of the client has. It says where the
// invoice was looked for: in the ledger, and in those parts of the archive that the method
// forgotten reads. The words are the same when another client has the invoice.
func unknownID(id string) *problem {
	of := &problem{kind: notFound, detail: text{
		en: "no invoice of your tenants has this id", pl: "żadna faktura Twoich podatników nie ma tego id"}}
	switch {
	case isRefusal(id):
		return notKeptRefused()
	case strings.HasPrefix(id, "inv-"):
		of.detail.en += ", in the ledger or among the results, documents and indexes of the archive"
		of.detail.pl += ", ani w rejestrze, ani wśród wyników, dokumentów i indeksów archiwum"
	}
	return of
}

// notForgotten returns the problem of an id that the ledger does not have, when it cannot be found
// out whether the archive has it.
func notForgotten(why error) *problem {
	return &problem{kind: unavailable, after: time.Minute, cause: why, detail: text{
		en: "the ledger has no invoice with this id, and the archive, which keeps finished invoices longer, cannot be read in full now; " +
			"do not send the invoice in another way, ask again",
		pl: "rejestr nie ma faktury o tym id, a archiwum, które dłużej przechowuje zakończone faktury, nie można teraz odczytać w całości; " +
			"nie wysyłaj faktury inną drogą, zapytaj ponownie"}}
}

// notReadable returns the problem of an entry that exists and cannot be read.
func notReadable(l *lost) *problem {
	p := &problem{kind: unavailable, after: time.Minute, cause: &lostError{l}, detail: text{
		en: "this invoice is here, and its entry cannot be read by this server now; nothing is lost, ask again",
		pl: "ta faktura jest w rejestrze, ale ten serwer nie może teraz odczytać jej wpisu; nic nie zginęło, zapytaj ponownie"}}
	if ledger.Damaged(l.Err) {
		p.detail = text{
			en: "this invoice is here, and its entry is damaged; do not send it in another way: the server's operator has to look, " +
				"see ksef_unreadable_entries",
			pl: "ta faktura jest w rejestrze, ale jej wpis jest uszkodzony; nie wysyłaj jej inną drogą: " +
				"musi to sprawdzić administrator serwera, zob. ksef_unreadable_entries"}
	}
	return p
}

// ownerUnknown returns the problem of an entry that cannot be read, when neither the ledger nor the
// archive tells whose it is. It says nothing else of the entry, because the entry may be another
// client's. It may say that there is an entry, because an id is a hash that only those who have the
// document can know.
func ownerUnknown(why error) *problem {
	p := &problem{kind: unavailable, after: time.Minute, cause: why, detail: text{
		en: "an entry with this id is here and cannot be read by this server now, and its owner is not known; " +
			"do not send the invoice in another way, ask again",
		pl: "wpis o tym id jest w rejestrze, ale ten serwer nie może teraz go odczytać i nie wiadomo, czyj jest; " +
			"nie wysyłaj faktury inną drogą, zapytaj ponownie"}}
	if ledger.Damaged(why) {
		p.detail = text{
			en: "an entry with this id is here and cannot be read, and its owner is not known; do not send the invoice in another way: " +
				"the server's operator has to look, see ksef_unreadable_entries",
			pl: "wpis o tym id jest w rejestrze, ale nie można go odczytać i nie wiadomo, czyj jest; nie wysyłaj faktury inną drogą: " +
				"musi to sprawdzić administrator serwera, zob. ksef_unreadable_entries"}
	}
	return p
}

func (sg *single) one(c *call) error {
	if id := c.r.PathValue("id"); isRefusal(id) {
		return sg.oneRefusal(c, id)
	}
	inv, err := sg.invoice(c, c.r.PathValue("id"))
	if of, ok := errors.AsType[*lostError](err); ok {
		return c.json(http.StatusOK, of.lost.answer())
	}
	if err != nil {
		return err
	}
	found, err := sg.o.Inquiry.Results(c.ctx(), []ledger.Invoice{inv})
	if err != nil {
		return notNow(err)
	}
	return c.json(http.StatusOK, answerOf(found[0]))
}

// xml answers with the document of an invoice, as the method document returns it. If the invoice's
// entry is damaged, it is the archived document.
func (sg *single) xml(c *call) error {
	inv, instead, err := sg.invoiceOrInstead(c)
	if err != nil {
		return err
	}
	if instead != nil {
		doc, err := sg.o.Records.Document(c.ctx(), *instead)
		return sg.stored(c, ".xml", instead, doc, err, notKept)
	}
	doc, err := sg.document(c, &inv)
	of := results.Of(inv, "")
	return sg.stored(c, ".xml", &of, doc, err, notKept)
}

func (sg *single) upo(c *call) error {
	inv, instead, err := sg.invoiceOrInstead(c)
	if err != nil {
		return err
	}
	of := results.Of(inv, "")
	if instead != nil {
		of = *instead
	}
	receipt, err := sg.o.Records.ReceiptOf(c.ctx(), of)
	return sg.stored(c, ".upo.xml", &of, receipt.Raw, err, text{
		en: "this invoice has no receipt (UPO) yet; it is " + of.State,
		pl: "ta faktura nie ma jeszcze UPO; jej stan: " + of.State})
}

// stored answers with a file of an invoice. suffix is the end of its name.
func (sg *single) stored(c *call, suffix string, of *results.Result, data []byte, err error, missing text) error {
	switch {
	case err == nil:
		c.w.Header().Set("Content-Disposition", `attachment; filename="`+of.ID+suffix+`"`)
		return c.raw(http.StatusOK, "application/xml", data)
	case records.Lost(*of, err):
		return lostFile(err)
	case records.Missing(err):
		return &problem{kind: notFound, detail: missing}
	}
	return archiveAway(err)
}
