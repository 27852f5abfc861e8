package invoice

import (
	"sync"

	"ksefworker/internal/invoice/schema"
)

// FreeText reports whether an element of this name holds a text that the schema bounds by nothing
// but its length. In such a text the schema finds no digit that was lost.
func FreeText(element string) bool { return freeTexts()[element] }

// freeTexts has the names of elements. A name counts when it is that of free text wherever it
// occurs.
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
