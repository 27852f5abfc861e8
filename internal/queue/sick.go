package queue

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/redis/go-redis/v9"
)

// A key of a queue is sick when another program has written it, with another type than asynq uses.
// Then no task of this queue runs, and the other queues go on ([Guarded]). The list of tasks that
// the key held before is lost, and does not come back when a person deletes the key. The entries of
// the tasks are still there, and asynq regards a task that has an entry as queued. So the names of
// sick keys are remembered, and the lists are made again from the entries.

// keySeen is the set of names of keys that were seen sick.
const keySeen = asynqPrefix + "sickseen"

// kindsOf are the types of those keys of one queue that are checked. These keys are the lists of
// its tasks, their leases, and the mark of a queue that is paused.
var kindsOf = map[string]string{
	"pending": "list", "active": "list", "lease": "zset", "scheduled": "zset", "retry": "zset", "archived": "zset", "paused": "string",
}

// Repairer finds the sick keys of the queues, and puts tasks back. Safe for concurrent use.
type Repairer struct{ rdb redis.UniversalClient }

// NewRepairer returns the repairer of a pool's queues.
func NewRepairer(q *Queue) *Repairer { return &Repairer{q.rdb} }

// SickKeys returns the sick keys of the queues, in the order of their names, and remembers them for
// [Repairer.Repair].
func (m *Repairer) SickKeys(ctx context.Context) ([]*SickKeyError, error) {
	sick, err := m.sick(ctx, Own())
	if err != nil || len(sick) == 0 {
		return nil, err
	}
	names := make([]any, len(sick))
	for i, s := range sick {
		names[i] = s.Key
	}
	if err := m.rdb.SAdd(ctx, keySeen, names...).Err(); err != nil {
		return sick, fmt.Errorf("remember which keys of the queues were sick: %w", err)
	}
	return sick, nil
}

func (m *Repairer) sick(ctx context.Context, queues []string) ([]*SickKeyError, error) {
	is := map[string]*redis.StatusCmd{}
	if _, err := m.rdb.Pipelined(ctx, func(p redis.Pipeliner) error {
		for _, queue := range queues {
			for part := range kindsOf {
				key := keyOf(queue, part)
				is[key] = p.Type(ctx, key)
			}
		}
		return nil
	}); err != nil {
		return nil, fmt.Errorf("read types of the queues' keys: %w", err)
	}
	var sick []*SickKeyError
	for key, kind := range is {
		if held := kind.Val(); held != "none" && held != kindsOf[partOf(key)] {
			name, _ := kind.Args()[1].(string) // with the prefix
			sick = append(sick, &SickKeyError{Key: name, Held: held})
		}
	}
	slices.SortFunc(sick, func(a, b *SickKeyError) int { return strings.Compare(a.Key, b.Key) })
	return sick, nil
}

func keyOf(queue, part string) string { return asynqPrefix + "{" + queue + "}:" + part }

// Repair puts tasks back into the lists of the queues whose keys were sick and are not sick any
// more. It returns how many tasks were in no list. Tasks that are queued or run meanwhile are not
// harmed.
func (m *Repairer) Repair(ctx context.Context) (int, error) {
	seen, err := m.rdb.SMembers(ctx, keySeen).Result()
	if redis.HasErrorPrefix(err, "WRONGTYPE") { // keySeen was sick itself, so any queue may have been
		if err := m.rdb.Del(ctx, keySeen).Err(); err != nil {
			return 0, fmt.Errorf("read which keys of the queues were sick: %w", err)
		}
		for _, queue := range Own() {
			seen = append(seen, keyOf(queue, "pending"))
		}
	} else if err != nil {
		return 0, fmt.Errorf("read which keys of the queues were sick: %w", err)
	}
	of := map[string][]any{} // queue → the names
	for _, key := range seen {
		_, rest, _ := strings.Cut(key, "{")
		queue, _, _ := strings.Cut(rest, "}")
		of[queue] = append(of[queue], key)
	}
	n := 0
	for queue, names := range of {
		if sick, err := m.sick(ctx, []string{queue}); err != nil || len(sick) > 0 {
			if err != nil {
				return n, err
			}
			continue
		}
		put, err := m.relist(ctx, queue)
		if n += put; err != nil {
			return n, fmt.Errorf("list the tasks of queue %s again: %w", queue, err)
		}
		if err := m.rdb.SRem(ctx, keySeen, names...).Err(); err != nil {
			return n, fmt.Errorf("forget which keys of queue %s were sick: %w", queue, err)
		}
	}
	return n, nil
}

// relistAtOnce is how many tasks one step of relist looks at.
const relistAtOnce = 200

var relistScript = redis.NewScript(relistLua)

// relist finds the tasks of a queue by their entries. It puts each task that is in no list of the
// queue back into one, and returns how many it put back.
func (m *Repairer) relist(ctx context.Context, queue string) (n int, err error) {
	entries := keyOf(queue, "t:")
	var keys []string
	for _, part := range []string{"pending", "active", "lease", "scheduled", "retry", "archived"} {
		keys = append(keys, keyOf(queue, part))
	}
	for cursor := uint64(0); ; {
		found, next, err := m.rdb.Scan(ctx, cursor, entries+"*", dropPage).Result()
		if err != nil {
			return n, err
		}
		for some := range slices.Chunk(found, relistAtOnce) {
			now := time.Now()
			args := []any{entries, now.Unix(), now.Add(lease).Unix()}
			for _, key := range some {
				_, id, _ := strings.Cut(key, entries)
				args = append(args, id)
			}
			put, err := relistScript.Run(ctx, m.rdb, keys, args...).Int()
			if n += put; err != nil {
				return n, err
			}
		}
		if cursor = next; cursor == 0 {
			return n, nil
		}
	}
}
