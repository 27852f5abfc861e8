package tasks

import (
	"context"
	"errors"
	"sync"
	"time"

	"github.com/rs/xid"

	"ksefworker/internal/ksef"
	"ksefworker/internal/ledger"
	"ksefworker/internal/ratelimit"
	"ksefworker/internal/retry"
	"ksefworker/internal/settlement"
)

// express holds this worker's open online sessions, one for each tenant and form. A session's key is in this memory alone: nobody else can send into it, anybody
// can close it.
type express struct {
	mu       sync.Mutex
	sessions map[string]*onlineSession   // by tenant and form; takes sends
	ended    map[*onlineSession]struct{} // takes no more, closed when the last send is done
	opening  map[string]chan struct{}    // closed when the one who opens is done
	stopped  bool
}

type onlineSession struct {
	pkg    ledger.Package
	key    ksef.SessionKey
	opened time.Time
	used   time.Time
	sent   int
	users  int // sends under way

	failing time.Time // when its closes began to fail; for the one close that is under way
	again   time.Time // when to try the next
}

func newExpress() *express {
	return &express{sessions: map[string]*onlineSession{}, ended: map[*onlineSession]struct{}{}, opening: map[string]chan struct{}{}}
}

// errStopping says that this process takes no more work; the task goes to another worker.
var errStopping = &retry.LaterError{Delay: time.Second, Reason: retry.ReasonStopping, What: "this worker is about to stop"}

// sendPatience is how long a send sleeps at most once it is written down. Its turn came within what the limiter sleeps through (2 s, or as configured) before that; a little more, because
// to write it back, and to wait a whole round, for the tenth of a second that the ledger took would waste a place.
const sendPatience = 4 * time.Second

// leaveSends gives up the place of an invoice that has moved on: whoever stands behind it must not wait until it lapses.
func (w *Worker) leaveSends(ctx context.Context, inv *ledger.Invoice) {
	w.warn(ctx, "leave the line of single sends", w.Budget.Leave(ctx, inv.Tenant, string(ksef.GroupInvoiceSend)))
}

// send posts one invoice into the worker's open online session.
func (w *Worker) send(ctx context.Context, inv *ledger.Invoice) error {
	if !singly(inv) {
		return w.submit(ctx, inv) // its terms were changed since this task was queued
	}
	if err := w.mayBegin(ctx, inv.Tenant); err != nil {
		return err
	}
	t, err := w.transport(inv.Tenant)
	if err != nil {
		return err
	}
	ctx = w.urgency(ctx, inv)
	// Before anything else: nothing is read or written for a send that would only wait. Its place in line is kept, so it is told its own turn and not everybody's.
	if err := w.Budget.Join(ctx, inv.Tenant, string(ksef.GroupInvoiceSend)); err != nil {
		return w.orPackage(ctx, inv, err)
	}
	end, err := w.turns.begin(inv.Tenant)
	if err != nil {
		return err
	}
	defer end()
	doc, err := w.documentAlone(ctx, inv)
	var bad *errDocument
	if errors.As(err, &bad) {
		// A package is built without it, parks it, and brings its result to the archive.
		return w.Ledger.Move(ctx, ledger.Move{ID: inv.ID, Rev: inv.Rev, From: []ledger.State{ledger.Queued}, To: ledger.Queued, Group: inv.WaitingGroup().Name(),
			Set: append(because(0, bad.Error()), ledger.Set{Field: "lane", Value: ledger.Bulk})})
	}
	if err != nil {
		return err
	}
	s, waited, err := w.acquire(ctx, t, inv.Tenant, inv.Form)
	if err != nil {
		return w.orPackage(ctx, inv, err) // no session may be opened now: that is a turn, too
	}
	defer w.release(s)
	// While a session was being opened others came who are due sooner; after an outage all come at once.
	// To find that out only when it is written down that this one is being sent would cost it an attempt.
	if waited {
		if err := w.Budget.Join(ctx, inv.Tenant, string(ksef.GroupInvoiceSend)); err != nil {
			return err
		}
	}
	return w.post(ctx, t, s, inv, doc)
}

