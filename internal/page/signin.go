package page

import (
	"context"
	"encoding/json"
	"errors"
	"net/http"
	"net/url"
	"time"

	"ksefworker/internal/audit"
	"ksefworker/internal/oidc"
)

// The addresses of the login at a provider. The provider has to know ReturnPath.
const (
	leavePath  = "/login/oidc"
	ReturnPath = leavePath + "/callback"
)

// SignIn lets people log in at a provider. Every field is required unless its comment says
// otherwise.
type SignIn struct {
	Provider *oidc.Provider
	Title    string // what people call the provider
	Grants   []Grant
	Lasts    time.Duration // of a login, at most [SessionTime]; 0: until the ID token expires
	// Seal returns a digest of text that changes with the client's secret.
	Seal func(text string) string
}

// seal returns the seal of a session of somebody whom the provider has named.
func (in *SignIn) seal(token string, of *session) string {
	packed, _ := json.Marshal([]any{token, of.User, of.Groups}) // strings cannot fail
	return in.Seal(string(packed))
}

// user returns a user with the rights that the groups of a session give now, because the
// configuration may have changed since the login.
func (in *SignIn) user(name string, groups []string) *User { return granted(name, groups, in.Grants) }

// lasts returns the length of a session. now is when the session begins, and until is when the ID
// token expires.
func (in *SignIn) lasts(now, until time.Time) time.Duration {
	if in.Lasts > 0 {
		return min(in.Lasts, SessionTime)
	}
	return min(max(until.Sub(now), time.Minute), SessionTime)
}

// The reasons that this package finds for a failed login at the provider. Package oidc defines the
// other reasons.
const (
	noGroup   oidc.Reason = "no-group"
	nameTaken oidc.Reason = "name-taken"
	tooMany   oidc.Reason = "too-many"
)

// reachTime is how long the login waits to learn whether the provider answers.
const reachTime = 3 * time.Second

func (p *Page) attemptCookie() string {
	if p.o.Secure {
		return "__Host-ksef-login"
	}
	return "ksef-login"
}

// setAttempt stores the begun login in a cookie. With SameSite=Lax the browser sends the cookie
// when the provider's site redirects back here.
func (v *logins) setAttempt(cookie string, age time.Duration) {
	http.SetCookie(v.w, &http.Cookie{Name: v.p.attemptCookie(), Value: cookie, Path: "/", MaxAge: int(age / time.Second),
		HttpOnly: true, Secure: v.p.o.Secure, SameSite: http.SameSiteLaxMode})
}

// away reports whether the provider does not answer now.
func (v *logins) away() bool {
	ctx, cancel := context.WithTimeout(v.ctx(), reachTime)
	defer cancel()
	return v.p.o.SignIn.Provider.Reach(ctx) != nil
}

// leave sends the browser to the provider.
func (v *logins) leave() error {
	if v.p.o.SignIn == nil {
		return missing
	}
	next := ownPath(v.r.URL.Query().Get("next"))
	to, cookie, err := v.p.o.SignIn.Provider.Begin(v.ctx(), next)
	if why, ok := errors.AsType[*oidc.Error](err); ok {
		return v.loginAgain(why.Reason, next)
	}
	if err != nil {
		return err
	}
	v.setAttempt(cookie, oidc.AttemptTime)
	http.Redirect(v.w, v.r, to, http.StatusSeeOther)
	return nil
}

// comeBack finishes a login with the answer that the browser brings back from the provider. The
// browser is redirected at once, even after a refusal, because this address has the provider's code
// in it.
func (v *logins) comeBack() error {
	in := v.p.o.SignIn
	if in == nil {
		return missing
	}
	from := v.from()
	if v.p.o.Throttle.Wait(from) > 0 {
		return v.loginAgain(tooMany, "/")
	}
	cookie, answer := "", v.r.URL.Query()
	if c, err := v.r.Cookie(v.p.attemptCookie()); err == nil {
		cookie = c.Value
	}
	attempt, err := in.Provider.Open(cookie, answer)
	if err == nil {
		v.setAttempt("", -time.Second) // the cookie stays after a stale answer, because another window may need it
		var first bool
		if first, err = v.p.o.Sessions.once(v.ctx(), attempt.ID); err == nil && !first {
			err = &oidc.Error{Reason: oidc.Stale, Err: errors.New("this login was finished before")}
		}
	}
	var who oidc.Person
	if err == nil {
		who, err = in.Provider.Exchange(v.ctx(), attempt, answer)
	}
	if why, ok := errors.AsType[*oidc.Error](err); ok {
		if why.Reason == oidc.Stale || why.Reason == oidc.Untrusted {
			v.p.o.Throttle.Failed(from)
		}
		v.p.o.Log.Warn().Err(why).Str("from", from).Str("reason", string(why.Reason)).Msg("a login at the provider failed")
		return v.loginAgain(why.Reason, attempt.Next)
	}
	if err != nil {
		return err
	}
	return v.admit(who, from, ownPath(attempt.Next))
}

