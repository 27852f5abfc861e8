package ksef

import (
	"context"
	"fmt"
	"io"
	"sync"
	"sync/atomic"
	"time"
)

// watcher ends a request whose time is up: a fixed time for one whose bytes are in memory, time without a byte moving for one that is streamed. A fixed time
// can't serve both: 60 s is an age for a JSON answer and nothing for a part of 100 MB on a slow line.
type watcher struct {
	timer  *time.Timer
	allow  time.Duration
	stream bool
	end    []context.CancelFunc

	mu    sync.Mutex
	fault error // of the caller's reader
}

func watch(caller context.Context, allow time.Duration, k call) (*watcher, context.Context) {
	ctx, cancel := context.WithCancelCause(caller)
	w := &watcher{allow: allow, stream: k.stream, end: []context.CancelFunc{func() { cancel(context.Canceled) }}}
	w.timer = time.AfterFunc(allow, func() { cancel(ErrTimeout) })
	if k.within > 0 {
		bounded, done := context.WithTimeoutCause(ctx, k.within, ErrTimeout)
		ctx, w.end = bounded, append(w.end, done)
	}
	return w, ctx
}

func (w *watcher) stop() {
	w.timer.Stop()
	for _, end := range w.end {
		end()
	}
}

// moved is called for each piece of a stream. Once the timer has fired the context is gone, and setting it again changes nothing.
func (w *watcher) moved() {
	if w.stream {
		w.timer.Reset(w.allow)
	}
}

// bodyFault is the error of the caller's reader, nil when it gave none.
func (w *watcher) bodyFault() error {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.fault
}

func (w *watcher) reading(r io.Reader) io.Reader { return &movingReader{r: r, w: w} }

type movingReader struct {
	r io.Reader
	w *watcher
}

func (m *movingReader) Read(p []byte) (int, error) {
	n, err := m.r.Read(p)
	if n > 0 {
		m.w.moved()
	}
	return n, err
}

// sending wraps the caller's reader, which must give exactly size bytes: a shorter one would leave the other side waiting, a longer one is a file
// that changed under our hands. The body is closed when the context ends: the transport itself would go on waiting for a Read that hangs, and with it the caller.
func (w *watcher) sending(ctx context.Context, body io.ReadCloser, size int64) io.ReadCloser {
	s := &sentBody{body: body, left: size, size: size, w: w}
	stop := context.AfterFunc(ctx, func() { _ = s.Close() })
	w.end = append([]context.CancelFunc{func() { stop() }}, w.end...) // before the contexts end
	return s
}

type sentBody struct {
	body  io.ReadCloser
	left  int64
	size  int64
	w     *watcher
	close sync.Once
	gone  atomic.Bool // closed: what the reader says from now on is an echo of that
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

// tail looks for a byte too many. The request is then broken off with its last bytes unsent only if the transport has not yet seen the declared length, so
// this is a second line; pack's sizes are the first.
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
