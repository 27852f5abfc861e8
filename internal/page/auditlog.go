package page

import (
	"net/http"
	"net/url"
	"time"

	"ksefworker/internal/audit"
)

// auditLog lists who did what. It is for operators who see every tenant and may act on everything.
func (v *auditing) auditLog() error {
	v.here = "audit"
	if !v.User.Supervises() {
		return missing
	}
	entries, next, err := v.p.o.Audit.Log.List(v.ctx(), audit.Place(v.r.URL.Query().Get("before")), time.Time{}, 100)
	if err != nil {
		return err
	}
	d := struct {
		Entries []audit.Entry
		Next    string
	}{Entries: entries}
	if next != "" {
		d.Next = "/audit?before=" + url.QueryEscape(string(next))
	}
	return v.render(http.StatusOK, "audit", v.T("Audit log"), d)
}
