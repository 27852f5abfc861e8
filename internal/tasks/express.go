package tasks

import (
	"context"
	"errors"
	"sync"
	"time"

	"github.com/rs/xid"

	"ksefworker/internal/ksef"
	"ksefworker/internal/ledger"
	"ksefworker/internal/queue"
	"ksefworker/internal/ratelimit"
	"ksefworker/internal/retry"
	"ksefworker/internal/settlement"
)

// express holds this worker's open online sessions, one for each tenant and form. A session's key
// exists in this memory alone: no other worker can send into the session, but every worker can
// close it.
type express struct {
	mu       sync.Mutex
	sessions map[string]*onlineSession   // by tenant and form; these take sends
	ended    map[*onlineSession]struct{} // these take no more sends; closed when the last one is done
	opening  map[string]chan struct{}    // the channel is closed when the opening is over
	stopped  bool
}

type onlineSession struct {
	pkg    ledger.Package
	key    ksef.SessionKey
	opened time.Time
	used   time.Time
	sent   int
	users  int // sends in progress

	failing time.Time // when closing it began to fail; used only by the one close in progress
	again   time.Time // when to try to close it next
}

func newExpress() *express {
	return &express{
		sessions: map[string]*onlineSession{},
		ended:    map[*onlineSession]struct{}{},
		opening:  map[string]chan struct{}{},
	}
}

// errStopping says that this process takes no more work. Another worker gets the task.
var errStopping = &retry.LaterError{
	Delay: time.Second, Reason: retry.ReasonStopping, What: "this worker is about to stop"}

// sendPatience is the longest time that a send waits for the limiter after the ledger has recorded
// it as sending. Before that its turn was within the wait that the limiter allows (2 s, or as
// configured). It gets a little more here: the ledger took perhaps a tenth of a second, and to
// write the invoice back and wait another whole round for that would waste a place.
const sendPatience = 4 * time.Second

// leaveSends gives up the place of an invoice that has moved on, so that those behind it do not
// wait until the place lapses.
func (c *core) leaveSends(ctx context.Context, inv *ledger.Invoice) {
	c.warn(ctx, "leave the waitlist of single sends", c.Budget.Leave(ctx, inv.Tenant, string(ksef.GroupInvoiceSend)))
}

// onlineSessions sends single invoices into the open online sessions of this worker.
type onlineSessions struct {
	*core
	writer    *writer
	documents *documents
	lanes     *laneChooser
	express   *express
	closes    *closes
}

// send posts one invoice into the worker's open online session.
func (x *onlineSessions) send(ctx context.Context, inv *ledger.Invoice) error {
	if !singly(inv) {
		return x.lanes.submit(ctx, inv) // its terms were changed since this task was queued
	}
	if err := x.lanes.mayBegin(ctx, inv.Tenant); err != nil {
		return err
	}
	t, err := x.transport(inv.Tenant)
	if err != nil {
		return err
	}
	ctx = x.urgency(ctx, inv)
	// This comes before anything else, so that nothing is read or written for a send that would
	// only wait. The invoice keeps its place in the waitlist, so it learns its own turn and not a
	// common one.
	if err := x.Budget.Join(ctx, inv.Tenant, string(ksef.GroupInvoiceSend)); err != nil {
		return x.orPackage(ctx, inv, err)
	}
	end, err := x.turns.begin(inv.Tenant)
	if err != nil {
		return err
	}
	defer end()
	doc, err := x.documents.documentAlone(ctx, inv)
	var bad *errDocument
	if errors.As(err, &bad) {
		// The package is built without it, parks it, and brings its result to the archive.
		return x.Ledger.Move(ctx, ledger.Move{ID: inv.ID, Rev: inv.Rev,
			From: []ledger.State{ledger.Queued}, To: ledger.Queued, Group: inv.WaitingGroup().Name(),
			Edit: ledger.Because(0, bad.Error()).InLane(ledger.Bulk)})
	}
	if err != nil {
		return err
	}
	s, waited, err := x.acquire(ctx, t, inv.Tenant, inv.Form)
	if err != nil {
		return x.orPackage(ctx, inv, err) // an error that no session may be opened now has a turn as well
	}
	defer x.release(s)
	// While the session was being opened, other sends came that are due sooner; after an outage all
	// of them come at once. If this send learned that only after the ledger has recorded it as
	// sending, it would lose an attempt.
	if waited {
		if err := x.Budget.Join(ctx, inv.Tenant, string(ksef.GroupInvoiceSend)); err != nil {
			return err
		}
	}
	return x.post(ctx, t, s, inv, doc)
}

// orPackage sends an invoice by a package when its turn is far away and a package is sooner.
// Otherwise it returns err, which has the turn.
func (x *onlineSessions) orPackage(ctx context.Context, inv *ledger.Invoice, err error) error {
	turn, full := errors.AsType[*ratelimit.NotNow](err)
	if !full {
		return err
	}
	sooner, unknown := x.lanes.sooner(ctx, inv, turn)
	switch {
	case unknown != nil:
		return unknown
	case sooner:
		return x.lanes.toPackage(ctx, inv, turn)
	}
	return err
}

