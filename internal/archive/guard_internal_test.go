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

// moody is a back end whose calls hang, fail or go well as the test says; the rest it does not
// have.
type moody struct {
	Store
	mu    sync.Mutex
	fate  func(what, name string) error // nil: well
	calls []string
	hang  chan struct{} // whoever gets errHang waits here, whatever its context says
}

var errHang = errors.New("hang")

func (m *moody) do(what, name string) error {
	m.mu.Lock()
	m.calls = append(m.calls, what+" "+name)
	fate := m.fate
	m.mu.Unlock()
	if fate == nil {
		return nil
	}
	err := fate(what, name)
	if errors.Is(err, errHang) {
		<-m.hang
		return nil
	}
	return err
}

func (m *moody) set(fate func(what, name string) error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.fate = fate
}

func (m *moody) total() int {
	m.mu.Lock()
	defer m.mu.Unlock()
	return len(m.calls)
}

func (m *moody) took(call string) (n int) {
	m.mu.Lock()
	defer m.mu.Unlock()
	for _, c := range m.calls {
		if c == call {
			n++
		}
	}
	return n
}

func (m *moody) Put(_ context.Context, name string, _ []byte, _ string) error {
	return m.do("put", name)
}
func (m *moody) Check(context.Context) error                        { return m.do("check", "") }
func (m *moody) Flush(context.Context, ...string) error             { return m.do("flush", "") }
func (m *moody) Get(_ context.Context, name string) ([]byte, error) { return nil, m.do("get", name) }

func always(err error) func(string, string) error { return func(string, string) error { return err } }

func guarded(t *testing.T) (*guard, *moody) {
	m := &moody{hang: make(chan struct{})}
	return newGuard(m, Options{Timeout: time.Second}), m
}

func put(g *guard, name string) error { return g.Put(context.Background(), name, []byte("x"), "") }

func TestGuard_CallThatHangs_IsLeftBehindInTimeAndTheNameIsNotTouchedMeanwhile(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		g, m := guarded(t)
		m.set(always(errHang))
		began := time.Now()
		err := put(g, "a.xml")
		var call *CallError
		if !errors.As(err, &call) || !call.Sick || errors.Is(err, context.DeadlineExceeded) || !strings.Contains(err.Error(), "put a.xml") {
			t.Errorf("Put = %v, want a sick CallError that names the call", err)
		}
		if took := time.Since(began); took > 2*time.Second {
			t.Errorf("it took %v", took)
		}
		if h := HealthOf(g); h.Stuck != 1 || h.Out {
			t.Errorf("health %+v, want one stuck call and the store in service", h)
		}
		m.set(nil)
		if err := put(g, "a.xml"); !errors.Is(err, errHangs) || m.took("put a.xml") != 1 {
			t.Errorf("a second Put of the name = %v after %d calls: it could be overtaken by the first", err, m.took("put a.xml"))
		}
		if err := put(g, "b.xml"); err != nil {
			t.Errorf("another name: %v", err)
		}
		close(m.hang)
		synctest.Wait()
		if err := put(g, "a.xml"); err != nil || HealthOf(g).Stuck != 0 {
			t.Errorf("once it came back: %v, %+v", err, HealthOf(g))
		}
	})
}

func TestGuard_ThreeFailuresInARow_OutOfServiceUntilAProbeGoesWell(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		g, m := guarded(t)
		var told []bool
		g.circuit.onChange = func(h Health) { told = append(told, h.Out) }
		m.set(always(errNoAnswer))
		for i := range failuresToOpen {
			if HealthOf(g).Out {
				t.Fatalf("out of service after %d failures", i)
			}
			_ = put(g, "a.xml")
		}
		h := HealthOf(g)
		if !h.Out || h.Why == nil || h.Wait != firstPause {
			t.Fatalf("health %+v", h)
		}
		calls := m.total()
		var e *CallError
		if err := put(g, "a.xml"); !errors.As(err, &e) || e.Wait != firstPause || m.total() != calls {
			t.Errorf("while it is out of service: %v after %d more calls", err, m.total()-calls)
		}
		// The pauses grow, and each costs one probe, whoever comes.
		for range 12 {
			time.Sleep(HealthOf(g).Wait)
			var all sync.WaitGroup
			for range 5 {
				all.Go(func() { _ = put(g, "a.xml") })
			}
			all.Wait()
		}
		if n := m.took("check "); n != 12 {
			t.Errorf("%d probes in 12 pauses", n)
		}
		if h := HealthOf(g); h.Wait != maxPause {
			t.Errorf("the pause grew to %v", h.Wait)
		}
		m.set(nil)
		time.Sleep(maxPause)
		if err := put(g, "a.xml"); err != nil || HealthOf(g).Out {
			t.Errorf("after the probe went well: %v, %+v", err, HealthOf(g))
		}
		if len(told) != 2 || !told[0] || told[1] {
			t.Errorf("told %v", told)
		}
	})
}

