package intake_test

import (
	"context"
	"fmt"
	"strings"

	"ksefworker/internal/intake"
	"ksefworker/internal/ledger"
)

func ExampleRead() {
	in := strings.NewReader("<Faktura/>")
	paths := []string{"-", "missing-export"}
	for it := range intake.Read(context.Background(), paths, intake.Options{Stdin: in}) {
		it.Load()
		if it.Err != nil {
			fmt.Printf("%s %v\n", it.File, it.Err)
			continue
		}
		fmt.Printf("%s has %d bytes\n", it.File, len(it.Data))
	}
	// Output:
	// - has 10 bytes
	// missing-export does not exist; check the name, and whether its share is mounted
}

// A program gives Run the admitter of its connect.Pool. This example uses an admitter that takes
// every document.
func ExampleRun() {
	ctx := context.Background()
	everything := stub(func(_ context.Context, docs []intake.Document) ([]intake.Admission, error) {
		return takeAll(docs), nil
	})
	o := intake.Options{Stdin: strings.NewReader("<Faktura/>")}
	found := intake.Read(ctx, []string{"-", "missing-export"}, o)
	err := intake.Run(ctx, everything, found, intake.Terms{Lane: ledger.Bulk}, func(adms []intake.Admission) {
		for _, a := range adms {
			fmt.Println(a.File, a.Taken)
		}
	})
	fmt.Println(err)
	// Output:
	// - created
	// missing-export refused
	// <nil>
}
