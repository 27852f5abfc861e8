-- The other side said too many requests. ARGV: now, length asked for or 0, first length of our own, longest of our own, how long strikes are remembered.
-- KEYS: the log, the count of strikes. Extends a freeze, never shortens it. Returns {length from now, strikes}.
local now = clock(ARGV[1])
local length = tonumber(ARGV[2])
local log = load(KEYS[1])
local strikes = tonumber(redis.call('GET', KEYS[2]) or 0)
local function text(v) return string.format('%.0f', v) end
-- Requests that were under way when the group was frozen are answered alike: they are the same strike.
if log.frozen <= now then
  strikes = strikes + 1
  if length == 0 then
    local most = tonumber(ARGV[4])
    length = tonumber(ARGV[3])
    local doubled = 1
    while doubled < strikes and length < most do
      length, doubled = length * 2, doubled + 1
    end
    length = math.min(length, most)
  end
end
if now + length > log.frozen then
  log.frozen = now + length
  save(KEYS[1], now, log, last(log), records(log, 1, log.count))
end
redis.call('SET', KEYS[2], strikes, 'PX', text(math.ceil((log.frozen - now + tonumber(ARGV[5])) / 1000)))
return {log.frozen - now, strikes}