// The only thing that is asked for is the one object that hangs, or that the store refuses: the
// others must not be locked out by it.
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
					t.Fatalf("after %d tries: %v", i, err)
				}
			}
		}
		if h := HealthOf(g); h.Stuck != 1 || h.Out {
			t.Errorf("health %+v: want one thread held, however often it was asked for", h)
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
					t.Errorf("%v became %v", answer, err)
				}
			}
		}
		if HealthOf(g).Out {
			t.Error("out of service")
		}
	})
}

// The probe is one object of the archive, and says no more about the others than any other one.
func TestGuard_ProbeComesBackDamaged_StoreIsInServiceAndBackInIt(t *testing.T) {
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
				t.Fatalf("Check = %v, want what the store said", err)
			}
		}
		if h := HealthOf(g); h.Out {
			t.Fatalf("out of service: %+v", h)
		}
		for range failuresToOpen {
			g.circuit.failed(false, errNoAnswer)
		}
		time.Sleep(HealthOf(g).Wait)
		if err := put(g, "a.xml"); err != nil || HealthOf(g).Out {
			t.Errorf("when a probe was due: %v, %+v", err, HealthOf(g))
		}
	})
}

func TestGuard_AllPlacesHang_CallsFailAtOnceAndSaySo(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		g, m := guarded(t)
		m.set(always(errHang))
		var all sync.WaitGroup
		for i := range 2 * maxCalls {
			all.Go(func() { _ = put(g, string(rune('a'+i))+".xml") })
		}
		all.Wait()
		if h := HealthOf(g); h.Stuck != maxCalls || m.total() != maxCalls {
			t.Fatalf("%d stuck of %d calls, want %d: what hangs has to be bounded", h.Stuck, m.total(), maxCalls)
		}
		began := time.Now()
		err := g.Check(context.Background())
		if err == nil || time.Since(began) != 0 || !strings.Contains(err.Error(), "restart this process") {
			t.Errorf("Check = %v after %v", err, time.Since(began))
		}
		close(m.hang)
		synctest.Wait()
		m.set(nil)
		if err := g.Check(context.Background()); err != nil || HealthOf(g).Stuck != 0 {
			t.Errorf("once they came back: %v", err)
		}
	})
}

func TestGuard_LargeObjects_GetTimeBySize(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		g, m := guarded(t)
		slow := 5 * time.Second
		m.set(func(string, string) error { time.Sleep(slow); return nil })
		if err := g.Put(t.Context(), "large.xml", make([]byte, 2_000_000), ""); err != nil {
			t.Errorf("2 MB in %v: %v", slow, err)
		}
		if err := put(g, "small.xml"); !errors.Is(err, errNoAnswer) {
			t.Errorf("one byte in %v: %v", slow, err)
		}
		time.Sleep(slow)
	})
}

func TestGuard_CallerGoesAway_CountsForNothing(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		g, m := guarded(t)
		m.set(always(errHang))
		for range 5 {
			ctx, cancel := context.WithCancel(t.Context())
			go func() { time.Sleep(time.Millisecond); cancel() }()
			if err := g.Put(ctx, time.Now().String(), nil, ""); !errors.Is(err, context.Canceled) {
				t.Errorf("Put = %v", err)
			}
		}
		if HealthOf(g).Out {
			t.Error("out of service")
		}
		close(m.hang)
	})
}

// A folder that is away when the process starts is opened by the first call that can: a start must
// not depend on it.
func TestOpen_FolderHangs_TheStoreIsThereAndWorksLater(t *testing.T) {
	s, err := Open(t.Context(), "file://"+t.TempDir(), Options{Timeout: time.Nanosecond})
	if err != nil {
		t.Fatalf("Open = %v", err)
	}
	defer s.Close()
	g := s.(*guard)
	f := g.Store.(*folder)
	g.timeout = time.Minute
	if err := f.opening.take(t.Context()); err != nil {
		t.Fatal(err)
	}
	f.root = nil // as it is when the opening hangs
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if err := f.Put(ctx, "a.xml", []byte("x"), ""); !errors.Is(err, context.Canceled) {
		t.Errorf("Put while it hangs = %v", err)
	}
	f.opening.free()
	if err := s.Put(t.Context(), "a.xml", []byte("x"), ""); err != nil {
		t.Errorf("Put once it can be opened = %v", err)
	}
}
