package ledger

import (
	"context"
	"fmt"
	"time"
)

// looseScript goes on looking through the queued invoices: how many to look at, about; only those that changed last before this (ms). It answers where the pass stands, "0" at its end, and the
// ids of those that are in no waiting set.
var looseScript = verb(`
local most, before = ARGV[3], tonumber(ARGV[4])
local page = redis.call('ZSCAN', P .. 'st:queued', redis.call('GET', P .. 'looked') or '0', 'COUNT', most)
redis.call('SET', P .. 'looked', page[1])
local out = { page[1] }
for i = 1, #page[2], 2 do
  if tonumber(page[2][i+1]) <= before then
    local id = page[2][i]
    local group = read('inv:' .. id, 'group')[1]
    if not group or group == '' or not redis.call('ZSCORE', P .. 'waitage:' .. group, id) then out[#out+1] = id end
  end
end
return out`)

// Loose lists queued invoices that are in no waiting set and have not changed since before: only
// their task drives them on, or, for one that says that it waits and does not, nothing. Each call
// looks at about most of the queued ones, waiting or not, and goes on where the last one stopped,
// whoever made it; pass is true when all that were queued all the while have been looked at, and
// the next call begins anew. An invoice may be listed twice, and one that cannot be read is listed
// like any other.
//
// An index of them would be exact at once, and would cost every invoice that is taken in two writes to Redis, for what hardly ever happens; and entries written by a build that does not
// know the index would be missing from it.
func (l *Ledger) WithoutTask(ctx context.Context, before time.Time, most int) (ids []string, pass bool, err error) {
	r, err := l.run(ctx, looseScript, l.args(most, int64(At(before))))
	if err != nil {
		return nil, false, fmt.Errorf("look for queued invoices that wait for nothing: %w", err)
	}
	ids = make([]string, 0, len(r))
	for _, v := range r[1:] {
		ids = append(ids, text(v))
	}
	return ids, text(r[0]) == "0", nil
}
