-- One event of a pair's circuit and of its host's, as hostRecord.step has it. KEYS: the pair's
-- record, the host's record, the index of the host's open circuits. ARGV: now, event, pair
-- (tenant:group, or nothing for the host alone), process or pause, then the policy: failures, first
-- delay, longest delay, probe's time, pairs, tenants, groups, processes, window, grace, who asks or
-- reports (nothing: the whole pool), objects, what is asked about (nothing: no one thing), how many such
-- things are remembered, and how many newcomers may go before a delay ends.
-- Returns {allowed, now, failures, opened, since, until, probe, and of the host opened, since,
-- until, probe, begun, tried, shy, and early}. The pair's record holds beside those: last, at, before; round; early,
-- how many newcomers have gone; o:OBJECT, when what was asked about failed last. The host's record holds beside those: prober; last; f:PAIR, when a pair
-- failed; w:PROCESS, when one said so; c:PROCESS, when one could not connect; t:PAIR, which pairs others go before. What is
-- closed and has nothing against it has no key, and every key expires.
local now = clock(ARGV[1], ARGV[2] == 'look')
local event, pair, extra = ARGV[2], ARGV[3], ARGV[4]
local need, first, most, ttl = tonumber(ARGV[5]), tonumber(ARGV[6]), tonumber(ARGV[7]), tonumber(ARGV[8])
local need_pairs, need_tenants, need_groups, need_processes = tonumber(ARGV[9]), tonumber(ARGV[10]), tonumber(ARGV[11]), tonumber(ARGV[12])
local window, grace, process = tonumber(ARGV[13]), tonumber(ARGV[14]), ARGV[15]
local need_objects, object, keep_objects, most_early = tonumber(ARGV[16]), ARGV[17], tonumber(ARGV[18]), tonumber(ARGV[19])
local own, host, index = KEYS[1], KEYS[2], KEYS[3]
local DAY = 86400000

local function text(v) return string.format('%.0f', v) end

local p = {failures = 0, opened = 0, since = 0, till = 0, probe = 0, last = '', at = 0, before = 0, round = 0, early = 0}
local objects, known = {}, 0
local kept = redis.call('HGETALL', own) -- a dozen fields
for i = 1, #kept, 2 do
  local field, value = kept[i], kept[i + 1]
  if string.sub(field, 1, 2) == 'o:' then
    objects[string.sub(field, 3)], known = tonumber(value), known + 1
  elseif field == 'last' then
    p.last = value
  else
    p[field == 'until' and 'till' or field] = tonumber(value)
  end
end
kept = redis.call('HMGET', host, 'opened', 'since', 'until', 'probe', 'begun', 'prober', 't:' .. pair, 'last')
local h = {opened = tonumber(kept[1] or 0), since = tonumber(kept[2] or 0), till = tonumber(kept[3] or 0),
  probe = tonumber(kept[4] or 0), begun = tonumber(kept[5] or 0), prober = kept[6] or '', last = kept[8] or ''}
local tried = kept[7] ~= false and kept[7] ~= nil
local down = h.till ~= 0
local probed = down and h.till <= now and h.prober == pair
local allowed = 0

-- The process that failed last, and what has failed in this round, let others go first.
local function tried_object() return objects[object] ~= nil and objects[object] >= p.round end
local function shy() return (process ~= '' and p.last == process) or tried_object() end
-- When what has not failed yet may go although the delay is not over.
local function newcomer()
  if p.till == 0 or object == '' or objects[object] ~= nil or p.early >= most_early then return 0 end
  return p.at + first
end
local function after() return tried or (process ~= '' and h.last == process) end

-- Long enough to remember the growth of the delay between two probes, and a day for what nobody
-- followed up.
local function life(r) return text(math.max(r.till, r.probe, r.begun or 0, now) / 1000 - now / 1000 + DAY) end

local function indexed(member, r)
  redis.call('ZREMRANGEBYSCORE', index, '-inf', text(now / 1000))
  if r.till ~= 0 then redis.call('ZADD', index, text(r.till / 1000 + DAY), member) end
  redis.call('PEXPIRE', index, text(most / 1000 + 2 * DAY))
end

local function save_own()
  if p.failures + p.opened + p.till + p.probe == 0 then redis.call('DEL', own) return end
  redis.call('HSET', own, 'failures', p.failures, 'opened', p.opened, 'since', text(p.since), 'until', text(p.till), 'probe', text(p.probe),
    'last', p.last, 'at', text(p.at), 'before', text(p.before),
    'round', text(p.round), 'early', p.early)
  redis.call('PEXPIRE', own, life(p))
  if p.till ~= 0 then indexed(pair, p) end
end

