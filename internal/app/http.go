package app

import (
	"context"
	"crypto/tls"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log"
	"net"
	"net/http"
	"net/netip"
	"strings"
	"time"

	"github.com/rs/zerolog"

	"ksefworker/config"
)

// Readiness is the answer of /readyz. It says whether this process can do its work now, and has the
// result of each check.
type Readiness struct {
	Ready  bool    `json:"ready"`
	Checks []Check `json:"checks"`
}

// Check is the result of checking one part. Everyone who can reach /readyz sees its text, so it
// MUST NOT hold secrets.
type Check struct {
	// Name is short and stable, for example redis, gateway, archive or tenant 5265877635.
	Name string `json:"name"`
	OK   bool   `json:"ok"`
	// Detail says what is wrong, or what an operator should know; it may be empty.
	Detail string `json:"detail,omitempty"`
}

// readinessOf returns the readiness of a process with these checks. It is ready when every check is
// OK.
func readinessOf(checks ...Check) Readiness {
	r := Readiness{Ready: true, Checks: checks}
	for _, c := range checks {
		r.Ready = r.Ready && c.OK
	}
	return r
}

// httpOptions are the parts that [newHTTP] serves at one address. A nil part answers 404, unless
// its comment says otherwise.
type httpOptions struct {
	// Addr is host:port. It is the server's Addr and tells whether other machines can reach it.
	Addr string
	// Health returns nil while the process should live. After an error a supervisor restarts the
	// process. So Health must not check Redis or the gateway, whose outage a restart does not end.
	// A nil Health means always healthy.
	Health func(context.Context) error
	// Ready is called by /readyz and has five seconds to return. nil means always ready.
	Ready func(context.Context) Readiness
	// Metrics serves /metrics.
	Metrics http.Handler
	// Dashboard serves everything under its RootPath.
	Dashboard *Dashboard
	// Login checks the dashboard's user and password. nil means no such login. A dashboard with
	// neither Login nor Users is allowed on a loopback address only.
	Login func(user, password string) bool
	// Page is the business page, which serves / and everything that no other part serves. When Page
	// is nil, / links the other parts.
	Page Page
	// Users says that people log in at the page. Then the dashboard is open to people who have
	// logged in there and may see and do everything. Without Login it is open to nobody else.
	Users bool
	// Throttle counts wrong logins, here and at the page. If it is nil, the dashboard gets one of
	// its own.
	Throttle *throttle
	// TLS encrypts the connections; nil serves plain text.
	TLS *tls.Config
	// Public is scheme and host of the page as browsers know it; "" when the configuration does not
	// say.
	Public string
	// Proxies are networks whose X-Forwarded-For names the visitor.
	Proxies []netip.Prefix
	// Log gets wrong logins and the changes made in the dashboard; the zero value drops them.
	Log zerolog.Logger
	// ErrorLog gets the messages of net/http; nil drops them.
	ErrorLog *log.Logger
}

// Page is the business page. [ksefworker/internal/page.Page] implements it.
type Page interface {
	http.Handler
	// Supervisor returns who sent a request, and whether that is somebody who is logged in and may
	// see and do everything.
	Supervisor(*http.Request) (name string, is bool)
}

// ErrNoLogin is returned when other machines could use the dashboard without a login.
var ErrNoLogin = errors.New("the dashboard would be open to other machines without a login: " +
	"set http.dashboard.username and password_file, or listen on 127.0.0.1")

// readyTimeout bounds the checks of /readyz, so that a peer that is dead does not make them hang.
// Supervisors give up after about the same time.
const readyTimeout = 5 * time.Second

// newHTTP makes the worker's server. It serves /healthz, /readyz, /metrics, the dashboard and, at
// /, the business page. Without a business page, / is a page that links the other parts. The caller
// runs Serve and Shutdown. On a loopback address the server refuses requests for any other Host
// than this machine and Public. Otherwise a web page could reach the worker through a name that
// resolves to 127.0.0.1 (DNS rebinding). newHTTP returns [ErrNoLogin], or an error about an Addr
// that is not host:port.
func newHTTP(o httpOptions) (*http.Server, error) {
	host, _, err := net.SplitHostPort(o.Addr)
	if err != nil {
		return nil, fmt.Errorf("read http.addr %q: %w", o.Addr, err)
	}
	local := config.IsLoopback(host)
	if !local && o.Dashboard != nil && o.Login == nil && !o.Users {
		return nil, ErrNoLogin
	}
	if o.ErrorLog == nil {
		o.ErrorLog = log.New(io.Discard, "", 0)
	}
	var handler http.Handler = o.routes()
	if local {
		handler = requireLocalHost(o.Public, handler)
	}
	handler = (&proxies{trusted: o.Proxies, secure: o.secure(), log: o.Log}).withVisitor(handler)
	return &http.Server{
		Addr:              o.Addr,
		TLSConfig:         o.TLS,
		Handler:           http.MaxBytesHandler(handler, 1<<20),
		ErrorLog:          o.ErrorLog,
		ReadHeaderTimeout: 5 * time.Second,
		ReadTimeout:       15 * time.Second,
		WriteTimeout:      time.Minute,
		IdleTimeout:       2 * time.Minute,
		MaxHeaderBytes:    16 << 10,
	}, nil
}

