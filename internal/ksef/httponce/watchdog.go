package httponce

import (
	"context"
	"fmt"
	"io"
	"sync"
	"sync/atomic"
	"time"

	"ksefworker/internal/ksef"
)

// watchdog ends a request whose time is up. A request whose bytes are in memory must end within
// Options.Timeout. A request that is streamed may go on as long as bytes keep moving. It ends when
// no byte has moved for Options.Timeout. Every request also ends when Call.Within, if it is set,
// has run out. Two rules are needed because 60 s is very long for a JSON answer and very short for
// a part of 100 MB on a slow line.
type watchdog struct {
	timer  *time.Timer
	allow  time.Duration
	stream bool
	end    []context.CancelFunc

	mu    sync.Mutex
	fault error // of the caller's reader
}

func watch(caller context.Context, allow time.Duration, k Call) (*watchdog, context.Context) {
	ctx, cancel := context.WithCancelCause(caller)
	w := &watchdog{allow: allow, stream: k.Stream, end: []context.CancelFunc{func() { cancel(context.Canceled) }}}
	w.timer = time.AfterFunc(allow, func() { cancel(ksef.ErrTimeout) })
	if k.Within > 0 {
		bounded, done := context.WithTimeoutCause(ctx, k.Within, ksef.ErrTimeout)
		ctx, w.end = bounded, append(w.end, done)
	}
	return w, ctx
}

func (w *watchdog) stop() {
	w.timer.Stop()
	for _, end := range w.end {
		end()
	}
}

// moved is called for each piece that was read or written. It matters only for a stream. If the
// timer has fired already, the context has ended, and resetting the timer changes nothing.
func (w *watchdog) moved() {
	if w.stream {
		w.timer.Reset(w.allow)
	}
}

// bodyFault returns the error of the caller's reader, or nil when it gave none.
func (w *watchdog) bodyFault() error {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.fault
}

func (w *watchdog) reading(r io.Reader) io.Reader { return &movingReader{r: r, w: w} }

type movingReader struct {
	r io.Reader
	w *watchdog
}

func (m *movingReader) Read(p []byte) (int, error) {
	n, err := m.r.Read(p)
	if n > 0 {
		m.w.moved()
	}
	return n, err
}

// sending wraps the caller's reader, which must give exactly size bytes. If it gives fewer, the
// other side would wait for the rest. If it gives more, the file changed while it was read. The
// body is closed when the context ends. Otherwise the transport, and the caller with it, would go
// on waiting for a Read that hangs.
func (w *watchdog) sending(ctx context.Context, body io.ReadCloser, size int64) io.ReadCloser {
	s := &sentBody{body: body, left: size, size: size, w: w}
	stop := context.AfterFunc(ctx, func() { _ = s.Close() })
	w.end = append([]context.CancelFunc{func() { stop() }}, w.end...) // first, so that stop runs before the contexts are cancelled
	return s
}

type sentBody struct {
	body  io.ReadCloser
	left  int64
	size  int64
	w     *watchdog
	close sync.Once
	gone  atomic.Bool // closed: any later error of the reader is only a result of that
	err   error
}

func (s *sentBody) Read(p []byte) (int, error) {
	if s.left == 0 {
		return s.tail()
	}
	if int64(len(p)) > s.left {
		p = p[:s.left]
	}
	n, err := s.body.Read(p)
	s.left -= int64(n)
	if n > 0 {
		s.w.moved()
	}
	switch {
	case err == io.EOF && s.left > 0:
		return n, s.failed(fmt.Errorf("body ended %d bytes short of %d: %w", s.left, s.size, io.ErrUnexpectedEOF))
	case err == io.EOF:
		return n, io.EOF
	case err != nil:
		return n, s.failed(fmt.Errorf("read body: %w", err))
	}
	return n, nil
}

// tail checks that no byte follows the declared ones. If one does, the request breaks off. By then
// the transport has all declared bytes and may have sent them, so breaking off can come too late.
// This check is therefore only the second defence. The first defence is that package pack computes
// the sizes.
func (s *sentBody) tail() (int, error) {
	var one [1]byte
	n, err := io.ReadFull(s.body, one[:])
	switch {
	case n > 0:
		return 0, s.failed(fmt.Errorf("body is longer than the declared %d bytes", s.size))
	case err != io.EOF:
		return 0, s.failed(fmt.Errorf("read body: %w", err))
	}
	return 0, io.EOF
}

func (s *sentBody) failed(err error) error {
	s.w.mu.Lock()
	defer s.w.mu.Unlock()
	if s.w.fault == nil && !s.gone.Load() {
		s.w.fault = err
	}
	return err
}

func (s *sentBody) Close() error {
	s.close.Do(func() {
		s.gone.Store(true)
		s.err = s.body.Close()
	})
	return s.err
}
