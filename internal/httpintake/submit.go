package httpintake

import (
	"errors"
	"net/http"
	"slices"
	"time"

	"ksefworker/internal/intake"
	"ksefworker/internal/ledger"
)

// submitAnswer is the answer to POST /v1/invoices.
type submitAnswer struct {
	Taken   int    `json:"taken"`
	Refused int    `json:"refused"`
	Items   []item `json:"items"`
}

// submit takes documents in. It answers after the ledger has the documents. The status is 202 when
// all were taken, and 207 when some were. When none was, it is 503 if nothing is wrong with any
// document, and otherwise 422.
func (sm *submissions) submit(c *call) error {
	if err := sm.o.Fit(); err != nil {
		return notNow(err)
	}
	of, err := sm.bodies.askedOf(c)
	if err != nil {
		return err
	}
	b, err := sm.bodies.readBody(c)
	if err != nil {
		return err
	}
	defer b.close()
	if b.size == 0 {
		return bad("the body is empty", "treść jest pusta")
	}
	if err := sm.noteKey(c, b, of); err != nil {
		return err
	}
	adms, err := sm.admit(c, b, of)
	items, noted := sm.answers(c, adms)
	if err == nil {
		err = noted
	}
	for i := range items {
		if items[i].Refusal == nil {
			c.taken++
		} else {
			c.refused++
		}
	}
	if p, ok := errors.AsType[*problem](err); ok {
		p.items = items
		return p
	}
	if err != nil {
		return err
	}
	return c.answer(items)
}

func (c *call) answer(items []item) error {
	after := pauseOf(items)
	switch {
	case c.refused == 0:
		return c.json(http.StatusAccepted, submitAnswer{c.taken, c.refused, items})
	case c.taken > 0:
		c.retryAfter(after)
		return c.json(http.StatusMultiStatus, submitAnswer{c.taken, c.refused, items})
	}
	if again := triedAgain(items); again < len(items) {
		return &problem{kind: refusedAll, items: items, detail: whatToDo(again), after: after}
	}
	detail := text{en: "nothing is wrong with the documents: make the same call again later",
		pl: "dokumenty nie mają błędów: wykonaj to samo wywołanie później"}
	if !slices.ContainsFunc(items, func(it item) bool { return !it.Refusal.unread }) {
		detail = unreadDetail
	}
	return &problem{kind: unavailable, items: items, detail: detail, after: after}
}

var unreadDetail = text{
	en: "entries of these invoices in the ledger (Redis) are damaged, or a newer version wrote them: the items say which and what to do; " +
		"nothing is wrong with the documents",
	pl: "wpisy tych faktur w rejestrze (Redis) są uszkodzone albo zapisała je nowsza wersja: pozycje mówią które i co zrobić; " +
		"dokumenty nie mają błędów"}

// pauseOf returns how long the caller should wait before it hands in again what could not be taken
// now. 0 means that this is not known.
func pauseOf(items []item) time.Duration {
	pause := time.Duration(0)
	for i := range items {
		if r := items[i].Refusal; r != nil {
			pause = max(pause, r.after)
		}
	}
	return pause
}

// triedAgain counts the documents that were refused although nothing is wrong with them.
func triedAgain(items []item) (n int) {
	for i := range items {
		if items[i].Refusal.TryAgain {
			n++
		}
	}
	return n
}

// whatToDo returns what the caller should do about documents that were all refused. Nothing is
// wrong with some of them, and again is their number. The others have a fault.
func whatToDo(again int) text {
	if again == 0 {
		return text{en: "correct what the items name, then hand the documents in again",
			pl: "popraw to, co wskazują pozycje, i przekaż dokumenty ponownie"}
	}
	return text{en: "correct the documents whose items name a fault; hand those with try_again in again later, nothing is wrong with them",
		pl: "popraw to, co wskazują pozycje; te z try_again nie mają błędów: przekaż je ponownie później"}
}

// noteKey refuses a call with an Idempotency-Key that a different call has used.
func (sm *submissions) noteKey(c *call, b *body, of *asked) error {
	given := c.r.Header.Values("Idempotency-Key")
	if len(given) == 0 {
		return nil
	}
	const maxLength = 255
	key := given[0]
	if len(given) > 1 || key == "" || len(key) > maxLength {
		return bad("Idempotency-Key must be given once and have 1 to 255 characters",
			"Idempotency-Key należy podać raz, od 1 do 255 znaków")
	}
	print, err := b.fingerprint(of, c.r.URL.RawQuery)
	if err != nil {
		return err
	}
	same, err := sm.o.Ledger.NoteRequest(c.ctx(), c.client.Name, key, print)
	if err != nil {
		return notNow(err)
	}
	if !same {
		return &problem{kind: keyReused, detail: text{
			en: "within a day this key was given to a call with another body, Content-Type or query; nothing was taken",
			pl: "w ciągu doby ten klucz podano przy wywołaniu z inną treścią, innym Content-Type lub zapytaniem; nic nie przyjęto"}}
	}
	return nil
}

