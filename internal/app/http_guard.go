package app

import (
	"net"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/rs/zerolog"

	"ksefworker/config"
)

// loginGuard requires HTTP Basic credentials. Safe for concurrent use.
type loginGuard struct {
	check func(user, password string) bool // in constant time
	next  http.Handler
	*throttle
}

// throttle counts the wrong logins of each client address. After a few in a row, logins from that
// address are refused for a while, longer each time. Otherwise a password could be guessed as fast
// as the machine can answer. Safe for concurrent use.
type throttle struct {
	log zerolog.Logger
	now func() time.Time

	mu    sync.Mutex
	wrong map[string]*wrongLogins // by client address
}

// wrongLogins are the wrong logins of one address in a row.
type wrongLogins struct {
	n     int
	last  time.Time
	until time.Time // requests are refused until then
}

const (
	// loginsFree is how many wrong logins in a row lead to the first pause. It is more than one,
	// because people mistype.
	loginsFree = 5
	// loginPause is the first pause. It doubles with each wrong login, up to loginPauseMax.
	loginPause    = time.Second
	loginPauseMax = time.Minute
	// loginForget is how long the wrong logins of an address count after the last of them.
	loginForget = 15 * time.Minute
	// loginAddresses is the maximum number of addresses whose wrong logins are counted.
	loginAddresses = 10_000
)

func newThrottle(log zerolog.Logger) *throttle {
	return &throttle{log: log, now: time.Now, wrong: map[string]*wrongLogins{}}
}

func requireLogin(check func(user, password string) bool, t *throttle, next http.Handler) *loginGuard {
	return &loginGuard{check: check, next: next, throttle: t}
}

// ServeHTTP implements http.Handler.
func (g *loginGuard) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	from := remoteHost(r)
	if wait := g.Wait(from); wait > 0 {
		w.Header().Set("Retry-After", strconv.Itoa(int(wait/time.Second)+1))
		w.Header().Set("Cache-Control", "no-store")
		http.Error(w, "too many wrong logins: wait", http.StatusTooManyRequests)
		return
	}
	user, password, given := r.BasicAuth()
	if given && g.check(user, password) {
		g.Succeeded(from)
		g.next.ServeHTTP(w, r)
		return
	}
	if given { // a browser's first request has no credentials
		g.Failed(from)
	}
	w.Header().Set("WWW-Authenticate", `Basic realm="ksefworker", charset="UTF-8"`)
	w.Header().Set("Cache-Control", "no-store")
	http.Error(w, "login required", http.StatusUnauthorized)
}

// Wait returns for how long the requests of an address are refused. A result of at most 0 means
// that they are not refused.
func (g *throttle) Wait(from string) time.Duration {
	g.mu.Lock()
	defer g.mu.Unlock()
	if a := g.wrong[from]; a != nil {
		return a.until.Sub(g.now())
	}
	return 0
}

// Succeeded forgets the wrong logins of an address.
func (g *throttle) Succeeded(from string) {
	g.mu.Lock()
	defer g.mu.Unlock()
	delete(g.wrong, from)
}

// Failed counts a wrong login.
func (g *throttle) Failed(from string) {
	g.mu.Lock()
	defer g.mu.Unlock()
	now := g.now()
	if len(g.wrong) >= loginAddresses {
		for other, a := range g.wrong {
			if now.Sub(a.last) > loginForget {
				delete(g.wrong, other)
			}
		}
	}
	a := g.wrong[from]
	if a == nil || now.Sub(a.last) > loginForget {
		if len(g.wrong) >= loginAddresses {
			return // an attack from so many addresses is not slowed down by counting one more
		}
		a = &wrongLogins{}
		g.wrong[from] = a
	}
	a.n, a.last = a.n+1, now
	if over := a.n - loginsFree; over >= 0 {
		pause := min(loginPause<<min(over, 10), loginPauseMax)
		a.until = now.Add(pause)
		g.log.Warn().Str("from", from).Int("in_a_row", a.n).Stringer("for", pause.Round(time.Millisecond)).
			Msg("wrong logins at the page or the dashboard: logins from this address are refused for a while")
	}
}

// remoteHost returns the address of the peer without its port. Behind a proxy that [proxies] does
// not trust, this is the address of the proxy, because anybody could forge a header that names the
// visitor.
func remoteHost(r *http.Request) string {
	host, _, err := net.SplitHostPort(r.RemoteAddr)
	if err != nil {
		return r.RemoteAddr
	}
	return host
}

// supervisor is the key in a request's context for the name of the person who is logged in at the
// page.
type supervisor struct{}

// logChanges logs each change in the dashboard, with the person who made it. The dashboard can
// pause queues and delete tasks.
func logChanges(log zerolog.Logger, next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Method == http.MethodGet || r.Method == http.MethodHead {
			next.ServeHTTP(w, r)
			return
		}
		seen := &statusWriter{ResponseWriter: w}
		ids, n := tasksNamed(r)
		next.ServeHTTP(seen, r)
		user, _, _ := r.BasicAuth()
		if name, ok := r.Context().Value(supervisor{}).(string); ok {
			user = name
		}
		e := log.Warn()
		if n > 0 {
			e = e.Strs("tasks", ids).Int("tasks_named", n)
		}
		e.Str("user", user).Str("from", remoteHost(r)).Str("method", r.Method).Str("path", shortPath(r.URL.Path)).
			Int("status", seen.status).Msg("a change was made in the dashboard")
	})
}

// shortPath bounds how much text a caller can put into the log.
func shortPath(path string) string { return path[:min(len(path), 200)] }

// statusWriter remembers the status of a response.
type statusWriter struct {
	http.ResponseWriter
	status int
}

// WriteHeader implements http.ResponseWriter.
func (s *statusWriter) WriteHeader(status int) {
	s.status = status
	s.ResponseWriter.WriteHeader(status)
}

// Write implements http.ResponseWriter.
func (s *statusWriter) Write(b []byte) (int, error) {
	if s.status == 0 {
		s.status = http.StatusOK
	}
	return s.ResponseWriter.Write(b)
}

// requireLocalHost refuses requests whose Host header names neither this machine nor the host of
// public, the address at which a proxy serves the page. A browser sends the host of the page's own
// address in this header. A foreign page whose name is made to resolve to this machine (DNS
// rebinding) cannot change that.
func requireLocalHost(public string, next http.Handler) http.Handler {
	known := ""
	if u, err := url.Parse(public); err == nil {
		known = u.Hostname()
	}
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		host, _, err := net.SplitHostPort(r.Host)
		if err != nil {
			host = r.Host
		}
		host = strings.Trim(host, "[]")
		if !config.IsLoopback(host) && (known == "" || !strings.EqualFold(host, known)) {
			http.Error(w, "this address answers to localhost, and to the name in http.public_url, only", http.StatusMisdirectedRequest)
			return
		}
		next.ServeHTTP(w, r)
	})
}
