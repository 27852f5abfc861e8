package ledger

import (
	"context"
	"fmt"
	"strings"
)

// scriptCommands are the commands that scripts use on keys. Each is listed with arguments that
// change nothing if the key is missing, so it can be tried without harm. The rights must be tried
// beforehand for this reason: a script goes on when it cannot write an index, because the index may
// be of another type (lua/entries.lua). If Redis refused a command because its user lacks the
// right, the script would go on in the same way, without an error. Then waiting invoices could be
// missing from the indexes, or receivers could miss results.
var scriptCommands = [][]any{
	{"DEL"}, {"UNLINK"}, {"EXISTS"}, {"TYPE"}, {"GET"}, {"SET", "1", "XX"}, {"EXPIRE", 1}, {"GETRANGE", 0, 1},
	{"HGET", "a"}, {"HMGET", "a"}, {"HGETALL"}, {"HSET", "a", 1, "odd"}, {"HDEL", "a"}, {"HINCRBY", "a", "none"},
	{"HEXISTS", "a"}, {"HLEN"},
	{"SREM", "a"}, {"SMEMBERS"}, {"SISMEMBER", "a"},
	{"ZADD", "XX", 1, "a"}, {"ZREM", "a"}, {"ZCARD"}, {"ZSCORE", "a"}, {"ZMSCORE", "a"}, {"ZRANK", "a"}, {"ZCOUNT", 0, 1},
	{"ZRANGE", 0, 1}, {"ZREVRANGE", 0, 1}, {"ZRANGEBYSCORE", 0, 1}, {"ZSCAN", 0}, {"XADD", "NOMKSTREAM", "*", "a", 1},
	{"XRANGE", "-", "+", "COUNT", 1}, {"XDEL", "0-1"}, {"XLEN"}, {"XTRIM", "MAXLEN", 0},
}

// onHome are the commands that would change a missing key whatever their arguments are. They are
// tried on the key of the home. They fail there and change nothing, because that key is of another
// type. As long as the ledger has no home, they are not tried.
var onHome = [][]any{{"HSETNX", "a", 1}, {"SADD", "a"}}

// RightsError says that this process logs in to Redis as a user who may not use some commands that
// the ledger needs.
type RightsError struct {
	Commands []string // at least one
	Why      string   // what Redis says about the first
}

func (e *RightsError) Error() string {
	return fmt.Sprintf("redis refuses %s to its user (%s): give the user the rights of docs/redis.md; "+
		"until then nothing is taken in or sent, because what is written would be incomplete", strings.Join(e.Commands, ", "), e.Why)
}

// CheckRights returns a [*RightsError] if Redis refuses a command that scripts need, because the
// user of this process lacks the right. It writes nothing.
func (us *UnreadableStore) CheckRights(ctx context.Context) error {
	args := us.args()
	for _, c := range scriptCommands {
		args = append(append(args, c[0], "", len(c)-1), c[1:]...)
	}
	for _, c := range onHome {
		args = append(append(args, c[0], 1, len(c)-1), c[1:]...)
	}
	r, err := us.run(ctx, rightsScript, args)
	if err != nil {
		return fmt.Errorf("try the rights of redis's user: %w", err)
	}
	if refused := textsOf(r); len(refused) > 0 {
		last := len(refused) - 1
		return &RightsError{Commands: refused[:last], Why: refused[last]}
	}
	return nil
}

// ListAgain makes the next sweep put all entries into the indexes again, because indexes may lack
// some of them.
func (us *UnreadableStore) ListAgain(ctx context.Context) error {
	return us.seeSickNames(ctx, []string{anyIndex})
}

// anyIndex is recorded among the sick keys when some index may lack entries and nobody knows which.
const anyIndex = "any"
