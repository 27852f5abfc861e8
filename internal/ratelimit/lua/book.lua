-- Book the earliest instant. ARGV: now, longest wait, ticket or '', how long an unclaimed ticket is kept, step after a freeze, the place in line that is wanted
-- (0: that of now), how much later is the same place, then limit and length of each window (effective, in microseconds). KEYS: the log; with a ticket also the line
-- by place, and the line by promised instant.
-- Returns {1, instant, wait, mark} or, when it lies beyond the longest wait and nothing was booked, {0, instant, wait, frozen}.
local WINDOWS = 8
local now = clock(ARGV[1])
local maxwait, ticket = tonumber(ARGV[2]), ARGV[3]
local log = load(KEYS[1])
local function text(v) return string.format('%.0f', v) end

-- How many stand before the caller: those who were told to return and are due sooner, or came sooner. Who did not return in time stands before nobody.
local ahead, rank, place = 0, false, tonumber(ARGV[6])
if place == 0 then place = now end
if ticket ~= '' then
  local gone = redis.call('ZRANGEBYSCORE', KEYS[3], '-inf', text(now - tonumber(ARGV[4]) - 1), 'LIMIT', 0, 1000)
  if #gone > 0 then
    redis.call('ZREM', KEYS[2], unpack(gone))
    redis.call('ZREM', KEYS[3], unpack(gone))
  end
  rank = redis.call('ZRANK', KEYS[2], ticket)
  if not rank then
    local before = redis.call('ZREVRANGEBYSCORE', KEYS[2], '(' .. text(place + tonumber(ARGV[7])), '-inf', 'WITHSCORES', 'LIMIT', 0, 1)
    if before[2] and tonumber(before[2]) >= place then place = tonumber(before[2]) + 1 end
  end
  ahead = rank or redis.call('ZCOUNT', KEYS[2], '-inf', '(' .. text(place))
end

local t = math.max(now, log.frozen)
if log.frozen > 0 and #ARGV >= WINDOWS then -- as thawed
  local nth, thaw = log.count + 1 - from(log, log.frozen) + ahead + 1, log.frozen
  while nth > 1 do
    nth, thaw = floor(nth / 2), thaw + tonumber(ARGV[5])
  end
  t = math.max(t, thaw)
end

if ahead > 0 and #ARGV >= WINDOWS then -- as Slot
  local most, length = tonumber(ARGV[WINDOWS]), tonumber(ARGV[WINDOWS + 1])
  for a = WINDOWS + 2, #ARGV, 2 do
    local l, p = tonumber(ARGV[a]), tonumber(ARGV[a + 1])
    if p > length or (p == length and l < most) then most, length = l, p end
  end
  local rounds, before = floor(ahead / most), ahead % most
  local line = {}
  while true do
    local n = log.count + #line
    for a = WINDOWS, #ARGV, 2 do
      local i = n - tonumber(ARGV[a]) + 1
      if i >= 1 then
        local out = (i <= log.count and instant(log, i) or line[i - log.count]) + tonumber(ARGV[a + 1]) + 1
        if out > t then t = out end
      end
    end
    if #line == before then break end
    line[#line + 1] = t
  end
  t = t + rounds * (length + 1)
end

-- When limit consecutive instants b[i]..b[j] lie within one length, nothing fits from b[j]-length to b[i]+length. See
-- Window.earliest, which this repeats.
local moved
repeat
  moved = false
  for a = WINDOWS, #ARGV, 2 do
    local limit, length = tonumber(ARGV[a]), tonumber(ARGV[a + 1])
    -- Mostly there is room: the stretch of the last instants, which ends latest, has ended. Only else it is worth a search.
    local final = log.count - limit + 1
    if final >= 1 and instant(log, final) >= t - length then
      local i = from(log, t - length)
      while i <= final do
        local first, since = instant(log, i), instant(log, i + limit - 1) - length
        if t < since then break end
        if since <= first and t <= first + length then
          t = first + length + 1
          moved = true
        end
        i = i + 1
      end
    end
  end
until not moved

if t - now > maxwait then
  if ticket ~= '' then
    if not rank then redis.call('ZADD', KEYS[2], text(place), ticket) end
    redis.call('ZADD', KEYS[3], text(t), ticket)
    local ttl = math.ceil((t - now + tonumber(ARGV[4])) / 1000) + 1000
    for k = 2, 3 do
      if redis.call('PTTL', KEYS[k]) < ttl then redis.call('PEXPIRE', KEYS[k], text(ttl)) end
    end
  end
  return {0, t, t - now, log.frozen > now and 1 or 0}
end
if rank then
  redis.call('ZREM', KEYS[2], ticket)
  redis.call('ZREM', KEYS[3], ticket)
end
if #ARGV < WINDOWS then
  return {1, t, t - now, 0}
end

for a = WINDOWS + 1, #ARGV, 2 do
  log.longest = math.max(log.longest, tonumber(ARGV[a]))
end
log.mark = log.mark % 255 + 1
-- One step for each instant that goes, so one for each that was ever booked: no search is cheaper.
local first = 1
while first <= log.count and instant(log, first) < now - log.longest do first = first + 1 end
local place = last(log) <= t and log.count + 1 or from(log, t + 1)
save(KEYS[1], now, log, math.max(t, last(log)),
  records(log, first, place - 1) .. bytes(t) .. char(log.mark) .. records(log, place, log.count))
return {1, t, t - now, log.mark}
