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
	"strings"
	"time"

	"github.com/rs/zerolog"

	"ksefworker/config"
)

// Readiness is the answer of /readyz: whether this process can do its work now, and what each part says.
type Readiness struct {
	Ready  bool    `json:"ready"`
	Checks []Check `json:"checks"`
}

// Check is one part's word. Error texts are shown to whoever may ask, so they MUST NOT hold secrets.
type Check struct {
	// Name is short and stable: redis, gateway, archive, tenant 5265877635.
	Name string `json:"name"`
	OK   bool   `json:"ok"`
	// Detail says what is wrong, or what is worth knowing; may be empty.
	Detail string `json:"detail,omitempty"`
}

// ReadinessOf is ready when every check is OK.
func ReadinessOf(checks ...Check) Readiness {
	r := Readiness{Ready: true, Checks: checks}
	for _, c := range checks {
		r.Ready = r.Ready && c.OK
	}
	return r
}

// HTTPOptions are the parts that NewHTTP puts behind one listener. A nil part answers 404.
type HTTPOptions struct {
	// Addr is host:port, used for the server's Addr and to tell whether it is reachable from other machines.
	Addr string
	// Health returns nil while the process should live: a supervisor restarts it otherwise. It must not look at Redis or the gateway,
	// whose outage no restart mends. nil means always healthy.
	Health func(context.Context) error
	// Ready is asked by /readyz, with five seconds to answer. nil means always ready.
	Ready func(context.Context) Readiness
	// Metrics serves /metrics.
	Metrics http.Handler
	// Dashboard serves everything under its RootPath.
	Dashboard *Dashboard
	// Login guards the dashboard; nil means none, which only a loopback address permits.
	Login func(user, password string) bool
	// TLS encrypts what is served; nil does not.
	TLS *tls.Config
	// Log is told of wrong logins and of changes made in the dashboard; the zero value drops them.
	Log zerolog.Logger
	// ErrorLog gets what net/http has to say; nil drops it.
	ErrorLog *log.Logger
}

// ErrNoLogin is returned when the dashboard would be open to other machines.
var ErrNoLogin = errors.New("the dashboard would be open to other machines without a login: set http.dashboard.username and password_file, or listen on 127.0.0.1")

// readyPatience bounds a check that hangs on a dead peer; probes give up at about this time themselves.
const readyPatience = 5 * time.Second

// NewHTTP makes the worker's server: /healthz, /readyz, /metrics, the dashboard, and a page at / that links them. The caller runs Serve
// and Shutdown. On a loopback address, requests for any other Host are refused, so that a web page can't reach the worker through a
// name that it has pointed at 127.0.0.1 (DNS rebinding). Errors: [ErrNoLogin], or an address that is none.
func NewHTTP(o HTTPOptions) (*http.Server, error) {
	host, _, err := net.SplitHostPort(o.Addr)
	if err != nil {
		return nil, fmt.Errorf("read http.addr %q: %w", o.Addr, err)
	}
	local := config.IsLoopback(host)
	if !local && o.Dashboard != nil && o.Login == nil {
		return nil, ErrNoLogin
	}
	if o.ErrorLog == nil {
		o.ErrorLog = log.New(io.Discard, "", 0)
	}
	var handler http.Handler = o.routes()
	if local {
		handler = requireLocalHost(handler)
	}
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

func (o HTTPOptions) routes() *http.ServeMux {
	mux := http.NewServeMux()
	mux.HandleFunc("GET /healthz", o.serveHealth)
	mux.HandleFunc("GET /readyz", o.serveReady)
	links := []string{"/healthz", "/readyz"}
	if o.Metrics != nil {
		mux.Handle("GET /metrics", o.Metrics)
		links = append(links, "/metrics")
	}
	if o.Dashboard != nil {
		d := logChanges(o.Log, o.Dashboard)
		if o.Login != nil {
			d = requireLogin(o.Login, o.Log, d)
		}
		mux.Handle(o.Dashboard.RootPath()+"/", d)
		links = append(links, o.Dashboard.RootPath()+"/")
	}
	mux.Handle("GET /{$}", secureHeaders("default-src 'none'; frame-ancestors 'none'", indexPage(links)))
	return mux
}

func (o HTTPOptions) serveHealth(w http.ResponseWriter, r *http.Request) {
	plain(w)
	if o.Health != nil {
		if err := o.Health(r.Context()); err != nil {
			w.WriteHeader(http.StatusServiceUnavailable)
			fmt.Fprintln(w, err)
			return
		}
	}
	fmt.Fprintln(w, "ok")
}

func (o HTTPOptions) serveReady(w http.ResponseWriter, r *http.Request) {
	ready := Readiness{Ready: true}
	if o.Ready != nil {
		ctx, cancel := context.WithTimeout(r.Context(), readyPatience)
		defer cancel()
		ready = o.Ready(ctx)
	}
	if ready.Checks == nil {
		ready.Checks = []Check{}
	}
	plain(w)
	w.Header().Set("Content-Type", "application/json")
	if !ready.Ready {
		w.WriteHeader(http.StatusServiceUnavailable)
	}
	enc := json.NewEncoder(w)
	enc.SetIndent("", "  ")
	// An error here is a caller that went away.
	_ = enc.Encode(ready)
}

func plain(w http.ResponseWriter) {
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
