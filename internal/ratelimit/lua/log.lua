-- The log of one key is one string. After a header of 16 bytes, it has a record of 8 bytes for each
-- booked instant, sorted.
--   header  1 byte format (1) · 7 bytes frozen until · 7 bytes longest window · 1 byte mark given last
--   record  7 bytes instant · 1 byte mark
-- Numbers are microseconds, most significant byte first. Lua's numbers are exact up to 2^53, which
-- is the year 2255. One GET reads the string, and one SET writes it with exactly its own length.
-- With 180 instants the string takes 1.6 kB, a list of numbers 2.2 kB, and a sorted set 22 kB.
-- APPEND would write less to the append-only file, but leaves the string with as much free space as
-- content.
local HEAD, RECORD = 16, 8
local byte, char, sub, floor = string.byte, string.char, string.sub, math.floor

-- Makes the first write of a script, before the clock is written. At maxmemory Redis refuses a
-- script whose first write takes memory. A script that has already written something may go on.
-- These scripts write very little. If Redis refused them, no request could be counted, so all
-- requests would stop, and no work could finish and free memory.
local function write_first()
  redis.call('DEL', KEYS[1] .. ':none')
end

-- Returns the present instant. A test passes its own instant as "given"; otherwise "given" is the
-- key of the clock, and the instant comes from Redis's clock. The clock never runs backward. After
-- a failover the new master's clock may be behind, so that booked instants lie in its future. Full
-- windows would then look empty, and freezes would last longer. So the key keeps a bound and an
-- offset. The bound is not below any instant returned so far. The offset is added to Redis's clock,
-- so that the clock goes on from the bound. The offset never shrinks, because only distances
-- matter. A jump forward looks like a pool that had nothing to do. The bound is a millisecond
-- ahead, so that it is written once a millisecond and not with every call. When "reading" is set,
-- the key is not written.
local AHEAD = 1000
local function clock(given, reading)
  write_first()
  if tonumber(given) then return tonumber(given) end
  local t = redis.call('TIME')
  local kept = redis.call('GET', given) -- fails for another type; the caller deletes the key
  local bound, offset = string.match(kept or '', '^(%d+) (%d+)$')
  -- Without this key, only the logs show how far the clock had come. The caller then reads the logs
  -- and starts the clock (start.lua). A script that only reads leaves the clock as it is, and uses
  -- Redis's own time.
  if not bound and not reading then error('the clock of the limits has no key') end
  bound, offset = tonumber(bound or 0), tonumber(offset or 0)
  local now = t[1] * 1000000 + t[2] + offset
  if now < bound - AHEAD then
    offset, now = offset + bound - now, bound
  elseif now <= bound then
    return now
  end
  if not reading then redis.call('SET', given, string.format('%.0f %.0f', now + AHEAD, offset)) end
  return now
end

-- Returns until when bookings are held because Redis was restarted (hold.lua), or 0.
local function held_until(given, now)
  if tonumber(given) then return 0 end
  local left = redis.call('PTTL', given .. ':hold')
  return left > 0 and now + left * 1000 or 0
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
  if byte(s, 1) ~= 1 or #s < HEAD or (#s - HEAD) % RECORD ~= 0 then
    error('the log of ' .. key .. ' was written by another version')
  end
  return {
    s = s, count = (#s - HEAD) / RECORD,
    frozen = number(s, 2), longest = number(s, 9), mark = byte(s, 16),
  }
end

-- The i-th booked instant, counted from 1.
local function instant(log, i)
  return number(log.s, HEAD + (i - 1) * RECORD + 1)
end

-- Returns the index of the first instant at or after t, or count + 1 if all are before t.
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

-- The cause of a freeze is in a key of its own, with the instant at which the freeze ends. An older
-- version may extend the freeze without changing this key. Then the instants differ, and the cause
-- is unknown.
local CAUSES = {throttled = 1, denied = 2, credentials = 3}
local RESTARTED = 4 -- has no key, see held_until

-- Writes the cause of the freeze that ends at log.frozen.
local function save_cause(key, now, log, cause)
  redis.call('SET', key .. ':why', string.format('%.0f %s', log.frozen, cause),
    'PX', string.format('%.0f', math.ceil((log.frozen - now) / 1000) + 1000))
end

-- The number of the cause of the freeze; 0 when it is not known.
local function cause(key, log)
  local kept = redis.pcall('GET', key .. ':why')
  local till, word = string.match(type(kept) == 'string' and kept or '', '^(%d+) (%l+)$')
  if tonumber(till or 0) ~= log.frozen then return 0 end
  return CAUSES[word] or 0
end

-- Writes the log; final is the last instant in body. The key expires when nothing in it can matter any
-- more.
local function save(key, now, log, final, body)
  -- The log is kept a minute longer than a freeze, because the gentle start takes that long.
  local till = math.max(final + log.longest, log.frozen + 60000000)
  local ttl = math.max(math.ceil((till - now) / 1000), 0) + 1000
  redis.call('SET', key, char(1) .. bytes(log.frozen) .. bytes(log.longest) .. char(log.mark) .. body,
    'PX', string.format('%.0f', ttl))
end