// orPackage sends an invoice whose turn is far away by a package, where that is sooner. Otherwise it
// returns the error that told the turn.
func (w *Worker) orPackage(ctx context.Context, inv *ledger.Invoice, err error) error {
	turn, full := errors.AsType[*ratelimit.NotNow](err)
	if !full {
		return err
	}
	sooner, unknown := w.sooner(ctx, inv, turn)
	switch {
	case unknown != nil:
		return unknown
	case sooner:
		return w.toPackage(ctx, inv, turn)
	}
	return err
}

// post writes sending, posts, and writes what came of it.
func (w *Worker) post(ctx context.Context, t Transport, s *onlineSession, inv *ledger.Invoice, doc []byte) error {
	rev, _, err := w.Ledger.BeginSend(ctx, s.pkg.ID, w.o.Worker, inv)
	var conflict *ledger.ConflictError
	if errors.As(err, &conflict) && conflict.ID == s.pkg.ID {
		w.drop(s) // another worker took this one for dead, or the invoice was in it before a person retried it
		return later(time.Second, retry.ReasonOther, "the online session does not take it: it goes into the next one")
	}
	if later, lagging := w.lags(ctx, err); lagging {
		inv.Rev = rev
		if err := w.unsent(ctx, inv); err != nil {
			w.drop(s)
			return err
		}
		return later
	}
	if err != nil {
		// Redis may have carried it out, also where it answers that the invoice is being sent already:
		// its client repeats a call whose answer was lost. Then the invoice is "sending" with nobody to
		// send it, and only a session that is over can show that it never left.
		if conflict == nil || conflict.State == string(ledger.Sending) {
			w.drop(s)
		}
		return err
	}
	inv.Rev, inv.State, inv.Package = rev, ledger.Sending, s.pkg.ID
	sent, err := t.SendInvoice(ratelimit.With(ctx, ratelimit.MaxWait(sendPatience)), ksef.Seal(s.pkg.Session, s.key, doc))
	// What happened is written even when this run's time is up: the answer will not come a second time.
	ctx = context.WithoutCancel(ctx)
	if err == nil {
		err := w.Ledger.Move(ctx, ledger.Move{ID: inv.ID, Rev: inv.Rev, To: ledger.Sent, Set: []ledger.Set{{Field: "reference", Value: sent.ID}}})
		if err == nil {
			w.reached(KindSend, ledger.Sent, 1)
		} else {
			w.drop(s) // it was sent, and the ledger may not know: the session will tell
		}
		return err
	}
	action := retry.Judge(err).Action
	if api, _ := kindOf(err); api != nil && api.MaybeDone {
		action = retry.LookFirst // a refusal or a 429 of which the client is not sure is no proof either
	}
	switch action {
	case retry.LookFirst:
		w.o.Log.Warn().Str("id", inv.ID).Str("session", s.pkg.Session).Err(err).Msg("answer to a send lost: the session will tell")
		w.drop(s) // closed soon, so that it can tell
		return w.Ledger.Move(ctx, ledger.Move{ID: inv.ID, Rev: inv.Rev, To: ledger.Unknown, Set: because(0, err.Error())})
	case retry.Never:
		// The session is the likely culprit (closed, expired, or opened with a public key that is out of date): the next try has a new one, and the one after that is a package's.
		w.drop(s)
		t.Invalidate()
		api, _ := kindOf(err)
		again := settlement.NoVerdict(s.pkg.Lane, inv, api.Code, api.Words(), settlement.ProvenUnposted)
		_, err = w.write(ctx, &s.pkg, []settlement.Move{again}, false)
		return err
	default:
		// It did not leave, or was refused without being looked at: nothing is out there.
		if moveErr := w.unsent(ctx, inv); moveErr != nil {
			w.drop(s)
			return moveErr
		}
		return err
	}
}

// unsent writes an invoice back that did not leave. The proof is the caller's, who did not post it.
func (w *Worker) unsent(ctx context.Context, inv *ledger.Invoice) error {
	return w.Ledger.Move(ctx, ledger.Move{ID: inv.ID, Rev: inv.Rev, From: []ledger.State{ledger.Sending}, To: ledger.Queued,
		Set: []ledger.Set{{Field: "package", Value: ""}, {Field: "session", Value: ""}}})
}

