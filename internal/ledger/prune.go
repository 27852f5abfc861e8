package ledger

import (
	"context"
	"fmt"
	"time"
)

// pruneScript forgets ended entries: most, for how long they are kept (ms). A package goes when it
// is over and as old; what it held has gone or was handed on. It answers how many went. One that
// cannot be read stays, and the cursor goes on behind it.
var pruneScript = verb(`
local most, before, gone = ARGV[3], tonumber(now) - tonumber(ARGV[4]) - 1, 0
for _, state in ipairs({ 'receipted', 'rejected', 'dismissed', 'superseded' }) do
  for _, id in ipairs(page('st:' .. state, 'prune:st:' .. state, before, most)) do
    local ident = identity(id)
    if ident then
      if redis.call('GET', P .. 'ident:' .. ident) == id then redis.call('DEL', P .. 'ident:' .. ident) end
      redis.call('SREM', P .. 'more:' .. ident, id)
    end
    if ident and readable(read('inv:' .. id, 'facts')[1]) or redis.call('EXISTS', P .. 'inv:' .. id) == 0 then
      redis.call('ZREM', P .. 'st:' .. state, id)
      redis.call('ZREM', P .. 'owed', id)
      redis.call('UNLINK', P .. 'inv:' .. id, P .. 'body:' .. id)
      gone = gone + 1
    end
  end
end
for _, state in ipairs({ 'receipted', 'abandoned', 'failed' }) do
  for _, id in ipairs(page('pst:' .. state, 'prune:pst:' .. state, before, most)) do
    local v = tonumber(read('pkg:' .. id, 'v')[1])
    if v and v <= VERSION or redis.call('EXISTS', P .. 'pkg:' .. id) == 0 then
      redis.call('ZREM', P .. 'pst:' .. state, id)
      redis.call('UNLINK', P .. 'pkg:' .. id, P .. 'pkginv:' .. id)
      gone = gone + 1
    end
  end
end
return { gone }`)

// Prune forgets up to about most entries of each kind that ended longer ago than retention, by
// Redis's clock: receipted, rejected, dismissed and superseded invoices, and packages that are over. KSeF remembers ten
// years: an invoice that is handed in again after it was forgotten is answered 440 and recovered.
func (l *Ledger) Prune(ctx context.Context, retention time.Duration, most int) (int, error) {
	r, err := l.run(ctx, pruneScript, l.args(most, retention.Milliseconds()))
	if err != nil {
		return 0, fmt.Errorf("prune: %w", err)
	}
	return int(number(cell(r, 0))), nil
}