// secure reports whether browsers use https, with the listener itself or with a proxy in front of
// it.
func (o httpOptions) secure() bool { return o.TLS != nil || strings.HasPrefix(o.Public, "https:") }

func (o httpOptions) routes() *http.ServeMux {
	mux := http.NewServeMux()
	mux.HandleFunc("GET /healthz", o.serveHealth)
	mux.HandleFunc("GET /readyz", o.serveReady)
	links := []string{"/healthz", "/readyz"}
	if o.Metrics != nil {
		mux.Handle("GET /metrics", o.Metrics)
		links = append(links, "/metrics")
	}
	if o.Dashboard != nil {
		mux.Handle(o.Dashboard.RootPath()+"/", o.guarded(logChanges(o.Log, o.Dashboard)))
		links = append(links, o.Dashboard.RootPath()+"/")
	}
	if o.Page != nil {
		mux.Handle("/", o.Page)
		return mux
	}
	mux.Handle("GET /{$}", secureHeaders("default-src 'none'; frame-ancestors 'none'", indexPage(links)))
	return mux
}

// guarded puts the login before the dashboard.
func (o httpOptions) guarded(dashboard http.Handler) http.Handler {
	without := dashboard
	if o.Login != nil {
		if o.Throttle == nil {
			o.Throttle = newThrottle(o.Log)
		}
		without = requireLogin(o.Login, o.Throttle, dashboard)
	} else if o.Users {
		without = http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
			plainText(w)
			w.WriteHeader(http.StatusForbidden)
			fmt.Fprintln(w, "log in at / as an operator who sees every tenant")
		})
	}
	if o.Page == nil || !o.Users {
		return without
	}
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if name, is := o.Page.Supervisor(r); is {
			dashboard.ServeHTTP(w, r.WithContext(context.WithValue(r.Context(), supervisor{}, name)))
			return
		}
		without.ServeHTTP(w, r)
	})
}

func (o httpOptions) serveHealth(w http.ResponseWriter, r *http.Request) {
	plainText(w)
	if o.Health != nil {
		if err := o.Health(r.Context()); err != nil {
			w.WriteHeader(http.StatusServiceUnavailable)
			fmt.Fprintln(w, err)
			return
		}
	}
	fmt.Fprintln(w, "ok")
}

func (o httpOptions) serveReady(w http.ResponseWriter, r *http.Request) {
	ready := Readiness{Ready: true}
	if o.Ready != nil {
		ctx, cancel := context.WithTimeout(r.Context(), readyTimeout)
		defer cancel()
		ready = o.Ready(ctx)
	}
	if ready.Checks == nil {
		ready.Checks = []Check{}
	}
	plainText(w)
	w.Header().Set("Content-Type", "application/json")
	if !ready.Ready {
		w.WriteHeader(http.StatusServiceUnavailable)
	}
	enc := json.NewEncoder(w)
	enc.SetIndent("", "  ")
	// An error here means that the caller has closed the connection.
	_ = enc.Encode(ready)
}

// plainText sets the headers of an answer that no browser may interpret or store.
func plainText(w http.ResponseWriter) {
	w.Header().Set("Content-Type", "text/plain; charset=utf-8")
	w.Header().Set("X-Content-Type-Options", "nosniff")
	w.Header().Set("Cache-Control", "no-store")
}

func indexPage(links []string) http.Handler {
	var b strings.Builder
	b.WriteString("<!doctype html><html lang=\"en\"><meta charset=\"utf-8\"><title>ksefworker</title><h1>ksefworker</h1><ul>")
	for _, l := range links {
		fmt.Fprintf(&b, "<li><a href=%q>%s</a>", l, l)
	}
	b.WriteString("</ul></html>\n")
	page := b.String()
	return http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "text/html; charset=utf-8")
		_, _ = io.WriteString(w, page)
	})
}
