-- Handles one event of a pair's circuit and of its host's circuit, as hostRecord.step does.
--
-- KEYS: the pair's record, the host's record, the index of the host's open circuits.
--
-- ARGV:
--   1-3    now; event; pair (tenant:group, or '' for the host alone)
--   4      the process that cannot connect (unreachable), or the longest pause (begin)
--   5-14   the policy: failures, first delay, longest delay, how long a probe without a result blocks
--          others, pairs, tenants, groups, processes, window, grace
--   15     which process asks or reports ('': the whole pool)
--   16-17  how many objects must have failed; the object ('': none)
--   18     how many objects are remembered
--   19     how many newcomers may go before a delay ends
--
-- Returns a list:
--   1-2    allowed; now
--   3-7    of the pair: failures, opened, since, until, probe
--   8-11   of the host: opened, since, until, probe
--   12     next_begin of the pair
--   13-14  whether others probe first: at the host; at the pair
--   15-16  the instant at which a newcomer may go to the pair; the same for the host
--
-- The pair's record also holds last_process, failed_at, other_failed_at, round_start, newcomers
-- and o:OBJECT (when that object failed last).
--
-- The host's record also holds:
--   prober, last_process
--   failed_at   when it opened, or when a probe or a newcomer failed last
--   newcomers   how many newcomers failed in the present delay
--   f:PAIR      when that pair failed
--   w:PROCESS   when that process reported a failure
--   c:PROCESS   when that process could not connect
--   t:PAIR      is there for each pair whose probe failed
--
-- A closed circuit without failures has no key. Every key expires.
local now = clock(ARGV[1], ARGV[2] == 'read')
local event, pair, extra = ARGV[2], ARGV[3], ARGV[4]
local need, first_delay = tonumber(ARGV[5]), tonumber(ARGV[6])
local max_delay, ttl = tonumber(ARGV[7]), tonumber(ARGV[8])
local need_pairs, need_tenants = tonumber(ARGV[9]), tonumber(ARGV[10])
local need_groups, need_processes = tonumber(ARGV[11]), tonumber(ARGV[12])
local window, grace, process = tonumber(ARGV[13]), tonumber(ARGV[14]), ARGV[15]
local need_objects, object = tonumber(ARGV[16]), ARGV[17]
local max_objects, max_newcomers = tonumber(ARGV[18]), tonumber(ARGV[19])
local own, host, index = KEYS[1], KEYS[2], KEYS[3]
local DAY = 86400000

local function text(v) return string.format('%.0f', v) end

local p = {failures = 0, opened = 0, since = 0, till = 0, probe = 0,
  last_process = '', failed_at = 0, other_failed_at = 0, round_start = 0, newcomers = 0, next_begin = 0}
local objects, known = {}, 0
local kept = redis.call('HGETALL', own) -- eleven fields, and the objects
for i = 1, #kept, 2 do
  local field, value = kept[i], kept[i + 1]
  if string.sub(field, 1, 2) == 'o:' then
    objects[string.sub(field, 3)], known = tonumber(value), known + 1
  elseif field == 'last_process' then
    p.last_process = value
  else
    p[field == 'until' and 'till' or field] = tonumber(value)
  end
end
kept = redis.call('HMGET', host, 'opened', 'since', 'until', 'probe', 'prober',
  't:' .. pair, 'last_process', 'failed_at', 'newcomers', 'f:' .. pair)
local h = {opened = tonumber(kept[1] or 0), since = tonumber(kept[2] or 0), till = tonumber(kept[3] or 0),
  probe = tonumber(kept[4] or 0), prober = kept[5] or '',
  last_process = kept[7] or '', failed_at = tonumber(kept[8] or 0), newcomers = tonumber(kept[9] or 0)}
local probe_failed_before = kept[6] ~= false and kept[6] ~= nil
local pair_failed = kept[10] ~= false and kept[10] ~= nil
local down = h.till ~= 0
local probed = down and h.till <= now and h.prober == pair
local allowed = 0

-- The process that failed last and the objects that have failed in this round let others go first.
local function failed_this_round() return objects[object] ~= nil and objects[object] >= p.round_start end
local function pair_yields() return (process ~= '' and p.last_process == process) or failed_this_round() end
-- When an object that has not failed yet may go before the delay is over.
local function newcomer_at()
  if p.till == 0 or object == '' or objects[object] ~= nil or p.newcomers >= max_newcomers then return 0 end
  return p.failed_at + first_delay
