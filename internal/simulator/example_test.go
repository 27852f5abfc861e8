package simulator_test

import (
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"time"

	"ksefworker/internal/simulator"
)

// A test starts the simulator behind a server, orders a fault and reads the books.
func Example() {
	sim, err := simulator.New(simulator.Options{Delay: time.Second, Seed: 1})
	if err != nil {
		fmt.Println(err)
		return
	}
	defer func() { _ = sim.Close() }()
	server := httptest.NewServer(sim)
	defer server.Close()

	if err := sim.Inject(simulator.Fault{On: "publicKey", Kind: simulator.Status, Code: 503}); err != nil {
		fmt.Println(err)
		return
	}
	for range 2 {
		req, err := http.NewRequest(http.MethodGet, server.URL+"/invoice/public/key", nil)
		if err != nil {
			fmt.Println(err)
			return
		}
		req.SetBasicAuth("test_id", "test_key")
		resp, err := http.DefaultClient.Do(req)
		if err != nil {
			fmt.Println(err)
			return
		}
		_, _ = io.Copy(io.Discard, resp.Body)
		_ = resp.Body.Close()
		fmt.Println(resp.Status)
	}
	http.DefaultClient.CloseIdleConnections()

	books := sim.Books()
	fmt.Println("requests", books.Requests, "faults", books.Faults, "violations", len(books.Violations))
	// Output:
	// 503 Service Unavailable
	// 200 OK
	// requests map[other:publicKey:2] faults map[status:1] violations 0
}

// A script orders faults. The simulator's program takes the script as a file with the option
// --faults, or as the body of POST /sim/faults.
func ExampleParseFaults() {
	faults, err := simulator.ParseFaults([]byte(`
- {on: close, kind: 500-after}                        # carried out, answered 500, once
- {on: part, kind: 200-html, skip: 2, times: 3}       # the third to fifth part
- {kind: stuck, code: 150, for: 9h}                   # the next session takes all night
- {kind: poison, number: "FV/13/*", code: 405}        # every package that holds such an invoice
`))
	if err != nil {
		fmt.Println(err)
		return
	}
	for _, f := range faults {
		line, _ := json.Marshal(f)
		fmt.Println(string(line))
	}
	_, err = simulator.ParseFaults([]byte(`[{"kind": "explode"}]`))
	fmt.Println(err != nil)
	// Output:
	// {"on":"close","kind":"500-after"}
	// {"on":"part","kind":"200-html","skip":2,"times":3}
	// {"kind":"stuck","code":150,"for":32400000000000}
	// {"kind":"poison","number":"FV/13/*","code":405}
	// true
}
