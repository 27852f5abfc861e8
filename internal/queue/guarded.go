package queue

import (
	"context"
	_ "embed" // the scripts
	"fmt"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/redis/go-redis/v9"
)

var (
	//go:embed lua/sick.lua
	sickLua string
	//go:embed lua/clock.lua
	clockLua string
	//go:embed lua/relist.lua
	relistLua string
)

// Guarded returns a client for asynq that is [Unbounded]. A sick key is a key of asynq's that holds
// another type than asynq gave it. With this client, a sick key stops only its own queue. Without
// it, asynq's loops end at the first queue that has a sick key. The other queues then get no tasks,
// and asynq's scripts fail halfway.
//
// The loops of the workers find nothing to do in a queue with a sick key, and everything else gets
// a [*SickKeyError]. Every worker writes the lists of queues, servers and workers again, and the
// counters too. So the client deletes the key of such a list or counter when the key is sick. Keys
// that a later asynq may add are not checked.
//
// The times at which tasks return follow Redis's clock, whatever this machine's clock says.
func Guarded(rdb redis.UniversalClient) redis.UniversalClient {
	return &guarded{UniversalClient: Unbounded(rdb), now: time.Now}
}

type guarded struct {
	redis.UniversalClient
	now     func() time.Time // by which asynq computes times
	scripts sync.Map         // SHA-1 of asynq's script → *redis.Script with sick.lua before it
}

// SickKeyError says that a key of the queues holds what asynq did not write.
type SickKeyError struct {
	Key  string // with the prefix
	Held string // the type that it has; "" when that is not known
}

func (e *SickKeyError) Error() string {
	return fmt.Sprintf("the key %s was written by another program: find out which, then delete the key; "+
		"tasks are put back within a minute", e.Key)
}

// sickOf returns the key that a script has named; false when err says something else.
func sickOf(err error) (*SickKeyError, bool) {
	if err == nil || !redis.HasErrorPrefix(err, "SICKKEY ") {
		return nil, false
	}
	words := strings.SplitN(err.Error(), " ", 3)
	if len(words) < 3 {
		return nil, false
	}
	return &SickKeyError{Key: words[2], Held: words[1]}, true
}

// partOf returns the last part of the name of a key of asynq's, without a day or an id. For any
// other key it returns "".
func partOf(key string) string {
	_, rest, ours := strings.Cut(key, asynqPrefix)
	if !ours {
		return ""
	}
	if strings.HasPrefix(rest, "{") {
		_, rest, _ = strings.Cut(rest, "}:")
	}
	part, _, _ := strings.Cut(rest, ":")
	return part
}

// rewritten has the types of the keys that workers write again by themselves, by the parts of the
// keys (see partOf).
var rewritten = map[string]string{"queues": "set", "servers": "zset", "workers": "zset", "processed": "string", "failed": "string"}

// idle has, by the parts of their keys, the scripts that are to find nothing to do in a queue with
// a sick key. Each function sets what its script then answers.
var idle = map[string]func(*redis.Cmd){
	"pending paused active lease": func(c *redis.Cmd) { c.SetErr(redis.Nil) }, // take a task
	"scheduled pending":           answerNone,                                 // tasks whose time has come
	"retry pending":               answerNone,
	"completed":                   answerNone,
	"lease":                       answerEmpty, // tasks whose worker died
	"pending":                     answerEmpty, // what is shown of a queue
	"active":                      answerEmpty,
	"scheduled":                   answerEmpty,
	"retry":                       answerEmpty,
	"archived":                    answerEmpty,
	"pending active scheduled retry archived completed processed failed processed failed paused groups": answerEmpty,
	"active pending scheduled retry archived completed groups":                                          answerNone,
}

func answerNone(c *redis.Cmd)  { c.SetErr(nil); c.SetVal(int64(0)) }
func answerEmpty(c *redis.Cmd) { c.SetErr(nil); c.SetVal([]any{}) }

// timed has, by the parts of their keys, the scripts that have an instant among their arguments.
// The instant is either the time at which a task returns, or the time up to which tasks count as
// due. The value is the position of that argument, counted from 1. Leases are not corrected,
// because they follow each server's own clock (see docs/failures.md).
var timed = map[string]int{
	"t scheduled":       2,
	"scheduled pending": 1,
	"retry pending":     1,
	"t active lease retry processed failed processed failed": 3,
}

// counting has, by the parts of their keys, the scripts that count what is in a queue. Such a
// script has up to a dozen keys and only reads them, so it does no harm when a key is of another
// type. The types of its keys are therefore checked only after the script has failed. A script that
// writes must never be among them, because it would stop halfway.
var counting = map[string]bool{
	"pending active scheduled retry archived completed processed failed processed failed paused groups": true,
	"active pending scheduled retry archived completed groups":                                          true,
}

func partsOf(keys []string) string {
	parts := make([]string, len(keys))
	for i, key := range keys {
		parts[i] = partOf(key)
	}
	return strings.Join(parts, " ")
}

// EvalSha implements redis.Cmdable. If it does not know a script yet, it asks the caller for the
// source.
func (g *guarded) EvalSha(ctx context.Context, sha string, keys []string, args ...any) *redis.Cmd {
	if len(keys) == 0 || !strings.HasPrefix(keys[0], asynqPrefix) {
		return g.UniversalClient.EvalSha(ctx, sha, keys, args...)
	}
	if counting[partsOf(keys)] {
		if cmd := g.UniversalClient.EvalSha(ctx, sha, keys, args...); !redis.HasErrorPrefix(cmd.Err(), "WRONGTYPE") {
			return cmd
		}
	}
	script, known := g.scripts.Load(sha)
	if !known {
		answer := redis.NewCmd(ctx)
		answer.SetErr(noScript{})
		return answer
	}
	return g.checked(ctx, script.(*redis.Script), keys, args)
}

