-- The verbs of the ledger. This text is put before each verb's own lines.
-- Keys are built here from the prefix: one Redis node holds them all (doc.go says why).
local P, now = ARGV[1], ARGV[2]
if now == '' then -- no test brings a clock: Redis's own, the only one that the whole pool shares
  local t = redis.call('TIME')
  now = string.format('%.0f', t[1] * 1000 + math.floor(t[2] / 1000))
end

-- At maxmemory Redis refuses a script's first write if it takes memory, and lets a script through that
-- has written already. Every verb but taking in has to go through, or nothing that was taken could
-- finish and give its memory back; so it begins with a write that takes none. The flag allow-oom of
-- Redis 7 says the same, and other servers that speak its protocol do not know it.
redis.call('DEL', P .. 'none')

-- What counts as decided: the legal deadline is met, or nothing is sent unless a person acts.
local decided = { accepted = true, receipted = true, rejected = true, parked = true, dismissed = true, superseded = true }

-- What ends an invoice without a receipt. The archive owes it a result document, whoever ended it and
-- whatever its package does; the entry says so from the same step on (owed.go).
local ended = { rejected = true, parked = true, dismissed = true, superseded = true }

-- What a person still has to act on.
local open = { rejected = true, parked = true }

-- An error in the middle of a script undoes nothing and leaves everything behind it undone. So
-- whatever is read of an entry is checked here: one that is damaged, or of another type, is passed
-- over, and the others of the same call are not its hostages.

-- whole is a field that is a number, as it is; anything else is 0.
local function whole(v)
  return v and string.find(v, '^-?%d+$') and v or '0'
end

-- read gives fields of an entry; none when its key holds something that is no entry.
local function read(key, ...)
  local e = redis.pcall('HMGET', P .. key, ...)
  return e.err and {} or e
end

-- entry gives state, rev, package, group, size and deadline of an invoice, then the fields asked
-- for. One that cannot be moved, because its revision cannot be counted on, has no state; one whose
-- size or deadline is not what it should be is marked as damaged.
local function entry(id, ...)
  local e = read('inv:' .. id, 'state', 'rev', 'package', 'group', 'size', 'deadline', ...)
  if whole(e[2]) ~= e[2] then e[1] = false end
  e.damaged = e[5] and whole(e[5]) ~= e[5] or e[6] and whole(e[6]) ~= e[6]
  e[4], e[5], e[6] = e[4] or '', whole(e[5]), whole(e[6])
  return e
end

-- facts decodes what the entry of an invoice says from the start; nil when that cannot be read.
local function facts(packed)
  local ok, f = pcall(cjson.decode, packed or '')
  return ok and type(f) == 'table' and f or nil
end

-- readable reports facts that this build can read. What it writes itself is told by its beginning
-- and end: to decode five thousand of them would hold Redis up.
local function readable(packed)
  local v = packed and string.sub(packed, -1) == '}' and string.match(packed, '^{"v":(%d+),"')
  if not v then
    local f = facts(packed)
    v = f and f.v
  end
  v = v and tonumber(v)
  return v and v >= 1 and v <= VERSION
end

-- identity is the digest of an invoice's identity, nil when there is no such entry, or none that
-- can be read.
local function identity(id)
  local f = facts(read('inv:' .. id, 'facts')[1])
  return f and type(f.ident) == 'string' and f.ident or nil
end

