package ratelimit

import (
	"context"
	"fmt"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/go-redis/redis_rate/v10"
	"github.com/redis/go-redis/v9"

	"ksefworker/internal/redisd/redistest"
)

// BenchmarkBook books in the steady state of a full hour. This is the costliest case, because every
// call drops one old instant and books a new one. The benchmark moves the clock so that each
// booking succeeds. For comparison it measures package redis_rate, which uses GCRA, with limits
// that allow each call. For both, it reports the microseconds of Redis's CPU in the script.
func BenchmarkBook(b *testing.B) {
	steady := func(limits Limits) (clock *fakeClock, step time.Duration) {
		hour := limits[len(limits)-1]
		return newFakeClock(), hour.Per/time.Duration(hour.Limit) + time.Second
	}
	for _, group := range []string{GroupInvoiceSend, GroupInvoiceStatus} {
		limits := Defaults()[group]
		r := Request{Key: Key{nip, group}, Limits: limits, Margin: DefaultMargin, MaxWait: time.Minute}
		run := func(b *testing.B, s Store, clock *fakeClock, step time.Duration) {
			b.ReportAllocs()
			for b.Loop() {
				clock.advance(step)
				if _, err := s.Book(context.Background(), r); err != nil {
					b.Fatal(err)
				}
			}
		}
		fill := func(b *testing.B, s Store, clock *fakeClock, step time.Duration) {
			for range limits[2].Limit {
				clock.advance(step)
				if _, err := s.Book(context.Background(), r); err != nil {
					b.Fatal(err)
				}
			}
		}
		b.Run(fmt.Sprintf("memory/%d", limits[2].Limit), func(b *testing.B) {
			clock, step := steady(limits)
			s := NewMemory(clock.now)
			fill(b, s, clock, step)
			run(b, s, clock, step)
		})
		b.Run(fmt.Sprintf("redis/%d", limits[2].Limit), func(b *testing.B) {
			client, _ := redistest.New(b)
			clock, step := steady(limits)
			s := newRedisAt(client, clock.now)
			fill(b, s, clock, step)
			resetStats(b, client)
			run(b, s, clock, step)
			reportScriptCPU(b, client)
		})
		b.Run(fmt.Sprintf("redis-refused/%d", limits[2].Limit), func(b *testing.B) {
			client, _ := redistest.New(b)
			clock, step := steady(limits)
			s := newRedisAt(client, clock.now)
			fill(b, s, clock, step)
			ask := r
			ask.MaxWait = AskOnly
			resetStats(b, client)
			for b.Loop() {
				_, _ = s.Book(context.Background(), ask)
			}
			reportScriptCPU(b, client)
		})
	}
	for _, waiting := range []int{100, 1100, 10_000} { // each call computes the turn of the waitlist's last caller
		b.Run(fmt.Sprintf("redis-waitlist/%d", waiting), func(b *testing.B) {
			client, _ := redistest.New(b)
			clock := newFakeClock()
			s := newRedisAt(client, clock.now)
			r := Request{
				Key: Key{nip, GroupInvoiceStatus}, Limits: Defaults()[GroupInvoiceStatus],
				Margin: DefaultMargin, MaxWait: AskOnly,
			}
			for i := range waiting {
				r.Ticket = strconv.Itoa(i)
				_, _ = s.Book(context.Background(), r)
			}
			r.Ticket = "last"
			resetStats(b, client)
			for b.Loop() {
				_, _ = s.Book(context.Background(), r)
			}
			reportScriptCPU(b, client)
		})
	}
	b.Run("redis-parallel/180", func(b *testing.B) {
		client, _ := redistest.New(b)
		clock, step := steady(Defaults()[GroupInvoiceSend])
		s := newRedisAt(client, clock.now)
		r := Request{Key: send, Limits: Defaults()[GroupInvoiceSend], Margin: DefaultMargin, MaxWait: time.Hour}
		b.SetParallelism(8)
		resetStats(b, client)
		b.RunParallel(func(pb *testing.PB) {
			for pb.Next() {
				clock.advance(step)
				if _, err := s.Book(context.Background(), r); err != nil {
					b.Error(err)
				}
			}
		})
		reportScriptCPU(b, client)
	})
	generous := redis_rate.Limit{Rate: 1 << 30, Burst: 1 << 30, Period: time.Hour}
	b.Run("gcra-one-window", func(b *testing.B) {
		client, _ := redistest.New(b)
		l := redis_rate.NewLimiter(client)
		resetStats(b, client)
		for b.Loop() {
			if res, err := l.Allow(context.Background(), "k", generous); err != nil || res.Allowed != 1 {
				b.Fatal(res, err)
			}
		}
		reportScriptCPU(b, client)
	})
	b.Run("gcra-three-windows", func(b *testing.B) {
		client, _ := redistest.New(b)
		l := redis_rate.NewLimiter(client)
		resetStats(b, client)
		for b.Loop() {
			for _, key := range []string{"s", "m", "h"} {
				if res, err := l.Allow(context.Background(), key, generous); err != nil || res.Allowed != 1 {
					b.Fatal(res, err)
				}
			}
		}
		reportScriptCPU(b, client)
	})
	b.Run("gcra-parallel", func(b *testing.B) {
		client, _ := redistest.New(b)
		l := redis_rate.NewLimiter(client)
		b.SetParallelism(8)
		resetStats(b, client)
		b.RunParallel(func(pb *testing.PB) {
			for pb.Next() {
				if _, err := l.Allow(context.Background(), "k", generous); err != nil {
					b.Error(err)
				}
			}
		})
		reportScriptCPU(b, client)
	})
	b.Run("ping", func(b *testing.B) { // the cost of the round trip alone
		client, _ := redistest.New(b)
		for b.Loop() {
			client.Ping(context.Background())
		}
	})
}

func resetStats(b *testing.B, client *redis.Client) {
	if err := client.ConfigResetStat(context.Background()).Err(); err != nil {
		b.Fatal(err)
	}
}

// reportScriptCPU reports how long Redis spent in scripts, per benchmark operation.
func reportScriptCPU(b *testing.B, client *redis.Client) {
	info := client.Info(context.Background(), "commandstats").Val()
	var total float64
	for line := range strings.Lines(info) {
		if !strings.HasPrefix(line, "cmdstat_eval") {
			continue
		}
		_, rest, _ := strings.Cut(line, "usec=")
		usec, _, _ := strings.Cut(rest, ",")
		n, _ := strconv.ParseFloat(usec, 64)
		total += n
	}
	b.ReportMetric(total/float64(b.N), "redis-µs/op")
}