end
-- When a pair that has not failed in this outage may go before the host's delay is over.
local function newcomer_to_host_at()
  if h.till == 0 or pair == '' or pair_failed or h.newcomers >= max_newcomers then return 0 end
  return h.failed_at + first_delay
end
local function host_yields() return probe_failed_before or (process ~= '' and h.last_process == process) end

-- How long a record is kept, in milliseconds. It is a day longer than the delay. So the growth of
-- the delay is remembered between two probes, and a record without further events expires.
local function life(r)
  return text(math.max(r.till, r.probe, r.next_begin or 0, now) / 1000 - now / 1000 + DAY)
end

local function indexed(member, r)
  redis.call('ZREMRANGEBYSCORE', index, '-inf', text(now / 1000))
  if r.till ~= 0 then redis.call('ZADD', index, text(r.till / 1000 + DAY), member) end
  redis.call('PEXPIRE', index, text(max_delay / 1000 + 2 * DAY))
end

local function save_own()
  if p.failures + p.opened + p.till + p.probe + p.next_begin == 0 then redis.call('DEL', own) return end
  redis.call('HSET', own, 'failures', p.failures, 'opened', p.opened, 'since', text(p.since),
    'until', text(p.till), 'probe', text(p.probe), 'last_process', p.last_process,
    'failed_at', text(p.failed_at), 'other_failed_at', text(p.other_failed_at),
    'round_start', text(p.round_start), 'newcomers', p.newcomers,
    'next_begin', text(p.next_begin))
  redis.call('PEXPIRE', own, life(p))
  if p.till ~= 0 then indexed(pair, p) end
end

local function forget(name)
  redis.call('HDEL', own, 'o:' .. name)
  objects[name], known = nil, known - 1
end

