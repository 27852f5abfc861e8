package tasks_test

import (
	"context"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"ksefworker/internal/ledger"
	"ksefworker/internal/queue"
	"ksefworker/internal/retry"
	"ksefworker/internal/simulator"
)

// snapshot is what a replica has. It holds every key of the ledger as it was at one moment.
type snapshot map[string]string

func (fa *failures) snapshot() snapshot {
	fa.t.Helper()
	keys := snapshot{}
	for _, key := range fa.rdb.Keys(context.Background(), "ksef:*").Val() {
		keys[key] = fa.rdb.Dump(context.Background(), key).Val()
	}
	return keys
}

// failOver makes another Redis the master. The new master has just started, and has what the
// replica had.
func (fa *failures) failOver(to snapshot) {
	fa.t.Helper()
	for _, key := range fa.rdb.Keys(fa.t.Context(), "ksef:*").Val() {
		fa.rdb.Del(fa.t.Context(), key)
	}
	for key, value := range to {
		if err := fa.rdb.Restore(fa.t.Context(), key, 0, value).Err(); err != nil {
			fa.t.Fatal(err)
		}
	}
	fa.restart()
}

// restart kills Redis and starts it again.
func (fa *failures) restart() {
	fa.t.Helper()
	if err := fa.redis.Restart(fa.t.Context()); err != nil {
		fa.t.Fatal(err)
	}
	fa.eventually("Redis answers", func() bool { return fa.rdb.Ping(fa.t.Context()).Err() == nil })
}

// behindProxy puts a proxy before the simulator. The function handle may answer a request and
// return true. When it returns false, the proxy passes the request on.
func (cl *clients) behindProxy(handle func(http.ResponseWriter, *http.Request) bool) {
	cl.t.Helper()
	to, err := url.Parse(cl.url)
	if err != nil {
		cl.t.Fatal(err)
	}
	through := httputil.NewSingleHostReverseProxy(to)
	front := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if !handle(w, r) {
			through.ServeHTTP(w, r)
		}
	}))
	cl.t.Cleanup(front.Close)
	cl.url = front.URL
}

// answerPath answers every request whose URL contains path, with the code that status holds. While
// status holds 0, requests go through.
func (cl *clients) answerPath(path string, status *atomic.Int32) {
	cl.behindProxy(func(w http.ResponseWriter, r *http.Request) bool {
		code := int(status.Load())
		if code == 0 || !strings.Contains(r.URL.Path, path) {
			return false
		}
		w.Header().Set("Content-Type", "application/json")
		w.WriteHeader(code)
		_, _ = w.Write([]byte(`{"error":{"code":21001,"description":"a proxy says so","details":null}}`))
		return true
	})
}

// handedOver returns how many invoices KSeF got in sessions that were closed.
func (b *bed) handedOver() (n int) {
	for _, e := range b.sim.Books().Sessions {
		if !e.Closed.IsZero() {
			n += e.Invoices
		}
	}
	return n
}

// The replica that became the master did not have the state closing yet. The ledger says opened, or
// uploaded, about a session that KSeF works on or has processed.
func TestFailover_ClosingIsLost_SessionStatusIsAskedAndItGoesOn(t *testing.T) {
	for at, nth := range map[ledger.PackageState]int32{ledger.PackageOpened: 2, ledger.PackageUploaded: 3} {
		for why, delay := range map[string]time.Duration{"KSeF works on it": time.Hour, "KSeF is done": 0} {
			t.Run(string(at)+", "+why, func(t *testing.T) {
				t.Parallel()
				s := newStage(t, simulator.Options{Delay: delay})
				w := s.worker("w", s.client())
				inv := s.admit(ledger.Bulk, s.good("A/1"))
				pkg := w.cut(inv.ID)
				var replica snapshot
				w.beforeVerb("package", nth, func() { replica = s.snapshot() })
				w.must(queue.KindPackage, pkg)
				s.failOver(replica)
				if p := s.pkg(pkg); p.State != at || s.read(inv.ID).State != ledger.Packed {
					t.Fatalf("after the failover the package is %s and the invoice %s, want %s and packed",
						p.State, s.read(inv.ID).State, at)
				}
				w2 := s.worker("w2", s.client())
				w2.must(queue.KindPackage, pkg)
				if p, i := s.pkg(pkg), s.read(inv.ID); p.State != ledger.PackageClosing || i.State != ledger.Sending {
					t.Errorf("the package is %s (%s) and the invoice %s, want closing and sending", p.State, p.Reason, i.State)
				}
				s.advance(2 * time.Hour)
				w2.settle(pkg)
				if i := s.read(inv.ID); i.State != ledger.Accepted || i.Attempts != 1 {
					t.Errorf("the invoice is %s after %d attempts, want accepted after one: %s", i.State, i.Attempts, i.Reason)
				}
				if n := s.handedOver(); n != 1 {
					t.Errorf("KSeF was handed the invoice %d times, want once", n)
				}
			})
		}
	}
}

