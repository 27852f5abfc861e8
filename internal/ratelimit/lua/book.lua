-- Books the earliest instant.
-- ARGV, times in microseconds:
--   1  now (see clock in log.lua)
--   2  the longest wait
--   3  the ticket or ''
--   4  how long a ticket is kept after its instant
--   5  the pause between two doublings after a freeze (thawStep in slot.go)
--   6  the wanted place on the waitlist, which is the deadline (0: none, so the place is now)
--   7  the resolution of deadlines (dueStep in store.go)
--   8  and on: limit and length of each window (with reserve and margin: effective in store.go)
-- KEYS: the log; with a ticket also the waitlist by place and the waitlist by promised instant.
-- Returns {1, instant, wait, mark} or, when the instant lies beyond the longest wait and nothing
-- was booked, {0, instant, wait, frozen, cause of the freeze}.
local WINDOWS = 8
local now = clock(ARGV[1])
local maxwait, ticket = tonumber(ARGV[2]), ARGV[3]
local log = load(KEYS[1])
local function text(v) return string.format('%.0f', v) end

-- Counts the waiting callers that stand before this one. These have an earlier deadline, or the
-- same deadline and an earlier arrival. Callers that did not return in time are removed first.
local ahead, rank, place = 0, false, tonumber(ARGV[6])
if place == 0 then place = now end
if ticket ~= '' then
  local late = text(now - tonumber(ARGV[4]) - 1)
  local gone = redis.call('ZRANGEBYSCORE', KEYS[3], '-inf', late, 'LIMIT', 0, 1000)
  if #gone > 0 then
    redis.call('ZREM', KEYS[2], unpack(gone))
    redis.call('ZREM', KEYS[3], unpack(gone))
  end
  rank = redis.call('ZRANK', KEYS[2], ticket)
  if not rank then
    local next_place = '(' .. text(place + tonumber(ARGV[7]))
    local before = redis.call('ZREVRANGEBYSCORE', KEYS[2], next_place, '-inf', 'WITHSCORES', 'LIMIT', 0, 1)
    if before[2] and tonumber(before[2]) >= place then place = tonumber(before[2]) + 1 end
  end
  ahead = rank or redis.call('ZCOUNT', KEYS[2], '-inf', '(' .. text(place))
end

local held = held_until(ARGV[1], now)
local t = math.max(now, log.frozen, held)
if log.frozen > 0 and #ARGV >= WINDOWS then -- repeats the function thawed of slot.go
  local nth, thaw = log.count + 1 - from(log, log.frozen) + ahead + 1, log.frozen
  while nth > 1 do
    nth, thaw = floor(nth / 2), thaw + tonumber(ARGV[5])
  end
  t = math.max(t, thaw)
end

-- The booked instants, and those that the callers before this one will book, in order. No instant is
-- inserted before now, so older ones are read from the log.
local total, base, tail = log.count, log.count + 1, {}
if last(log) >= now then
  base = from(log, now)
  for i = base, total do tail[#tail + 1] = instant(log, i) end
end
local function at(i)
  if i < base then return instant(log, i) end
  return tail[i - base + 1]
end

local limits, lengths = {}, {}
for a = WINDOWS, #ARGV, 2 do
  limits[#limits + 1], lengths[#lengths + 1] = tonumber(ARGV[a]), tonumber(ARGV[a + 1])
end

-- Returns the index of the first instant at or after t, or total + 1 if all are before t.
local function find(t)
  local low, high = 1, total + 1
  while low < high do
    local middle = floor((low + high) / 2)
    if at(middle) < t then low = middle + 1 else high = middle end
  end
  return low
end

-- When limit consecutive instants b[i]..b[j] lie within one length, nothing fits from b[j]-length to
-- b[i]+length. This repeats Window.earliest.
local function earliest(t)
  local moved = true
  while moved and total > 0 and t < at(total) do
    moved = false
    for w = 1, #limits do
      local limit, length = limits[w], lengths[w]
      local i, final = find(t - length), total - limit + 1
      while i <= final do
        local first, since = at(i), at(i + limit - 1) - length
        if t < since then break end
        if since <= first and t <= first + length then
          t, moved = first + length + 1, true
        end
        i = i + 1
      end
    end
  end
  if total == 0 or t < at(total) then return t end
  for w = 1, #limits do -- t is behind all instants: only the last of each window matters, no search
    local final = total - limits[w] + 1
    if final >= 1 then t = math.max(t, at(final) + lengths[w] + 1) end
  end
  return t
end

local rounds, length = 0, 0
if ahead > 0 and #limits > 0 then -- repeats the function slot of slot.go
  local limit = 0 -- of the longest window
  for w = 1, #limits do
    local l, p = limits[w], lengths[w]
    if p > length or (p == length and l < limit) then limit, length = l, p end
  end
  rounds = floor(ahead / limit)
  for _ = 1, ahead % limit do
    t = earliest(t)
    local place = #tail + 1
    while place > 1 and tail[place - 1] > t do place = place - 1 end
    table.insert(tail, place, t)
    total = total + 1
  end
end
t = earliest(t)
if rounds > 0 then t = earliest(t + rounds * (length + 1)) end

if t - now > maxwait then
  if ticket ~= '' then
    if not rank then redis.call('ZADD', KEYS[2], text(place), ticket) end
    redis.call('ZADD', KEYS[3], text(t), ticket)
    local ttl = math.ceil((t - now + tonumber(ARGV[4])) / 1000) + 1000
    for k = 2, 3 do
      if redis.call('PTTL', KEYS[k]) < ttl then redis.call('PEXPIRE', KEYS[k], text(ttl)) end
    end
  end
  if log.frozen > now then return {0, t, t - now, 1, cause(KEYS[1], log)} end
  if held > now then return {0, t, t - now, 1, RESTARTED} end
  return {0, t, t - now, 0, 0}
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
-- The loop takes one step for each instant that is dropped. Each is dropped only once, so a search
-- would not be cheaper.
local first = 1
while first <= log.count and instant(log, first) < now - log.longest do first = first + 1 end
local place = last(log) <= t and log.count + 1 or from(log, t + 1)
save(KEYS[1], now, log, math.max(t, last(log)),
  records(log, first, place - 1) .. bytes(t) .. char(log.mark) .. records(log, place, log.count))
return {1, t, t - now, log.mark}
