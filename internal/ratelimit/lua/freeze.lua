-- Freezes the key. ARGV: now, length. Extends a freeze, never shortens it.
local now = clock(ARGV[1])
local log = load(KEYS[1])
local till = now + tonumber(ARGV[2])
if till <= log.frozen then return 0 end
log.frozen = till
save(KEYS[1], now, log, last(log), records(log, 1, log.count))
return 1
