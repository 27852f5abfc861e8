package page

import (
	"net/http"
	"time"
)

// Supervisor returns the name of the user who sent a request, and whether this user is logged in
// here as an operator who sees every tenant and may act on everything. Such a user may see the
// queue's dashboard, which does not separate tenants.
func (p *Page) Supervisor(r *http.Request) (name string, is bool) {
	u, err := p.userOf(r)
	if err != nil || u == nil || !p.asksLogin() {
		return "", false
	}
	return u.Name, u.Supervises()
}

// asksLogin reports whether people log in here.
func (p *Page) asksLogin() bool { return len(p.o.Users) > 0 || p.o.SignIn != nil }

// userOf returns the user who sent a request, or nil when nobody is logged in. Where people do not
// log in, it returns the local user.
func (p *Page) userOf(r *http.Request) (*User, error) {
	if !p.asksLogin() {
		return &local, nil
	}
	return p.o.Sessions.user(r.Context(), p.token(r), p.o.Users, p.o.SignIn)
}

// anybody serves a page that needs no login. The parameter lasts is the time that h may take.
func (p *Page) anybody(lasts time.Duration, h func(*handlers) error) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		v := &visit{p: p, w: w, r: r, Lang: languageOf(r)}
		v.serve(lasts, h)
	})
}

// restricted serves a page to people who are logged in, and shows the login to everybody else.
func (p *Page) restricted(lasts time.Duration, h func(*handlers) error) http.Handler {
	return p.anybody(lasts, func(v *handlers) error {
		u, err := p.userOf(v.r)
		if err != nil {
			return err
		}
		if u == nil {
			return v.askLogin()
		}
		v.User = v.meet(u)
		if !v.reads() {
			v.User = v.User.acting()
		}
		return h(v)
	})
}
