package page

import (
	"bytes"
	"crypto/sha256"
	"embed"
	"encoding/hex"
	"fmt"
	"html/template"
	"net/http"
	"time"

	"ksefworker/internal/invoice"
	"ksefworker/internal/records"
	"ksefworker/internal/results"
)

var (
	//go:embed templates/*.html
	templateFiles embed.FS
	//go:embed assets/*
	assetFiles embed.FS
)

// templates are the pages, each inside the layout.
var templates = func() map[string]*template.Template {
	layout := template.Must(template.ParseFS(templateFiles, "templates/layout.html", "templates/parts.html"))
	all := map[string]*template.Template{}
	for _, name := range []string{"login", "loggedout", "overview", "tenant", "invoices", "invoice", "open", "outcome", "days",
		"deliveries", "receiver", "audit", "message"} {
		all[name] = template.Must(template.Must(layout.Clone()).ParseFS(templateFiles, "templates/"+name+".html"))
	}
	return all
}()

// version changes with the assets. Their addresses contain it, so browsers may keep them.
var version = func() string {
	h := sha256.New()
	for _, name := range []string{"icon.svg", "page.css", "page.js"} {
		raw, err := assetFiles.ReadFile("assets/" + name)
		if err != nil {
			panic(err)
		}
		h.Write(raw)
	}
	return hex.EncodeToString(h.Sum(nil))[:12]
}()

func asset(w http.ResponseWriter, r *http.Request) {
	raw, err := assetFiles.ReadFile("assets/" + r.PathValue("file"))
	if err != nil {
		http.NotFound(w, r)
		return
	}
	w.Header().Set("Cache-Control", "public, max-age=31536000, immutable")
	http.ServeContent(w, r, r.PathValue("file"), time.Time{}, bytes.NewReader(raw))
}

// whole is what a template gets: the visit with its wording, and the data of the page.
type whole struct {
	*wording
	Title string
	D     any
}

// Version names the assets of this build.
func (w whole) Version() string { return version }

// Here marks the part of the page that is shown, for the navigation.
func (w whole) Here() string { return w.here }

// Made is when the page was made.
func (w whole) Made() string { return w.p.o.Now().In(invoice.Warsaw()).Format("2006-01-02 15:04:05") }

// Environment is the KSeF environment; "" for production, of which nobody needs a reminder.
func (w whole) Environment() string {
	if w.p.o.Environment == "production" {
		return ""
	}
	return w.p.o.Environment
}

// TasksPath is the path of the queue's dashboard; "" when the visitor may not see it.
func (w whole) TasksPath() string {
	if w.User == nil || !w.User.Supervises() {
		return ""
	}
	return w.p.o.Tasks
}

// Login reports whether people log in here.
func (w whole) Login() bool { return w.p.asksLogin() }

// render writes a page. It makes the whole page before it sends the first byte, so that an error
// can still be shown to the person.
func (v *visit) render(status int, name, title string, data any) error {
	var b bytes.Buffer
	if err := templates[name].ExecuteTemplate(&b, "layout", whole{newWording(v), title, data}); err != nil {
		return fmt.Errorf("make page %s: %w", name, err)
	}
	v.w.Header().Set("Content-Type", "text/html; charset=utf-8")
	v.w.Header().Set("Content-Language", string(v.Lang))
	v.w.WriteHeader(status)
	_, _ = v.w.Write(b.Bytes()) // an error means that the person has gone
	return nil
}

// fail shows an error.
func (v *visit) fail(e *shown) {
	title := v.T("This did not work")
	if err := v.render(e.status, "message", title, v.T(e.text, e.args...)); err != nil {
		http.Error(v.w, e.text, e.status)
	}
}

// kept returns the error to show to a person if err says that something is not in the archive. If
// the archive should have it, that error says so. Otherwise it shows the text in the parameter
// gone. Any other error is returned unchanged.
func kept(of results.Result, err error, gone string) error {
	if records.Lost(of, err) {
		return &shown{http.StatusServiceUnavailable,
			"This should be in the archive, but its copy there is missing or damaged. An operator has to look into it: enqueue find names what is wrong.", nil}
	}
	if records.Missing(err) {
		return &shown{http.StatusNotFound, gone, nil}
	}
	return err
}

// file sends a file for download.
func (v *visit) file(name, kind string, data []byte) error {
	h := v.w.Header()
	h.Set("Content-Type", kind)
	h.Set("Content-Disposition", `attachment; filename="`+name+`"`)
	_, _ = v.w.Write(data) // an error means that the person has gone
	return nil
}

// part is what a template within a page gets: the visit, and its own data.
type part struct {
	V whole
	D any
}

// With hands data to a template within a page.
func (w whole) With(data any) part { return part{w, data} }
