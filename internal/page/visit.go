package page

import (
	"context"
	"errors"
	"net/http"
	"time"

	"ksefworker/internal/audit"
	"ksefworker/internal/figures"
	"ksefworker/internal/ledger"
)

// visit is one request of a person, and all [handlers] share it.
type visit struct {
	p    *Page
	w    http.ResponseWriter
	r    *http.Request
	User *User // nil on the pages before the login
	Lang Language
	here string // the part of the page that the navigation marks

	strangers []Stranger
}

// maxVisit bounds the time for one request, other than for an exported list.
const maxVisit = 45 * time.Second

// serve answers with what h writes, or shows the error that h returns. The parameter lasts is the
// time that h may take.
func (v *visit) serve(lasts time.Duration, h func(*handlers) error) {
	v.w.Header().Set("Cache-Control", "no-store")
	if to := v.r.URL.Query().Get("lang"); to != "" && v.r.Method == http.MethodGet {
		v.switchLanguage(to)
		return
	}
	ctx, cancel := context.WithTimeout(v.r.Context(), lasts)
	defer cancel()
	v.r = v.r.WithContext(ctx)
	err := h(newHandlers(v))
	if err == nil {
		return
	}
	if known, ok := errors.AsType[*shown](err); ok {
		v.fail(known)
		return
	}
	if v.gone() {
		return
	}
	v.p.o.Log.Error().Err(err).Str("path", v.r.URL.Path).Msg("a page could not be made")
	if sick, ok := errors.AsType[*audit.SickError](err); ok {
		v.fail(&shown{http.StatusServiceUnavailable,
			"Nothing was done: it cannot be recorded, because another program wrote the key %s.", []any{sick.Key}})
		return
	}
	if sick := ledger.SickSink(err); v.User != nil && v.User.All() && len(sick) > 0 && sick[0].ID == sick[0].Key { // it names keys
		v.fail(&shown{http.StatusServiceUnavailable, "This can't be shown now: %s.", []any{newWording(v).errorOf(ledger.WhySick(sick))}})
		return
	}
	v.fail(&shown{http.StatusServiceUnavailable,
		"This can't be shown now. Redis or the archive does not answer. Try again in a moment.", nil})
}

// gone reports whether the person has left before the answer was complete. The error of the visit
// does not tell, because Redis and the archive reset connections too.
func (v *visit) gone() bool { return errors.Is(v.r.Context().Err(), context.Canceled) }

// shown is an error that a person is shown.
type shown struct {
	status int
	text   string // in English; [visit.T] translates it
	args   []any
}

func (e *shown) Error() string { return e.text }

var (
	missing   = &shown{http.StatusNotFound, "There is nothing here, or you may not see it.", nil}
	forbidden = &shown{http.StatusForbidden, "You may look, but not act. Ask an operator.", nil}
)

func (v *visit) ctx() context.Context { return v.r.Context() }

// nowhere answers a request for a page that does not exist.
func (v *visit) nowhere() error { return missing }

// sees reports whether the visitor may see what belongs to a tenant, or act on it if the request
// changes something.
func (v *visit) sees(tenant string) bool {
	return v.User.sees(tenant) && (v.reads() || v.stranger(tenant) == "")
}

// reads reports whether the request changes nothing.
func (v *visit) reads() bool { return v.r.Method == http.MethodGet || v.r.Method == http.MethodHead }

// MayAct reports whether the visitor may act on something, for example retry or dismiss it.
func (v *visit) MayAct() bool { return !v.p.o.ReadOnly && v.User.Operator }

// MayActFor reports whether the visitor may act on what belongs to a tenant.
func (v *visit) MayActFor(tenant string) bool {
	return !v.p.o.ReadOnly && v.User.acts(tenant) && v.stranger(tenant) == ""
}

// Tenants returns the tenants of the configuration that the visitor sees.
func (v *visit) Tenants() []Tenant {
	var some []Tenant
	for _, t := range v.p.o.Tenants {
		if v.sees(t.Name) {
			some = append(some, t)
		}
	}
	return some
}

// names returns the names of Tenants.
func (v *visit) names() []string {
	var names []string
	for _, t := range v.Tenants() {
		names = append(names, t.Name)
	}
	return names
}

// figuresOf returns the tenants whose figures make up the visitor's totals.
func (v *visit) figuresOf() []string {
	if v.User.All() {
		return []string{figures.All}
	}
	return v.names()
}
