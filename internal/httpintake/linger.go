package httpintake

import (
	"errors"
	"io"
	"net/http"
	"time"
)

const (
	// lingering is how long the rest of a body is read after the answer.
	lingering = 10 * time.Second
	// maxLingering is how many calls of a server linger at the same time.
	maxLingering = 32
)

// lingers lets callers see an answer that came before their body was read. Many programs send the
// whole body before they read. If the connection ends meanwhile, they see a reset connection
// instead of the answer. So the rest of the body is read and dropped for a while. Callers without a
// key get the same treatment, so only a few calls linger, and none for long. Safe for concurrent
// use.
type lingers chan struct{}

func newLingers() lingers { return make(lingers, maxLingering) }

// answer answers a call with a problem, and lingers if the call has a body that was not read.
func (l lingers) answer(c *call, err error) {
	p, _ := errors.AsType[*problem](err)
	unread := c.r.ContentLength != 0 && !c.read
	waits := c.r.Header.Get("Expect") != "" // this caller reads the answer first
	if !unread || waits || c.w.status != 0 || c.r.ProtoMajor != 1 || p != nil && p.kind == slow {
		c.fail(err)
		return
	}
	select {
	case l <- struct{}{}:
		defer func() { <-l }()
	default:
		c.fail(err)
		return
	}
	control := http.NewResponseController(c.w)
	if control.EnableFullDuplex() != nil { // without it, nothing can be read after the answer
		c.fail(err)
		return
	}
	c.w.Header().Set("Connection", "close")
	c.fail(err)
	_ = control.Flush() // fails when the caller has gone
	_ = control.SetReadDeadline(time.Now().Add(lingering))
	_, _ = io.Copy(io.Discard, c.r.Body)
}
