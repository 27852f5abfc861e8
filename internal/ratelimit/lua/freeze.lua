-- Freezes the key. ARGV: now, length, cause. Extends a freeze, never shortens it.
local now = clock(ARGV[1])
local log = load(KEYS[1])
local till = now + tonumber(ARGV[2])
if till <= log.frozen then return 0 end
log.frozen = till
save(KEYS[1], now, log, last(log), records(log, 1, log.count))
save_cause(KEYS[1], now, log, ARGV[3])
return 1
