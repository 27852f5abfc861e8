package invoice

import (
	"sync"

	"ksefworker/internal/invoice/schema"
)

// FreeText reports whether an element of this name holds a text that the schema bounds by nothing
// but its length. So a check by the schema does not notice that such a text has lost a digit.
func FreeText(element string) bool { return freeTexts()[element] }

// freeTexts says of each element name of the schemas whether elements of this name hold free text
// wherever they occur.
var freeTexts = sync.OnceValue(func() map[string]bool {
	all := map[string]bool{}
	t := schema.Forms()
	for i := range t.Complex {
		for _, c := range t.Complex[i].Children {
			free := false
			if c.Type.IsValue() {
				v := t.ValueOf(c.Type)
				free = v.Kind == schema.Text && len(v.Enum) == 0 && len(v.Patterns) == 0
			}
			before, known := all[c.Name]
			all[c.Name] = free && (before || !known)
		}
	}
	return all
})
