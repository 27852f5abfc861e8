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

// DashboardOptions are what NewDashboard may be told beyond where Redis is.
type DashboardOptions struct {
	// RootPath is the path under which the dashboard is mounted; empty means /monitoring.
	RootPath string
	// ReadOnly answers 405 to everything but reads.
	ReadOnly bool
	// Show are the payload's keys whose values are shown; nil means [ShownKeys]. Whatever else a payload holds is not.
	Show []string
}

// Dashboard is asynqmon, made fit to be served: no request to outside hosts, a policy that holds a browser to that, no cross-origin
// writes, ids instead of payloads. It has no login of its own; see [HTTPOptions]. Safe for concurrent use.
//
// asynqmon shows a task's error message as the handler returned it, past its formatters. Filtering the answers would mean to guess at what is
// secret in free text; instead the errors of this program are written without secrets and invoice content in the first place, which
// their own tests hold them to.
type Dashboard struct {
	root    string
	page    []byte
	handler http.Handler
	mon     *asynqmon.HTTPHandler
}

// NewDashboard connects lazily: a Redis that is down shows in the page, not here. The error is about asynqmon's own page, should another
// version bring one that this can't make safe. Close releases the connections.
func NewDashboard(redis asynq.RedisConnOpt, o DashboardOptions) (*Dashboard, error) {
	if o.RootPath == "" {
		o.RootPath = "/monitoring"
	}
	o.RootPath = "/" + strings.Trim(o.RootPath, "/")
	if o.Show == nil {
		o.Show = ShownKeys
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
	d.handler = secureHeaders(page.policy, http.NewCrossOriginProtection().Handler(http.HandlerFunc(d.serve)))
	return d, nil
}

// RootPath is where the dashboard lives, without a trailing slash.
func (d *Dashboard) RootPath() string { return d.root }

// ServeHTTP answers for every path under RootPath.
func (d *Dashboard) ServeHTTP(w http.ResponseWriter, r *http.Request) { d.handler.ServeHTTP(w, r) }

// Close drops the connections to Redis.
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
		// Every other path is a view of the one page, which its script picks by the address.
		w.Header().Set("Content-Type", "text/html; charset=utf-8")
		w.Header().Set("Cache-Control", "no-store")
		if r.Method != http.MethodGet && r.Method != http.MethodHead {
			http.Error(w, "only GET", http.StatusMethodNotAllowed)
			return
		}
		http.ServeContent(w, r, "", noModTime, bytes.NewReader(d.page))
	}
}

// typedWriter mends the types that asynqmon guesses from the first bytes: it calls an SVG plain text, which browsers that were told nosniff
// do not draw.
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
