-- Book the earliest instant. ARGV: now, longest wait, then limit and length of each window (effective, in microseconds).
-- Returns {1, instant, wait, mark} or, when it lies beyond the longest wait and nothing was written, {0, instant, wait, frozen}.
local now = clock(ARGV[1])
local maxwait = tonumber(ARGV[2])
local log = load(KEYS[1])

local t = now
if log.frozen > now then t = log.frozen end

-- When limit consecutive instants b[i]..b[j] lie within one length, nothing fits from b[j]-length to b[i]+length. See
-- Window.earliest, which this repeats.
local moved
repeat
  moved = false
  for a = 3, #ARGV, 2 do
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
  return {0, t, t - now, log.frozen > now and 1 or 0}
end
if #ARGV < 3 then
  return {1, t, t - now, 0}
end

for a = 4, #ARGV, 2 do
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
