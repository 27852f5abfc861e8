package ratelimit_test

import (
	"context"
	"errors"
	"fmt"
	"time"

	"ksefworker/internal/ratelimit"
)

// Two sends a minute are allowed. The third is told when to come back.
func ExampleLimiter_Wait() {
	noon := time.Date(2026, time.September, 14, 12, 0, 0, 0, time.UTC)
	store := ratelimit.NewMemory(func() time.Time { return noon })
	limiter, err := ratelimit.New(store, ratelimit.Options{
		Defaults: ratelimit.Defaults(),
		Tenants: map[string]map[string]ratelimit.Limits{
			"5265877635": {ratelimit.GroupInvoiceSend: {{Limit: 2, Per: time.Minute}}},
		},
	})
	if err != nil {
		fmt.Println(err)
		return
	}
	for range 3 {
		err := limiter.Wait(context.Background(), "5265877635", ratelimit.GroupInvoiceSend)
		if notNow, ok := errors.AsType[*ratelimit.NotNow](err); ok {
			fmt.Println(notNow.Reason, notNow.Wait)
			continue
		}
		fmt.Println("go", err)
	}
	// Output:
	// go <nil>
	// go <nil>
	// limit 1m0.300001s
}

// After a 429 the whole group of that tenant stops, in every process that shares the store.
func ExampleLimiter_Freeze() {
	noon := time.Date(2026, time.September, 14, 12, 0, 0, 0, time.UTC)
	ctx := context.Background()
	store := ratelimit.NewMemory(func() time.Time { return noon })
	limiter, err := ratelimit.New(store, ratelimit.Options{Defaults: ratelimit.Defaults()})
	if err != nil {
		fmt.Println(err)
		return
	}
	if err := limiter.Freeze(ctx, "5265877635", ratelimit.GroupInvoiceSend, 2680*time.Second, ratelimit.CauseThrottled); err != nil {
		fmt.Println(err)
	}
	fmt.Println(limiter.Wait(ctx, "5265877635", ratelimit.GroupInvoiceSend))
	fmt.Println(limiter.Wait(ctx, "5265877635", ratelimit.GroupSessionMisc))
	// Output:
	// tenant 5265877635, group invoiceSend rests, because KSeF answered too many requests (429)
	// <nil>
}

func ExampleLimiter_Usage() {
	noon := time.Date(2026, time.September, 14, 12, 0, 0, 0, time.UTC)
	ctx := context.Background()
	store := ratelimit.NewMemory(func() time.Time { return noon })
	limiter, err := ratelimit.New(store, ratelimit.Options{Defaults: ratelimit.Defaults()})
	if err != nil {
		fmt.Println(err)
		return
	}
	for range 4 {
		if err := limiter.Wait(ctx, "5265877635", ratelimit.GroupBatchSession); err != nil {
			fmt.Println(err)
		}
	}
	usage, err := limiter.Usage(ctx, "5265877635", ratelimit.GroupBatchSession)
	if err != nil {
		fmt.Println(err)
	}
	for _, w := range usage.Windows {
		fmt.Printf("%d of %d per %s, %d left\n", w.Used, w.Limit, w.Per, w.Left)
	}
	// Output:
	// 4 of 10 per 1s, 6 left
	// 4 of 20 per 1m0s, 16 left
	// 4 of 60 per 1h0m0s, 56 left
}

func ExampleEarliest() {
	at := func(s string) time.Time {
		t, _ := time.Parse("15:04:05.000000", s)
		return t
	}
	booked := []time.Time{at("12:00:00.000000"), at("12:00:00.400000"), at("12:00:30.000000")}
	limits := ratelimit.Limits{{Limit: 2, Per: time.Second}, {Limit: 3, Per: time.Minute}}
	fmt.Println(ratelimit.Earliest(at("12:00:31.000000"), booked, limits, 0).Format("15:04:05.000000"))
	fmt.Println(ratelimit.Earliest(at("12:00:31.000000"), booked, limits, 300*time.Millisecond).Format("15:04:05.000000"))
	// Output:
	// 12:01:00.000001
	// 12:01:00.300001
}

func ExampleCircuit() {
	clock := time.Date(2026, time.September, 14, 12, 0, 0, 0, time.UTC)
	ctx := context.Background()
	circuit, err := ratelimit.NewCircuit(ratelimit.NewMemory(func() time.Time { return clock }), ratelimit.CircuitOptions{})
	if err != nil {
		fmt.Println(err)
		return
	}
	sends := ratelimit.Pair{Host: "ksefapi.pl", Tenant: "5265877635", Group: ratelimit.GroupInvoiceSend}
	for range 3 {
		_ = circuit.Failure(ctx, sends)
	}
	fmt.Println(circuit.Allow(ctx, sends))
	other := sends
	other.Tenant = "7781464139"
	fmt.Println("another tenant:", circuit.Allow(ctx, other))
	clock = clock.Add(5 * time.Second)
	fmt.Println("probe:", circuit.Allow(ctx, sends))
	fmt.Println("while the probe is under way:", circuit.Allow(ctx, sends))
	_ = circuit.Success(ctx, sends)
	fmt.Println("after the success of the probe:", circuit.Allow(ctx, sends))
	// Output:
	// tenant 5265877635, group invoiceSend is out of service at host ksefapi.pl
	// another tenant: <nil>
	// probe: <nil>
	// while the probe is under way: tenant 5265877635, group invoiceSend is out of service at host ksefapi.pl
	// after the success of the probe: <nil>
}
