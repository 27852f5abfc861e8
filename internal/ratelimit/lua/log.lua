-- The log of one key is one string: a header of 16 bytes, then a record of 8 bytes for each booked instant, sorted.
--   header  1 byte format (1) · 7 bytes frozen until · 7 bytes longest window · 1 byte mark given last
--   record  7 bytes instant · 1 byte mark
-- Numbers are microseconds, most significant byte first; 2^53 of them, where Lua's numbers stop being exact, end in the year 2255.
-- One string is read by one GET and written by one SET, of exactly its own length. Measured with 180 instants: 1.6 kB; a list of numbers 2.2 kB, a sorted set 22 kB;
-- APPEND would log less to the append-only file, but leaves the string with as much free space as content.
local HEAD, RECORD = 16, 8
local byte, char, sub, floor = string.byte, string.char, string.sub, math.floor

-- It comes before the first write of every script, that of the clock. At maxmemory Redis refuses a
-- script's first write if it takes memory, and lets a script through that has written already. What
-- is written here is tiny, and while requests cannot be counted none is made, so that nothing could
-- finish and give memory back.
local function begin()
  redis.call('DEL', KEYS[1] .. ':none')
end

-- The instant now: that of a test, or, given the key that keeps it, Redis's own, which never runs
-- backward here. After a failover the new master's clock may be behind, and what was booked would
-- lie in its future: windows would look empty that are full, and freezes last longer. So a bound is
-- kept that no instant given out was beyond, and how far this clock has had to be put forward to go
-- on from there. A clock that was put forward once stays so: only distances matter. One that jumps
-- forward cannot be told from a pool that had nothing to do. The bound is a millisecond ahead, so
-- that it is written once a millisecond and not with every call. Who only reads writes nothing.
local AHEAD = 1000
local function clock(given, reading)
  begin()
  if tonumber(given) then return tonumber(given) end
  local t = redis.call('TIME')
  local kept = redis.pcall('GET', given)
  local bound, put = string.match(type(kept) == 'string' and kept or '', '^(%d+) (%d+)$')
  bound, put = tonumber(bound or 0), tonumber(put or 0)
  local now = t[1] * 1000000 + t[2] + put
  if now < bound - AHEAD then
    put, now = put + bound - now, bound
  elseif now <= bound then
    return now
  end
  if not reading then redis.call('SET', given, string.format('%.0f %.0f', now + AHEAD, put)) end
  return now
end

local function number(s, p)
  local a, b, c, d, e, f, g = byte(s, p, p + 6)
  return (((((a * 256 + b) * 256 + c) * 256 + d) * 256 + e) * 256 + f) * 256 + g
end

local function bytes(v)
  local high, low = floor(v / 16777216), v % 16777216
  return char(floor(high / 16777216), floor(high / 65536) % 256, floor(high / 256) % 256, high % 256,
    floor(low / 65536), floor(low / 256) % 256, low % 256)
end

local function load(key)
  local s = redis.call('GET', key)
  if not s then return {s = '', count = 0, frozen = 0, longest = 0, mark = 0} end
  if byte(s, 1) ~= 1 then
    error('the log of ' .. key .. ' was written by another version')
  end
  return {s = s, count = (#s - HEAD) / RECORD, frozen = number(s, 2), longest = number(s, 9), mark = byte(s, 16)}
end

-- The i-th booked instant, counted from 1.
local function instant(log, i)
  return number(log.s, HEAD + (i - 1) * RECORD + 1)
end

-- The index of the first instant not before t; count + 1 when there is none.
local function from(log, t)
  local low, high = 1, log.count + 1
  while low < high do
    local middle = floor((low + high) / 2)
    if instant(log, middle) < t then low = middle + 1 else high = middle end
  end
  return low
end

local function last(log)
  if log.count == 0 then return 0 end
  return instant(log, log.count)
end

-- The records from i to j as they are.
local function records(log, i, j)
  return sub(log.s, HEAD + (i - 1) * RECORD + 1, HEAD + j * RECORD)
end

-- Writes the log; final is the last instant in body. The key dies by itself when nothing in it can matter any more.
local function save(key, now, log, final, body)
  -- A minute beyond a freeze: the gentle start after it takes that long.
  local till = math.max(final + log.longest, log.frozen + 60000000)
  local ttl = math.max(math.ceil((till - now) / 1000), 0) + 1000
  redis.call('SET', key, char(1) .. bytes(log.frozen) .. bytes(log.longest) .. char(log.mark) .. body,
    'PX', string.format('%.0f', ttl))
end
