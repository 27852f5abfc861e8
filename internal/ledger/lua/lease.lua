-- Let a process serve a sink alone, or go on doing so. ARGV: sink, token of the process, and for
-- how long (ms); 0 ends the lease. Returns {1}, or {0} when another process has the lease.
local key, token, ms = P .. 'sinklease:' .. ARGV[3], ARGV[4], ARGV[5]
local holder = redis.call('GET', key)
if holder and holder ~= token then return { 0 } end
if ms == '0' then redis.call('DEL', key) else redis.call('SET', key, token, 'PX', ms) end
return { 1 }