// killedBefore runs the package task of a worker that dies before the n-th move of the package. It
// checks that the package has the state want after that.
func (po *paths) killedBefore(nth int32, a *actor, pkg string, want ledger.PackageState) {
	po.t.Helper()
	ctx, kill := context.WithCancel(po.t.Context())
	defer kill()
	a.beforeVerb("package", nth, kill)
	_ = a.runWith(ctx, queue.KindPackage, pkg)
	if p := po.entries.pkg(pkg); p.State != want {
		po.t.Fatalf("the package is %s, want it %s", p.State, want)
	}
}

// A worker died before it called close. Redis has lost nothing, so the ledger proves that close was
// never called. The next worker gives the package up at once. It sends no request about the
// session.
func TestOpened_WorkerDiedAndRedisLostNothing_AbandonedAtOnce(t *testing.T) {
	s := newStage(t, simulator.Options{})
	w := s.worker("w", s.client())
	inv := s.admit(ledger.Bulk, s.good("A/1"))
	pkg := w.cut(inv.ID)
	s.killedBefore(3, w, pkg, ledger.PackageUploaded)
	w2 := s.worker("w2", s.client())
	w2.must(queue.KindPackage, pkg)
	if p, i := s.pkg(pkg), s.read(inv.ID); p.State != ledger.PackageAbandoned || i.State != ledger.Queued || i.Group == "" {
		t.Fatalf("the package is %s and the invoice %s in %q, want abandoned, and queued in its set", p.State, i.State, i.Group)
	}
	if n := s.sim.Books().Requests["batchSessionClose"] + s.sim.Books().Requests["sessionMisc"]; n != 0 {
		t.Errorf("%d requests about sessions, want none", n)
	}
	s.advance(time.Minute)
	group := s.read(inv.ID).Group
	w2.until(queue.KindCut, group, func() bool { return s.read(inv.ID).State == ledger.Packed })
	second := s.read(inv.ID).Package
	w2.must(queue.KindPackage, second)
	w2.until(queue.KindConfirm, second, func() bool { return s.read(inv.ID).State == ledger.Accepted })
	if n := s.handedOver(); n != 1 {
		t.Errorf("KSeF was handed the invoice %d times, want once", n)
	}
}

// Close was never called. But Redis has restarted, so the ledger is no proof of that. The next
// worker closes the session, and everything that had arrived is accepted.
func TestOpened_RedisRestartedAndAllPartsArrived_SessionIsClosedAndUsed(t *testing.T) {
	s := newStage(t, simulator.Options{})
	w := s.worker("w", s.client())
	inv := s.admit(ledger.Bulk, s.good("A/1"))
	pkg := w.cut(inv.ID)
	s.killedBefore(3, w, pkg, ledger.PackageUploaded)
	s.restart()
	w2 := s.worker("w2", s.client())
	w2.must(queue.KindPackage, pkg)
	w2.settle(pkg)
	if i, n := s.read(inv.ID), len(s.sim.Books().Sessions); i.State != ledger.Accepted || i.Package != pkg || n != 1 {
		t.Errorf("the invoice is %s in %s after %d sessions, want accepted in the first package after one session", i.State, i.Package, n)
	}
}

// Close was never called, Redis has restarted, and a part is missing. The next worker closes the
// session. The session ends in an error, which proves that KSeF has none of its invoices. This
// error does not count as a refusal of the invoice, which goes in a new session.
func TestOpened_RedisRestartedAndPartsAreMissing_NewSessionAndNoRefusalIsCounted(t *testing.T) {
	s := newStage(t, simulator.Options{})
	var kill atomic.Pointer[context.CancelFunc]
	s.behindProxy(func(w http.ResponseWriter, r *http.Request) bool {
		die := kill.Load()
		if die == nil || r.Method != http.MethodPut {
			return false
		}
		(*die)()
		w.WriteHeader(http.StatusInternalServerError)
		return true
	})
	w := s.worker("w", s.client())
	inv := s.admit(ledger.Bulk, s.good("A/1"))
	pkg := w.cut(inv.ID)
	for range 4 { // more often than a package may be refused
		ctx, die := context.WithCancel(t.Context())
		kill.Store(&die)
		_ = s.worker("w1", s.client()).runWith(ctx, queue.KindPackage, pkg)
		die()
		kill.Store(nil)
		if p := s.pkg(pkg); p.State != ledger.PackageOpened {
			t.Fatalf("the package is %s, want opened", p.State)
		}
		s.restart()
		w2 := s.worker("w2", s.client())
		w2.must(queue.KindPackage, pkg)
		w2.untilSilent(pkg, func() bool { return !s.pkg(pkg).State.Live() })
		next := s.read(inv.ID).Package
		if p := s.pkg(next); next == pkg || p.Refusals != 0 || p.State != ledger.PackageCut {
			t.Fatalf("the invoice is %s in %s, which has %d refusals and is %s, want another package that is cut and has no refusals",
				s.read(inv.ID).State, next, p.Refusals, p.State)
		}
		pkg = next
	}
	w.must(queue.KindPackage, pkg)
	w.until(queue.KindConfirm, pkg, func() bool { return s.read(inv.ID).State == ledger.Accepted })
	if n := len(s.sim.Books().Accepted); n != 1 {
		t.Errorf("KSeF accepted %d invoices, want 1", n)
	}
}