-- page goes on through a sorted set from where the cursor of that name stands: up to most members
-- with a score up to before, lowest first. The cursor is the last one listed, so what stays at the
-- head for ever is not looked at again before everything behind it was. At the end of the set it is
-- taken away: the next page begins anew.
local function page(key, name, before, most)
  key, most, before = P .. key, tonumber(most), tonumber(before)
  local from, start = redis.call('HGET', P .. 'cursors', name), 0
  if from then
    local score, member = string.match(from, '^(%S+) (.*)$')
    local rank = redis.call('ZSCORE', key, member) == score and redis.call('ZRANK', key, member)
    if rank then
      start = rank + 1
    else -- it has moved: on from where it stood
      local high = redis.call('ZCOUNT', key, '-inf', score)
      start = redis.call('ZCOUNT', key, '-inf', '(' .. score)
      while start < high do
        local middle = math.floor((start + high) / 2)
        if redis.call('ZRANGE', key, middle, middle)[1] <= member then start = middle + 1 else high = middle end
      end
    end
  end
  local found, out, last = redis.call('ZRANGE', key, start, start + most - 1, 'WITHSCORES'), {}, nil
  for i = 1, #found, 2 do
    if tonumber(found[i + 1]) > before then break end
    out[#out + 1] = found[i]
    last = found[i + 1] .. ' ' .. found[i]
  end
  if #out < most then
    redis.call('HDEL', P .. 'cursors', name)
  else
    redis.call('HSET', P .. 'cursors', name, last)
  end
  return out
end

local function unwait(id, e_group, size)
  if e_group and e_group ~= '' then
    redis.call('ZREM', P .. 'wait:' .. e_group, id)
    if redis.call('ZREM', P .. 'waitage:' .. e_group, id) == 1 then
      redis.call('HINCRBY', P .. 'waitsize', e_group, 0 - tonumber(size))
    end
    if redis.call('EXISTS', P .. 'wait:' .. e_group) == 0 then
      redis.call('SREM', P .. 'groups', e_group)
      redis.call('HDEL', P .. 'waitsize', e_group)
    end
  end
end

local function wait(id, group, deadline, size)
  if redis.call('ZADD', P .. 'waitage:' .. group, 'NX', now, id) == 1 then
    redis.call('HINCRBY', P .. 'waitsize', group, tonumber(size))
  end
  redis.call('ZADD', P .. 'wait:' .. group, deadline, id)
  redis.call('SADD', P .. 'groups', group)
end

local function has(list, state)
  return string.find(',' .. list .. ',', ',' .. state .. ',', 1, true) ~= nil
end

-- others gives the ids of the other documents of an invoice's identity. Its facts are not decoded:
-- ten thousand are asked about when a package is settled, and hardly any has others.
local function others(id)
  local packed = read('inv:' .. id, 'facts')[1]
  local ident = packed and string.match(packed, '"ident":"(%w+)"')
  local all = ident and redis.pcall('SMEMBERS', P .. 'more:' .. ident) or {}
  return all.err and {} or all
end

-- put writes the new state and keeps every index in step. from is the present state, group and size the present
-- waiting group and size, deadline the legal deadline; fields is a flat list. What other documents of the number
-- wait for a person is superseded by one that is accepted.
local function put(id, from, to, group, size, deadline, newgroup, fields)
  if group ~= newgroup then
    unwait(id, group, size)
    table.insert(fields, 'group'); table.insert(fields, newgroup)
  end
  if newgroup ~= '' then wait(id, newgroup, deadline, size) end -- it may be in the group by its entry and not in the set: see cut
  if ended[to] then
    table.insert(fields, 'owed'); table.insert(fields, 1)
    redis.call('ZADD', P .. 'owed', now, id)
  elseif ended[from] then
    redis.call('HDEL', P .. 'inv:' .. id, 'owed')
    redis.call('ZREM', P .. 'owed', id)
  end
  table.insert(fields, 'state'); table.insert(fields, to)
  table.insert(fields, 'updated_at'); table.insert(fields, now)
  redis.call('HSET', P .. 'inv:' .. id, unpack(fields))
  if from ~= to then redis.call('ZREM', P .. 'st:' .. from, id) end
  redis.call('ZADD', P .. 'st:' .. to, now, id)
  if decided[to] then -- an older build counts what is parked among those that are due
    if not decided[from] or from == 'parked' then redis.call('ZREM', P .. 'due', id) end
  elseif decided[from] then
    redis.call('ZADD', P .. 'due', deadline, id)
  end
  if to == 'accepted' then
    for _, other in ipairs(others(id)) do
      local e = entry(other)
      if other ~= id and open[e[1]] then put(other, e[1], 'superseded', e[4], e[5], e[6], '', {}) end
    end
  end
  return redis.call('HINCRBY', P .. 'inv:' .. id, 'rev', 1)
end

-- life is what Ledger.Life gives; '' where INFO is not to be had.
local function life()
  local function line(section, name)
    local info = redis.pcall('INFO', section)
    return type(info) == 'string' and string.match(info, '\n' .. name .. ':(%w+)') or ''
  end
  local process, master = line('server', 'run_id'), line('replication', 'master_replid')
  if process == '' or master == '' then return '' end
  return process .. '/' .. master
end

-- attempt counts a session that an invoice travels in. It is shown to people, and nothing goes by
-- it: damaged, it stops nothing.
local function attempt(id) redis.pcall('HINCRBY', P .. 'inv:' .. id, 'attempts', 1) end

local function movepkg(id, from, to, fields)
  table.insert(fields, 'state'); table.insert(fields, to)
  table.insert(fields, 'updated_at'); table.insert(fields, now)
  if to == 'settled' and from ~= to then table.insert(fields, 'settled_at'); table.insert(fields, now) end
  redis.call('HSET', P .. 'pkg:' .. id, unpack(fields))
  if from ~= to then redis.call('ZREM', P .. 'pst:' .. from, id) end
  redis.call('ZADD', P .. 'pst:' .. to, now, id)
  return redis.call('HINCRBY', P .. 'pkg:' .. id, 'rev', 1)
end