// Eval implements redis.Cmdable.
func (g *guarded) Eval(ctx context.Context, source string, keys []string, args ...any) *redis.Cmd {
	if len(keys) == 0 || !strings.HasPrefix(keys[0], asynqPrefix) {
		return g.UniversalClient.Eval(ctx, source, keys, args...)
	}
	if counting[partsOf(keys)] {
		if cmd := g.UniversalClient.Eval(ctx, source, keys, args...); !redis.HasErrorPrefix(cmd.Err(), "WRONGTYPE") {
			return cmd
		}
	}
	before := sickLua + "local sick = sick_key(KEYS)\nif sick then return sick end\n"
	if timed[partsOf(keys)] != 0 {
		before += clockLua + "by_redis_clock(ARGV)\n"
	}
	script := redis.NewScript(before + source)
	g.scripts.Store(redis.NewScript(source).Hash(), script)
	return g.checked(ctx, script, keys, args)
}

func (g *guarded) checked(ctx context.Context, script *redis.Script, keys []string, args []any) *redis.Cmd {
	sent := args
	if which := timed[partsOf(keys)]; which != 0 {
		sent = append(slices.Clone(args), which, g.now().Unix())
	}
	for tries := 0; ; tries++ {
		cmd := script.Run(ctx, g.UniversalClient, keys, sent...)
		sick, is := sickOf(cmd.Err())
		rest := idle[partsOf(keys)]
		switch {
		case tries < len(keys) && is && g.rewrite(ctx, partOf(sick.Key), sick.Key):
			continue
		case is && rest != nil:
			rest(cmd)
		case is:
			cmd.SetErr(sick)
		case tries == 0 && rest != nil && redis.HasErrorPrefix(cmd.Err(), "WRONGTYPE") && g.leaveOut(ctx, keys, args):
			continue
		case rest != nil && redis.HasErrorPrefix(cmd.Err(), "WRONGTYPE"): // a task's entry is sick
			rest(cmd)
		}
		return cmd
	}
}

// rewrite deletes a key that holds a value of the wrong type, if workers write it again. It reports
// whether the command is worth another try.
func (g *guarded) rewrite(ctx context.Context, part, key string) bool {
	kind := rewritten[part]
	return kind != "" && heal.Run(ctx, g.UniversalClient, []string{key}, kind).Err() == nil
}

var heal = redis.NewScript(`local is = redis.call('TYPE', KEYS[1]).ok
if is ~= ARGV[1] then redis.call('DEL', KEYS[1]) end
return 1`)

// leaveOut looks through a set that is ordered by time. It removes the tasks whose entry holds a
// value of the wrong type, because such a task would stop all tasks behind it. When the sweep
// queues the task again, the sweep gets an error that names the entry. leaveOut reports whether it
// has looked through the set, so that the script is worth another try.
func (g *guarded) leaveOut(ctx context.Context, keys []string, args []any) bool {
	if len(args) < 2 || keys[0] == "" || partOf(keys[0]) == "pending" || partOf(keys[0]) == "active" {
		return false
	}
	return outOf.Run(ctx, g.UniversalClient, keys[:1], args[0], args[1]).Err() == nil
}

var outOf = redis.NewScript(`for _, id in ipairs(redis.call('ZRANGEBYSCORE', KEYS[1], '-inf', ARGV[1], 'LIMIT', 0, 1000)) do
  if redis.call('TYPE', ARGV[2] .. id).ok ~= 'hash' then redis.call('ZREM', KEYS[1], id) end
end
return 1`)

// again runs a command on a list of the pool, and runs it once more when the list was of another
// type.
func again[C redis.Cmder](ctx context.Context, g *guarded, key string, do func() C) C {
	cmd := do()
	if redis.HasErrorPrefix(cmd.Err(), "WRONGTYPE") && g.rewrite(ctx, partOf(key), key) {
		return do()
	}
	return cmd
}

// SAdd implements redis.Cmdable.
func (g *guarded) SAdd(ctx context.Context, key string, members ...any) *redis.IntCmd {
	return again(ctx, g, key, func() *redis.IntCmd { return g.UniversalClient.SAdd(ctx, key, members...) })
}

// SMembers implements redis.Cmdable. If it deletes a sick list of queues, it puts the pool's own
// queues into the new list.
func (g *guarded) SMembers(ctx context.Context, key string) *redis.StringSliceCmd {
	cmd := g.UniversalClient.SMembers(ctx, key)
	if key == asynqPrefix+"queues" && redis.HasErrorPrefix(cmd.Err(), "WRONGTYPE") && g.rewrite(ctx, "queues", key) {
		own := Own()
		names := make([]any, len(own))
		for i, name := range own {
			names[i] = name
		}
		g.UniversalClient.SAdd(ctx, key, names...)
		return g.UniversalClient.SMembers(ctx, key)
	}
	return cmd
}

// ZAdd implements redis.Cmdable.
func (g *guarded) ZAdd(ctx context.Context, key string, members ...redis.Z) *redis.IntCmd {
	return again(ctx, g, key, func() *redis.IntCmd { return g.UniversalClient.ZAdd(ctx, key, members...) })
}
