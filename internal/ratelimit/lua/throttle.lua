-- Handles a 429. ARGV: now, length that KSeF named or 0, our own first length, our own longest length,
-- how long 429s are remembered after the freeze. KEYS: the log, the count of 429s in a row.
-- Extends a freeze, never shortens it. Returns {length from now, count of 429s}.
local now = clock(ARGV[1])
local length = tonumber(ARGV[2])
local log = load(KEYS[1])
local strikes429 = tonumber(redis.call('GET', KEYS[2]) or 0)
local function text(v) return string.format('%.0f', v) end
-- A request that was under way when the freeze began gets a 429 too. That 429 is not counted.
if log.frozen <= now then
  strikes429 = strikes429 + 1
  if length == 0 then
    local max = tonumber(ARGV[4])
    length = tonumber(ARGV[3])
    local doubled = 1
    while doubled < strikes429 and length < max do
      length, doubled = length * 2, doubled + 1
    end
    length = math.min(length, max)
  end
end
if now + length > log.frozen then
  log.frozen = now + length
  save(KEYS[1], now, log, last(log), records(log, 1, log.count))
  save_cause(KEYS[1], now, log, 'throttled')
end
redis.call('SET', KEYS[2], strikes429, 'PX', text(math.ceil((log.frozen - now + tonumber(ARGV[5])) / 1000)))
return {log.frozen - now, strikes429}
