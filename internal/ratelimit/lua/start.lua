-- Starts the clock where its key is missing or damaged. KEYS: the clock. ARGV: the earliest instant
-- at which the clock may start, in microseconds. Returns by how many microseconds the new clock is
-- ahead of Redis's, or 0 when the key was there and in order.
redis.call('DEL', KEYS[1] .. ':none') -- as write_first in log.lua
if string.match(redis.call('GET', KEYS[1]) or '', '^%d+ %d+$') then return 0 end
local t = redis.call('TIME')
local now = t[1] * 1000000 + t[2]
local offset = math.max(tonumber(ARGV[1]) - now, 0)
redis.call('SET', KEYS[1], string.format('%.0f %.0f', now + offset, offset))
return offset
