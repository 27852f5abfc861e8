package ledger

import (
	"context"
	"fmt"
	"slices"
	"time"
)

// Waiting describes one waiting set.
type Waiting struct {
	Group    Group
	Count    int
	Bytes    int64
	Oldest   time.Time // when the invoice that has waited longest began to wait
	Newest   time.Time // when the latest one began to wait; zero from WaitsShown
	Deadline time.Time // the nearest legal deadline
}

// waitsAtOnce is how many waiting sets, or tenants, one script reads. That takes Redis less than a
// millisecond.
const waitsAtOnce = 100

// Waits describes every waiting set that is not empty. It sends one command for each hundred sets,
// and one more.
func (ws *WaitingStore) Waits(ctx context.Context) ([]Waiting, error) { return ws.waits(ctx, "1") }

// WaitsShown is Waits without Newest. Newest is a quarter of the work for Redis, and only a caller
// that cuts packages needs it.
func (ws *WaitingStore) WaitsShown(ctx context.Context) ([]Waiting, error) { return ws.waits(ctx, "") }

func (ws *WaitingStore) waits(ctx context.Context, newest string) ([]Waiting, error) {
	names, err := ws.rdb.SMembers(ctx, ws.key(keyGroups)).Result()
	if err = sickOr(err, keyGroups); err != nil {
		return nil, err
	}
	var out []Waiting
	for some := range slices.Chunk(names, waitsAtOnce) {
		args := []any{ws.prefix, newest}
		for _, n := range some {
			args = append(args, n)
		}
		told, err := ws.run(ctx, waitsScript, args)
		if err != nil {
			return nil, fmt.Errorf("read waiting sets: %w", err)
		}
		const cells = 5
		for i, n := range some {
			of := func(k int) any { return cell(told, i*cells+k) }
			g, ok := ParseGroup(n)
			if !ok || number(of(0)) == 0 {
				continue
			}
			out = append(out, Waiting{
				Group: g, Count: int(number(of(0))), Bytes: number(of(4)),
				Oldest: timeOf(of(1)), Deadline: timeOf(of(2)), Newest: timeOf(of(3)),
			})
		}
	}
	return out, nil
}

// timeOf returns the time that a script returned as a score. It returns the zero time for anything
// else.
func timeOf(v any) time.Time {
	at, _ := timeOfText(text(v))
	return at.Time()
}