// A gateway that does not answer, or that does not know the session, proves nothing.
func TestFailover_GatewayGivesNoStatus_NothingIsSentAgain(t *testing.T) {
	for why, code := range map[string]int32{
		"outage": http.StatusServiceUnavailable, "too many requests": http.StatusTooManyRequests,
		"key refused": http.StatusUnauthorized,
		"no reason":   http.StatusConflict, "session not known": http.StatusNotFound, "bad request": http.StatusBadRequest,
	} {
		t.Run(why, func(t *testing.T) {
			t.Parallel()
			s := newStage(t, simulator.Options{Delay: time.Hour})
			var status atomic.Int32
			s.answerPath("/session/", &status)
			w := s.worker("w", s.client())
			inv := s.admit(ledger.Bulk, s.good("A/1"))
			pkg := w.cut(inv.ID)
			var replica snapshot
			w.beforeVerb("package", 3, func() { replica = s.snapshot() })
			w.must(queue.KindPackage, pkg)
			s.failOver(replica)
			w2 := s.worker("w2", s.client())
			status.Store(code)
			w2.must(queue.KindPackage, pkg)
			for range 3 {
				if err := w2.run(queue.KindConfirm, pkg); retry.Judge(err).Action != retry.Later {
					t.Errorf("the confirm task ends with %v, want it to come back", err)
				}
				s.advance(time.Minute)
			}
			if p, i := s.pkg(pkg), s.read(inv.ID); p.State != ledger.PackageClosing || i.State != ledger.Sending {
				t.Errorf("the package is %s and the invoice %s, want closing and sending", p.State, i.State)
			}
			status.Store(0)
			s.advance(2 * time.Hour)
			w2.settle(pkg)
			if n := s.handedOver(); n != 1 || s.read(inv.ID).State != ledger.Accepted {
				t.Errorf("KSeF was handed the invoice %d times, want once; the invoice is %s, want accepted", n, s.read(inv.ID).State)
			}
		})
	}
}

// A failover loses the record that a single invoice was sent. In the ledger the invoice is queued,
// and in no session. So it is sent again. KSeF refuses the second send as a duplicate, and the
// content proves that KSeF has this invoice from the first send. Without a replica to wait for, the
// ledger cannot do better.
func TestFailover_SendingIsLost_KSeFRefusesTheSecondAndTheFirstIsRecovered(t *testing.T) {
	for why, otherSession := range map[string]bool{"in the same session": false, "in the session of another worker": true} {
		t.Run(why, func(t *testing.T) {
			t.Parallel()
			s := newStage(t, simulator.Options{})
			w := s.worker("w", s.client())
			other := s.admit(ledger.Express, s.good("A/0")) // opens the session
			w.must(queue.KindSend, other.ID)
			inv := s.admit(ledger.Express, s.good("A/1"))
			replica := s.snapshot()
			w.must(queue.KindSend, inv.ID)
			s.failOver(replica)
			if i := s.read(inv.ID); i.State != ledger.Queued {
				t.Fatalf("after the failover the invoice is %s, want queued", i.State)
			}
			again := w
			if otherSession {
				again = s.worker("w2", s.client())
			}
			again.must(queue.KindSend, inv.ID)
			for _, a := range []*actor{w, again} {
				if err := a.Stop(t.Context()); err != nil {
					t.Fatal(err)
				}
			}
			for _, id := range []string{s.read(other.ID).Package, s.read(inv.ID).Package} {
				if id != "" {
					again.settle(id)
				}
			}
			for _, i := range []ledger.Invoice{s.read(other.ID), s.read(inv.ID)} {
				if i.State != ledger.Accepted {
					t.Errorf("%s is %s, want accepted: %s", i.Number, i.State, i.Reason)
				}
			}
			accepted := s.sim.Books().Accepted
			if len(accepted) != 2 {
				t.Errorf("KSeF accepted %d invoices, want 2", len(accepted))
			}
			for _, a := range accepted {
				if a.Number == "A/1" && a.KsefNumber != s.read(inv.ID).KsefNumber {
					t.Errorf("the ledger has the KSeF number %s, want KSeF's own, %s", s.read(inv.ID).KsefNumber, a.KsefNumber)
				}
			}
		})
	}
}