-- Notes an object that failed, and returns whether enough objects have failed.
local function note_object()
  if object == '' then return true end
  if p.till == 0 then
    local old = {}
    for name, at in pairs(objects) do
      if at < now - max_delay then old[#old + 1] = name end
    end
    for _, name in ipairs(old) do forget(name) end
  end
  if objects[object] ~= nil or known < max_objects then
    if objects[object] == nil then known = known + 1 end
    objects[object] = now
    redis.call('HSET', own, 'o:' .. object, text(now))
  end
  return known >= need_objects
end

local function save_host()
  redis.call('HSET', host, 'opened', h.opened, 'since', text(h.since), 'until', text(h.till),
    'probe', text(h.probe), 'prober', h.prober,
    'last_process', h.last_process, 'failed_at', text(h.failed_at), 'newcomers', h.newcomers)
  redis.call('PEXPIRE', host, life(h))
  indexed('*', h)
end

local function reopen(r, grows)
  local delay, doubled = first_delay, 0
  if grows then
    while doubled < r.opened and delay < max_delay do delay, doubled = delay * 2, doubled + 1 end
    r.opened = r.opened + 1
  end
  if r.since == 0 then r.since = now end
  r.till, r.probe = now + math.min(delay, max_delay), 0
end

local function open_host()
  for _, field in ipairs(redis.call('HKEYS', host)) do -- the pairs that failed are not newcomers
    if string.sub(field, 1, 2) ~= 'f:' then redis.call('HDEL', host, field) end
  end
  h = {opened = 0, since = 0, till = 0, probe = 0, prober = '', last_process = '',
    failed_at = now, newcomers = 0}
  probe_failed_before = false
  reopen(h, true)
  save_host()
end

local function probe_failed()
  reopen(h, true)
  h.prober, h.last_process, probe_failed_before = '', process, true
  h.failed_at, h.newcomers, pair_failed = now, 0, true
  save_host()
  redis.call('HSET', host, 't:' .. pair, 1, 'f:' .. pair, text(now))
end

-- A failure while the host is down, other than that of a probe after the delay.
local function failed_early()
  pair_failed = true
  redis.call('HSET', host, 'f:' .. pair, text(now))
  if h.prober == pair and h.probe ~= 0 then
    h.probe, h.prober, h.failed_at, h.newcomers = 0, '', now, h.newcomers + 1
    save_host()
  end
end

-- Adds a witness, which is a pair or a process. Removes the witnesses that reported before the
-- window, and counts the others, their tenants and their groups.
local function count_witnesses(kind, name)
  redis.call('HSET', host, kind .. name, text(now))
  if kind == 'f:' then pair_failed = true end
  redis.call('PEXPIRE', host, text(DAY))
  local all = redis.call('HGETALL', host)
  local count, tenants, groups, seen = 0, 0, 0, {}
  for i = 1, #all, 2 do
    local field = all[i]
    if string.sub(field, 1, 2) == kind then
      if tonumber(all[i + 1]) < now - window then
        redis.call('HDEL', host, field)
      else
        count = count + 1
        local rest = string.sub(field, 3)
        local colon = string.find(rest, ':', 1, true) or 0
        local tenant, group = 'T' .. string.sub(rest, 1, colon), 'G' .. string.sub(rest, colon + 1)
        if not seen[tenant] then seen[tenant], tenants = true, tenants + 1 end
        if not seen[group] then seen[group], groups = true, groups + 1 end
      end
    end
  end
  return count, tenants, groups
end

if event == 'allow' then
  local own_allows = p.till == 0
  if p.till ~= 0 and p.probe <= now then
    if p.till <= now then
      own_allows = not pair_yields() or p.till + grace <= now
    else
      own_allows = newcomer_at() ~= 0 and newcomer_at() <= now
    end
  end
  local host_allows = not down
  if down and h.probe <= now then
    if h.till <= now then
      host_allows = not host_yields() or h.till + grace <= now
    else
      host_allows = newcomer_to_host_at() ~= 0 and newcomer_to_host_at() <= now
    end
  end
  if own_allows and host_allows then
    allowed = 1
    if p.till ~= 0 then
      p.probe = now + ttl
      if p.till > now then
        p.newcomers = p.newcomers + 1
      elseif failed_this_round() then
        p.round_start = now
      end
      save_own()
    end
    if down then
      h.probe, h.prober = now + ttl, pair
      if probe_failed_before then
        probe_failed_before = false
        for _, field in ipairs(redis.call('HKEYS', host)) do
          if string.sub(field, 1, 2) == 't:' then redis.call('HDEL', host, field) end
        end
      end
      save_host()
    end
  end
elseif event == 'failure' then
  if process ~= p.last_process then p.other_failed_at, p.last_process = p.failed_at, process end
  p.failed_at = now
  local several = note_object()
  if p.till <= now then
    p.failures = p.failures + 1
    local confirmed = process == '' or need_processes < 2
      or (p.other_failed_at ~= 0 and p.other_failed_at >= now - window)
    if p.till ~= 0 or (p.failures >= need and several and confirmed) then reopen(p, not down) end
  else
    p.probe = 0
  end
  save_own()
  if probed then
    probe_failed()
  elseif down then
    failed_early()
  elseif p.till > now or p.failures >= need or process ~= '' then
    local count, tenants, groups = count_witnesses('f:', pair)
    -- If one process reports all the failures, the cause may be that process.
    local reporters = process == '' and need_processes or count_witnesses('w:', process)
    if reporters >= need_processes and count >= need_pairs and tenants >= need_tenants
      and groups >= need_groups then
      open_host()
    end
  end
elseif event == 'unreachable' then
  if p.probe ~= 0 then
    p.probe = 0
    save_own()
  end
  if probed then
    probe_failed()
  elseif down then
    failed_early()
  elseif count_witnesses('c:', extra) >= need_processes then
    open_host()
  end
elseif event == 'success' then
  if redis.call('DEL', own, host) > 0 then redis.call('ZREM', index, pair, '*') end
  return {0, now, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0}
elseif event == 'release' then
  if p.probe ~= 0 then
    p.probe = 0
    save_own()
  end
  if h.prober == pair and h.probe ~= 0 then
    h.probe = 0
    save_host()
  end
elseif event == 'begin' then
  local since = now
  if p.since ~= 0 then since = math.min(since, p.since) end
  if h.since ~= 0 then since = math.min(since, h.since) end
  if p.till == 0 and not down then
    allowed = 1
    if p.next_begin ~= 0 then
      p.next_begin = 0
      save_own()
    end
  elseif p.next_begin <= now then
    allowed = 1
    -- The pause is as long as the pair or its host has been out of service so far. Its bounds are a
    -- twentieth of the longest pause and the longest pause.
    local max_pause = tonumber(extra)
    p.next_begin = now + math.max(math.floor(max_pause / 20), math.min(now - since, max_pause))
    save_own()
  end
elseif event == 'withdraw' and p.next_begin ~= 0 then
  p.next_begin = 0
  save_own()
end
return {allowed, now, p.failures, p.opened, p.since, p.till, p.probe,
  h.opened, h.since, h.till, h.probe, p.next_begin,
  host_yields() and 1 or 0, pair_yields() and 1 or 0, newcomer_at(), newcomer_to_host_at()}
