package app

import (
	"bytes"
	"crypto/sha256"
	"encoding/base64"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"regexp"
	"strings"
	"time"
)

// noModTime makes http.ServeContent omit Last-Modified.
var noModTime time.Time

var (
	outsideLink  = regexp.MustCompile(`<link[^>]*href="(?:https?:)?//[^"]*"[^>]*>`)
	manifestLink = regexp.MustCompile(`<link rel="manifest"[^>]*>`)
	inlineScript = regexp.MustCompile(`(?s)<script>(.*?)</script>`)
	anyScript    = regexp.MustCompile(`<script`)
	sourceScript = regexp.MustCompile(`<script src="/[^"]*">`)
)

// monPage is asynqmon's single page, and the content security policy under which it works.
type monPage struct {
	html   []byte
	policy string
}

// readPage gets asynqmon's page. It removes the links to other hosts, which load two fonts, so the
// page uses fonts of the system. The policy allows exactly the inline scripts that the page holds.
// Their hashes are computed at run time, because the first script contains the root path. So an
// update of asynqmon needs no change here.
func readPage(mon http.Handler, root string) (monPage, error) {
	rec := &pageRecorder{header: http.Header{}}
	mon.ServeHTTP(rec, &http.Request{Method: http.MethodGet, URL: &url.URL{Path: root + "/"}, Header: http.Header{}})
	if rec.status != 0 && rec.status != http.StatusOK {
		return monPage{}, fmt.Errorf("status %d: %s", rec.status, rec.body.String())
	}
	html := outsideLink.ReplaceAll(rec.body.Bytes(), nil)
	// Browsers fetch a manifest without the login. Behind a login it would only fill the console
	// and the log with 401.
	html = manifestLink.ReplaceAll(html, nil)
	scripts := inlineScript.FindAllSubmatch(html, -1)
	if len(scripts)+len(sourceScript.FindAll(html, -1)) != len(anyScript.FindAll(html, -1)) || len(scripts) == 0 {
		return monPage{}, errors.New("it holds scripts of an unknown form")
	}
	sources := []string{"'self'"}
	for _, s := range scripts {
		sum := sha256.Sum256(s[1])
		sources = append(sources, "'sha256-"+base64.StdEncoding.EncodeToString(sum[:])+"'")
	}
	return monPage{html: html, policy: strings.Join([]string{
		"default-src 'none'",
		"script-src " + strings.Join(sources, " "),
		// material-ui adds <style> elements while it draws. Their hashes are not known in advance.
		"style-src 'self' 'unsafe-inline'",
		"img-src 'self' data:", "font-src 'self'", "connect-src 'self'",
		"base-uri 'none'", "form-action 'none'", "frame-ancestors 'none'",
	}, "; ")}, nil
}

// secureHeaders sets the headers that limit what a page may do in a browser. X-Frame-Options
// repeats frame-ancestors for old browsers.
func secureHeaders(policy string, next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		h := w.Header()
		h.Set("Content-Security-Policy", policy)
		h.Set("X-Frame-Options", "DENY")
		h.Set("X-Content-Type-Options", "nosniff")
		h.Set("Referrer-Policy", "no-referrer")
		h.Set("Cross-Origin-Opener-Policy", "same-origin")
		h.Set("Cross-Origin-Resource-Policy", "same-origin")
		next.ServeHTTP(w, r)
	})
}

// pageRecorder is a minimal http.ResponseWriter. The recorder of httptest would link the testing
// flags into the program.
type pageRecorder struct {
	header http.Header
	status int
	body   bytes.Buffer
}

func (p *pageRecorder) Header() http.Header         { return p.header }
func (p *pageRecorder) WriteHeader(status int)      { p.status = status }
func (p *pageRecorder) Write(b []byte) (int, error) { return p.body.Write(b) }
