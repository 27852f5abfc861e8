package page

import (
	"net"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"

	"ksefworker/internal/audit"
	"ksefworker/internal/oidc"
)

// cookieName is the name of the session's cookie. Browsers accept a name that begins with __Host-
// only from this host itself, over TLS.
func (p *Page) cookieName() string {
	if p.o.Secure {
		return "__Host-ksef"
	}
	return "ksef"
}

func (p *Page) token(r *http.Request) string {
	c, err := r.Cookie(p.cookieName())
	if err != nil {
		return ""
	}
	return c.Value
}

func (p *Page) setToken(w http.ResponseWriter, token string, age time.Duration) {
	http.SetCookie(w, &http.Cookie{Name: p.cookieName(), Value: token, Path: "/", MaxAge: int(age / time.Second),
		HttpOnly: true, Secure: p.o.Secure, SameSite: http.SameSiteLaxMode})
}

// loginPage is what the login shows.
type loginPage struct {
	Next, Name, Fault string
	Instead           string    // address of the login that works; "" for this one
	Wait              int       // seconds
	Users             bool      // there are users with a password
	At                *signInAt // nil: there is no provider
}

// signInAt is what the login, and the page after a logout, show of the provider.
type signInAt struct {
	Title string
	Begin string // address
	Away  bool
	Leave string // address where the person logs out at the provider; "": no link is shown
}

// showLogin shows the login.
func (v *logins) showLogin(status int, d loginPage) error {
	d.Users = len(v.p.o.Users) > 0
	if in := v.p.o.SignIn; in != nil {
		why := oidc.Reason(v.r.URL.Query().Get("fault"))
		at := &signInAt{Title: in.Title, Begin: leavePath, Away: v.away()}
		if d.Next != "/" {
			at.Begin += "?next=" + url.QueryEscape(d.Next)
		}
		if d.Fault == "" && !(at.Away && why == oidc.Unreachable) { // Away says it already
			d.Fault = v.whyNot(why)
		}
		if why == noGroup || why == nameTaken {
			at.Leave = in.Provider.LogoutURL()
		}
		d.At = at
	}
	return v.render(status, "login", v.T("Log in"), d)
}

// from is the address of the visitor, without its port.
func (v *logins) from() string {
	from, _, err := net.SplitHostPort(v.r.RemoteAddr)
	if err != nil {
		return v.r.RemoteAddr
	}
	return from
}

// askLogin redirects the browser to the login page. After the login that page leads back to the
// address that was asked for. If the method is not GET, askLogin returns an error to show instead.
func (v *logins) askLogin() error {
	if v.r.Method != http.MethodGet {
		return &shown{http.StatusUnauthorized, "Your login has ended. Log in and do it again; nothing was changed.", nil}
	}
	to := "/login"
	if at := v.r.URL.RequestURI(); at != "/" {
		to += "?next=" + url.QueryEscape(at)
	}
	http.Redirect(v.w, v.r, to, http.StatusSeeOther)
	return nil
}

func (v *logins) loginForm() error {
	if !v.p.asksLogin() {
		http.Redirect(v.w, v.r, "/", http.StatusSeeOther)
		return nil
	}
	return v.showLogin(http.StatusOK, loginPage{Next: ownPath(v.r.URL.Query().Get("next"))})
}

// ownPath returns s when it is a path of this page, and "/" for anything else that somebody may
// have put into a link.
func ownPath(s string) string {
	u, err := url.Parse(s)
	if err != nil || u.IsAbs() || u.Host != "" || !strings.HasPrefix(s, "/") || strings.HasPrefix(s, "//") ||
		strings.ContainsAny(s, "\\\r\n\t") {
		return "/"
	}
	return s
}

// unencrypted reports whether the browser says that it came over http and so will not keep a cookie
// that is marked Secure. Browsers do keep such cookies over http when the host is this machine
// itself.
func (v *logins) unencrypted() bool {
	u, err := url.Parse(v.r.Header.Get("Origin"))
	if err != nil || !v.p.o.Secure || u.Scheme != "http" {
		return false
	}
	ip := net.ParseIP(u.Hostname())
	return u.Hostname() != "localhost" && (ip == nil || !ip.IsLoopback())
}

