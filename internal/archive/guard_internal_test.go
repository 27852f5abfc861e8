package archive

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"
)

// scripted is a back end whose calls hang, fail or succeed as the test says. The other methods of
// Store must not be called.
type scripted struct {
	Store
	mu    sync.Mutex
	reply func(what, name string) error // nil: every call succeeds
	calls []string
	hang  chan struct{} // a call that gets errHang waits here and ignores its context
}

var errHang = errors.New("hang")

func (m *scripted) do(what, name string) error {
	m.mu.Lock()
	m.calls = append(m.calls, what+" "+name)
	reply := m.reply
	m.mu.Unlock()
	if reply == nil {
		return nil
	}
	err := reply(what, name)
	if errors.Is(err, errHang) {
		<-m.hang
		return nil
	}
	return err
}

func (m *scripted) set(reply func(what, name string) error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.reply = reply
}

func (m *scripted) total() int {
	m.mu.Lock()
	defer m.mu.Unlock()
	return len(m.calls)
}

func (m *scripted) count(call string) (n int) {
	m.mu.Lock()
	defer m.mu.Unlock()
	for _, c := range m.calls {
		if c == call {
			n++
		}
	}
	return n
}

func (m *scripted) Put(_ context.Context, name string, _ []byte, _ string) error {
	return m.do("put", name)
}
func (m *scripted) Check(context.Context) error                        { return m.do("check", "") }
func (m *scripted) Flush(context.Context, ...string) error             { return m.do("flush", "") }
func (m *scripted) Get(_ context.Context, name string) ([]byte, error) { return nil, m.do("get", name) }

func always(err error) func(string, string) error { return func(string, string) error { return err } }

func guarded(t *testing.T) (*guard, *scripted) {
	m := &scripted{hang: make(chan struct{})}
	return newGuard(m, Options{Timeout: time.Second}), m
}

func put(g *guard, name string) error { return g.Put(context.Background(), name, []byte("x"), "") }

func TestGuard_CallHangs_IsLeftBehindAndBlocksItsNameUntilItReturns(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		g, m := guarded(t)
		m.set(always(errHang))
		began := time.Now()
		err := put(g, "a.xml")
		var call *CallError
		if !errors.As(err, &call) || !call.Sick || errors.Is(err, context.DeadlineExceeded) ||
			!strings.Contains(err.Error(), "put a.xml") {
			t.Errorf("Put = %v, want a sick CallError that names the call", err)
		}
		if took := time.Since(began); took > 2*time.Second {
			t.Errorf("Put took %v, want 2 seconds at most", took)
		}
		if h := HealthOf(g); h.Stuck != 1 || h.OutOfService {
			t.Errorf("health %+v, want one stuck call and the store in service", h)
		}
		m.set(nil)
		if err := put(g, "a.xml"); !errors.Is(err, errHangs) || m.count("put a.xml") != 1 {
			t.Errorf("a second Put of the name = %v after %d calls, want errHangs and no second call", err, m.count("put a.xml"))
		}
		if err := put(g, "b.xml"); err != nil {
			t.Errorf("Put of another name = %v, want no error", err)
		}
		close(m.hang)
		synctest.Wait()
		if err := put(g, "a.xml"); err != nil || HealthOf(g).Stuck != 0 {
			t.Errorf("after the call has returned, want Put to succeed and no stuck call: %v, %+v", err, HealthOf(g))
		}
	})
}

func TestGuard_ThreeFailuresInARow_OutOfServiceUntilAProbeSucceeds(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		g, m := guarded(t)
		var told []bool
		g.circuit.onChange = func(h Health) { told = append(told, h.OutOfService) }
		m.set(always(errNoAnswer))
		for i := range failuresToOpen {
			if HealthOf(g).OutOfService {
				t.Fatalf("the store is out of service after only %d failures", i)
			}
			_ = put(g, "a.xml")
		}
		h := HealthOf(g)
		if !h.OutOfService || h.Why == nil || h.Wait != firstPause {
			t.Fatalf("health %+v, want the store out of service with a reason, and %v to wait", h, firstPause)
		}
		calls := m.total()
		var e *CallError
		if err := put(g, "a.xml"); !errors.As(err, &e) || e.Wait != firstPause || m.total() != calls {
			t.Errorf("while the store is out of service, Put = %v after %d more calls, want a CallError that waits %v, and no call",
				err, m.total()-calls, firstPause)
		}
		// The pauses grow. After each pause, one of the callers makes a probe.
		for range 12 {
			time.Sleep(HealthOf(g).Wait)
			var all sync.WaitGroup
			for range 5 {
				all.Go(func() { _ = put(g, "a.xml") })
			}
			all.Wait()
		}
		if n := m.count("check "); n != 12 {
			t.Errorf("%d probes were made after 12 pauses, want 12", n)
		}
		if h := HealthOf(g); h.Wait != maxPause {
			t.Errorf("the pause grew to %v, want %v", h.Wait, maxPause)
		}
		m.set(nil)
		time.Sleep(maxPause)
		if err := put(g, "a.xml"); err != nil || HealthOf(g).OutOfService {
			t.Errorf("after a successful probe, want Put to succeed and the store in service: %v, %+v", err, HealthOf(g))
		}
		if len(told) != 2 || !told[0] || told[1] {
			t.Errorf("OnChange was called with OutOfService = %v, want [true false]", told)
		}
	})
}

