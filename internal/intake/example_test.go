package intake_test

import (
	"context"
	"fmt"
	"strings"

	"ksefworker/internal/intake"
	"ksefworker/internal/ledger"
	"ksefworker/internal/tasks"
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

// Run is given the admitter of the process (see connect.Pool); here one stands in that takes everything.
func ExampleRun() {
	everything := stub(func(_ context.Context, docs []tasks.Document) ([]tasks.Admission, error) { return takeAll(docs), nil })
	found := intake.Read(context.Background(), []string{"-", "export-that-is-not-there"}, intake.Options{Stdin: strings.NewReader("<Faktura/>")})
	err := intake.Run(context.Background(), everything, found, tasks.Terms{Lane: ledger.Bulk}, func(adms []tasks.Admission) {
		for _, a := range adms {
			fmt.Println(a.File, a.Taken)
		}
	})
	fmt.Println(err)
	// Output:
	// - created
	// export-that-is-not-there refused
	// <nil>
}
