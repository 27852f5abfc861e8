package invoice

import (
	"sync"

	"ksefworker/internal/invoice/schema"
)

// LosesDigits reports whether elements of this name hold a text that may lose digits when a sender
// writes it as a JSON number. A number loses zeros at its beginning, for example those of a bank
// account (NrRB) or of a foreign VAT number (NrVatUE). A long number loses its last digits. The
// schema accepts most of these shortened texts anyway.
func LosesDigits(element string) bool { return losesDigits()[element] }

// losesDigits has the names of the elements whose value may lose digits. It leaves out three kinds
// of values. A value that the schema compares as a number stays the same number. The values of an
// enumeration are known, and the schema refuses any other. A NIP has ten digits and never begins
// with a zero.
var losesDigits = sync.OnceValue(func() map[string]bool {
	all := map[string]bool{}
	t := schema.Forms()
	for i := range t.Complex {
		for _, c := range t.Complex[i].Children {
			if !c.Type.IsValue() {
				continue
			}
			v := t.ValueOf(c.Type)
			number := v.Kind == schema.Decimal || v.Kind == schema.Integer
			if !number && len(v.Enum) == 0 && c.Name != "NIP" {
				all[c.Name] = true // a name may occur in several places
			}
		}
	}
	return all
})
