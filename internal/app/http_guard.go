package app

import (
	"net"
	"net/http"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/rs/zerolog"

	"ksefworker/config"
)

// loginGuard asks for HTTP Basic credentials. After a few wrong ones an address is turned away for a
// while, each time for longer, whatever it says: without that a password could be guessed as fast as
// the machine computes. Safe for concurrent use.
type loginGuard struct {
	check func(user, password string) bool // in constant time
	next  http.Handler
	log   zerolog.Logger
	now   func() time.Time

	mu    sync.Mutex
	wrong map[string]*wrongLogins // by the address that they came from
}

// wrongLogins are those of one address in a row.
type wrongLogins struct {
	n     int
	last  time.Time
	until time.Time // turned away until then
}

const (
	// loginsFree wrong logins in a row cost nothing: people mistype.
	loginsFree = 5
	// loginPause is the first pause, doubled with each wrong login up to loginPauseMax.
	loginPause    = time.Second
	loginPauseMax = time.Minute
	// loginForget is how long wrong logins count, and loginAddresses of how many addresses.
	loginForget    = 15 * time.Minute
	loginAddresses = 10_000
)

func requireLogin(check func(user, password string) bool, log zerolog.Logger, next http.Handler) *loginGuard {
	return &loginGuard{check: check, next: next, log: log, now: time.Now, wrong: map[string]*wrongLogins{}}
}

// ServeHTTP implements http.Handler.
func (g *loginGuard) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	from := remoteHost(r)
	if wait := g.wait(from); wait > 0 {
		w.Header().Set("Retry-After", strconv.Itoa(int(wait/time.Second)+1))
		w.Header().Set("Cache-Control", "no-store")
		http.Error(w, "too many wrong logins: wait", http.StatusTooManyRequests)
		return
	}
	user, password, given := r.BasicAuth()
	if given && g.check(user, password) {
		g.right(from)
		g.next.ServeHTTP(w, r)
		return
	}
	if given { // a browser's first request has none
		g.failed(from)
	}
	w.Header().Set("WWW-Authenticate", `Basic realm="ksefworker", charset="UTF-8"`)
	w.Header().Set("Cache-Control", "no-store")
	http.Error(w, "login required", http.StatusUnauthorized)
}

func (g *loginGuard) wait(from string) time.Duration {
	g.mu.Lock()
	defer g.mu.Unlock()
	if a := g.wrong[from]; a != nil {
		return a.until.Sub(g.now())
	}
	return 0
}

func (g *loginGuard) right(from string) {
	g.mu.Lock()
	defer g.mu.Unlock()
	delete(g.wrong, from)
}

func (g *loginGuard) failed(from string) {
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
			return // so many addresses at once are no guessing of one: each has its free ones
		}
		a = &wrongLogins{}
		g.wrong[from] = a
	}
	a.n, a.last = a.n+1, now
	if over := a.n - loginsFree; over >= 0 {
		pause := min(loginPause<<min(over, 10), loginPauseMax)
		a.until = now.Add(pause)
		g.log.Warn().Str("from", from).Int("in_a_row", a.n).Dur("for", pause).Msg("wrong logins at the dashboard: the address is turned away")
	}
}

// remoteHost is the address that a request came from, without its port: that of a proxy, if there is
// one, because what a proxy says of whom it serves could be anybody's word.
func remoteHost(r *http.Request) string {
	host, _, err := net.SplitHostPort(r.RemoteAddr)
	if err != nil {
		return r.RemoteAddr
	}
	return host
}

// logChanges says who changed what in the dashboard: it can pause a queue and delete tasks.
func logChanges(log zerolog.Logger, next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Method == http.MethodGet || r.Method == http.MethodHead {
			next.ServeHTTP(w, r)
			return
		}
		seen := &statusWriter{ResponseWriter: w}
		next.ServeHTTP(seen, r)
		user, _, _ := r.BasicAuth()
		log.Warn().Str("user", user).Str("from", remoteHost(r)).Str("method", r.Method).Str("path", shortPath(r.URL.Path)).
			Int("status", seen.status).Msg("somebody changed something in the dashboard")
	})
}

// shortPath bounds what a stranger can put into the log.
func shortPath(path string) string { return path[:min(len(path), 200)] }

// statusWriter remembers the status of an answer.
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

// requireLocalHost refuses requests whose Host header names anything but this machine. The address that a browser believes to talk to is
// the one thing that a rebound name can't forge.
func requireLocalHost(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		host, _, err := net.SplitHostPort(r.Host)
		if err != nil {
			host = r.Host
		}
		if !config.IsLoopback(strings.Trim(host, "[]")) {
			http.Error(w, "this address answers to localhost only", http.StatusMisdirectedRequest)
			return
		}
		next.ServeHTTP(w, r)
	})
}
