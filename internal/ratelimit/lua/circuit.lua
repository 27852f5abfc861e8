-- One event of a circuit, as circuitRecord.step has it. ARGV: now, event, failures, first delay, longest delay, probe's time.
-- Returns {allowed, now, failures, opened, since, until, probe}. A closed circuit without failures has no key.
local now = clock(ARGV[1])
local event = ARGV[2]
local key = KEYS[1]
local kept = redis.call('HMGET', key, 'failures', 'opened', 'since', 'until', 'probe')
local failures, opened, since = tonumber(kept[1] or 0), tonumber(kept[2] or 0), tonumber(kept[3] or 0)
local till, probe = tonumber(kept[4] or 0), tonumber(kept[5] or 0)
local closed, open = till == 0, till > now
local allowed, changed = 0, false

if event == 'allow' then
  if closed then
    allowed = 1
  elseif not open and probe <= now then
    probe = now + tonumber(ARGV[6])
    allowed, changed = 1, true
  end
elseif event == 'failure' then
  if not open then
    failures = failures + 1
    changed = true
    if not closed or failures >= tonumber(ARGV[3]) then
      local delay, most = tonumber(ARGV[4]), tonumber(ARGV[5])
      local doubled = 0
      while doubled < opened and delay < most do
        delay = delay * 2
        doubled = doubled + 1
      end
      if since == 0 then since = now end
      opened = opened + 1
      till = now + math.min(delay, most)
      probe = 0
    end
  end
elseif event == 'success' then
  if kept[1] then redis.call('DEL', key) end
  return {0, now, 0, 0, 0, 0, 0}
elseif event == 'release' and probe ~= 0 then
  probe = 0
  changed = true
end

if changed then
  local function text(v) return string.format('%.0f', v) end
  redis.call('HSET', key, 'failures', failures, 'opened', opened, 'since', text(since), 'until', text(till), 'probe', text(probe))
  -- Long enough to remember the growth of the delay between two probes, and a day for failures that nobody followed up.
  redis.call('PEXPIRE', key, text(math.max(till, probe, now) / 1000 - now / 1000 + 86400000))
end
return {allowed, now, failures, opened, since, till, probe}
