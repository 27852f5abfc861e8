-- Ends a freeze that a 429 has caused, or whose cause is not known. ARGV: now. KEYS: the log, the
-- count of 429s in a row. The instants that are booked stay counted, and requests resume gently, as
-- after the end of any freeze. Returns 1 when there was such a freeze.
local now = clock(ARGV[1])
local log = load(KEYS[1])
local why = cause(KEYS[1], log)
if log.frozen <= now or why ~= 0 and why ~= CAUSES.throttled then return 0 end
log.frozen = now
save(KEYS[1], now, log, last(log), records(log, 1, log.count))
redis.call('DEL', KEYS[1] .. ':why', KEYS[2])
return 1
