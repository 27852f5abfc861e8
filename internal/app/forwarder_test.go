package app_test

import (
	"bytes"
	"io"
	"net"
	"sync"
	"sync/atomic"
	"testing"
)

// forwarder is a TCP proxy before two Redis servers. It passes each new connection on to the
// address that is stored in its field named to. A change of this address leaves open connections
// with their server. The forwarder can replace one text by another in the servers' answers.
type forwarder struct {
	addr    string
	to      atomic.Value // string
	replace [2]string    // the first text is replaced by the second, unless the first is empty

	mu    sync.Mutex
	conns []net.Conn
}

// cut closes every connection.
func (f *forwarder) cut() {
	f.mu.Lock()
	defer f.mu.Unlock()
	for _, c := range f.conns {
		c.Close()
	}
	f.conns = nil
}

func newForwarder(t *testing.T, to string, replace [2]string) *forwarder {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	f := &forwarder{addr: l.Addr().String(), replace: replace}
	f.to.Store(to)
	go func() {
		for {
			in, err := l.Accept()
			if err != nil {
				return
			}
			out, err := net.Dial("tcp", f.to.Load().(string))
			if err != nil {
				in.Close()
				continue
			}
			f.mu.Lock()
			f.conns = append(f.conns, in, out)
			f.mu.Unlock()
			go func() { _, _ = io.Copy(out, in); out.Close() }()
			go func() { f.copyAnswers(in, out); in.Close() }()
		}
	}()
	t.Cleanup(func() { l.Close(); f.cut() })
	return f
}

func (f *forwarder) copyAnswers(in io.Writer, out io.Reader) {
	b := make([]byte, 64<<10)
	for {
		n, err := out.Read(b)
		if n > 0 {
			answer := b[:n]
			if f.replace[0] != "" {
				answer = bytes.ReplaceAll(answer, []byte(f.replace[0]), []byte(f.replace[1]))
			}
			if _, err := in.Write(answer); err != nil {
				return
			}
		}
		if err != nil {
			return
		}
	}
}
