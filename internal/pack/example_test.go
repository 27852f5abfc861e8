package pack_test

import (
	"context"
	"fmt"
	"os"

	"ksefworker/internal/pack"
)

func ExampleBuild() {
	spool, err := os.MkdirTemp("", "spool-")
	if err != nil {
		fmt.Println(err)
		return
	}
	defer os.RemoveAll(spool)

	p, err := pack.Build(context.Background(), invoices(200), pack.Options{
		Dir:       spool,
		PartSize:  200_000,
		Encrypter: sealCBC, // a fresh AES-256-CBC for each part, with the session's key and IV
	})
	if err != nil {
		fmt.Println(err)
		return
	}
	defer p.Remove()
	fmt.Println(p.Entries, "invoices in", len(p.Parts), "parts")
	fmt.Println("part", p.Parts[0].Ordinal, "has", p.Parts[0].Size, "encrypted bytes")
	// Output:
	// 200 invoices in 2 parts
	// part 1 has 200016 encrypted bytes
}
