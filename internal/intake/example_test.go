package intake_test

import (
	"context"
	"fmt"
	"strings"

	"ksefworker/internal/intake"
)

func ExampleRead() {
	in := strings.NewReader("<Faktura/>")
	for it := range intake.Read(context.Background(), []string{"-", "export-that-is-not-there"}, intake.Options{Stdin: in}) {
		it.Load()
		if it.Err != nil {
			fmt.Printf("%s %v\n", it.File, it.Err)
			continue
		}
		fmt.Printf("%s has %d bytes\n", it.File, len(it.Data))
	}
	// Output:
	// - has 10 bytes
	// export-that-is-not-there is not there; check the name, and that the share it lies on is mounted
}
