// Package explaintest helps the tests of packages that speak Polish.
package explaintest

import (
	"slices"
	"strings"
)

// same are the words that Polish and English share.
var same = strings.Fields("do element folder format go limit na on plus program system to")

// names are the names of fields, values, commands and files that a Polish text has too.
var names = strings.Fields("auto bulk corrects deflate direct enqueue express faktura gzip id json key_file max_invoice_size maxmemory nil no " +
	"offline path ref results retry standalone tenants true false transport xml xmlns yes")

// ofTerms are the names of an invoice's terms in a call. A Polish text may name these fields as
// they are. Only an answer that says which terms an invoice has must translate the words.
var ofTerms = strings.Fields("deadline lane tenant")

// English returns the words of an English text that its Polish form still has. Names, and words
// that are the same in both languages, are left out.
func English(en, pl string) []string {
	had, known := parts(en), slices.Concat(same, names)
	if !strings.HasPrefix(en, "its terms ") && !strings.HasPrefix(en, "the terms ") {
		known = append(known, ofTerms...)
	}
	var left []string
	for _, word := range parts(pl) {
		if slices.Contains(had, word) && !slices.Contains(known, word) {
			left = append(left, word)
		}
	}
	return left
}

// parts returns the words of a text that consist of small letters alone, at least two. It leaves
// out what stands in quotes or in a tag, and names with other characters.
func parts(text string) (all []string) {
	for _, word := range strings.Fields(text) {
		word = strings.Trim(word, ".,:;()…")
		if len(word) > 1 && strings.Trim(word, "abcdefghijklmnopqrstuvwxyz") == "" {
			all = append(all, word)
		}
	}
	return all
}
