package page

import (
	"net/http"
	"time"
)

// Supervisor returns the name of who sent a request, and whether that is an operator who sees every
// tenant and is logged in here. The queue's dashboard, which knows no tenants, is open to such a
// one.
func (p *Page) Supervisor(r *http.Request) (name string, is bool) {
	u, err := p.userOf(r)
	if err != nil || u == nil || !p.asksLogin() {
		return "", false
	}
	return u.Name, u.Supervises()
}

// asksLogin reports whether people log in here.
func (p *Page) asksLogin() bool { return len(p.o.Users) > 0 || p.o.SignIn != nil }

// userOf returns who sent a request; nil: nobody who is logged in.
func (p *Page) userOf(r *http.Request) (*User, error) {
	if !p.asksLogin() {
		return &local, nil
	}
	return p.o.Sessions.user(r.Context(), p.token(r), p.o.Users, p.o.SignIn)
}

// anybody serves a page that needs no login, in at most this time.
func (p *Page) anybody(lasts time.Duration, h func(*handlers) error) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		v := &visit{p: p, w: w, r: r, Lang: languageOf(r)}
		v.serve(lasts, h)
	})
}

// restricted serves a page to those who are logged in, and shows the others the login.
func (p *Page) restricted(lasts time.Duration, h func(*handlers) error) http.Handler {
	return p.anybody(lasts, func(v *handlers) error {
		u, err := p.userOf(v.r)
		if err != nil {
			return err
		}
		if u == nil {
			return v.askLogin()
		}
		v.User = u
		if v.r.Method != http.MethodGet && v.r.Method != http.MethodHead {
			v.User = u.acting()
		}
		return h(v)
	})
}
