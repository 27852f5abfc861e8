package ministry

import (
	"errors"
	"io"
	"mime"
	"net"
	"net/http"
	"strings"
	"time"

	"ksefworker/internal/simulator"
	"ksefworker/internal/simulator/limits"
	"ksefworker/internal/simulator/login"
	"ksefworker/internal/simulator/strictjson"
)

// call is one request to an operation.
type call struct {
	op      *operation
	r       *http.Request
	values  []string // of the path, in its order
	body    []byte
	ip      string
	token   string // the bearer, "" when there is none
	access  login.Access
	account simulator.Account
	opened  string // id of the session that the call has opened
}

// value returns the i-th value of the path. The table of operations guarantees that it exists.
func (c *call) value(i int) string { return c.values[i] }

// decode reads the JSON body into a struct; see strictjson.Decode.
func (c *call) decode(into any) *problem {
	if err := strictjson.Decode(c.body, into); err != nil {
		return badInput("%v", err)
	}
	return nil
}

// ServeHTTP serves the API under /v2, pre-signed addresses under /storage and the controls under
// /sim.
func (m *Ministry) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	started := time.Now()
	if warning := r.Header.Get("X-Test-System-Warning"); warning != "" {
		w.Header().Set("X-System-Warning", warning)
	}
	name, status := m.route(w, r)
	if status != 0 {
		m.face.Drain(r.Context(), r.Body)
	}
	m.face.Log("direct:"+name, r.Method, status, time.Since(started))
}

func (m *Ministry) route(w http.ResponseWriter, r *http.Request) (name string, status int) {
	path := r.URL.EscapedPath()
	switch {
	case strings.HasPrefix(path, "/sim/") || strings.HasPrefix(path, "/storage/") && simulator.IsUpload(path):
		m.face.Gateway().ServeHTTP(w, r)
		return "gateway", 0
	case strings.HasPrefix(path, "/storage/"):
		return simulator.OpDownload, receiptOps{m}.download(w, r)
	}
	below, found := strings.CutPrefix(path, "/v2/")
	if !found {
		return "", write(w, m.refusal(notFound(), r))
	}
	op, values, known := m.find(r.Method, below)
	switch {
	case op == nil && known:
		return "", write(w, m.refusal(methodNotAllowed(), r))
	case op == nil:
		return "", write(w, m.refusal(notFound(), r))
	}
	c := &call{op: op, r: r, values: values, ip: clientIP(r)}
	if p := m.authorize(c); p != nil {
		return op.name, write(w, m.refusal(p, r))
	}
	return op.name, m.face.Perform(w, m.request(c))
}

// request describes a call for the simulator, which applies the limits and the faults to it.
func (m *Ministry) request(c *call) simulator.Request {
	q := simulator.Request{
		HTTP: c.r, Operation: c.op.name, Account: c.account.ID, NIP: c.account.NIP, Group: c.op.group,
		Prepare: func() *simulator.Refusal { return c.readBody() },
		Act: func() simulator.Reply {
			answer, p := c.op.act(c)
			if p != nil {
				return m.refusal(p, c.r)
			}
			return answer
		},
		Opened: func() string { return c.opened },
		Refuse: func(f simulator.Refusal) simulator.Reply { return m.refusal(problemOf(&f), c.r) },
	}
	if c.op.path[0] == "sessions" && len(c.values) > 0 {
		q.Session = c.values[0]
	}
	if c.op.group == limits.Anonymous {
		q.Account = "ip " + c.ip
	}
	if c.op.bearer == byAccess {
		q.Expire = func() { m.desk.Expire(c.access) }
	}
	return q
}

// authorize verifies the bearer token and the permissions. The operations of a login verify their
// tokens themselves. For them authorize reads only the context, which the faults need.
func (m *Ministry) authorize(c *call) *problem {
	if c.op.bearer == anonymous {
		return nil
	}
	values := c.r.Header.Values("Authorization")
	token, found := "", false
	if len(values) == 1 {
		token, found = strings.CutPrefix(values[0], "Bearer ")
	}
	if !found || token == "" {
		return unauthorized()
	}
	c.token = token
	if c.op.bearer == byLogin {
		c.account = accountOf(m.desk.ContextOf(token).Value)
		return nil
	}
	access, err := m.desk.Access(token, c.ip)
	if err != nil {
		return problemOfLogin(err)
	}
	c.access, c.account = access, accountOf(access.Context.Value)
	if !access.May(c.op.anyOf...) {
		return missingPermissions(c.op.anyOf, access.Permissions)
	}
	return nil
}

func clientIP(r *http.Request) string {
	host, _, err := net.SplitHostPort(r.RemoteAddr)
	if err != nil {
		return r.RemoteAddr
	}
	return host
}

// readBody reads the whole body, once, and checks the header that describes it.
func (c *call) readBody() *simulator.Refusal {
	if c.op.body == "" {
		return nil
	}
	if kind, params, err := mime.ParseMediaType(c.r.Header.Get("Content-Type")); err != nil || kind != c.op.body ||
		params["charset"] != "" && !strings.EqualFold(params["charset"], "utf-8") {
		return &simulator.Refusal{
			Status: http.StatusUnsupportedMediaType, Code: 415, Description: "Unsupported Media Type",
			Details: "the body must be " + c.op.body,
		}
	}
	body, err := io.ReadAll(http.MaxBytesReader(nil, c.r.Body, c.op.maxBody))
	var large *http.MaxBytesError
	if errors.As(err, &large) {
		return &simulator.Refusal{Status: http.StatusRequestEntityTooLarge, Code: 413, Description: "Content Too Large"}
	}
	if err != nil {
		return &simulator.Refusal{
			Status: http.StatusBadRequest, Code: codeUnreadable, Description: "Nieczytelna treść.", Details: "the body ended early",
		}
	}
	c.body = body
	return nil
}

func write(w http.ResponseWriter, p simulator.Reply) int {
	p.Write(w)
	return p.Status
}
