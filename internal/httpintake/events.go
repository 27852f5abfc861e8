package httpintake

import (
	"context"
	"encoding/base64"
	"net/http"
	"strconv"
	"strings"
	"sync"
	"time"

	"ksefworker/internal/ledger"
	"ksefworker/internal/results"
	"ksefworker/internal/results/sinks"
)

// eventsAnswer is a page of what became final, in order. Next is always set. It is the place after
// the last outcome that this call has looked at.
type eventsAnswer struct {
	Items []invoiceAnswer `json:"items"`
	Next  string          `json:"next"`
}

const (
	// eventsScanned is about how many outcomes a call reads before it answers or, with wait,
	// pauses. The outcomes of other clients' invoices count too.
	eventsScanned = 2000
	// maxEventsWait is how long a call may wait for the next outcome.
	maxEventsWait = time.Minute
	// maxAhead bounds a cursor that is later than the last outcome. Such a cursor may be this far
	// ahead of Redis's clock.
	maxAhead = 5 * time.Minute
	// eventsEvery is how often a waiting call looks for outcomes.
	eventsEvery = 500 * time.Millisecond
)

// events answers what became final.
type events struct {
	*core
	editor *sinks.Editor
	ending chan struct{} // closed when the server ends: waiting calls stop waiting
	end    func()
}

func newEvents(c *core) *events {
	e := &events{core: c, ending: make(chan struct{})}
	e.end = sync.OnceFunc(func() { close(e.ending) })
	e.editor = &sinks.Editor{Ledger: c.o.Ledger, Environment: c.o.Inquiry.Environment, Document: e.document}
	return e
}

// document returns the document of an invoice; nil when it is not there now.
func (e *events) document(ctx context.Context, inv *ledger.Invoice) []byte {
	doc, err := e.o.Document(ctx, inv)
	if err != nil {
		if doc, err = e.o.Records.Document(ctx, results.Of(*inv, "")); err != nil {
			return nil
		}
	}
	return doc
}

// place is how far a client has got. at is its place in the outbox, and seen is the number of all
// outcomes up to there.
type place struct {
	at   string
	seen int64
}

func (p place) String() string {
	return base64.RawURLEncoding.EncodeToString([]byte(p.at + " " + strconv.FormatInt(p.seen, 10)))
}

func eventPlaceOf(s string) (place, bool) {
	raw, err := base64.RawURLEncoding.DecodeString(s)
	at, seen, found := strings.Cut(string(raw), " ")
	n, notNumber := strconv.ParseInt(seen, 10, 64)
	return place{at, n}, err == nil && found && notNumber == nil && n >= 0 && (at == "" || ledger.ValidPlace(at))
}

// eventsQuery is what a call for events asks for.
type eventsQuery struct {
	from  *place // nil is the oldest outcome that is kept
	limit int
	wait  time.Duration
}

func eventsQueryOf(c *call) (eventsQuery, error) {
	q := eventsQuery{limit: pageSize}
	err := eventParameters.each(c.r.URL.RawQuery, func(name, value string) (ok bool) {
		var err error
		switch name {
		case "cursor": // an empty one is the beginning
			var at place
			if ok = true; value != "" {
				at, ok = eventPlaceOf(value)
				q.from = &at
			}
		case "limit":
			q.limit, err = strconv.Atoi(value)
			ok = err == nil && q.limit >= 1 && q.limit <= maxPageSize
		case "wait":
			q.wait, err = time.ParseDuration(value)
			ok = err == nil && q.wait >= 0 && q.wait <= maxEventsWait
		}
		return ok
	})
	return q, err
}

// events answers with what became final after a cursor, in the order in which the ledger wrote it.
// A call with wait that finds nothing waits that long for the next outcome.
func (e *events) events(c *call) error {
	q, err := eventsQueryOf(c)
	if err != nil {
		return err
	}
	if err := e.o.Ledger.KeepsOutbox(); err != nil {
		return &problem{kind: notFound, cause: err, detail: text{
			en: "this server keeps no events: results.outbox is 0", pl: "ten serwer nie przechowuje zdarzeń: results.outbox wynosi 0"}}
	}
	if err := c.complete(c.client.Tenants); err != nil {
		return err
	}
	at, err := e.begin(c.ctx(), q.from)
	if err != nil {
		return err
	}
	until := time.Now().Add(q.wait)
	for {
		items, next, more, err := e.page(c, at, q.limit)
		if err != nil {
			return err
		}
		if err := c.admitted(); err != nil { // the key may have been removed while the call waited
			return err
		}
		// Outcomes that were trimmed while the page was read are not in it. begin finds that out,
		// and the call fails instead of skipping them.
		if next != at && at.at != "" {
			if _, err := e.begin(c.ctx(), &at); err != nil {
				return err
			}
		}
		if at = next; len(items) > 0 || !e.pause(c.ctx(), time.Until(until), more) {
			return c.json(http.StatusOK, eventsAnswer{Items: items, Next: at.String()})
		}
	}
}

