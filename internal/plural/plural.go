// Package plural writes counts as people read them, for example "1 invoice waits" and "2 invoices
// wait". Texts that are said in Polish too (internal/explain) put the number behind a colon
// instead, because Polish has three forms.
package plural

import "strconv"

// Of returns a count with its noun: Of(1, "entry", "entries") is "1 entry". Of takes both forms,
// because a rule that makes one form from the other would be wrong for some nouns.
func Of[N ~int | ~int64](n N, one, many string) string {
	return strconv.FormatInt(int64(n), 10) + " " + Form(n, one, many)
}

// Form returns the word that agrees with a count: Form(2, "waits", "wait") is "wait". 0 takes the
// form for many.
func Form[N ~int | ~int64](n N, one, many string) string {
	if n == 1 {
		return one
	}
	return many
}
