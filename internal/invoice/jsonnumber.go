package invoice

import (
	"sync"

	"ksefworker/internal/invoice/schema"
)

// LosesDigits reports whether elements of this name hold a text made of digits, or any other text,
// of which a JSON number may lose some. Examples are the zeros at the beginning of a bank account
// (NrRB) or of a foreign VAT number (NrVatUE), and the last digits of a long one. A check by the
// schema notices that only now and then.
func LosesDigits(element string) bool { return losesDigits()[element] }

// losesDigits has the names of the elements that hold a value, true if the value may lose digits.
// Numbers cannot: the schema compares them as such. Of an enumeration every value is known. A NIP
// has ten digits and begins with none that gets lost.
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
