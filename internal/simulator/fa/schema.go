package fa

import (
	"cmp"
	"fmt"
	"regexp"
	"slices"
	"strings"
	"time"
	"unicode/utf8"
)

var (
	currency = regexp.MustCompile(`^[A-Z]{3}$`)
	country  = regexp.MustCompile(`^[A-Z]{2}$`)
)

func kinds() []string { return []string{"VAT", "KOR", "ZAL", "ROZ", "UPR", "KOR_ZAL", "KOR_ROZ"} }

// checkSchema returns the first fault with the element's name, or "". The document was checked
// against the schema while it was read, so checkSchema only reports the breach. If there is none,
// it checks the check digits of NIPs, which the schema does not cover.
func checkSchema(d *document, f *Form) string {
	if d.root != "Faktura" || d.namespace != f.Namespace {
		return fmt.Sprintf("Faktura: root {%s}%s, the session declared {%s}Faktura", d.namespace, d.root, f.Namespace)
	}
	if d.broken == "" {
		return checkNIPs(d)
	}
	return cmp.Or(usualBreach(d, f), d.broken)
}

// usualBreach looks for the breaches that tests provoke most often, and has texts of its own for
// them. It is only asked about documents that do not fit the schema.
func usualBreach(d *document, f *Form) string {
	switch {
	case d.systemCode != f.SystemCode || d.schema != "1-0E" || d.text(pathForm) != "FA":
		return fmt.Sprintf("KodFormularza: %q %q %q, the session declared %q 1-0E FA",
			d.systemCode, d.schema, d.text(pathForm), f.SystemCode)
	case len(d.unexpected) > 0:
		return fmt.Sprintf("%s: not expected here", d.unexpected[0])
	}
	for _, path := range f.required {
		if _, present := d.texts[path]; !present {
			return fmt.Sprintf("%s: missing", path)
		}
	}
	if whole(d.text(pathVariant)) != f.variant {
		return fmt.Sprintf("WariantFormularza: %q is not %s", d.text(pathVariant), f.variant)
	}
	if _, err := time.Parse(time.RFC3339, token(d.text(pathCreated))); err != nil {
		if _, err := time.Parse("2006-01-02T15:04:05", token(d.text(pathCreated))); err != nil {
			return fmt.Sprintf("DataWytworzeniaFa: %q is not a date and time", d.text(pathCreated))
		}
	}
	if details := checkParties(d, f); details != "" {
		return details
	}
	return checkInvoice(d)
}

// checkNIPs checks the NIPs of the seller, the buyer, the representative and the third parties.
func checkNIPs(d *document) string {
	nips := []struct{ path, value string }{{pathSellerNIP, d.text(pathSellerNIP)}}
	for _, path := range []string{pathBuyerNIP, pathAgentNIP} {
		if value, present := d.texts[path]; present {
			nips = append(nips, struct{ path, value string }{path, value})
		}
	}
	for _, value := range d.thirdNIPs {
		nips = append(nips, struct{ path, value string }{pathThirdNIP, value})
	}
	for _, n := range nips {
		if !ValidNIP(n.value) {
			return fmt.Sprintf("%s: %q is not a valid NIP", n.path, n.value)
		}
	}
	return ""
}

// checkParties checks the seller, the buyer, the representative and the third parties.
func checkParties(d *document, f *Form) string {
	if details := checkNIPs(d); details != "" {
		return details
	}
	if name := token(d.text(pathSellerName)); name == "" || utf8.RuneCountInString(name) > 512 {
		return pathSellerName + ": 1 to 512 characters are allowed"
	}
	if !country.MatchString(token(d.text("Podmiot1/Adres/KodKraju"))) {
		return "Podmiot1/Adres/KodKraju: not a country code"
	}
	if f.variant == "2" {
		return ""
	}
	for _, path := range []string{"Podmiot2/JST", "Podmiot2/GV"} {
		if v := whole(d.text(path)); v != "1" && v != "2" {
			return fmt.Sprintf("%s: %q is neither 1 nor 2", path, v)
		}
	}
	return ""
}

// checkInvoice checks the mandatory fields of Fa and its totals.
func checkInvoice(d *document) string {
	if number := token(d.text(pathNumber)); number == "" || utf8.RuneCountInString(number) > 256 {
		return "P_2: 1 to 256 characters are allowed"
	}
	date := token(d.text(pathDate))
	if _, err := time.Parse(time.DateOnly, date); err != nil || date < "2006-01-01" || date > "2050-01-01" {
		return fmt.Sprintf("P_1: %q is not a date from 2006-01-01 to 2050-01-01", date)
	}
	if kind := token(d.text(pathKind)); !slices.Contains(kinds(), kind) {
		return fmt.Sprintf("RodzajFaktury: %q is not in the list", kind)
	}
	if c := d.text(pathCurrency); !currency.MatchString(c) {
		return fmt.Sprintf("KodWaluty: %q is not a currency code", c)
	}
	for _, name := range strings.Fields(childrenOfFa) {
		path := "Fa/" + name
		value, present := d.texts[path]
		if _, isTotal := totals(path); present && (isTotal || path == pathTotal) && !amount.MatchString(token(value)) {
			return fmt.Sprintf("%s: %q is not an amount", path, value)
		}
	}
	return ""
}
