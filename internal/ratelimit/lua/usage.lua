-- Counts what is used. ARGV: now, then the length of each window. KEYS: the log, then the waitlists by
-- place.
-- Returns {now, frozen until, cause of the freeze, held until, instants ahead, waitlisted, then for
-- each window: used, age of the oldest}.
local now = clock(ARGV[1], true)
local log = load(KEYS[1])
local waitlisted = 0
for k = 2, #KEYS do waitlisted = waitlisted + redis.call('ZCARD', KEYS[k]) end
local why = log.frozen > now and cause(KEYS[1], log) or 0
local answer = {now, log.frozen, why, held_until(ARGV[1], now), log.count + 1 - from(log, now + 1), waitlisted}
for a = 2, #ARGV do
  local oldest = from(log, now - tonumber(ARGV[a]))
  answer[#answer + 1] = log.count + 1 - oldest
  answer[#answer + 1] = oldest <= log.count and now - instant(log, oldest) or 0
end
return answer
