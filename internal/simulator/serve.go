package simulator

import (
	"encoding/json"
	"errors"
	"io"
	"mime"
	"net"
	"net/http"
	"strconv"
	"strings"
	"time"

	"ksefworker/internal/simulator/limits"
	"ksefworker/internal/simulator/strictjson"
)

// call is one authorized request to an operation.
type call struct {
	op      *operation
	account Account
	r       *http.Request
	values  []string // of the path, in its order
	body    []byte
	session string // id of the session that the request concerns, once it is known
}

// value returns the i-th value of the path. The table of operations guarantees that it exists.
func (c *call) value(i int) string { return c.values[i] }

// decode reads the JSON body into a struct; see strictjson.Decode.
func (c *call) decode(into any) *refusal {
	if err := strictjson.Decode(c.body, into); err != nil {
		return badInput("%v", err)
	}
	return nil
}

// reply is a complete answer. It is not written at once, so that a fault can drop it.
type reply struct {
	status      int
	contentType string
	header      http.Header
	body        []byte
}

func jsonReply(v any) reply {
	raw, err := json.Marshal(v)
	if err != nil {
		return (&refusal{status: http.StatusInternalServerError, code: 500, description: "Internal error", details: err.Error()}).reply()
	}
	return reply{status: http.StatusOK, contentType: jsonType, body: raw}
}

func (p reply) write(w http.ResponseWriter) {
	for name, values := range p.header {
		w.Header()[name] = values
	}
	if p.contentType != "" {
		w.Header().Set("Content-Type", p.contentType)
	}
	if p.status != http.StatusNoContent { // such an answer must not have a Content-Length
		w.Header().Set("Content-Length", strconv.Itoa(len(p.body)))
	}
	w.WriteHeader(p.status)
	_, _ = w.Write(p.body) // the client may have gone; there is nobody to tell
}

// ServeHTTP serves the gateway's operations, the part store under /storage/ and the controls under
// /sim/.
func (s *Simulator) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	started := time.Now()
	name, status := s.route(w, r)
	if status != 0 {
		// A refusal may have left the body unread. The body is read before the answer is flushed.
		// Otherwise a client that is still sending a large part would see a broken pipe instead of
		// the answer.
		_, _ = io.CopyN(io.Discard, r.Body, maxEncrypted)
	}
	s.log.Debug().Str("operation", name).Str("method", r.Method).Int("status", status).Stringer("took",
		time.Since(started).Round(time.Millisecond)).Msg("answered")
}

// Handler returns the simulator itself.
func (s *Simulator) Handler() http.Handler { return s }

func (s *Simulator) route(w http.ResponseWriter, r *http.Request) (name string, status int) {
	switch {
	case strings.HasPrefix(r.URL.Path, "/sim/"):
		return "sim", s.control(w, r)
	case strings.HasPrefix(r.URL.Path, "/storage/"):
		return opPart, s.storage(w, r)
	}
	if r.Method != http.MethodGet && r.Method != http.MethodPost {
		return "", send(w, methodNotAllowed("only GET and POST"))
	}
	op, values, known := s.find(r.Method, r.URL)
	if op == nil && known {
		return "", send(w, methodNotAllowed("this path accepts only the other method, GET or POST"))
	}
	if op == nil {
		return "", send(w, &refusal{status: http.StatusNotFound, code: 404, description: "Not Found", details: "no such operation"})
	}
	account, refused := s.accounts.authorize(r)
	if refused != nil {
		return op.name, send(w, refused)
	}
	c := &call{op: op, account: account, r: r, values: values}
	e, group := s.eventOf(c)
	if wait, refused := s.limits.Arrive(account.ID, group, s.Now); refused {
		return op.name, send(w, tooMany(wait))
	}
	return op.name, s.perform(w, job{
		ctx: r.Context(), body: r.Body, event: e, group: group, prepare: c.readBody,
		lose: func() { s.lose(c.session) },
		act: func() reply {
			answer, refused := op.act(c)
			if refused != nil {
				return refused.reply()
			}
			return answer
		},
	})
}

func send(w http.ResponseWriter, f *refusal) int {
	f.reply().write(w)
	return f.status
}

func methodNotAllowed(details string) *refusal {
	return &refusal{status: http.StatusMethodNotAllowed, code: 405, description: "Method Not Allowed", details: details}
}

func tooMany(wait time.Duration) *refusal {
	return &refusal{
		status: http.StatusTooManyRequests, code: 429, description: "Too Many Requests", details: "Przekroczono limit żądań.",
		retryAfter: limits.RetryAfter(wait),
	}
}

// eventOf describes a request to the faults before its body is read, and returns the group in which
// the request is counted. The closes of both lanes share a path, so the group of a close depends on
// its session.
func (pf *performer) eventOf(c *call) (event, string) {
	e := event{on: c.op.name, account: c.account.ID, nip: c.account.NIP}
	group := c.op.counter()
	switch c.op.name {
	case opOpenOnline, opSend:
		e.lane = laneOnline
	case opOpenBatch:
		e.lane = laneBatch
	case opSessionStatus, opInvoices, opClose, opUPO:
		c.session = c.value(0)
		e.session = c.session
		pf.mu.Lock()
		defer pf.mu.Unlock()
		if sess := pf.sessions[c.session]; sess != nil {
			e.lane = sess.lane
			if e.nip == "" {
				e.nip = sess.context
			}
			if c.op.name == opClose && sess.lane == laneOnline {
				group = limits.OnlineSessionClose
			}
		}
	}
	return e, group
}

// readBody checks the headers Accept and Content-Type, and reads the whole body, once.
func (c *call) readBody() *refusal {
	if accept := c.r.Header.Get("Accept"); accept != "" && c.op.accepts != "" &&
		!strings.Contains(accept, c.op.accepts) && !strings.Contains(accept, "*/*") {
		return &refusal{
			status: http.StatusNotAcceptable, code: 406, description: "Not Acceptable", details: "the answer is " + c.op.accepts,
		}
	}
	if c.op.method != http.MethodPost || c.op.name == opBoxUploadBatch {
		return nil // the operation itself reads the package of the box as it arrives
	}
	if kind, _, err := mime.ParseMediaType(c.r.Header.Get("Content-Type")); err != nil || kind != c.op.body {
		return badInput("Content-Type is not %s", c.op.body)
	}
	body, err := io.ReadAll(http.MaxBytesReader(nil, c.r.Body, c.op.maxBody))
	var large *http.MaxBytesError
	if errors.As(err, &large) {
		return &refusal{status: http.StatusRequestEntityTooLarge, code: 413, description: "Content Too Large"}
	}
	if err != nil {
		return badInput("the body ended early")
	}
	c.body = body
	return nil
}

// loopback reports whether the request came from this machine.
func loopback(r *http.Request) bool {
	host, _, err := net.SplitHostPort(r.RemoteAddr)
	return err == nil && net.ParseIP(host).IsLoopback()
}