local function forget(name)
  redis.call('HDEL', own, 'o:' .. name)
  objects[name], known = nil, known - 1
end

-- Notes what was asked about in vain, and tells whether more than one thing was.
local function noted()
  if object == '' then return true end
  if p.till == 0 then
    local old = {}
    for name, at in pairs(objects) do
      if at < now - most then old[#old + 1] = name end
    end
    for _, name in ipairs(old) do forget(name) end
  end
  if objects[object] ~= nil or known < keep_objects then
    if objects[object] == nil then known = known + 1 end
    objects[object] = now
    redis.call('HSET', own, 'o:' .. object, text(now))
  end
  return known >= need_objects
end

local function save_host()
  redis.call('HSET', host, 'opened', h.opened, 'since', text(h.since), 'until', text(h.till), 'probe', text(h.probe),
    'begun', text(h.begun), 'prober', h.prober, 'last', h.last)
  redis.call('PEXPIRE', host, life(h))
  indexed('*', h)
end

local function reopen(r, grows)
  local delay, doubled = first, 0
  if grows then
    while doubled < r.opened and delay < most do delay, doubled = delay * 2, doubled + 1 end
    r.opened = r.opened + 1
  end
  if r.since == 0 then r.since = now end
  r.till, r.probe = now + math.min(delay, most), 0
end

local function open_host()
  redis.call('DEL', host)
  h = {opened = 0, since = 0, till = 0, probe = 0, begun = 0, prober = '', last = ''}
  tried = false
  reopen(h, true)
  save_host()
end

local function probe_failed()
  reopen(h, true)
  h.prober, h.last, tried = '', process, true
  save_host()
  redis.call('HSET', host, 't:' .. pair, 1)
end

-- Notes a witness, forgets those whose word is old, and counts: all of them, their tenants, their
-- groups.
local function witnesses(kind, name)
  redis.call('HSET', host, kind .. name, text(now))
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
  local own_lets = p.till == 0
  if p.till ~= 0 and p.probe <= now then
    if p.till <= now then
      own_lets = not shy() or p.till + grace <= now
    else
      own_lets = newcomer() ~= 0 and newcomer() <= now
    end
  end
  local host_lets = not down or (h.till <= now and h.probe <= now and (not after() or h.till + grace <= now))
  if own_lets and host_lets then
    allowed = 1
    if p.till ~= 0 then
      p.probe = now + ttl
      if p.till > now then
        p.early = p.early + 1
      elseif tried_object() then
        p.round = now
      end
      save_own()
    end
    if down then
      h.probe, h.prober = now + ttl, pair
      if tried then
        tried = false
        for _, field in ipairs(redis.call('HKEYS', host)) do
          if string.sub(field, 1, 2) == 't:' then redis.call('HDEL', host, field) end
        end
      end
      save_host()
    end
  end
elseif event == 'failure' then
  if process ~= p.last then p.before, p.last = p.at, process end
  p.at = now
  local several = noted()
  if p.till <= now then
    p.failures = p.failures + 1
    local agreed = process == '' or need_processes < 2 or (p.before ~= 0 and p.before >= now - window)
    if p.till ~= 0 or (p.failures >= need and several and agreed) then reopen(p, not down) end
  else
    p.probe = 0
  end
  save_own()
  if probed then
    probe_failed()
  elseif not down and (p.till > now or p.failures >= need or process ~= '') then
    local count, tenants, groups = witnesses('f:', pair)
    -- All of it said by one process is that process's own trouble.
    local words = process == '' and need_processes or witnesses('w:', process)
    if words >= need_processes and count >= need_pairs and tenants >= need_tenants and groups >= need_groups then open_host() end
  end
elseif event == 'unreachable' then
  if p.probe ~= 0 then
    p.probe = 0
    save_own()
  end
  if probed then
    probe_failed()
  elseif not down and witnesses('c:', extra) >= need_processes then
    open_host()
  end
elseif event == 'success' then
  if redis.call('DEL', own, host) > 0 then redis.call('ZREM', index, pair, '*') end
  return {0, now, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0}
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
  if not down then
    allowed = 1
  elseif h.begun <= now then
    allowed = 1
    -- As long as the host has been down, between a twentieth of the longest pause and that.
    local longest = tonumber(extra)
    h.begun = now + math.max(math.floor(longest / 20), math.min(now - h.since, longest))
    save_host()
  end
elseif event == 'withdraw' and h.begun ~= 0 then
  h.begun = 0
  save_host()
end
return {allowed, now, p.failures, p.opened, p.since, p.till, p.probe, h.opened, h.since, h.till, h.probe, h.begun, after() and 1 or 0, shy() and 1 or 0, newcomer()}