// acquire returns the open session of a tenant, opening one when there is none. Those who come while it
// is being opened wait for it; waited says that it was not there.
func (w *Worker) acquire(ctx context.Context, t Transport, tenant, form string) (s *onlineSession, waited bool, err error) {
	e, key := w.express, tenant+"|"+form
	for {
		e.mu.Lock()
		if e.stopped {
			e.mu.Unlock()
			return nil, waited, errStopping
		}
		if s := e.sessions[key]; s != nil {
			s.users++
			s.used = w.o.Now()
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
		s, err := w.openFor(ctx, t, tenant, form, wait)
		return s, waited, err
	}
}

// openFor opens a session for one send, and lets those go on who wait for it, whatever comes of it.
func (w *Worker) openFor(ctx context.Context, t Transport, tenant, form string, opened chan struct{}) (s *onlineSession, err error) {
	e, key := w.express, tenant+"|"+form
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
		if e.stopped { // while it was being opened: for this one send
			e.end(key, s)
		}
	}()
	return w.open(ctx, t, tenant, form)
}

func (w *Worker) open(ctx context.Context, t Transport, tenant, form string) (*onlineSession, error) {
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
			t.Invalidate() // a public key that is out of date is one thing the gateway can refuse
		}
		return nil, notYet(err) // a session whose opening was lost is empty and expires
	}
	p, err := w.Ledger.OpenOnline(ctx, ledger.Package{ID: "pkg-" + xid.New().String(), Tenant: tenant, Form: form, Session: opened.ID, Owner: w.o.Worker})
	if err != nil {
		return nil, err
	}
	if err := w.Queue.Put(ctx, KindConfirm, p.ID, 0, When{In: w.o.ConfirmFirst}); err != nil {
		w.o.Log.Warn().Str("package", p.ID).Err(err).Msg("confirm not queued; the sweep will")
	}
	now := w.o.Now()
	w.o.Log.Info().Str("package", p.ID).Str("session", opened.ID).Str("tenant", tenant).Msg("online session opened")
	return &onlineSession{pkg: p, key: key, opened: now, used: now}, nil
}

func (w *Worker) release(s *onlineSession) {
	e := w.express
	e.mu.Lock()
	defer e.mu.Unlock()
	s.users--
	s.sent++
	s.used = w.o.Now()
}

// drop lets no further send begin; the closer closes it when the last one under way is done.
func (w *Worker) drop(s *onlineSession) {
	w.express.mu.Lock()
	defer w.express.mu.Unlock()
	w.express.end(s.pkg.Tenant+"|"+s.pkg.Form, s)
}

// end takes a session out of use. The caller holds mu.
func (e *express) end(key string, s *onlineSession) {
	if e.sessions[key] == s {
		delete(e.sessions, key)
		e.ended[s] = struct{}{}
	}
}

// closeOnline writes closing, calls close, and lets confirm look. Anybody may: it needs no key.
func (w *Worker) closeOnline(ctx context.Context, p *ledger.Package) error {
	if p.State != ledger.PackageOpened {
		return nil
	}
	t, err := w.transport(p.Tenant)
	if err != nil {
		return err
	}
	err = w.Ledger.MovePackage(ctx, p, ledger.PackageMove{To: ledger.PackageClosing,
		Set: []ledger.Set{{Field: "closing_at", Value: ledger.At(w.o.Now())}}})
	if err != nil {
		if later, lagging := w.lags(ctx, err); lagging {
			return later // confirm finds it open, and closes it
		}
		return err
	}
	if err := t.CloseSession(ctx, p.Session, false); err != nil {
		w.o.Log.Warn().Str("package", p.ID).Err(err).Msg("close not confirmed: the session will be asked")
	} else if err := w.processing(context.WithoutCancel(ctx), p); err != nil {
		return err
	}
	return w.Queue.Put(context.WithoutCancel(ctx), KindConfirm, p.ID, 0, When{In: w.o.ConfirmFirst, Run: true})
}

// closeOrphan closes a session that no worker holds: its owner is gone, or has left it to others.
func (w *Worker) closeOrphan(ctx context.Context, p *ledger.Package) error {
	w.o.Log.Info().Str("package", p.ID).Str("session", p.Session).Str("owner", p.Owner).Msg("closing an online session that no live worker holds")
	return w.closeOnline(ctx, p)
}