func (v *logins) login() error {
	from := v.from()
	name, password := v.r.PostFormValue("name"), v.r.PostFormValue("password")
	again := loginPage{Next: ownPath(v.r.PostFormValue("next")), Name: name}
	if v.unencrypted() {
		again.Fault = v.T("Your browser reaches this page without encryption, so it would not keep the login. Use the address that begins with https.")
		if v.p.o.Public != "" {
			again.Instead = v.p.o.Public + "/login"
		}
		return v.showLogin(http.StatusBadRequest, again)
	}
	if wait := v.p.o.Throttle.Wait(from); wait > 0 {
		again.Wait = int(wait/time.Second) + 1
		again.Fault = v.T("Too many wrong logins. Seconds to wait: %d.", again.Wait)
		v.w.Header().Set("Retry-After", strconv.Itoa(again.Wait))
		return v.showLogin(http.StatusTooManyRequests, again)
	}
	u := v.p.check(name, password)
	if u == nil {
		v.p.o.Throttle.Failed(from)
		who := v.p.known(name)
		v.p.o.Log.Warn().Str("from", from).Str("user", who).Msg("wrong login at the page")
		_ = v.p.o.Audit.Begin(v.ctx(), audit.Entry{Who: who, What: audit.Refused, ID: from}) // nothing waits for this record
		again.Fault = v.T("Name or password is wrong.")
		return v.showLogin(http.StatusUnauthorized, again)
	}
	v.p.o.Throttle.Succeeded(from)
	if err := v.p.o.Audit.Begin(v.ctx(), audit.Entry{Who: u.Name, What: audit.Login, ID: from}); err != nil {
		return err
	}
	token, err := v.p.o.Sessions.begin(v.ctx(), u)
	if err != nil {
		return err
	}
	v.p.setToken(v.w, token, SessionTime)
	http.Redirect(v.w, v.r, again.Next, http.StatusSeeOther)
	return nil
}

// check returns the user with this name and password, or nil when there is none. For an unknown
// name it checks the password against another user's, so that the time does not show who exists.
func (p *Page) check(name, password string) *User {
	for i := range p.o.Users {
		if u := &p.o.Users[i]; u.Name == name {
			if u.Check(name, password) {
				return u
			}
			return nil
		}
	}
	if len(p.o.Users) > 0 {
		p.o.Users[0].Check(name, password)
	}
	return nil
}

// known returns the name of a user. For any other text it returns a question mark, because people
// type their password into the wrong field.
func (p *Page) known(name string) string {
	if slices.ContainsFunc(p.o.Users, func(u User) bool { return u.Name == name }) {
		return name
	}
	return "?"
}

func (v *logins) logout() error {
	if err := v.p.o.Sessions.end(v.ctx(), v.p.token(v.r)); err != nil {
		return err
	}
	v.p.setToken(v.w, "", -time.Second)
	if err := v.p.o.Audit.Begin(v.ctx(), audit.Entry{Who: v.User.Name, What: audit.Logout}); err != nil {
		v.p.o.Log.Warn().Err(err).Str("user", v.User.Name).Msg("a logout is not on record") // the session has ended anyway
	}
	if leave := v.leaveProvider(); leave != "" {
		in := v.p.o.SignIn
		v.User = nil // nobody is logged in any more
		return v.render(http.StatusOK, "loggedout", v.T("You are logged out"), signInAt{Title: in.Title, Leave: leave})
	}
	http.Redirect(v.w, v.r, "/login", http.StatusSeeOther)
	return nil
}

// leaveProvider returns the address at which a user who logged in at the provider ends the
// provider's own session, or "" where that is not possible. That session may also open other
// programs of the company, so the person decides whether to end it. The page shows the address as a
// link, because its Content-Security-Policy does not let a form lead to another host.
func (v *logins) leaveProvider() string {
	if v.p.o.SignIn == nil || !v.User.Provider {
		return ""
	}
	return v.p.o.SignIn.Provider.LogoutURL()
}

func shortened(s string, n int) string { return strings.ToValidUTF8(s[:min(len(s), n)], "") }