// post writes the state sending, posts the invoice, and writes the outcome.
func (x *onlineSessions) post(ctx context.Context, t Transport, s *onlineSession, inv *ledger.Invoice, doc []byte) error {
	rev, _, err := x.Ledger.BeginSend(ctx, s.pkg.ID, x.o.Worker, inv)
	var conflict *ledger.ConflictError
	if errors.As(err, &conflict) && conflict.ID == s.pkg.ID {
		x.drop(s) // another worker thought that this one was dead, or a person retried an invoice of this session
		return later(time.Second, retry.ReasonOther, "this online session does not take the invoice; it goes into the next session")
	}
	if later, lagging := x.lags(ctx, err); lagging {
		inv.Rev = rev
		if err := x.unsent(ctx, inv); err != nil {
			x.drop(s)
			return err
		}
		return later
	}
	if err != nil {
		// Redis may have carried the command out, even when it answers that the invoice is being
		// sent already: its client repeats a call whose answer was lost. Then the invoice is
		// "sending" and no task sends it, and only a session that is over can show that it was
		// never sent.
		if conflict == nil || conflict.State == string(ledger.Sending) {
			x.drop(s)
		}
		return err
	}
	inv.Rev, inv.State, inv.Package = rev, ledger.Sending, s.pkg.ID
	sent, err := t.SendInvoice(ratelimit.With(ctx, ratelimit.MaxWait(sendPatience)), ksef.Seal(s.pkg.Session, s.key, doc))
	// The outcome is written even when the time of this run is up, because the answer will not come
	// a second time.
	ctx = context.WithoutCancel(ctx)
	if err == nil {
		err := x.Ledger.Move(ctx, ledger.Move{ID: inv.ID, Rev: inv.Rev, To: ledger.Sent,
			Edit: ledger.Edit{}.Reference(sent.ID)})
		if err == nil {
			x.reached(queue.KindSend, ledger.Sent, 1)
		} else {
			x.drop(s) // it was sent, and the ledger may not know that: the status of the session will show it
		}
		return err
	}
	action := retry.Judge(err).Action
	if api, _ := kindOf(err); api != nil && api.MaybeDone {
		action = retry.LookFirst // a refusal or a 429 proves nothing either when the client is not sure of it
	}
	switch action {
	case retry.LookFirst:
		x.o.Log.Warn().Str("id", inv.ID).Str("session", s.pkg.Session).Err(err).
			Msg("answer to a send lost: the status of the session will show whether it arrived")
		x.drop(s) // it is closed soon: only then does its status show what arrived
		return x.Ledger.Move(ctx, ledger.Move{ID: inv.ID, Rev: inv.Rev, To: ledger.Unknown, Edit: ledger.Because(0, err.Error())})
	case retry.Never:
		// The likely cause is the session (closed, expired, or opened with a public key that is out
		// of date). The next attempt uses a new session, and the attempt after that uses a package.
		x.drop(s)
		t.Invalidate()
		api, _ := kindOf(err)
		again := settlement.NoVerdict(s.pkg.Lane, inv, api.Code, api.Words(), settlement.ProvenUnposted)
		_, err = x.writer.write(ctx, &s.pkg, []settlement.Move{again}, false)
		return err
	default:
		// The invoice was not sent, or KSeF refused the request without reading it: KSeF has
		// nothing.
		if moveErr := x.unsent(ctx, inv); moveErr != nil {
			x.drop(s)
			return moveErr
		}
		return err
	}
}

// unsent moves an invoice that was not sent back to queued. The caller must know that it was not
// posted.
func (x *onlineSessions) unsent(ctx context.Context, inv *ledger.Invoice) error {
	return x.Ledger.Move(ctx, ledger.Move{ID: inv.ID, Rev: inv.Rev, From: []ledger.State{ledger.Sending}, To: ledger.Queued,
		Edit: ledger.Edit{}.OutOfPackage()})
}

// acquire returns the open session of a tenant and opens one when there is none. Other calls wait
// while it is being opened. waited is true when the session was not there at first.
func (x *onlineSessions) acquire(ctx context.Context, t Transport, tenant, form string) (s *onlineSession, waited bool, err error) {
	e, key := x.express, tenant+"|"+form
	for {
		e.mu.Lock()
		if e.stopped {
			e.mu.Unlock()
			return nil, waited, errStopping
		}
		if s := e.sessions[key]; s != nil {
			s.users++
			s.used = x.o.Now()
			e.mu.Unlock()
			return s, waited, nil
		}
		waited = true
		wait, busy := e.opening[key]
		if !busy {
			wait = make(chan struct{})
			e.opening[key] = wait
		}
		e.mu.Unlock()
		if busy {
			select {
			case <-wait:
				continue
			case <-ctx.Done():
				return nil, waited, context.Cause(ctx)
			}
		}
		s, err := x.openFor(ctx, t, tenant, form, wait)
		return s, waited, err
	}
}

