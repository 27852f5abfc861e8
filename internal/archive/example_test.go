package archive_test

import (
	"context"
	"errors"
	"fmt"
	"os"

	"ksefworker/internal/archive"
)

func Example() {
	ctx := context.Background()
	dir, err := os.MkdirTemp("", "archive-")
	if err != nil {
		fmt.Println(err)
		return
	}
	defer os.RemoveAll(dir)
	store, err := archive.Open(ctx, "file://"+dir, archive.Options{})
	if err != nil {
		fmt.Println(err)
		return
	}
	defer store.Close()

	name := archive.ReceiptName("5265877635", "2026-11-23", "20261123-SB-1A2B3C")
	fmt.Println(name)
	fmt.Println("put:", store.Put(ctx, name, []byte("<Potwierdzenie/>"), "application/xml"))
	fmt.Println("the same again:", store.Put(ctx, name, []byte("<Potwierdzenie/>"), "application/xml"))
	err = store.Put(ctx, name, []byte("<Inne/>"), "application/xml")
	fmt.Println("other content:", errors.Is(err, archive.ErrConflict))
	fmt.Println("durable:", store.Flush(ctx))
	// Output:
	// 5265877635/2026-11/upo/20261123-SB-1A2B3C.xml
	// put: <nil>
	// the same again: <nil>
	// other content: true
	// durable: <nil>
}