// admit hands the documents of a body in. It returns the admissions in the pieces in which they
// came. One slice that grows would copy them again and again, and ten thousand admissions are 15
// MB. With an error, the admissions are those that were finished. The other documents may have been
// taken, and can be handed in again.
func (sm *submissions) admit(c *call, b *body, of *asked) (adms [][]intake.Admission, err error) {
	if b.single(of) {
		docs := []intake.Document{{File: of.file, Data: b.mem, Ref: of.wanted.Ref}}
		out, err := c.client.admitter.Admit(c.ctx(), docs, of.terms)
		if err != nil && len(out) != len(docs) {
			return nil, notNow(err)
		}
		return [][]intake.Admission{out}, nil // if all are answered, only the queue failed, and the ledger has the document
	}
	if kind, large := b.turn(of); large {
		// The call keeps its place until its answer is encoded, which puts a large answer into a
		// file. Before that, an answer about ten thousand documents takes a thousand times the
		// memory of the body that names these documents.
		if c.leave, err = sm.gates.batch(c.ctx(), c.client, kind); err != nil {
			return nil, err
		}
	}
	src := formats[of.media](sm.bodies, c, b, of)
	err = intake.Run(c.ctx(), c.client.admitter, sm.bodies.limited(c.ctx(), src), of.terms, func(some []intake.Admission) {
		adms = append(adms, some)
	})
	if err != nil {
		return adms, notNow(err)
	}
	return adms, src.fault
}

// answers returns an item for each document, and puts refused documents on record. An error says
// that a refusal is not on record, or that entries could not be read. If entries could not be read,
// there are no items.
func (sm *submissions) answers(c *call, adms [][]intake.Admission) ([]item, error) {
	here, err := sm.entriesOf(c, adms)
	if err != nil && len(adms) > 0 {
		// The owners of the entries are unknown, so nothing is said about the entries.
		return nil, notNow(err)
	}
	n := 0
	for _, some := range adms {
		n += len(some)
	}
	items := make([]item, 0, n)
	for _, some := range adms {
		for i := range some {
			items = append(items, c.itemOf(&some[i], here))
		}
	}
	if err := sm.record(c, adms, items); err != nil {
		return items, notNow(err)
	}
	return items, nil
}

// entriesOf reads the entries that documents met. When a document is here already, this is its own
// entry. Otherwise it is the entry of another invoice that has the document's number or ref.
func (sm *submissions) entriesOf(c *call, adms [][]intake.Admission) (map[string]ledger.Invoice, error) {
	var ids []string
	for _, some := range adms {
		for i := range some {
			a := &some[i]
			if a.Taken == ledger.Present && !a.Archived {
				ids = append(ids, a.Invoice.ID)
			}
			for _, id := range []string{a.Other, a.Held.ID} {
				if id != "" {
					ids = append(ids, id)
				}
			}
		}
	}
	out := map[string]ledger.Invoice{}
	if len(ids) == 0 {
		return out, nil
	}
	invs, err := sm.o.Ledger.Invoices(c.ctx(), ids)
	if _, err = ledger.Skip(err); err != nil {
		return nil, err
	}
	for _, inv := range invs {
		out[inv.ID] = inv
	}
	return out, nil
}

// record puts refused documents on record, in the lists of this client's tenants, and ends the
// refusals of documents that are taken now. items are the answers to adms, in order. The item of a
// document that goes on record gets the id of its refusal. All pieces of a call go to one Refusals.
// So an archive that is refused in one piece stays refused when its other documents are taken in
// the next piece. An error says that a refusal is not on record. Receivers would never be told of
// such a refusal, so the caller has to call again.
func (sm *submissions) record(c *call, adms [][]intake.Admission, items []item) error {
	if !sm.o.RecordRefusals {
		return nil
	}
	r := &intake.Refusals{Record: sm.o.Ledger, Source: c.client.Name, Tenant: c.client.ownerOf,
		Accounts: c.client.admitter.Accounts}
	if len(c.client.Tenants) == 1 {
		r.Otherwise = c.client.Tenants[0] // where the client finds the refusal when it asks by its ref
	}
	for _, some := range adms {
		noted := c.own(some, items[:len(some)])
		r.Note(c.ctx(), noted)
		for i := range noted {
			if on := noted[i].Refusal; on != "" {
				items[i].ID = on
			}
		}
		items = items[len(some):]
	}
	switch {
	case r.Unrecorded > 0:
		sm.o.Log.Warn().Err(r.Err).Str("request_id", c.id).Int("unrecorded", r.Unrecorded).
			Msg("refused documents could not be put on record; the client is told to call again")
	case r.Err != nil:
		sm.o.Log.Warn().Err(r.Err).Str("request_id", c.id).
			Msg("earlier refusals of documents that are taken now may stay open for a while; the sweep of a worker ends them")
	}
	if r.Untold > 0 {
		sm.o.Log.Warn().Str("request_id", c.id).Str("client", c.client.Name).Int("refusals", r.Untold).
			Msg("too many documents of one tenant were refused: receivers of results are not told of these")
	}
	if r.Unrecorded == 0 {
		return nil
	}
	return r.Err
}

// own returns the admissions as this client may know them. An admission may have met an entry of a
// tenant that is not the client's. In the result, such an admission has only what the document
// itself says. When there is no such admission, own returns adms itself, without a copy.
func (c *call) own(adms []intake.Admission, items []item) []intake.Admission {
	if !slices.ContainsFunc(items, func(it item) bool { return it.foreign }) {
		return adms
	}
	mine := slices.Clone(adms)
	for i := range mine {
		a := &mine[i]
		if !items[i].foreign {
			continue
		}
		inv := ledger.Invoice{Number: a.Invoice.Number}
		inv.NIP, inv.Kind, inv.IssueDate = a.Invoice.NIP, a.Invoice.Kind, a.Invoice.IssueDate
		*a = intake.Admission{File: a.File, Unnamed: a.Unnamed, Ref: a.Ref, Asked: a.Asked, Invoice: inv, Taken: ledger.Refused,
			Err: &intake.RefusedError{Rule: foreignRule(inv.Number).en, Hint: foreignHint.en}}
	}
	return mine
}
