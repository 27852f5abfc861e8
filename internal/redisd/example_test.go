package redisd_test

import (
	"context"
	"fmt"

	"ksefworker/internal/redisd"
)

func Example() {
	ctx := context.Background()
	srv, err := redisd.Start(ctx, redisd.Options{AppendOnly: true})
	if err != nil {
		fmt.Println(err)
		return
	}
	defer srv.Stop()

	// After a crash the server is back at the same address, with its data.
	before := srv.Addr()
	fmt.Println("kill:", srv.Kill())
	fmt.Println("restart:", srv.Restart(ctx), srv.Addr() == before)
	// Output:
	// kill: <nil>
	// restart: <nil> true
}
