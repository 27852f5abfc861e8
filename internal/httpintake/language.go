package httpintake

import (
	"net/http"

	"ksefworker/internal/explain"
)

// lang is the language of an answer.
type lang string

const (
	english lang = "en"
	polish  lang = "pl"
)

// text is a text in both languages. A text without a Polish form is shown in English.
type text struct{ en, pl string }

func (t text) in(l lang) string {
	if l == polish && t.pl != "" {
		return t.pl
	}
	return t.en
}

// languageOf returns the language that a request prefers; see [explain.Preferred].
func languageOf(r *http.Request) lang {
	return lang(explain.Preferred(r.Header.Get("Accept-Language")))
}

func (l lang) say(t text) string { return t.in(l) }

// translate returns a text of another package in the language of the caller, or in English when the
// text is not known in Polish. Thousands of documents of a call may break the same rule, so each
// text is looked for once.
func (c *call) translate(english string) string {
	if c.lang != polish || english == "" {
		return english
	}
	known, ok := c.said[english]
	if ok {
		return known
	}
	if known, ok = explain.Say(explain.Polish, english); !ok {
		known = english
	}
	if c.said == nil {
		c.said = map[string]string{}
	}
	if len(c.said) < maxSaid {
		c.said[english] = known
	}
	return known
}

// maxSaid bounds how many texts a call remembers, because some have a value in them.
const maxSaid = 1000
