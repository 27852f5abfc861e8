package simulator

import (
	"cmp"
	"context"
	"io"
	"net"
	"net/http"
	"time"
)

// job is a request on its way through the faults.
type job struct {
	ctx     context.Context // of the request: it ends when the client goes
	body    io.Reader       // of the request, for a fault that has no use for it
	where   occasion
	group   string          // of request limits; "" for parts
	prepare func() *refusal // takes the body in; called once
	act     func() reply    // carries out what was prepared
	lose    func()          // makes the session of the request unknown
}

// perform acts and answers, unless a fault wants it otherwise. It returns the HTTP status that was sent, 0 for none.
//
// A fault that cuts the connection before acting leaves the body unread; one that loses the answer acts first, with
// the whole body, as a proxy that dies at the wrong moment would.
func (s *Simulator) perform(w http.ResponseWriter, j job) int {
	_, lost := s.faults.take(j.where, Lost)
	f, struck := s.faults.take(j.where, requestKinds()...)
	if !struck {
		return j.finish(w, j.run(nil), lost)
	}
	s.log.Info().Str("operation", j.where.on).Str("fault", f.Kind).Msg("fault injected")
	switch f.Kind {
	case DropRequest:
		cut(w, false)
		return 0
	case Reset:
		cut(w, true)
		return 0
	case Hang:
		s.hang(j, f.For)
		cut(w, false)
		return 0
	case Status:
		return j.finish(w, page(cmp.Or(f.Code, http.StatusBadGateway)), false)
	case HTML200:
		return j.finish(w, page(http.StatusOK), false)
	case Denied:
		return send(w, &refusal{status: http.StatusUnauthorized, code: 401, description: "Unauthorized", details: "unknown key"})
	case Forbidden:
		return send(w, &refusal{status: http.StatusForbidden, code: 403, description: "Forbidden", details: "permission missing"})
	case Refused:
		return send(w, &refusal{status: http.StatusBadRequest, code: cmp.Or(f.Code, codeInput), description: "Błąd walidacji danych wejściowych."})
	case TooMany:
		if f.For == 0 {
			return send(w, &refusal{status: http.StatusTooManyRequests, code: 429, description: "Too Many Requests"})
		}
		if j.group != "" {
			s.limits.Impose(j.where.account, j.group, s.Now(), f.For)
		}
		return send(w, tooMany(f.For))
	case KeyRotated:
		if err := s.RotateKey(); err != nil {
			s.log.Error().Err(err).Msg("fault failed")
		}
	}
	answer := j.run(func() {
		if f.Kind == SlowRequest {
			s.pause(context.WithoutCancel(j.ctx), f.For) // acts even if the client has gone
		}
	})
	switch f.Kind {
	case DropAnswer:
		if lost {
			j.lose()
		}
		cut(w, false)
		return 0
	case Error500:
		answer = (&refusal{status: http.StatusInternalServerError, code: 500, description: "Internal Server Error"}).reply()
	case Slow:
		s.pause(j.ctx, f.For)
	}
	return j.finish(w, answer, lost)
}

// run prepares and acts; between is called when the body is in and nothing is done yet.
func (j job) run(between func()) reply {
	if refused := j.prepare(); refused != nil {
		return refused.reply()
	}
	if between != nil {
		between()
	}
	return j.act()
}

func (j job) finish(w http.ResponseWriter, answer reply, lost bool) int {
	if lost {
		j.lose()
	}
	answer.write(w)
	return answer.status
}

// hang keeps the client waiting: for d, or until it goes when d is 0. The body is taken in and forgotten: before that
// net/http does not see that a client has gone.
func (s *Simulator) hang(j job, d time.Duration) {
	_, _ = io.Copy(io.Discard, j.body)
	if d > 0 {
		s.pause(j.ctx, d)
		return
	}
	select {
	case <-j.ctx.Done():
	case <-s.stopped:
	}
}

// pause waits in real time, not in the simulated one: a client's timeout is real. It ends early with ctx and when the
// simulator closes.
func (s *Simulator) pause(ctx context.Context, d time.Duration) {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
	case <-ctx.Done():
	case <-s.stopped:
	}
}

// cut ends the connection without an answer.
func cut(w http.ResponseWriter, reset bool) {
	conn, _, err := http.NewResponseController(w).Hijack()
	if err != nil {
		panic(http.ErrAbortHandler) // HTTP/2 and recorders: net/http's own way to say it, not a crash
	}
	if tcp, ok := conn.(*net.TCPConn); ok && reset {
		_ = tcp.SetLinger(0) // makes the close a reset
	}
	_ = conn.Close() // the client may have been quicker
}

// page is what a proxy or firewall says instead of the gateway.
func page(status int) reply {
	text := http.StatusText(status)
	if status == http.StatusOK {
		text = "Request rejected"
	}
	return reply{status: status, contentType: htmlType, body: []byte("<html><head><title>" + text + "</title></head><body><h1>" + text + "</h1></body></html>\n")}
}
