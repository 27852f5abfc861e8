package tasks

import (
	"context"
	"sync"
	"time"

	"github.com/rs/xid"

	"ksefworker/internal/ksef"
	"ksefworker/internal/ledger"
	"ksefworker/internal/retry"
)

// express holds this worker's open online sessions, one for each tenant and form. A session's key
// exists in the memory of this process only. So no other worker can send into the session, but
// every worker can close it.
type express struct {
	mu       sync.Mutex
	sessions map[string]*onlineSession   // by tenant and form; these take sends
	ended    map[*onlineSession]struct{} // these take no more sends; each is closed when its last send is done
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

// acquire returns the open session of a tenant and form, and opens one when there is none. Other
// calls wait while it is being opened. waited is true when the session was not there at first.
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

// openFor opens a session for one send. The sends that wait for the session go on afterwards, even
// if it could not be opened.
func (x *onlineSessions) openFor(ctx context.Context, t Transport, tenant, form string, opened chan struct{}) (s *onlineSession,
	err error) {
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
		if e.stopped { // the worker stopped while the session was being opened, so the session serves this one send only
			e.end(key, s)
		}
	}()
	return x.open(ctx, t, tenant, form)
}

func (x *onlineSessions) open(ctx context.Context, t Transport, tenant, form string) (*onlineSession, error) {
	// While no replica follows, the session could take no send, and every try would use up one of
	// the hour's sessions.
	if err := x.Ledger.Followed(ctx); err != nil {
		if later, lagging := x.lags(ctx, err); lagging {
			return nil, later
		}
		return nil, err
	}
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
			t.Invalidate() // a possible reason for the refusal is a public key that is out of date
		}
		return nil, notYet(err) // when only the answer was lost, the session is open, but empty, and expires
	}
	p, err := x.Ledger.OpenOnline(ctx, ledger.Package{
		ID: "pkg-" + xid.New().String(), Tenant: tenant, Form: form, Session: opened.ID, Owner: x.o.Worker})
	if err != nil {
		return nil, err
	}
	x.logPackage(&p)
	if err := x.confirmFirst(ctx, p.ID, false); err != nil {
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

// drop lets no further send begin in the session. The pulse closes the session when the last send
// in progress is done.
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

// closeOnline writes the state closing, closes the session, and queues the confirm task. Every
// worker may do this, because it does not need the session's key.
func (x *onlineSessions) closeOnline(ctx context.Context, p *ledger.Package) error {
	if p.State != ledger.PackageOpened {
		return nil
	}
	t, err := x.transport(p.Tenant)
	if err != nil {
		return err
	}
	err = x.movePackage(ctx, p, ledger.PackageMove{To: ledger.PackageClosing,
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
	return x.confirmFirst(context.WithoutCancel(ctx), p.ID, true)
}

// closeOrphan closes a session whose owner is gone or has given it up, or a session that is so old
// that its owner should have closed it.
func (x *onlineSessions) closeOrphan(ctx context.Context, p *ledger.Package) error {
	x.o.Log.Info().Str("package", p.ID).Str("session", p.Session).Str("owner", p.Owner).
		Msg("closing an online session that its owner does not close")
	return x.closeOnline(ctx, p)
}
