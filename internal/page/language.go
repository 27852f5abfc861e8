package page

import (
	"fmt"
	"net/http"

	"ksefworker/internal/explain"
)

// Language is the language of an answer.
type Language = explain.Language

const languageCookie = "ksef-lang"

// languageOf returns the language that a person has switched to, or else the one that the browser
// prefers (see [explain.Preferred]).
func languageOf(r *http.Request) Language {
	if c, err := r.Cookie(languageCookie); err == nil {
		switch l := Language(c.Value); l {
		case explain.Polish, explain.English:
			return l
		}
	}
	return explain.Preferred(r.Header.Get("Accept-Language"))
}

// switchLanguage keeps the language for a year and shows the same page again.
func (v *visit) switchLanguage(to string) {
	if to == string(explain.Polish) || to == string(explain.English) {
		http.SetCookie(v.w, &http.Cookie{Name: languageCookie, Value: to, Path: "/", MaxAge: 365 * 24 * 3600,
			HttpOnly: true, Secure: v.p.o.Secure, SameSite: http.SameSiteLaxMode})
	}
	q := v.r.URL.Query()
	q.Del("lang")
	at := v.r.URL.Path
	if len(q) > 0 {
		at += "?" + q.Encode()
	}
	http.Redirect(v.w, v.r, ownPath(at), http.StatusSeeOther)
}

// OtherLanguage is the address of the same page in the other language. For an answer to any method
// but GET, such as the answer to a form, it is the address of the overview.
func (v *visit) OtherLanguage() string {
	q := v.r.URL.Query()
	q.Set("lang", string(explain.English))
	if v.Lang == explain.English {
		q.Set("lang", string(explain.Polish))
	}
	path := v.r.URL.Path
	if v.r.Method != http.MethodGet {
		path = "/"
	}
	return path + "?" + q.Encode()
}

// T returns a text in the visitor's language. The English text is its key.
func (v *visit) T(text string, args ...any) string { return say(v.Lang, text, args...) }

func say(l Language, text string, args ...any) string {
	if l == explain.Polish {
		if pl, ok := polish[text]; ok {
			text = pl
		}
	}
	if len(args) > 0 {
		return fmt.Sprintf(text, args...)
	}
	return text
}

// Count returns a number with its noun in the right form: 1 faktura, 2 faktury, 5 faktur.
func (v *visit) Count(n int64, noun string) string { return count(v.Lang, n, noun) }

func count(l Language, n int64, noun string) string {
	forms := nouns[noun]
	form := forms[1]
	switch {
	case l != explain.Polish && n == 1:
		form = forms[0]
	case l == explain.Polish && n == 1:
		form = forms[2]
	case l == explain.Polish && n%10 >= 2 && n%10 <= 4 && (n%100 < 12 || n%100 > 14):
		form = forms[3]
	case l == explain.Polish:
		form = forms[4]
	}
	return number(n) + "\u00a0" + form
}

// nouns maps a noun to its forms: one and many in English, and one, few and many in Polish.
var nouns = map[string][5]string{
	"invoice": {"invoice", "invoices", "faktura", "faktury", "faktur"},
}