// begin returns where a call begins. When the client's next outcomes are no longer kept, it returns
// a problem, so that the client learns that it missed them. When the client has seen more outcomes
// than there are, its cursor is from an earlier outbox, and begin returns a problem too.
func (e *events) begin(ctx context.Context, from *place) (place, error) {
	span, err := e.o.Ledger.Outbox(ctx)
	if err != nil {
		return place{}, notNow(err)
	}
	gone := span.Added - span.Length
	if from == nil {
		return place{seen: gone}, nil
	}
	if gone > from.seen {
		missed := strconv.FormatInt(gone-from.seen, 10)
		return place{}, &problem{kind: outdated, detail: text{
			en: missed + " events after this cursor are no longer kept: list what changed with GET /v1/invoices?since=, " +
				"then begin again without a cursor",
			pl: "zdarzeń za tym kursorem, które nie są już przechowywane: " + missed + "; pobierz zmiany przez GET /v1/invoices?since=, " +
				"potem zacznij od nowa bez kursora"}}
	}
	if from.seen > span.Added {
		return place{}, &problem{kind: outdated, detail: text{
			en: "this cursor is ahead of the server, which was restored from a backup or set up again: list what changed with " +
				"GET /v1/invoices?since=, then begin again without a cursor",
			pl: "ten kursor wyprzedza serwer, który odtworzono z kopii lub założono od nowa: pobierz zmiany przez " +
				"GET /v1/invoices?since=, potem zacznij od nowa bez kursora"}}
	}
	return *from, e.mayBeReached(ctx, *from, span.Last)
}

// mayBeReached refuses a place that is later than the last outcome and far in the future. No answer
// of this server gave out such a place, and a client that begins there would find nothing until
// that time.
func (e *events) mayBeReached(ctx context.Context, from place, last string) error {
	if !ledger.AfterOutcome(from.at, last) {
		return nil
	}
	now, err := e.o.Ledger.Clock(ctx)
	if err != nil {
		return notNow(err)
	}
	if ledger.AfterOutcome(from.at, ledger.PlaceOf(now.Add(maxAhead))) {
		return badValue("cursor", from.String(), givenCursor)
	}
	return nil
}

// page returns up to limit results of the client's tenants after a place. next is the place after
// the last outcome that it has looked at. more reports whether there may be more.
func (e *events) page(c *call, at place, limit int) (items []invoiceAnswer, next place, more bool, err error) {
	items = []invoiceAnswer{}
	left := insteadMost
	for read := 0; len(items) < limit && read < eventsScanned; {
		outcomes, err := e.o.Ledger.Outcomes(c.ctx(), at.at, limit-len(items))
		if err != nil {
			return nil, at, false, notNow(err)
		}
		if len(outcomes) == 0 {
			return items, at, false, nil
		}
		told, err := e.editor.Edit(c.ctx(), outcomes, func(tenant, _ string) bool { return tenant == "" || c.owns(tenant) })
		if err != nil {
			return nil, at, false, notNow(err)
		}
		tellable, archived := e.lostOnes(c, outcomes, told, &left)
		for i := range told[:tellable] {
			switch t := &told[i]; {
			case t.Tenant == "" && outcomes[i].Refusal() && t.By != c.client.Name: // a refused document of somebody else
			case t.Err != nil && c.maySee(t.Tenant):
				items = append(items, answerOf(results.WithoutRecord(t.Result, &outcomes[i])))
			case t.Err != nil: // the tenant is unknown too; this outcome must not stop the others
				e.o.Log.Warn().Str("request_id", c.id).Str("id", outcomes[i].ID).Err(t.Err).
					Msg("an outcome is left out of the events: its record cannot be read")
			case t.Lost && c.maySee(t.Tenant): // to leave it out would skip an outcome
				items = append(items, answerOf(ofLost(c, &outcomes[i], t.Tenant, archived)))
			case !t.Gone:
				items = append(items, answerOf(t.Result))
			}
			at = place{outcomes[i].At, at.seen + 1}
		}
		if tellable < len(told) {
			break
		}
		read += len(outcomes)
	}
	return items, at, true, nil
}

// pause waits a moment for the next outcome. When more outcomes are there already, it waits only a
// millisecond. It returns false when the time is over, the caller has gone or the server ends.
func (e *events) pause(ctx context.Context, left time.Duration, more bool) bool {
	if left <= 0 {
		return false
	}
	every := eventsEvery
	if more {
		every = time.Millisecond
	}
	select {
	case <-time.After(min(left, every)):
		return true
	case <-ctx.Done():
	case <-e.ending:
	}
	return false
}