// openFor opens a session for one send. Whatever the outcome, it lets those sends go on that wait
// for the session.
func (x *onlineSessions) openFor(ctx context.Context, t Transport, tenant, form string, opened chan struct{}) (s *onlineSession, err error) {
	e, key := x.express, tenant+"|"+form
	defer func() {
		e.mu.Lock()
		defer e.mu.Unlock()
		delete(e.opening, key)
		close(opened)
		if s == nil {
			return
		}
		s.users = 1
		e.sessions[key] = s
		if e.stopped { // while the session was being opened: it serves this one send only
			e.end(key, s)
		}
	}()
	return x.open(ctx, t, tenant, form)
}

func (x *onlineSessions) open(ctx context.Context, t Transport, tenant, form string) (*onlineSession, error) {
	pub, err := t.PublicKey(ctx)
	if err != nil {
		return nil, err
	}
	key, err := ksef.NewSessionKey()
	if err != nil {
		return nil, err
	}
	info, err := key.Info(pub)
	if err != nil {
		return nil, err
	}
	opened, err := t.OpenOnline(ctx, ksef.OpenOnlineRequest{InvoiceVersion: ksef.InvoiceVersion(form), EncryptionInfo: info})
	if err != nil {
		if v := retry.Judge(err); v.Action == retry.Never {
			t.Invalidate() // one possible reason of the refusal is a public key that is out of date
		}
		return nil, notYet(err) // when only the answer was lost, the session is open, but empty, and expires
	}
	p, err := x.Ledger.OpenOnline(ctx, ledger.Package{
		ID: "pkg-" + xid.New().String(), Tenant: tenant, Form: form, Session: opened.ID, Owner: x.o.Worker})
	if err != nil {
		return nil, err
	}
	if err := x.Queue.Put(ctx, queue.KindConfirm, p.ID, 0, queue.When{In: x.o.ConfirmFirst}); err != nil {
		x.o.Log.Warn().Str("package", p.ID).Err(err).Msg("confirm not queued; the sweep will queue it")
	}
	now := x.o.Now()
	x.o.Log.Info().Str("package", p.ID).Str("session", opened.ID).Str("tenant", tenant).Msg("online session opened")
	return &onlineSession{pkg: p, key: key, opened: now, used: now}, nil
}

func (x *onlineSessions) release(s *onlineSession) {
	e := x.express
	e.mu.Lock()
	defer e.mu.Unlock()
	s.users--
	s.sent++
	s.used = x.o.Now()
}

// drop lets no further send begin. The closer closes the session when the last send in progress is
// done.
func (x *onlineSessions) drop(s *onlineSession) {
	x.express.mu.Lock()
	defer x.express.mu.Unlock()
	x.express.end(s.pkg.Tenant+"|"+s.pkg.Form, s)
}

// end takes a session out of use. The caller holds mu.
func (e *express) end(key string, s *onlineSession) {
	if e.sessions[key] == s {
		delete(e.sessions, key)
		e.ended[s] = struct{}{}
	}
}

// closeOnline writes the state closing, closes the session, and queues confirm. Every worker may do
// this, because it needs no key.
func (x *onlineSessions) closeOnline(ctx context.Context, p *ledger.Package) error {
	if p.State != ledger.PackageOpened {
		return nil
	}
	t, err := x.transport(p.Tenant)
	if err != nil {
		return err
	}
	err = x.Ledger.MovePackage(ctx, p, ledger.PackageMove{To: ledger.PackageClosing,
		Edit: ledger.PackageEdit{}.ClosingAt(ledger.At(x.o.Now()))})
	if err != nil {
		if later, lagging := x.lags(ctx, err); lagging {
			return later // confirm finds the session open and closes it
		}
		return err
	}
	if err := t.CloseSession(ctx, p.Session, false); err != nil {
		x.o.Log.Warn().Str("package", p.ID).Err(err).Msg("close not confirmed: confirm will ask KSeF for the session's status")
	} else if err := x.writer.processing(context.WithoutCancel(ctx), p); err != nil {
		return err
	}
	return x.Queue.Put(context.WithoutCancel(ctx), queue.KindConfirm, p.ID, 0, queue.When{In: x.o.ConfirmFirst, Run: true})
}

// closeOrphan closes a session that no worker holds: its owner is gone, or has given it up.
func (x *onlineSessions) closeOrphan(ctx context.Context, p *ledger.Package) error {
	x.o.Log.Info().Str("package", p.ID).Str("session", p.Session).Str("owner", p.Owner).
		Msg("closing an online session that no live worker holds")
	return x.closeOnline(ctx, p)
}
