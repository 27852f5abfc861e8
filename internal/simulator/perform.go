package simulator

import (
	"cmp"
	"context"
	"io"
	"net"
	"net/http"
	"time"
)

// job is one request for perform: what the faults need to know, and what to do.
type job struct {
	ctx     context.Context // of the request; it ends when the client goes away
	body    io.Reader       // of the request, for a fault that discards it
	event   event
	group   string          // of the request limits; "" for what is not counted, such as parts
	prepare func() *refusal // reads the body; called once
	act     func() reply    // carries out the request
	lose    func()          // makes the session of the request unknown
	// refuse writes a refusal in the form of the API that got the request. If it is nil, the
	// refusal is written as the gateway writes it.
	refuse func(*refusal) reply
	// expire ends the bearer token of the request before its time; nil when it has none.
	expire func()
}

// perform acts and answers, unless a fault orders something else. It returns the HTTP status that
// was sent, 0 for none.
//
// DropRequest and Reset cut the connection and leave the body unread. DropAnswer reads the whole
// body and acts first, as when a proxy dies at the wrong moment.
func (pf *performer) perform(w http.ResponseWriter, j job) int {
	if j.refuse == nil {
		j.refuse = (*refusal).reply
	}
	_, lost := pf.faults.take(j.event, Lost)
	f, hit := pf.faults.take(j.event, requestKinds()...)
	if !hit {
		return j.finish(w, j.run(nil), lost)
	}
	pf.log.Info().Str("operation", j.event.on).Str("fault", f.Kind).Msg("fault injected")
	switch f.Kind {
	case DropRequest:
		cutConnection(w, false)
		return 0
	case Reset:
		cutConnection(w, true)
		return 0
	case Hang:
		pf.hang(j, f.For)
		cutConnection(w, false)
		return 0
	case Status:
		return j.finish(w, htmlPage(cmp.Or(f.Code, http.StatusBadGateway)), false)
	case HTML200:
		return j.finish(w, htmlPage(http.StatusOK), false)
	case TokenExpired:
		if j.expire != nil {
			j.expire()
		}
		return j.send(w, &refusal{status: http.StatusUnauthorized, code: 401, description: "Unauthorized", details: "expired"})
	case Denied:
		return j.send(w, &refusal{status: http.StatusUnauthorized, code: 401, description: "Unauthorized", details: "unknown key"})
	case Forbidden:
		return j.send(w, &refusal{status: http.StatusForbidden, code: 403, description: "Forbidden", details: "permission missing"})
	case Refused:
		refused := badInput("")
		refused.code = cmp.Or(f.Code, codeInput)
		refused.description = describeCode(refused.code)
		return j.send(w, refused)
	case TooMany:
		if f.For == 0 {
			return j.send(w, &refusal{status: http.StatusTooManyRequests, code: 429, description: "Too Many Requests"})
		}
		if j.group != "" {
			pf.limits.Impose(j.event.account, j.group, pf.Now(), f.For)
		}
		return j.send(w, tooMany(f.For))
	case KeyRotated:
		if err := pf.RotateKey(); err != nil {
			pf.log.Error().Err(err).Msg("fault failed")
		}
	}
	answer := j.run(func() {
		if f.Kind == SlowRequest {
			pf.pause(context.WithoutCancel(j.ctx), f.For) // acts even if the client has gone away
		}
	})
	switch f.Kind {
	case DropAnswer:
		if lost {
			j.lose()
		}
		cutConnection(w, false)
		return 0
	case Error500:
		answer = j.refuse(&refusal{status: http.StatusInternalServerError, code: 500, description: "Internal Server Error"})
	case Slow:
		pf.pause(j.ctx, f.For)
	}
	return j.finish(w, answer, lost)
}

// run prepares and acts. beforeAct, which may be nil, is called after the body was read and before
// anything is done.
func (j job) run(beforeAct func()) reply {
	if refused := j.prepare(); refused != nil {
		return j.refuse(refused)
	}
	if beforeAct != nil {
		beforeAct()
	}
	return j.act()
}

func (j job) send(w http.ResponseWriter, f *refusal) int {
	answer := j.refuse(f)
	answer.write(w)
	return answer.status
}

func (j job) finish(w http.ResponseWriter, answer reply, lost bool) int {
	if lost {
		j.lose()
	}
	answer.write(w)
	return answer.status
}

// hang keeps the client waiting for d, or, when d is 0, until the client goes away. It first reads
// and discards the body, because net/http notices only after that whether the client has gone.
func (pf *performer) hang(j job, d time.Duration) {
	_, _ = io.Copy(io.Discard, j.body)
	if d > 0 {
		pf.pause(j.ctx, d)
		return
	}
	select {
	case <-j.ctx.Done():
	case <-pf.stopped:
	}
}

// pause waits in real time, because a client's timeout is real too. It ends early with ctx and when
// the simulator closes.
func (c *core) pause(ctx context.Context, d time.Duration) {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
	case <-ctx.Done():
	case <-c.stopped:
	}
}

// cutConnection ends the connection without an answer.
func cutConnection(w http.ResponseWriter, reset bool) {
	conn, _, err := http.NewResponseController(w).Hijack()
	if err != nil {
		panic(http.ErrAbortHandler) // with HTTP/2 and recorders this is how net/http ends a connection
	}
	if tcp, ok := conn.(*net.TCPConn); ok && reset {
		_ = tcp.SetLinger(0) // the close becomes a reset
	}
	_ = conn.Close() // the client may have closed it already
}

// htmlPage returns an answer that a proxy or firewall gives instead of the gateway.
func htmlPage(status int) reply {
	text := http.StatusText(status)
	if status == http.StatusOK {
		text = "Request rejected"
	}
	html := "<html><head><title>" + text + "</title></head><body><h1>" + text + "</h1></body></html>\n"
	return reply{status: status, contentType: htmlType, body: []byte(html)}
}