// Nearly all calls are for one object that hangs. These calls must not lock out the calls for other
// objects.
func TestGuard_OneObjectHangs_TheStoreStaysInService(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		g, m := guarded(t)
		defer close(m.hang)
		m.set(func(what, name string) error {
			if name == "pipe.xml" {
				return errHang
			}
			return nil
		})
		for i := range 100 {
			_ = put(g, "pipe.xml")
			if i%10 == 0 {
				if err := put(g, "good.xml"); err != nil {
					t.Fatalf("after %d tries, Put of the good object = %v, want no error", i, err)
				}
			}
		}
		if h := HealthOf(g); h.Stuck != 1 || h.OutOfService {
			t.Errorf("health %+v, want one stuck call and the store in service", h)
		}
	})
}

func TestGuard_AnswersAboutContent_NeverOpenTheCircuit(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		g, m := guarded(t)
		for _, answer := range []error{ErrNotFound, ErrConflict, ErrCorrupt, ErrImmutable, &NameError{Name: "x"}} {
			m.set(always(answer))
			for range 10 {
				var e *CallError
				if err := put(g, "a.xml"); err == nil || errors.As(err, &e) {
					t.Errorf("the store answers %v, and Put = %v, want that error and no CallError", answer, err)
				}
			}
		}
		if HealthOf(g).OutOfService {
			t.Error("answers about content took the store out of service")
		}
	})
}

// The probe is one object of the archive. Its damage says nothing about the other objects, so it
// does not take the store out of service.
func TestGuard_ProbeIsDamaged_StoreStaysInServiceOrReturnsToIt(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		g, m := guarded(t)
		m.set(func(what, _ string) error {
			if what == "check" {
				return fmt.Errorf("read the probe: %w", ErrCorrupt)
			}
			return nil
		})
		for range 2 * failuresToOpen {
			if err := g.Check(t.Context()); !errors.Is(err, ErrCorrupt) {
				t.Fatalf("Check = %v, want ErrCorrupt", err)
			}
		}
		if h := HealthOf(g); h.OutOfService {
			t.Fatalf("the store is out of service: %+v", h)
		}
		for range failuresToOpen {
			g.circuit.failed(false, errNoAnswer)
		}
		time.Sleep(HealthOf(g).Wait)
		if err := put(g, "a.xml"); err != nil || HealthOf(g).OutOfService {
			t.Errorf("when a probe was due, want the store back in service: Put = %v, health %+v", err, HealthOf(g))
		}
	})
}

func TestGuard_AllSlotsHang_CallsFailAtOnceAndSaySo(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		g, m := guarded(t)
		m.set(always(errHang))
		var all sync.WaitGroup
		for i := range 2 * maxCalls {
			all.Go(func() { _ = put(g, string(rune('a'+i))+".xml") })
		}
		all.Wait()
		if h := HealthOf(g); h.Stuck != maxCalls || m.total() != maxCalls {
			t.Fatalf("%d stuck of %d calls, want %d: the number of blocked calls must be bounded", h.Stuck, m.total(), maxCalls)
		}
		began := time.Now()
		err := g.Check(context.Background())
		if err == nil || time.Since(began) != 0 || !strings.Contains(err.Error(), "restart this process") {
			t.Errorf("Check = %v after %v, want an error at once that says to restart", err, time.Since(began))
		}
		close(m.hang)
		synctest.Wait()
		m.set(nil)
		if err := g.Check(context.Background()); err != nil || HealthOf(g).Stuck != 0 {
			t.Errorf("after the calls have returned, Check = %v and %d calls are stuck; want no error and none", err, HealthOf(g).Stuck)
		}
	})
}

func TestGuard_LargeObject_GetsMoreTime(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		g, m := guarded(t)
		slow := 5 * time.Second
		m.set(func(string, string) error { time.Sleep(slow); return nil })
		if err := g.Put(t.Context(), "large.xml", make([]byte, 2_000_000), ""); err != nil {
			t.Errorf("Put of 2 MB that takes %v = %v, want no error", slow, err)
		}
		if err := put(g, "small.xml"); !errors.Is(err, errNoAnswer) {
			t.Errorf("Put of one byte that takes %v = %v, want no answer in time", slow, err)
		}
		time.Sleep(slow)
	})
}

func TestGuard_CallerGivesUp_IsNotCountedAsFailure(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		g, m := guarded(t)
		m.set(always(errHang))
		for range 5 {
			ctx, cancel := context.WithCancel(t.Context())
			go func() { time.Sleep(time.Millisecond); cancel() }()
			if err := g.Put(ctx, time.Now().String(), nil, ""); !errors.Is(err, context.Canceled) {
				t.Errorf("Put = %v, want context.Canceled", err)
			}
		}
		if HealthOf(g).OutOfService {
			t.Error("callers that gave up took the store out of service")
		}
		close(m.hang)
	})
}

// A folder that is unavailable at the start is opened later, by the first call that can open it.
// The start must not depend on the folder.
func TestOpen_FolderHangs_ReturnsAStoreThatWorksLater(t *testing.T) {
	s, err := Open(t.Context(), "file://"+t.TempDir(), Options{Timeout: time.Nanosecond})
	if err != nil {
		t.Fatalf("Open = %v, want a store although the folder hangs", err)
	}
	defer s.Close()
	g := s.(*guard)
	f := g.Store.(*folder)
	g.timeout = time.Minute
	if err := f.opening.take(t.Context()); err != nil {
		t.Fatal(err)
	}
	f.tree.Store(nil) // the state while the opening of the folder hangs
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if err := f.Put(ctx, "a.xml", []byte("x"), ""); !errors.Is(err, context.Canceled) {
		t.Errorf("Put while the opening hangs = %v, want the error of the context", err)
	}
	f.opening.free()
	if err := s.Put(t.Context(), "a.xml", []byte("x"), ""); err != nil {
		t.Errorf("Put once the folder can be opened = %v, want no error", err)
	}
}
