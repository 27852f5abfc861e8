-- Stops all bookings for a while when Redis is new: it was restarted, or a replica took over.
-- KEYS: the clock. ARGV: for how long, in milliseconds; whether this script was unknown (1) or not (0).
-- Only a Redis that is new does not know this script. The first call that finds it unknown loads
-- the script and sets the key in one step. If the clock is missing, there was no pool before, and
-- there is nothing to wait for.
if ARGV[2] ~= '1' or redis.call('EXISTS', KEYS[1]) == 0 then return 0 end
redis.call('DEL', KEYS[1] .. ':none') -- as write_first in log.lua
redis.call('SET', KEYS[1] .. ':hold', 1, 'PX', ARGV[1])
return 1
