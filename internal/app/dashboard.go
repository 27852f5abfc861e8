package app

import (
	"bytes"
	"fmt"
	"net/http"
	"path"
	"strings"

	"github.com/hibiken/asynq"
	"github.com/hibiken/asynqmon"
)

// dashboardOptions are the options of [newDashboard]. The zero value is usable.
type dashboardOptions struct {
	// RootPath is the path under which the dashboard is served; empty means /monitoring.
	RootPath string
	// ReadOnly makes every request that is not a read fail with 405.
	ReadOnly bool
	// Public is scheme and host of the dashboard as browsers know it; "" means none. Requests that
	// change something are allowed from this origin too, even when a proxy passes them on under
	// another host.
	Public string
	// Show lists the keys of a payload whose values are shown; nil means [shownKeys]. All other
	// values are hidden.
	Show []string
}

// Dashboard is asynqmon with the changes that make it safe to serve. It sends no requests to other
// hosts, and a policy stops a browser from sending them. It refuses cross-origin writes. It shows
// ids instead of payloads. It has no login of its own; see [httpOptions]. Safe for concurrent use.
//
// asynqmon shows a task's error message as the handler returned it, and does not pass it to the
// formatters that hide payloads. Filtering asynqmon's answers would mean guessing what is secret in
// free text. So the errors of this program must not hold secrets or invoice content. Tests check
// that.
type Dashboard struct {
	root    string
	page    []byte
	handler http.Handler
	mon     *asynqmon.HTTPHandler
}

// newDashboard makes a dashboard. The dashboard connects to Redis only at the first request. So
// newDashboard returns no error when Redis is down, and the page shows the fault. newDashboard
// returns an error when the page of this version of asynqmon cannot be made safe, or when Public is
// not scheme and host. The caller must Close the dashboard.
func newDashboard(redis asynq.RedisConnOpt, o dashboardOptions) (*Dashboard, error) {
	if o.RootPath == "" {
		o.RootPath = "/monitoring"
	}
	o.RootPath = "/" + strings.Trim(o.RootPath, "/")
	if o.Show == nil {
		o.Show = shownKeys
	}
	mon := asynqmon.New(asynqmon.Options{
		RootPath: o.RootPath, RedisConnOpt: redis, ReadOnly: o.ReadOnly,
		PayloadFormatter: asynqmon.PayloadFormatterFunc(func(_ string, b []byte) string { return idsOnly(b, o.Show) }),
		ResultFormatter:  asynqmon.ResultFormatterFunc(func(_ string, b []byte) string { return idsOnly(b, o.Show) }),
	})
	page, err := readPage(mon, o.RootPath)
	if err != nil {
		return nil, fmt.Errorf("read dashboard page: %w", err)
	}
	d := &Dashboard{root: o.RootPath, page: page.html, mon: mon}
	protection := http.NewCrossOriginProtection()
	if o.Public != "" {
		if err := protection.AddTrustedOrigin(o.Public); err != nil {
			return nil, fmt.Errorf("read public address: %w", err)
		}
	}
	d.handler = secureHeaders(page.policy, protection.Handler(http.HandlerFunc(d.serve)))
	return d, nil
}

// RootPath returns the path under which the dashboard is served, without a trailing slash.
func (d *Dashboard) RootPath() string { return d.root }

// ServeHTTP answers every path under RootPath.
func (d *Dashboard) ServeHTTP(w http.ResponseWriter, r *http.Request) { d.handler.ServeHTTP(w, r) }

// Close closes the connections to Redis.
func (d *Dashboard) Close() error {
	if err := d.mon.Close(); err != nil {
		return fmt.Errorf("close dashboard: %w", err)
	}
	return nil
}

func (d *Dashboard) serve(w http.ResponseWriter, r *http.Request) {
	rest := strings.TrimPrefix(r.URL.Path, d.root)
	switch {
	case strings.HasPrefix(rest, "/api/"):
		w.Header().Set("Cache-Control", "no-store")
		d.mon.ServeHTTP(w, r)
	case path.Ext(rest) != "":
		d.mon.ServeHTTP(&typedWriter{ResponseWriter: w, ext: path.Ext(rest)}, r)
	default:
		// Every other path is a view of the single page, whose script selects it by the address.
		w.Header().Set("Content-Type", "text/html; charset=utf-8")
		w.Header().Set("Cache-Control", "no-store")
		if r.Method != http.MethodGet && r.Method != http.MethodHead {
			http.Error(w, "only GET", http.StatusMethodNotAllowed)
			return
		}
		http.ServeContent(w, r, "", noModTime, bytes.NewReader(d.page))
	}
}

// typedWriter corrects the media types that asynqmon guesses from the first bytes. asynqmon takes
// an SVG for plain text. Because of nosniff, a browser then does not draw it.
type typedWriter struct {
	http.ResponseWriter
	ext   string
	typed bool
}

var mediaTypes = map[string]string{
	".svg": "image/svg+xml", ".json": "application/json", ".txt": "text/plain; charset=utf-8", ".map": "application/json",
}

func (w *typedWriter) fix() {
	if t, ok := mediaTypes[w.ext]; ok && !w.typed {
		w.Header().Set("Content-Type", t)
	}
	w.typed = true
}

// WriteHeader implements http.ResponseWriter.
func (w *typedWriter) WriteHeader(status int) {
	if status == http.StatusOK {
		w.fix()
	}
	w.typed = true
	w.ResponseWriter.WriteHeader(status)
}

// Write implements http.ResponseWriter.
func (w *typedWriter) Write(b []byte) (int, error) {
	w.fix()
	return w.ResponseWriter.Write(b)
}
