package httpintake

import (
	"fmt"
	"maps"
	"net/url"
	"regexp"
	"slices"
	"strings"

	"ksefworker/internal/ledger"
	"ksefworker/internal/results"
)

// parameters are the parameters that a query may have, each with the rule for its value.
type parameters map[string]text

// The parameters of the calls that read.
var (
	listParameters = parameters{
		"ref": {"must be a ref: up to 128 printable characters, no blank at either end",
			"musi być ref: do 128 znaków drukowalnych, bez spacji na początku i końcu"},
		"number": notEmpty, "number_prefix": notEmpty, "ksef_number": notEmpty, "ksef_number_prefix": notEmpty,
		"day":    {"must be a day, such as 2026-11-23", "musi być dniem, na przykład 2026-11-23"},
		"state":  {"must be one of " + states(), "musi mieć jedną z wartości: " + states()},
		"tenant": {"must be the name of a tenant of this program", "musi być nazwą podatnika, do którego ten program ma dostęp"},
		"since": {`must be a day, a day and time in Warsaw, or RFC 3339, such as 2026-11-23, "2026-11-23 16:00" or 2026-11-23T16:00:00+01:00`,
			`musi być dniem, dniem i godziną w Warszawie albo RFC 3339, na przykład 2026-11-23, "2026-11-23 16:00" lub 2026-11-23T16:00:00+01:00`},
		"cursor": givenCursor, "limit": sizeOfPage,
	}
	eventParameters = parameters{
		"cursor": givenCursor, "limit": sizeOfPage,
		"wait": {"must be a time of up to 60s, such as 30s", "musi być czasem do 60s, na przykład 30s"},
	}

	notEmpty    = text{"must not be empty", "nie może mieć pustej wartości"}
	givenCursor = text{"must be the value of next in an answer to this call", "musi mieć wartość next z odpowiedzi na to wywołanie"}
	sizeOfPage  = text{fmt.Sprintf("must be 1 to %d", maxPageSize), fmt.Sprintf("musi mieć wartość od 1 do %d", maxPageSize)}
)

func states() string {
	names := []string{results.Refused}
	for _, s := range ledger.States() {
		names = append(names, string(s))
	}
	slices.Sort(names)
	return strings.Join(names, ", ")
}

// each calls use for each parameter of a query, in the order of the names, until a parameter is
// refused. use reports whether the value is valid.
func (ps parameters) each(raw string, use func(name, value string) bool) error {
	query, err := url.ParseQuery(raw)
	if err != nil {
		return bad("the query cannot be read", "nie można odczytać parametrów zapytania")
	}
	for _, name := range slices.Sorted(maps.Keys(query)) {
		values := query[name]
		rule, known := ps[name]
		switch {
		case !known:
			list := strings.Join(slices.Sorted(maps.Keys(ps)), ", ")
			return bad(fmt.Sprintf("the query has an unknown parameter %q; known are %s", cut(name), list),
				fmt.Sprintf("zapytanie ma nieznany parametr %q; znane to %s", cut(name), list))
		case len(values) > 1:
			return bad(fmt.Sprintf("%q is given twice", name), fmt.Sprintf("%q podano dwa razy", name))
		case !use(name, values[0]):
			return badValue(name, values[0], rule)
		}
	}
	return nil
}

// badValue refuses the value of a parameter.
func badValue(name, value string, rule text) error {
	given, plus := cut(value), lostPlus(value)
	return bad(fmt.Sprintf("%s %s: got %q", name, rule.en, given)+plus.en,
		fmt.Sprintf("%s %s: podano %q", name, rule.pl, given)+plus.pl)
}

// offsetWithoutPlus matches the end of a time in RFC 3339 whose + was not escaped in the query.
var offsetWithoutPlus = regexp.MustCompile(`T[0-9:.]+ [0-9]{2}:[0-9]{2}$`)

// lostPlus returns what to do about a time that lost its +. In a query, + stands for a blank. The
// text is empty for other values.
func lostPlus(value string) text {
	if !offsetWithoutPlus.MatchString(value) {
		return text{}
	}
	return text{en: "; in a query + stands for a blank, so write %2B", pl: "; w zapytaniu + oznacza spację, dlatego zapisz %2B"}
}