// admit begins the session of a person whom the provider has named. It refuses a person whose name
// is taken, or whose groups grant nothing.
func (v *logins) admit(who oidc.Person, from, next string) error {
	in := v.p.o.SignIn
	groups := granting(who.Groups, in.Grants)
	refused := oidc.Reason("")
	switch {
	case v.p.known(who.Name) != "?" || who.Name == local.Name:
		refused = nameTaken
	case len(groups) == 0:
		refused = noGroup
	}
	if refused != "" {
		// The names of the groups are what an operator needs to write into the configuration.
		v.p.o.Log.Warn().Str("user", who.Name).Str("subject", shortened(who.Subject, 100)).Str("from", from).
			Str("reason", string(refused)).Bool("groups_told", who.Told).Strs("groups", someOf(who.Groups)).
			Msg("somebody whom the provider knows may not use the page")
		err := v.p.o.Audit.Begin(v.ctx(), audit.Entry{Who: who.Name, What: audit.Refused, ID: from, NotDone: string(refused)})
		if err != nil {
			return err
		}
		return v.loginAgain(refused, next)
	}
	v.p.o.Throttle.Succeeded(from)
	if err := v.p.o.Audit.Begin(v.ctx(), audit.Entry{Who: who.Name, What: audit.Login, ID: from}); err != nil {
		return err
	}
	v.p.o.Log.Info().Str("user", who.Name).Str("subject", shortened(who.Subject, 100)).Str("from", from).Strs("groups", groups).
		Msg("logged in at the provider")
	lasts := in.lasts(v.p.o.Now(), who.Until)
	token, err := v.p.o.Sessions.beginAt(v.ctx(), in, who.Name, groups, lasts)
	if err != nil {
		return err
	}
	v.p.setToken(v.w, token, lasts)
	http.Redirect(v.w, v.r, next, http.StatusSeeOther)
	return nil
}

// someOf returns as many names of groups as fit into a line of the log, and shortens long ones.
func someOf(groups []string) []string {
	const maxGroups, maxLength = 20, 100
	var some []string
	for _, g := range groups[:min(len(groups), maxGroups)] {
		some = append(some, shortened(g, maxLength))
	}
	return some
}

// loginAgain shows the login, with the words for why it failed.
func (v *logins) loginAgain(why oidc.Reason, next string) error {
	to := url.Values{"fault": {string(why)}}
	if next = ownPath(next); next != "/" {
		to.Set("next", next)
	}
	http.Redirect(v.w, v.r, "/login?"+to.Encode(), http.StatusSeeOther)
	return nil
}

// whyNot returns the words for why a login at the provider failed; "" for any other text.
func (v *logins) whyNot(why oidc.Reason) string {
	title := v.p.o.SignIn.Title
	switch why {
	case oidc.Unreachable:
		return v.T("%s can't be reached now. Try again in a moment.", title)
	case oidc.Denied:
		return v.T("%s did not log you in. Try again, or ask your administrator.", title)
	case oidc.Stale:
		return v.T("This login was begun in another window or at another address, took too long, or has ended already. Begin again.")
	case oidc.Untrusted:
		return v.T("What %s answered could not be verified, so nobody was logged in. Tell your administrator: the log says why.", title)
	case oidc.Setup:
		return v.T("The connection to %s is set up wrongly. Tell your administrator: the log says why.", title)
	case noGroup:
		return v.T("%s knows you, but you are in no group that may use this page. Ask your administrator.", title)
	case nameTaken:
		return v.T("Your name at %s is already the name of a user of this page, so you can't log in with it. Ask your administrator.", title)
	case tooMany:
		return v.T("Too many wrong logins. Seconds to wait: %d.", max(0, int(v.p.o.Throttle.Wait(v.from())/time.Second))+1)
	}
	return ""
}
