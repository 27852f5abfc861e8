package ledger

import (
	"context"
	"fmt"
	"time"
)

// pruneScript forgets ended entries: most, before (ms). A package goes when it is over and as old; what it held has gone or was handed on. It answers how many went.
var pruneScript = verb(`
local most, before, gone = tonumber(ARGV[3]), ARGV[4], 0
for _, state in ipairs({ 'receipted', 'rejected' }) do
  for _, id in ipairs(redis.call('ZRANGEBYSCORE', P .. 'st:' .. state, '-inf', '(' .. before, 'LIMIT', 0, most)) do
    local ident = identity(id)
    if ident then
      if redis.call('GET', P .. 'ident:' .. ident) == id then redis.call('DEL', P .. 'ident:' .. ident) end
      redis.call('SREM', P .. 'more:' .. ident, id)
    end
    redis.call('ZREM', P .. 'st:' .. state, id)
    redis.call('UNLINK', P .. 'inv:' .. id, P .. 'body:' .. id)
    gone = gone + 1
  end
end
for _, state in ipairs({ 'receipted', 'abandoned', 'failed' }) do
  for _, id in ipairs(redis.call('ZRANGEBYSCORE', P .. 'pst:' .. state, '-inf', '(' .. before, 'LIMIT', 0, most)) do
    redis.call('ZREM', P .. 'pst:' .. state, id)
    redis.call('UNLINK', P .. 'pkg:' .. id, P .. 'pkginv:' .. id)
    gone = gone + 1
  end
end
return { gone }`)

// Prune forgets up to about most entries of each kind that ended before t: receipted and rejected invoices, and packages that are over. KSeF remembers ten years: an
// invoice that is handed in again after it was forgotten is answered 440 and recovered.
func (l *Ledger) Prune(ctx context.Context, t time.Time, most int) (int, error) {
	r, err := l.run(ctx, pruneScript, l.args(most, int64(At(t))))
	if err != nil {
		return 0, fmt.Errorf("prune: %w", err)
	}
	return int(number(cell(r, 0))), nil
}
